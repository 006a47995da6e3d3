package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/testdns"
)

// parserOf returns the parser without its effects.
func parserOf(t *testing.T) *kong.Kong {
	t.Helper()
	return newParser(&commands{}, io.Discard, io.Discard, func(int) {})
}

// Every command has a group, a summary, two examples, exit statuses and see-also that lead somewhere.
func TestManualIsComplete(t *testing.T) {
	model := parserOf(t).Model
	known := map[string]bool{}
	for _, node := range model.Leaves(false) {
		known["helogate "+node.Path()] = true
	}
	for _, node := range model.Leaves(false) {
		name, p := node.Path(), manual[node.Path()]
		if node.ClosestGroup() == nil || !slices.ContainsFunc(groups, func(g kong.Group) bool { return g.Key == node.ClosestGroup().Key }) {
			t.Errorf("%s: no group", name)
		}
		if len(p.examples) < 2 || len(p.see) < 1 {
			t.Errorf("%s: %d examples, %d see-also", name, len(p.examples), len(p.see))
		}
		for _, e := range p.examples {
			if !strings.Contains(e.line, "helogate "+name) || !sentence(e.does) {
				t.Errorf("%s: example %q: %q", name, e.line, e.does)
			}
		}
		var codes []int
		for _, e := range p.exits {
			codes = append(codes, e.code)
			if !sentence(e.meaning) {
				t.Errorf("%s: exit status %d: %q", name, e.code, e.meaning)
			}
			if !slices.ContainsFunc(exitStatuses, func(known exit) bool { return known.code == e.code }) {
				t.Errorf("%s: exit status %d is not one of the program's", name, e.code)
			}
		}
		if !slices.IsSorted(codes) || !slices.Contains(codes, exitOK) || !slices.Contains(codes, exitUsage) && name != "qmail-spp" {
			t.Errorf("%s: exit statuses %v", name, codes)
		}
		for _, see := range p.see {
			if _, err := os.Stat(filepath.Join("../..", see)); err != nil && !known[see] || see == "helogate "+name {
				t.Errorf("%s: see also %q leads nowhere", name, see)
			}
		}
		help := []string{node.Help}
		for _, flag := range node.Flags {
			help = append(help, flag.Help)
		}
		for _, arg := range node.Positional {
			help = append(help, arg.Help)
		}
		for _, h := range help {
			if !sentence(h) {
				t.Errorf("%s: help %q is no sentence", name, h)
			}
		}
	}
	for name := range manual {
		if !known["helogate "+name] {
			t.Errorf("the manual has %q, which is no command", name)
		}
	}
}

// sentence reports whether a text begins with a capital and ends with a full stop.
func sentence(s string) bool {
	return len(s) > 2 && s[0] >= 'A' && s[0] <= 'Z' && strings.HasSuffix(s, ".") && !strings.Contains(s, "  ")
}

// The help of every command is as wide as the terminal at most, but for its examples, and has all sections.
func TestHelpFits(t *testing.T) {
	t.Setenv("COLUMNS", "60")
	for _, node := range append(parserOf(t).Model.Leaves(false), parserOf(t).Model.Node) {
		args := append(strings.Fields(node.Path()), "--help")
		if node.Type == kong.ApplicationNode {
			args = []string{"--help"}
		}
		out, wrong, code := said(args...)
		if code != exitOK || wrong != "" {
			t.Errorf("%v: exit %d, %q", args, code, wrong)
		}
		for _, section := range []string{"Usage: ", "\nFlags:\n", "\nExit status:\n", "\nSee also: "} {
			if !strings.Contains(out, section) {
				t.Errorf("%v: no %q", args, section)
			}
		}
		out, examples, _ := strings.Cut(out, "\nExamples:\n")
		_, rest, _ := strings.Cut(examples, "\nExit status:\n")
		for line := range strings.Lines(out + rest) {
			if len(strings.TrimRight(line, "\n")) > 60 && !strings.HasPrefix(line, "Usage: ") && !strings.HasPrefix(line, "Run ") {
				t.Errorf("%v: %q is wider than 60 columns", args, line)
			}
		}
	}
}

// A place is where examples run: the files that they name, a DNS server, and their own control socket.
type place struct {
	dir, socket string
	environ     []string
}

const exampleZone = `
192.0.2.1 PTR mx.example.org
mx.example.org A 192.0.2.1
mx.example.org TXT "v=spf1 a -all"
example.org MX 10 mx.example.org
example.org TXT "v=spf1 mx -all"
`

// placeOf makes the files; those of the state are below dir, which is that of the service.
func placeOf(t *testing.T, dns, socket, dir string) place {
	t.Helper()
	p := place{dir: t.TempDir(), socket: socket}
	config := func(db string) string {
		return fmt.Sprintf("mode = \"enforce\"\n[state]\nstore = \"sqlite\"\nfile = %q\n[[exempt]]\naddress = \"198.51.100.0/24\"\n", filepath.Join(dir, db))
	}
	for name, text := range map[string]string{
		"helogate.toml": config("state.db"), "old.toml": config("old.db"),
		"names.txt": "mx1.example.org\nhost-192-0-2-99.dyn.example.net\t192.0.2.99\n",
		"moreipme":  "192.0.2.25\n", "plugins": "helo policy lenient\n", "badhelo": "ylmf-pc\n", "filter.txt": "Reject if \"bot\" in %CDN%\n",
		"main.txt":    "myhostname = mx.example.net\n",
		"state.jsonl": "{\"helogate\":\"state\",\"version\":1}\n",
		"postconf":    "#!/bin/sh\nprintf 'myhostname = mx.example.net\\nmydestination = example.net\\n'\n",
	} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p.environ = []string{
		"PATH=" + p.dir + ":" + os.Getenv("PATH"), "HOME=" + p.dir, "HELOGATE_DNS__SERVERS=[\"" + dns + "\"]", "HELOGATE_CONTROL__SOCKET=" + socket,
		"HELOGATE_SOCKET=none", "HELOGATE_LISTEN=[{protocol=\"postfix\",address=\"127.0.0.1:0\"}]", "HELOGATE_STATE__STORE=sqlite",
		"GORACE=atexit_sleep_ms=0", "GOCOVERDIR=" + os.Getenv("GOCOVERDIR"),
	}
	return p
}

// run runs a line of the shell to its end.
func (p place) run(t *testing.T, line string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	var out, wrong bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, p.environ, &out, &wrong
	err := cmd.Run()
	if exited, ok := errors.AsType[*exec.ExitError](err); ok {
		return exited.ExitCode(), out.String(), wrong.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, out.String(), wrong.String()
}

// start starts a line that runs until SIGTERM. It returns when the line has printed a text, with what ends it.
func (p place) start(t *testing.T, line, until string) (stop func() int) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "trap : TERM; "+line+"; exit $?")
	var wrong bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stderr, cmd.SysProcAttr = p.dir, p.environ, &wrong, &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithTimeout(t.Context(), patience)
	kill := context.AfterFunc(ended, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	lines, found := bufio.NewScanner(out), false
	for !found && lines.Scan() {
		found = strings.Contains(lines.Text(), until)
	}
	stop = func() int {
		defer cancel()
		defer kill()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		return cmd.ProcessState.ExitCode()
	}
	if !found {
		t.Fatalf("%s: exit %d before it printed %q\n%s", line, stop(), until, &wrong)
	}
	return stop
}

// Every example is accepted by the parser, and runs: the administrator can copy it.
func TestExamplesRun(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no shell here")
	}
	zone, err := helogate.NewZone(exampleZone)
	if err != nil {
		t.Fatal(err)
	}
	dns, err := testdns.Start(zone)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dns.Close() })
	dir, err := os.MkdirTemp("", "hg") // the path of a unix socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "control")
	stop := placeOf(t, dns.Addr().String(), socket, dir).start(t, "helogate serve --config helogate.toml", "smtpd_policy_service_timeout")
	defer stop()
	for _, name := range slices.Sorted(maps.Keys(manual)) {
		for i, e := range manual[name].examples {
			p := placeOf(t, dns.Addr().String(), socket, dir)
			switch {
			case name == "serve" || strings.Contains(e.line, "--stay"):
				p = placeOf(t, dns.Addr().String(), filepath.Join(dir, fmt.Sprintf("%s%d", name, i)), t.TempDir())
				until := map[string]string{"serve": "smtpd_policy_service_timeout", "demo": "keeps running"}[name]
				if code := p.start(t, e.line, until)(); code != exitOK {
					t.Errorf("%s: exit %d", e.line, code)
				}
				continue
			case name == "init":
				os.Remove(filepath.Join(p.dir, "helogate.toml"))
			case name == "opensmtpd":
				p.environ = append(p.environ, "HELOGATE_CONTROL__SOCKET=none")
			case name == "trust remove":
				p.run(t, "helogate trust add 192.0.2.1 --for 1m && helogate trust add 2001:db8::1 --for 1m")
			case strings.Contains(e.line, "old.toml"):
				p.run(t, "helogate state import state.jsonl --config old.toml")
			}
			code, _, wrong := p.run(t, e.line)
			meant := slices.ContainsFunc(manual[name].exits, func(one exit) bool { return one.code == code })
			if !meant || code >= exitUsage && code != exitDeferred {
				t.Errorf("%s: exit %d\n%s", e.line, code, wrong)
			}
		}
	}
}

// docs/cli.md is what the program says of itself; -update writes it anew.
func TestCommandPage(t *testing.T) {
	const path = "../../docs/cli.md"
	got := commandPage(parserOf(t).Model)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/cli.md is not what the program says; go test ./cmd/helogate -update writes it\n%s", diff)
	}
}

func commandPage(app *kong.Application) string {
	var b strings.Builder
	b.WriteString("<!-- Made of the program by \"go test ./cmd/helogate -update\"; do not edit. -->\n\n# Command line\n\n" +
		"This page lists every command of `helogate`. `helogate COMMAND --help` prints all flags and exit statuses of one.\n")
	leaves := app.Leaves(true)
	for _, g := range groups {
		var links []string
		for _, node := range leaves {
			if node.ClosestGroup().Key == g.Key {
				links = append(links, linkTo("helogate "+node.Path(), node.Path()))
			}
		}
		fmt.Fprintf(&b, "\n**%s** %s\n", g.Title, strings.Join(links, " · "))
	}
	b.WriteString("\n## Exit statuses\n\n" + exitTable(exitStatuses) +
		"\nThese are the numbers of `sysexits.h` where it has one. Without a command, `helogate` prints its help on standard error " +
		"and ends with 64.\n\n## Shared arguments and flags\n\nSeveral commands have these:\n\n")
	uses := map[option]int{}
	for _, node := range leaves {
		for _, o := range optionsOf(node) {
			if uses[o]++; uses[o] == 2 {
				b.WriteString(o.line())
			}
		}
	}
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n", strings.TrimSuffix(g.Title, ":"))
		common := ""
		for _, node := range leaves {
			if node.ClosestGroup().Key != g.Key {
				continue
			}
			if strings.HasSuffix(manual[node.Path()].about, importAbout) && common == "" {
				common = strings.Replace(importAbout, "It prints", "Each command prints", 1)
				common = strings.Replace(common, "What it cannot", "What the command cannot", 1)
				b.WriteString("\n" + common + "\n")
			}
			b.WriteString(commandSection(node, uses))
		}
	}
	return b.String()
}

// An option is an argument or a flag as the help has it.
type option struct{ name, summary, help string }

func (o option) line() string { return fmt.Sprintf("- `%s`: %s\n", o.summary, prose(o.help)) }

func optionsOf(node *kong.Node) (all []option) {
	for _, arg := range node.Positional {
		all = append(all, option{arg.Summary(), arg.Summary(), arg.Help})
	}
	for _, flag := range node.Flags {
		o := option{"--" + flag.Name, "--" + flag.Name, flag.Help}
		if !flag.IsBool() {
			o.summary += "=" + flag.FormatPlaceHolder()
		}
		all = append(all, o)
	}
	return all
}

// commandSection returns the section of a command. It has only the names of arguments and flags that others have, too.
func commandSection(node *kong.Node, uses map[option]int) string {
	p := manual[node.Path()]
	about := strings.TrimSuffix(p.about, importAbout)
	var b strings.Builder
	fmt.Fprintf(&b, "\n### helogate %s\n\n%s\n", node.Path(), prose(strings.TrimSpace(node.Help+" "+about)))
	if usage := strings.TrimSuffix(node.Summary(), " [flags]"); usage != node.Path() {
		fmt.Fprintf(&b, "\n    helogate %s\n", node.Summary())
	}
	var shared []string
	lines := ""
	for _, o := range optionsOf(node) {
		if uses[o] > 1 {
			shared = append(shared, "`"+o.name+"`")
		} else {
			lines += o.line()
		}
	}
	if lines != "" {
		b.WriteString("\n" + lines)
	}
	if shared != nil {
		b.WriteString("\n[Shared](#shared-arguments-and-flags): " + strings.Join(shared, ", ") + ".\n")
	}
	b.WriteString("\n```sh\n")
	for _, e := range p.examples {
		fmt.Fprintf(&b, "# %s\n%s\n", e.does, e.line)
	}
	b.WriteString("```\n\nExit: " + exitLine(p.exits) + ". See also: ")
	for i, see := range p.see {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(linkTo(see, strings.TrimPrefix(see, "helogate ")))
	}
	b.WriteString(".\n")
	return b.String()
}

// exitLine names the exit statuses of a command, and what they mean where the table of all does not say that.
func exitLine(exits []exit) string {
	var all []string
	for _, e := range exits {
		one := fmt.Sprint(e.code)
		said := slices.Contains(saidOnce, e.meaning)
		switch e.code {
		case exitOK:
			said = !strings.ContainsAny(e.meaning, ",;:") // success with no qualification
		case exitRejected, exitDeferred:
			said = true
		}
		if !said {
			one += " (" + strings.TrimSuffix(strings.ToLower(e.meaning[:1])+e.meaning[1:], ".") + ")"
		}
		all = append(all, one)
	}
	return strings.Join(all, ", ")
}

// saidOnce are the meanings of exit statuses that the table of all has for every command.
var saidOnce = []string{usageMeaning, failedMeaning, configMeaning, noServiceFound}

// prose makes a sentence of the help one of Markdown, in which pointed brackets are not words.
func prose(s string) string {
	return strings.NewReplacer("<", "&lt;", "|", "\\|", "[[", "\\[\\[", "]]", "\\]\\]").Replace(s)
}

func exitTable(exits []exit) string {
	var b strings.Builder
	b.WriteString("| exit status | meaning |\n|---|---|\n")
	for _, e := range exits {
		fmt.Fprintf(&b, "| %d | %s |\n", e.code, e.meaning)
	}
	return b.String()
}

// linkTo links to a command's section or to a page.
func linkTo(see, text string) string {
	if page, is := strings.CutPrefix(see, "docs/"); is {
		return fmt.Sprintf("[%s](%s)", text, page)
	}
	return fmt.Sprintf("[%s](#%s)", text, strings.ReplaceAll(see, " ", "-"))
}

// The version says what the build knows, and that it knows nothing where that is so.
func TestVersionText(t *testing.T) {
	setting := func(pairs ...string) (info debug.BuildInfo) {
		for i := 0; i < len(pairs); i += 2 {
			info.Settings = append(info.Settings, debug.BuildSetting{Key: pairs[i], Value: pairs[i+1]})
		}
		return info
	}
	tagged := setting("vcs.revision", "2561eb1", "vcs.time", "2026-11-28T15:00:00+01:00", "vcs.modified", "false")
	tagged.Main.Version = "v1.2.3"
	const unknown = "unknown (built without version control information)"
	for _, c := range []struct {
		info debug.BuildInfo
		want string
	}{
		{tagged, "helogate v1.2.3\ncommit   2561eb1\ndate     2026-11-28 14:00:00 UTC\ngo       go1."},
		{setting("vcs.revision", "2561eb1", "vcs.time", "2026-11-28T14:00:00Z", "vcs.modified", "true"),
			"helogate (devel)\ncommit   2561eb1, with uncommitted changes\ndate     2026-11-28 14:00:00 UTC\n"},
		{setting("GOOS", "linux"), "helogate (devel)\ncommit   " + unknown + "\ndate     " + unknown + "\n"},
		{setting("vcs.revision", "2561eb1", "vcs.time", "yesterday"), "commit   2561eb1\ndate     " + unknown + "\n"},
	} {
		if got := versionText(&c.info); !strings.Contains(got, c.want) {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
