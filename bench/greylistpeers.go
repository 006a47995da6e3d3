package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// absent is that a program is not installed.
type absent string

func (a absent) Error() string { return "skipped: apt-get install " + string(a) }

// startRedis starts a Redis server that keeps nothing on disk.
func (l *lab) startRedis(ctx context.Context) (*process, netip.AddrPort, error) {
	if program("redis-server") == "" {
		return nil, netip.AddrPort{}, absent("redis-server")
	}
	addr, err := freePort()
	if err != nil {
		return nil, addr, err
	}
	p, err := l.start("redis/log", program("redis-server"), "--bind", addr.Addr().String(), "--port", fmt.Sprint(addr.Port()),
		"--save", "", "--appendonly", "no", "--dir", filepath.Join(l.dir, "redis"))
	if err != nil {
		return nil, addr, err
	}
	return p, addr, p.up(ctx, func() error { _, err := redisMemory(addr); return err })
}

// redisMemory is how many bytes Redis has in use.
func redisMemory(addr netip.AddrPort) (int64, error) {
	c, err := net.DialTimeout("tcp", addr.String(), time.Second)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(c, "INFO memory\r\nQUIT\r\n"); err != nil {
		return 0, err
	}
	answer, err := io.ReadAll(c)
	for line := range strings.Lines(string(answer)) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory:"); ok {
			return strconv.ParseInt(n, 10, 64)
		}
	}
	if err == nil {
		err = fmt.Errorf("it says %.100q to INFO memory", answer)
	}
	return 0, err
}

// postgreys measures postgrey as Debian installs it, and then as fast as it can be: without the lists that it looks
// through, and with files that are in memory, for it waits for the disk at each decision, which helogate does not. It
// returns the speed of both, 0 of one that is not measured.
func (g *greylistLab) postgreys(ctx context.Context) (rows []row, installed, fastest float64, err error) {
	asInstalled, err := g.row(ctx, "the same, postgrey", func(ctx context.Context) (greylister, error) {
		return g.postgrey(ctx, filepath.Join(g.dir, "postgrey"))
	})
	rows = append(rows, asInstalled.row)
	if err != nil || asInstalled.skipped {
		return rows, 0, 0, err
	}
	memory, err := os.MkdirTemp(sharedMemory, "helogate-bench-")
	if err != nil {
		rows[0].note("not measured with its files in memory: %v", err)
		return rows, asInstalled.speed, 0, nil
	}
	defer os.RemoveAll(memory)
	bare, err := g.row(ctx, "the same, postgrey without lists, its files in memory", func(ctx context.Context) (greylister, error) {
		if err := os.Chmod(memory, 0o755); err != nil { // it gives up root
			return greylister{}, err
		}
		return g.postgrey(ctx, filepath.Join(memory, "db"), "--whitelist-clients=/dev/null", "--whitelist-recipients=/dev/null")
	})
	rows = append(rows, bare.row)
	return rows, asInstalled.speed, bare.speed, err
}

// sharedMemory is a file system in memory, on any Linux.
const sharedMemory = "/dev/shm"

// postgrey starts it in the foreground, with a database that has nothing in it yet. It logs as helogate does, to a
// file.
func (g *greylistLab) postgrey(ctx context.Context, dir string, more ...string) (greylister, error) {
	if program("postgrey") == "" {
		return greylister{}, absent("postgrey")
	}
	addr, err := freePort()
	if err != nil {
		return greylister{}, err
	}
	owner, err := peerUser("postgrey")
	if err != nil {
		return greylister{}, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return greylister{}, err
	}
	if os.Geteuid() == 0 {
		if out, err := exec.CommandContext(ctx, "chown", owner.user+":"+owner.group, dir).CombinedOutput(); err != nil {
			return greylister{}, fmt.Errorf("chown %s: %w: %s", dir, err, out)
		}
	}
	p, err := g.start("postgrey.log", program("postgrey"), append([]string{
		"--inet=" + addr.String(), "--dbdir=" + dir, "--user=" + owner.user, "--group=" + owner.group,
		fmt.Sprintf("--delay=%d", int(greylistDelay.Seconds())), "--greylist-action=451",
	}, more...)...)
	if err != nil {
		return greylister{}, err
	}
	return greylister{addr: addr, parts: partsOf("postgrey", p)}, p.listens(ctx, addr)
}
