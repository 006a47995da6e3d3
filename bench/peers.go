package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	wire "github.com/miekg/dns"
)

// A lab is the place where sections measure: a temporary directory, the programs built into it, and the processes that
// were started and must not be left behind.
type lab struct {
	dir   string
	quick bool

	helogate   string // the program
	policyload string // it serves what is compared to: see bench/cmd/policyload
	plugin     string // helogate-qmail-spp
	running    []*process
}

func newLab(ctx context.Context, quick bool) (*lab, error) {
	dir, err := os.MkdirTemp("", "helogate-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{
		dir: dir, quick: quick,
		helogate: filepath.Join(dir, "helogate"), policyload: filepath.Join(dir, "policyload"), plugin: filepath.Join(dir, "helogate-qmail-spp"),
	}
	if err := os.Chmod(dir, 0o755); err != nil { // some peers give up root
		return nil, err
	}
	for program, of := range map[string]string{l.helogate: "cmd/helogate", l.policyload: "bench/cmd/policyload", l.plugin: "cmd/helogate-qmail-spp"} {
		l.say("building %s", of)
		out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/helogate/helogate/"+of).CombinedOutput()
		if err != nil {
			l.close()
			return nil, fmt.Errorf("go build %s: %w\n%s", of, err, out)
		}
	}
	return l, nil
}

// say prints what is done now.
func (l *lab) say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// close stops what still runs, the last first, and removes the directory.
func (l *lab) close() {
	for _, p := range slices.Backward(slices.Clone(l.running)) {
		p.stop()
	}
	os.RemoveAll(l.dir)
}

// write puts a file into the lab.
func (l *lab) write(name, content string) (path string, err error) {
	path = filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, []byte(content), 0o644)
}

// A process is a server that was started.
type process struct {
	lab  *lab
	cmd  *exec.Cmd
	log  string // the file that its standard error goes to
	done chan struct{}
}

// start starts a program that stays in the foreground, with its output in a file of the lab.
func (l *lab) start(log, program string, args ...string) (*process, error) {
	path, err := l.write(log, "")
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = l.dir, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // ^C is for bench alone: it stops them in order
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{lab: l, cmd: cmd, log: path, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		cmd.Wait()
	}()
	l.running = append(l.running, p)
	return p, nil
}

// startTime is how long a server may take to come up, and to end.
const startTime = 10 * time.Second

// stop ends the process and its children, politely first.
func (p *process) stop() {
	p.lab.running = slices.DeleteFunc(p.lab.running, func(q *process) bool { return q == p })
	children := descendants(p.cmd.Process.Pid)
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(startTime):
		p.cmd.Process.Kill()
		<-p.done
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		for range 20 {
			children = slices.DeleteFunc(children, func(c child) bool { return !c.lives() })
			if len(children) == 0 {
				return
			}
			for _, c := range children {
				syscall.Kill(c.pid, sig)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// up waits until ready says nothing, or the process has ended.
func (p *process) up(ctx context.Context, ready func() error) error {
	deadline := time.Now().Add(startTime)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %s", filepath.Base(p.cmd.Path), p.tail())
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not come up: %w: %s", filepath.Base(p.cmd.Path), err, p.tail())
		}
	}
}

// tail is the end of what it said.
func (p *process) tail() string {
	b, _ := os.ReadFile(p.log)
	return string(b[max(0, len(b)-1000):])
}

// listens waits until it accepts connections.
func (p *process) listens(ctx context.Context, addr netip.AddrPort) error {
	return p.accepts(ctx, "tcp", addr.String())
}

// accepts waits until it accepts connections at any kind of socket.
func (p *process) accepts(ctx context.Context, network, address string) error {
	return p.up(ctx, func() error {
		c, err := net.DialTimeout(network, address, time.Second)
		if err == nil {
			c.Close()
		}
		return err
	})
}

// answers waits until it answers questions about DNS.
func (p *process) answers(ctx context.Context, addr netip.AddrPort, name string) error {
	ask := new(wire.Msg).SetQuestion(wire.Fqdn(name), wire.TypeA)
	client := wire.Client{Timeout: time.Second}
	return p.up(ctx, func() error {
		m, _, err := client.Exchange(ask, addr.String())
		if err == nil && m.Rcode != wire.RcodeSuccess {
			err = errors.New(wire.RcodeToString[m.Rcode])
		}
		return err
	})
}

// serveHelogate starts "helogate serve" with the balanced policy enforced, a listener for Postfix and a DNS server.
func (l *lab) serveHelogate(ctx context.Context, server netip.AddrPort) (*process, netip.AddrPort, error) {
	return l.serveSettings(ctx, server, "[state]\nstore = \"memory\"\n")
}

// serveSettings starts it with what else the configuration is to say.
func (l *lab) serveSettings(ctx context.Context, server netip.AddrPort, settings string) (*process, netip.AddrPort, error) {
	addr, err := freePort()
	if err != nil {
		return nil, addr, err
	}
	config, err := l.write("helogate.toml", fmt.Sprintf(`mode = "enforce"

[[listen]]
protocol = "postfix"
address  = "%s"

[dns]
servers = ["%s"]

[control]
socket = "none"

%s`, addr, server, settings))
	if err != nil {
		return nil, addr, err
	}
	p, err := l.start("helogate.log", l.helogate, "serve", "--config", config)
	if err != nil {
		return nil, addr, err
	}
	return p, addr, p.listens(ctx, addr)
}

// freePort finds a port of loopback that is free for UDP and TCP.
func freePort() (netip.AddrPort, error) {
	var last error
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return netip.AddrPort{}, err
		}
		addr := l.Addr().(*net.TCPAddr).AddrPort()
		u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
		l.Close()
		if err == nil {
			u.Close()
			return addr, nil
		}
		last = err
	}
	return netip.AddrPort{}, last
}

// cpu is how much time of a CPU the process and its children have had, seconds.
func (p *process) cpu() float64 {
	t := p.cpuTime()
	return t.user + t.system
}

// cpuTime is that in two parts.
func (p *process) cpuTime() (t cpuTime) {
	pid := p.cmd.Process.Pid
	for _, c := range append(descendants(pid), child{pid: pid}) {
		s := readStat(c.pid)
		t = t.plus(cpuTime{float64(s.user) / 100, float64(s.system) / 100}) // USER_HZ, on any Linux
	}
	return t
}

// ownCPU is that of bench itself.
func ownCPU() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// peak is the most memory that the process has had in RAM, in bytes: VmHWM of proc(5).
func (p *process) peak() (int64, error) { return p.inRAM("VmHWM") }

// resident is what it has now.
func (p *process) resident() (int64, error) { return p.inRAM("VmRSS") }

func (p *process) inRAM(what string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, what+":"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no %s in /proc/PID/status", what)
}

// stat is what /proc/PID/stat says, as far as it is wanted; zero if there is no such process.
type stat struct {
	state        byte
	parent       int
	user, system uint64 // in ticks, with those of children which have ended
	began        uint64 // in ticks since boot: pids are reused
}

func readStat(pid int) (s stat) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // the name before may hold anything
	if len(fields) < 20 {
		return s
	}
	s.state = fields[0][0]
	s.parent, _ = strconv.Atoi(fields[1])
	for i, f := range fields[11:15] {
		n, _ := strconv.ParseUint(f, 10, 64)
		if i%2 == 0 {
			s.user += n
		} else {
			s.system += n
		}
	}
	s.began, _ = strconv.ParseUint(fields[19], 10, 64)
	return s
}

// A child is a process that a server has started, wherever it has gone since.
type child struct {
	pid   int
	began uint64
}

func (c child) lives() bool {
	s := readStat(c.pid)
	return s.state != 0 && s.state != 'Z' && s.began == c.began
}

// descendants are the children of a process, and theirs.
func descendants(pid int) (out []child) {
	entries, _ := os.ReadDir("/proc")
	children := map[int][]child{}
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			s := readStat(n)
			children[s.parent] = append(children[s.parent], child{n, s.began})
		}
	}
	out = slices.Clone(children[pid])
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i].pid]...)
	}
	return out
}

// lostDatagrams is how many the kernel has thrown away at a server's socket, which had no room for them: proc(5), the
// last column of /proc/net/udp. The asker then waits for its timeout.
func lostDatagrams(at netip.AddrPort) (lost int) {
	b, _ := os.ReadFile("/proc/net/udp")
	port := fmt.Sprintf(":%04X", at.Port())
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 12 && strings.HasSuffix(f[1], port) {
			n, _ := strconv.Atoi(f[12])
			lost += n
		}
	}
	return lost
}
