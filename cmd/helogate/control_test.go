package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/helogate/helogate/internal/control"
	"github.com/helogate/helogate/internal/trust"
)

var nine = time.Date(2026, 11, 21, 9, 0, 0, 0, time.Local)

// controlled serves a control socket for the length of a test.
func controlled(t *testing.T, change func(*control.Server)) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hg") // the path of a unix socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	store, err := trust.Open(trust.Config{Now: func() time.Time { return nine }})
	if err != nil {
		t.Fatal(err)
	}
	s := &control.Server{
		Version: version(), Trust: store, Log: slog.New(slog.DiscardHandler),
		Status:     func() control.Status { return control.Status{} },
		Reload:     func(context.Context) error { return nil },
		Exemptions: func() []control.Exemption { return nil },
	}
	if change != nil {
		change(s)
	}
	socket = filepath.Join(dir, "c.sock")
	l, err := control.Listen(socket, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Shutdown(context.Background()), <-ended); err != nil {
			t.Error(err)
		}
	})
	return socket
}

// said runs a command, and returns what it printed and its exit status.
func said(args ...string) (stdout, stderr string, code int) {
	var out, wrong bytes.Buffer
	code = run(args, &out, &wrong, []string{"XDG_RUNTIME_DIR=/nonexistent", "HELOGATE_CONTROL__SOCKET=/nonexistent/c.sock"})
	return out.String(), wrong.String(), code
}

func TestTrustCommands(t *testing.T) {
	socket := controlled(t, nil)
	for _, c := range []struct {
		args           string
		stdout, stderr string // "" is nothing
		code           int
	}{
		{"trust list", "no address is trusted\n", "", 0},
		{"trust list --json", "[]\n", "", 0},
		{"trust add 192.0.2.1 --for 30m --comment pop3_jane\x1b[2J", "192.0.2.1 is trusted until 2026-11-21 09:30:00\n", "", 0},
		{"trust add [2001:DB8::1%eth0] --for 1d", "2001:db8::1 is trusted until 2026-11-22 09:00:00\n", "", 0},
		{"trust add ::ffff:192.0.2.1 --for 1m", "192.0.2.1 is trusted until 2026-11-21 09:30:00\n", "", 0},
		{"trust list", "192.0.2.1    until 2026-11-21 09:30:00  pop3_jane\\x1b[2J\n2001:db8::1  until 2026-11-22 09:00:00\n", "", 0},
		{"trust add 192.0.2.2 --for 31d", "", "helogate trust add: an address can be trusted for 1s to 30 days", 64},
		{"trust add 192.0.2.2 --for -30m", "", "", 64},
		{"trust add 192.0.2.2 --for 30", "", `"30" is no duration such as 30m, 12h or 7d`, 64},
		{"trust add 192.0.2.2 --for 99999999999d", "", "is no duration", 64},
		{"trust add 192.0.2.2", "", "missing flags: --for=TIME", 64},
		{"trust add mx.example.org --for 30m", "", `helogate trust add: "mx.example.org" is no address`, 64},
		{"trust add \x1b --for 30m", "", `"\\x1b" is no address`, 64},
		{"trust remove 192.0.2.9", "", "helogate trust remove: 192.0.2.9 is not trusted\n", 1},
		{"trust remove 192.0.2", "", `"192.0.2" is no address`, 64},
		{"trust remove 2001:db8::1", "2001:db8::1 is no longer trusted\n", "", 0},
	} {
		out, wrong, code := said(append(strings.Fields(c.args), "--socket", socket)...)
		if out != c.stdout || code != c.code || c.code == 0 && wrong != "" || !strings.Contains(wrong, c.stderr) {
			t.Errorf("%s: exit %d, %q, %q", c.args, code, out, wrong)
		}
	}
}

func TestReloadCommand(t *testing.T) {
	result := error(nil)
	socket := controlled(t, func(s *control.Server) {
		s.Reload = func(context.Context) error { return result }
		s.Status = func() control.Status {
			return control.Status{Config: control.Config{File: "/etc/helogate.toml", Mode: "enforce", Preset: "strict"}}
		}
	})
	if out, wrong, code := said("reload", "--socket", socket); out != "reloaded /etc/helogate.toml: mode enforce, preset strict\n" || wrong != "" || code != 0 {
		t.Errorf("exit %d, %q, %q", code, out, wrong)
	}
	result = errors.New("h.toml:1:8: no mode\n  1 | mode = \x1b\nh.toml:2:1: and more\n")
	if out, wrong, code := said("reload", "--socket", socket); out != "" || wrong != "helogate: h.toml:1:8: no mode\n  1 | mode = \\x1b\nh.toml:2:1: and more\n" || code != exitConfig {
		t.Errorf("exit %d, %q, %q", code, out, wrong)
	}
}

func TestStatusCommand(t *testing.T) {
	last := nine.Add(-time.Minute)
	for _, c := range []struct {
		name string
		is   control.Status
		want string
	}{
		{"just begun", control.Status{
			Version: "v1.2.3", PID: 42, Since: nine, Now: nine, Config: control.Config{Loaded: nine, Mode: "shadow", Preset: "balanced"},
			Listeners:   []control.Listener{{Protocol: "postfix", Address: "127.0.0.1:10040", Mode: "shadow", Preset: "balanced"}},
			MemoryBytes: 9 << 20, Goroutines: 1,
		}, `
helogate v1.2.3, pid 42, up 0s since 2026-11-21 09:00:00
config    no file (the defaults), loaded 2026-11-21 09:00:00, mode shadow, preset balanced
listener  postfix at 127.0.0.1:10040, mode shadow, preset balanced, 0 connections
verdicts  none yet
process   9.0 MiB, 1 goroutine, 0 sessions
`},
		{"in trouble", control.Status{
			Version: "v1.2.3", PID: 42, Since: nine, Now: nine.Add(76 * time.Hour), Panics: 2, LogLost: 1300,
			Observers: []control.Observer{{Name: "log"}, {Name: "jour\x1bnal", Panics: 3, Dropped: 5000, Waiting: 7}},
			Config: control.Config{File: "/etc/helo\x1bgate.toml", Loaded: nine, Mode: "enforce", Preset: "balanced",
				Reload: &control.Reload{At: last, By: "watch", Error: "one\n\x1b[2J\n" + strings.Repeat("more\n", 14)}},
			Listeners: []control.Listener{
				{Protocol: "postfix", Address: "127.0.0.1:10040", Mode: "enforce", Preset: "balanced", Connections: 1234},
				{Protocol: "postfix", Address: "/run/x", Mode: "shadow", Preset: "strict", Connections: 1},
			},
			Verdicts: control.Verdicts{Held: 1, Counts: []control.Count{
				{Action: "continue", Count: 1234567}, {Action: "reject", By: "fcrdns", Count: 20}, {Action: "reject", By: "bad-helo", Count: 300},
				{Action: "reject", By: "score", DryRun: true, Count: 7},
			}},
			DNS: control.DNS{Questions: 1000, Hits: 939, CacheEntries: 1, CacheBytes: 1500, Failures: map[string]uint64{"timeout": 3, "servfail": 40, "lame": 0},
				FailingSince: &last, FailingReason: "no answer about 12 of 17 domains in the last minute",
				Servers: []control.NameServer{{Address: "127.0.0.1:53", Tries: 1}, {Address: "192.0.2.53:53", Tries: 61, Failed: 43, Down: true, FailedAt: &last, LastError: "no answer\n"}}},
			State:    control.State{Store: "redis", DownSince: &last, LastError: "dial tcp: \x1bno", Failed: 1200, Records: map[string]int64{"greylist": 12000, "returned": 40}, Bytes: 5 << 20},
			Lists:    []control.List{{Zone: "bl.example", Family: "dnsbl", Listed: 70, NotListed: 1200, Errors: 1}, {Zone: "wl.example", Suspended: true, Since: last, Reason: "it lists\nthe world"}},
			Callouts: &control.Callouts{Accepts: 3, Refuses: 12, Limited: 1},
			Trusted:  1, Sessions: 12, Goroutines: 20, MemoryBytes: 3 << 30,
		}, `
helogate v1.2.3, pid 42, up 3d4h since 2026-11-21 09:00:00
THE LAST RELOAD FAILED at 2026-11-21 08:59:00 (watch): the configuration of 2026-11-21 09:00:00 stays in effect
  one
  \x1b[2J
  more
  more
  more
  more
  more
  more
  more
  more
  more
  more
  and 4 lines more
2 checks met a bug of helogate: the log has the details; please report it
jour\x1bnal lost 5,000 verdicts because it is too slow, and 3 by a bug of helogate
THE READER OF THE LOG IS TOO SLOW: 1,300 lines lost
RESOLVER FAILING since 2026-11-21 08:59:00: no answer about 12 of 17 domains in the last minute; meanwhile DNS failures defer no client
THE STORE IS DOWN since 2026-11-21 08:59:00: dial tcp: \x1bno; meanwhile no client is greylisted
the list wl.example is suspended since 2026-11-21 08:59:00: it lists\x0athe world
the resolver 192.0.2.53:53 is down: no answer\x0a
config    /etc/helo\x1bgate.toml, loaded 2026-11-21 09:00:00, mode enforce, preset balanced
listener  postfix at 127.0.0.1:10040, mode enforce, preset balanced, 1,234 connections
listener  postfix at /run/x, mode shadow, preset strict, 1 connection
verdicts  1,234,567 continue, 320 reject
          300 reject by bad-helo, 20 reject by fcrdns
dry run   7 reject
          7 reject by score
held      1 refusal until reject_at_stage
dns       1,000 lookups, 93% from the cache (1 answer, 1.5 KiB)
          127.0.0.1:53: 1 attempt
          192.0.2.53:53: 61 attempts, 43 failed, last at 2026-11-21 08:59:00: no answer\x0a
          failures: 40 servfail, 3 timeout
lists     bl.example: 70 listed of 1,270 answers, 1 error, 0 failed
          wl.example: 0 listed of 0 answers
state     redis: 12,000 greylist, 40 returned, 5.0 MiB, 1,200 operations failed
callouts  12 refuse, 3 accept, 1 over a limit
trusted   1 address
process   3.0 GiB, 20 goroutines, 12 sessions
`},
	} {
		socket := controlled(t, func(s *control.Server) { s.Status = func() control.Status { return c.is } })
		out, wrong, code := said("status", "--socket", socket)
		if diff := cmp.Diff(strings.TrimPrefix(c.want, "\n"), out); diff != "" || wrong != "" || code != 0 {
			t.Errorf("%s: exit %d, %s %s", c.name, code, wrong, diff)
		}
		if lines := strings.Count(out, "\n"); lines > 40 {
			t.Errorf("%s: %d lines are more than a screen", c.name, lines)
		}
		out, _, code = said("status", "--json", "--socket", socket)
		if !strings.HasPrefix(out, "{\n  \"version\": \"v1.2.3\",\n  \"pid\": 42,\n") || strings.Contains(out, "\x1b") || code != 0 {
			t.Errorf("%s: exit %d, %s", c.name, code, out)
		}
	}
}

func TestExemptList(t *testing.T) {
	last := nine
	all := []control.Exemption{}
	socket := controlled(t, func(s *control.Server) { s.Exemptions = func() []control.Exemption { return all } })
	if out, _, code := said("exempt", "list", "--socket", socket); out != "there are no [[exempt]] and no [[forwarder]] entries\n" || code != 0 {
		t.Errorf("exit %d, %q", code, out)
	}
	if out, _, code := said("exempt", "list", "--json", "--socket", socket); out != "[]\n" || code != 0 {
		t.Errorf("exit %d, %q", code, out)
	}
	all = []control.Exemption{
		{Kind: "exempt", Number: 1, Names: "198.51.100.0/24", Comment: "credit\x1b union", Until: &last, Hits: 1400, Last: &last},
		{Kind: "forwarder", Number: 1, Names: ".example.org"},
	}
	want := "exempt 1: 198.51.100.0/24 (credit\\x1b union), until 2026-11-21 08:59:59, 1,400 hits, last at 2026-11-21 09:00:00\n" +
		"forwarder 1: .example.org, no hits\n"
	if out, _, _ := said("exempt", "list", "--socket", socket); out != want {
		t.Error(out)
	}
}

// Every command prints the same error without a service, and does not take it for a wrong configuration.
func TestNoService(t *testing.T) {
	dir := t.TempDir()
	bad, lost := filepath.Join(dir, "bad.toml"), filepath.Join(dir, "lost.toml")
	none := filepath.Join(dir, "none.toml")
	other := filepath.Join(dir, "other.toml")
	for path, content := range map[string]string{bad: "mode = 1\n", lost: "control = 3\n", none: "[control]\nsocket = \"none\"\n", other: "[control]\nsocket = \"/nonexistent/other.sock\"\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const not = "helogate: helogate is not running, or not with the control socket "
	for _, command := range []string{"reload", "status", "trust list", "trust add 192.0.2.1 --for 1m", "trust remove 192.0.2.1", "exempt list"} {
		for _, c := range []struct {
			flags, want string
			code        int
		}{
			{"", not + "/nonexistent/c.sock (--socket or --config names another)", exitFailed},
			{"--socket /nonexistent/s", not + "/nonexistent/s (", exitFailed},
			{"--config /nonexistent/c.toml", "/nonexistent/c.toml: no such file", exitConfig},
			{"--config " + bad, not + "/nonexistent/c.sock", exitFailed}, // the service reports what is wrong there
			{"--config " + lost, "lost.toml:1:11: control: ", exitConfig},
			{"--config " + bad + " --socket /nonexistent/s", not + "/nonexistent/s (", exitFailed},
		} {
			out, wrong, code := said(append(strings.Fields(command), strings.Fields(c.flags)...)...)
			if out != "" || code != c.code || !strings.Contains(wrong, strings.TrimPrefix(c.want, "helogate: ")) {
				t.Errorf("%s %s: exit %d, %q, %q", command, c.flags, code, out, wrong)
			}
		}
	}
	// The environment overrides the file, so these run without it.
	for config, want := range map[string]string{none: "control.socket is \"none\" in the configuration", other: "/nonexistent/other.sock"} {
		var out, wrong bytes.Buffer
		if code := run([]string{"status", "--config", config}, &out, &wrong, nil); code != exitFailed || !strings.Contains(wrong.String(), want) {
			t.Errorf("exit %d, %s", code, &wrong)
		}
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 999 * time.Millisecond: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m1s", time.Hour: "1h0m",
		25*time.Hour + 59*time.Minute: "1d1h", 400 * 24 * time.Hour: "400d0h",
	} {
		if got := age(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
