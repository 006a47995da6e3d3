package docs_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/helogate/helogate/internal/docpage"
)

// A scene is a helogate with a configuration and what it was asked: client, HELO name, sender, recipient. What it
// answers and logs is what the samples of the pages, in the languages smtp and log, are compared with.
type scene struct {
	name, configuration, records string
	asked                        []string
}

var scenes = []scene{
	{"enforce", "mode = \"enforce\"\npolicy.preset = \"rfc\"\n", `
192.0.2.1        PTR  mx1.example.org
mx1.example.org  A    192.0.2.1
`, []string{
		"192.0.2.60 lone.example.com jane@example.com bob@example.net",
		"198.51.100.99 mail.example.org jane@example.org bob@example.net",
	}},
	{"nameless", "mode = \"enforce\"\npolicy.preset = \"rfc\"\n", "", []string{"192.0.2.1 mx.example.org jane@example.org bob@example.net"}},
	{"url", "mode = \"enforce\"\npolicy.preset = \"rfc\"\npolicy.url = \"https://example.net/why/{id}\"\n", "", []string{"192.0.2.1 mx.example.org jane@example.org bob@example.net"}},
	{"shadow", "", "", []string{"203.0.113.9 localhost a@example.com bob@example.net"}},
	{"greylist", "mode = \"enforce\"\npolicy.preset = \"balanced\"\n[policy.checks]\ngreylist = \"greylist\"\n", "", []string{"192.0.2.1 mx.example.org jane@example.org bob@example.net"}},
	{"SPF", "mode = \"enforce\"\npolicy.checks = { spf-from = \"reject\" }\n", `
192.0.2.1        PTR  mx1.example.com
mx1.example.com  A    192.0.2.1
example.org      TXT  v=spf1 mx -all
`, []string{"192.0.2.1 mx1.example.com jane@example.org bob@example.net"}},
	{"dnsbl", "mode = \"enforce\"\n[[dnsbl]]\nzone = \"bl.example.org\"\nname = \"bl\"\ncodes = [\"127.0.0.2\"]\nthen = \"reject\"\n", `
192.0.2.1                   PTR  mx1.example.org
mx1.example.org             A    192.0.2.1
1.2.0.192.bl.example.org    A    127.0.0.2
1.2.0.192.bl.example.org    TXT  https://bl.example.org/192.0.2.1
2.0.0.127.bl.example.org    A    127.0.0.2
`, []string{"192.0.2.1 mx1.example.org jane@example.org bob@example.net"}},
	{"score", "mode = \"enforce\"\n", "", []string{"192.0.2.2 bot.example.org jane@example.org john@example.net"}},
	{"score, in JSON", "mode = \"enforce\"\nlog.format = \"json\"\n", "", []string{"192.0.2.2 bot.example.org jane@example.org john@example.net"}},
	{"identity", "mode = \"enforce\"\n", "", []string{"211.58.35.214 208.247.131.9 jane@example.org bob@example.net"}},
	{"a list of the world", "mode = \"enforce\"\n[[dnsbl]]\nzone = \"bl.example.org\"\nname = \"bl\"\ncodes = [\"127.0.0.2\"]\nthen = \"reject\"\n", `
192.0.2.1                   PTR  mx1.example.org
mx1.example.org             A    192.0.2.1
1.2.0.192.bl.example.org    A    127.0.0.2
2.0.0.127.bl.example.org    A    127.0.0.2
1.0.0.127.bl.example.org    A    127.0.0.2
`, []string{"192.0.2.1 mx1.example.org jane@example.org bob@example.net"}},
}

// awaited are texts that the log of a scene has after a while.
var awaited = map[string]string{"a list of the world": "level=ERROR"}

var saidOnce struct {
	sync.Once
	lines []string
}

// everySaid plays the scenes, and returns the replies and the lines of the logs.
func everySaid(t *testing.T) []string {
	t.Helper()
	saidOnce.Do(func() {
		for _, scene := range scenes {
			s := newSandbox(t, scene.configuration+configurationOf(t, &docpage.Page{}), recordsOf(t, &docpage.Page{})+scene.records)
			s.serve()
			for _, answer := range s.askAll(scene.asked) {
				saidOnce.lines = append(saidOnce.lines, strings.TrimPrefix(answer, "action="))
			}
			log := s.read("/tmp/log")
			for end := time.Now().Add(giveUp); !strings.Contains(log, awaited[scene.name]) && time.Now().Before(end); log = s.read("/tmp/log") {
				time.Sleep(5 * time.Millisecond) // another process writes it
			}
			saidOnce.lines = append(saidOnce.lines, strings.Split(log, "\n")...)
		}
	})
	return saidOnce.lines
}

// A sample begins with a code or a level; the lines that do not go on with the one before.
var beginRE = regexp.MustCompile(`^(?:[245]\d\d[ -]|level=|time=|\{|…)`)

// seen reports samples that nothing gave.
func seen(t *testing.T, b docpage.Block) {
	var samples []string
	for line := range strings.Lines(b.Text) {
		line = strings.TrimSpace(line)
		if beginRE.MatchString(line) || len(samples) == 0 {
			samples = append(samples, line)
		} else {
			sep := " "
			if strings.HasPrefix(samples[len(samples)-1], "{") {
				sep = "" // JSON has no blanks between its values here
			}
			samples[len(samples)-1] += sep + line
		}
	}
	lines := everySaid(t)
	for _, sample := range samples {
		re := regexp.MustCompile(`^(?:time=\S+ )?` + docpage.LinePattern(sample) + `$`)
		found := false
		for _, line := range lines {
			found = found || re.MatchString(line)
		}
		if !found {
			t.Errorf("no scene gives\n%s\nThese came near:\n%s", sample, strings.Join(near(lines, sample), "\n"))
		}
	}
}

// near are lines that begin like a sample.
func near(lines []string, sample string) (out []string) {
	words := strings.Fields(sample)
	for _, line := range lines {
		if len(words) > 1 && strings.Contains(line, words[0]+" "+words[1]) {
			out = append(out, line)
		}
	}
	return out
}
