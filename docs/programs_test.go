package docs_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/helogate/helogate/internal/docpage"
)

// goldenOf is the file that has a sample, "" if none has.
func goldenOf(b docpage.Block) string {
	for _, g := range golden {
		if b.Page == g[0] && strings.HasPrefix(b.Text, g[1]) {
			return g[2]
		}
	}
	return ""
}

// isGolden holds a sample to the file of another package's test.
func isGolden(t *testing.T, b docpage.Block) {
	file := goldenOf(b)
	if file == "" {
		t.Fatal("no file is named that has this sample: see golden")
	}
	text, err := os.ReadFile("../" + file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.Text) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "level=INFO ")
		if line != "" && !regexp.MustCompile(docpage.LinePattern(line)).Match(text) {
			t.Errorf("%s does not have %s", file, line)
		}
	}
}

// readMaster reads records as a name server does (RFC 1035 section 5).
func readMaster(t *testing.T, b docpage.Block) {
	z := dns.NewZoneParser(strings.NewReader("$TTL 300\n"+b.Text), ".", "")
	n := 0
	for _, ok := z.Next(); ok; _, ok = z.Next() {
		n++
	}
	if z.Err() != nil || n == 0 {
		t.Errorf("%d records, %v", n, z.Err())
	}
}

// write writes a block to a file of the test's.
func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// succeeds runs a program.
func succeeds(t *testing.T, program string, args ...string) {
	t.Helper()
	needs(t, program)
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Error(failing(err, out))
	}
}

// importState gives an export to helogate state import.
func importState(t *testing.T, b docpage.Block) {
	s := newSandbox(t, "", "")
	s.write("/tmp/state.jsonl", b.Text)
	if out, code := s.run("helogate state import state.jsonl"); code != 0 {
		t.Errorf("exit status %d: %s", code, out)
	}
}

// importWCSAP gives filter rules to helogate import.
func importWCSAP(t *testing.T, b docpage.Block) {
	s := newSandbox(t, "", "")
	s.write("/tmp/filter.txt", b.Text)
	if out, code := s.run("helogate import wcsap filter.txt >imported.toml && helogate config check --config imported.toml"); code != 0 {
		t.Errorf("exit status %d: %s", code, out)
	}
}

func checkDovecot(t *testing.T, b docpage.Block) {
	succeeds(t, "doveconf", "-n", "-c", write(t, "dovecot.conf", b.Text))
}

func compileSieve(t *testing.T, b docpage.Block) {
	succeeds(t, "sievec", write(t, "a.sieve", b.Text), filepath.Join(t.TempDir(), "a.svbin"))
}

// startRedis starts a Redis with these settings, until it is ready.
func startRedis(t *testing.T, b docpage.Block) {
	needs(t, "redis-server")
	ctx, cancel := context.WithTimeout(t.Context(), giveUp)
	defer cancel()
	dir := t.TempDir()
	cmd := exec.CommandContext(ctx, "redis-server", write(t, "redis.conf", b.Text), "--port", "0", "--unixsocket", filepath.Join(dir, "s"), "--dir", dir)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for buf := make([]byte, 4096); !strings.Contains(out.String(), "eady to accept connections"); {
		n, err := pipe.Read(buf)
		out.Write(buf[:n])
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			t.Error("Redis does not start:\n", out.String())
			break
		}
	}
	cancel()
	cmd.Wait()
}

var headerRuleRE = regexp.MustCompile(`(?m)^header +(\w+) +([\w-]+) =~ /(.*)/(m?)$`)

// tryPatterns tries the regular expressions of SpamAssassin's rules, with Perl, on the samples of the page: each
// matches one of them at least, and not all.
func tryPatterns(t *testing.T, b docpage.Block) {
	needs(t, "perl")
	rules := headerRuleRE.FindAllStringSubmatch(b.Text, -1)
	if len(rules) == 0 {
		t.Fatal("no rules")
	}
	for _, rule := range rules {
		matched, samples := 0, 0
		for _, sample := range pages(t)[b.Page].Blocks {
			for line := range strings.Lines(sample.Text) {
				value, is := strings.CutPrefix(line, rule[2]+": ")
				if !is {
					continue
				}
				samples++
				cmd := exec.Command("perl", "-0777", "-ne", "exit(/"+rule[3]+"/"+rule[4]+" ? 0 : 3)")
				cmd.Stdin = strings.NewReader(value)
				err := cmd.Run()
				if err == nil {
					matched++
				} else if cmd.ProcessState.ExitCode() != 3 {
					t.Error(err)
				}
			}
		}
		if matched == 0 || matched == samples {
			t.Errorf("%s matches %d of the %d samples", rule[1], matched, samples)
		}
	}
}
