package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/policy"
	"github.com/helogate/helogate/internal/testdns"
)

// patience is when a test gives up on what does not come: long, for the machine may have more to do than this.
const patience = 2 * time.Minute

var update = flag.Bool("update", false, "write what the scripts compare with anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"helogate": main})
}

// TestScripts runs the real program as administrators do. Beside the commands of testscript, the scripts have:
//
//	dns ZONE [BEHAVIOUR]     a DNS server with the zone in that file, at $DNS; it may misbehave (see testdns.Behaviours)
//	status N COMMAND ...     the command ends with exit status N
//	hostile N COMMAND ...    the same, and Go's escapes hold in its arguments
//	tidy FILE NEW            NEW is FILE (or stdout, stderr) without what is another each time: IDs, addresses, times
//	printable FILE           FILE holds nothing that a terminal must not see
//	uncomment FILE           takes what is behind # out of it, with the blanks before it
//	await FILE REGEXP [VAR]  waits until the file matches, and puts the first group into $VAR
//	ask ADDRESS NAME=VALUE ...   asks the Postfix listener; Go's escapes hold. With "!", it must close without an answer
//	signal NAME              sends the signal to the latest command in the background
//	replay FILE PRESET       the verdict in FILE reads back, and judged again on its evidence is the same, byte for byte
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"dns": dnsCmd, "status": exitCmd, "hostile": hostileCmd, "tidy": tidyCmd, "printable": printableCmd,
			"uncomment": uncommentCmd, "await": awaitCmd, "ask": askCmd, "signal": signalCmd, "replay": replayCmd,
		},
		Setup: func(e *testscript.Env) error {
			short, err := os.MkdirTemp("", "hg") // a unix socket's path may be no longer than 107 bytes, and $WORK is
			if err != nil {
				return err
			}
			e.Defer(func() { os.RemoveAll(short) })
			e.Setenv("SOCK", short)
			e.Setenv("HELOGATE_CONTROL__SOCKET", short+"/control") // each script has its own service
			e.Setenv("HELOGATE_STATE__STORE", "memory")
			e.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")) // else every program run takes a second more
			e.Setenv("LONG", strings.Repeat("long.", 2000))
			return nil
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
	})
}

func dnsCmd(ts *testscript.TestScript, _ bool, args []string) {
	zone, err := helogate.NewZone(ts.ReadFile(args[0]))
	ts.Check(err)
	var opts []testdns.Option
	if len(args) > 1 {
		opts = append(opts, testdns.Always(args[1]))
	}
	s, err := testdns.Start(zone, opts...)
	ts.Check(err)
	ts.Defer(s.Close)
	ts.Setenv("DNS", s.Addr().String())
}

func hostileCmd(ts *testscript.TestScript, neg bool, args []string) {
	args = slices.Clone(args)
	for i := range args {
		args[i] = unescape(ts, args[i])
	}
	exitCmd(ts, neg, args)
}

func unescape(ts *testscript.TestScript, s string) string {
	out, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	ts.Check(err)
	return out
}

func printableCmd(ts *testscript.TestScript, _ bool, args []string) {
	for i, r := range ts.ReadFile(args[0]) {
		if r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf) || r == utf8.RuneError {
			ts.Fatalf("%s has %U at %d", args[0], r, i)
		}
	}
}

var comment = regexp.MustCompile(`(?m) *#.*$`)

func uncommentCmd(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), comment.ReplaceAll([]byte(ts.ReadFile(args[0])), nil), 0o600))
}

func exitCmd(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

var (
	ids   = regexp.MustCompile(`(\[|id      |"id":"|\bid=)[0-9a-z]{13}\b`)
	times = regexp.MustCompile(`\b(time=|duration_ms=|"time":")[0-9][^ "\n]*`)
)

func tidyCmd(ts *testscript.TestScript, _ bool, args []string) {
	s := ids.ReplaceAllString(ts.ReadFile(args[0]), "${1}ID")
	s = times.ReplaceAllString(s, "${1}-")
	for _, name := range []string{"DNS", "WORK"} {
		if v := ts.Getenv(name); v != "" {
			s = strings.ReplaceAll(s, v, "$"+name)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(s), 0o600))
}

func awaitCmd(ts *testscript.TestScript, _ bool, args []string) {
	re, err := regexp.Compile(`(?m)` + args[1])
	ts.Check(err)
	var text []byte
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		text, _ = os.ReadFile(ts.MkAbs(args[0])) // it may be yet to come
		if m := re.FindSubmatch(text); m != nil {
			if len(args) > 2 {
				ts.Setenv(args[2], string(m[1]))
			}
			return
		}
	}
	ts.Fatalf("%s does not come to match %s:\n%s", args[0], args[1], text)
}

func askCmd(ts *testscript.TestScript, neg bool, args []string) {
	network := "tcp"
	path, isUnix := strings.CutPrefix(args[0], "unix:")
	if isUnix {
		network = "unix"
	}
	conn, err := net.Dial(network, path)
	ts.Check(err)
	defer conn.Close()
	ts.Check(conn.SetDeadline(time.Now().Add(patience)))
	var b bytes.Buffer
	b.WriteString("request=smtpd_access_policy\n")
	for _, a := range args[1:] {
		b.WriteString(unescape(ts, a) + "\n")
	}
	b.WriteString("\n")
	_, err = conn.Write(b.Bytes())
	ts.Check(err)
	answer, err := bufio.NewReader(conn).ReadString('\n')
	switch {
	case neg && errors.Is(err, io.EOF) && answer == "":
	case neg:
		ts.Fatalf("answered %q, %v", answer, err)
	default:
		ts.Check(err)
	}
	fmt.Fprint(ts.Stdout(), answer)
}

func signalCmd(ts *testscript.TestScript, _ bool, args []string) {
	sig := map[string]os.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM, "INT": syscall.SIGINT}[args[0]]
	all := ts.BackgroundCmds()
	if sig == nil || len(all) == 0 {
		ts.Fatalf("no signal %s, or nobody to get it", args[0])
	}
	ts.Check(all[len(all)-1].Process.Signal(sig))
}

func replayCmd(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.TrimSuffix(ts.ReadFile(args[0]), "\n")
	var r helogate.Record
	ts.Check(r.UnmarshalJSON([]byte(text)))
	if again := string(r.AppendJSON(nil)); again != text {
		ts.Fatalf("it reads back as another:\n%s\n%s", text, again)
	}
	c, err := config.Parse("replay", []byte("mode = \"enforce\"\n"), config.Options{Checks: check.Names(), Presets: check.Presets})
	ts.Check(err)
	if args[1] != "" {
		c.Policy.Preset = args[1]
	}
	p, err := policy.Build(c)
	ts.Check(err)
	judged := helogate.Record{Facts: r.Facts, Verdict: p.General.Default.Judge(context.Background(), r.Facts, r.Asked)}
	if again := string(judged.AppendJSON(nil)); again != text {
		ts.Fatalf("judged again, it is another:\n%s\n%s", text, again)
	}
}
