package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/helogate/helogate/internal/docpage"
)

// asked is what the running helogate was asked before the commands of a page: client, HELO name, sender, recipient.
var asked = map[string][]string{
	"docs/first-day.md": {
		"203.0.113.9 localhost a@example.com bob@example.net", "203.0.113.9 localhost a@partner.example bob@example.net",
	},
	"docs/troubleshoot.md": {"198.51.100.7 localhost jane@bank.example bob@example.net"},
	"docs/privacy.md":      {"192.0.2.25 mail.example.org joe@example.org bob@example.net"},
}

// TestConsole runs the commands of each page, in order, in a sandbox. docs/testdata has its configuration: PAGE.toml,
// or else helogate.toml. Its DNS has the records of docs/testdata/world.zone and of the page's blocks.
func TestConsole(t *testing.T) {
	for name, page := range pages(t) {
		blocks := slices.DeleteFunc(slices.Clone(page.Blocks), func(b docpage.Block) bool {
			return b.Lang != "console" || isElsewhere(b) || ofRoot(b)
		})
		if len(blocks) == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t, configurationOf(t, page), recordsOf(t, page))
			s.serve()
			s.askAll(asked[name])
			for _, b := range blocks {
				for _, step := range steps(t, b) {
					s.try(b, step)
				}
			}
		})
	}
}

// A step is a command and what it prints.
type step struct{ prompt, command, printed string }

// steps takes a block apart. A command that ends with \ goes on in the next line.
func steps(t *testing.T, b docpage.Block) (out []step) {
	t.Helper()
	more := false
	for line := range strings.Lines(b.Text) {
		last := len(out) - 1
		switch {
		case more:
			out[last].command += strings.TrimSuffix(line, "\n")
		case strings.HasPrefix(line, "$ ") || ofRoot(b) && strings.HasPrefix(line, "# "):
			out = append(out, step{prompt: line[:1], command: strings.TrimSuffix(line[2:], "\n")})
			last++
		case last < 0:
			t.Fatalf("%s: a console begins with a command, behind \"$ \" or, for root, \"# \": %s", b, line)
		default:
			out[last].printed += line
			continue
		}
		command, goesOn := strings.CutSuffix(out[last].command, "\\")
		if !goesOn && strings.Count(command, "'")%2 == 1 { // a text of several lines
			out[last].command, more = command+"\n", true
			continue
		}
		out[last].command, more = command, goesOn || strings.HasSuffix(command, "|")
	}
	return out
}

// ofRoot reports whether root types the commands.
func ofRoot(b docpage.Block) bool { return strings.HasPrefix(b.Text, "# ") }

// try runs a step. What is shown of "cat FILE" is written to the file instead.
func (s *sandbox) try(b docpage.Block, st step) {
	s.t.Helper()
	if file, isCat := strings.CutPrefix(st.command, "cat "); isCat {
		if err := os.WriteFile(filepath.Join(s.root, "tmp", file), []byte(st.printed), 0o644); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	if st.command == "go test ./..." {
		return // this is what runs here
	}
	command := strings.ReplaceAll(st.command, "go run ./cmd/helogate", "helogate")
	if strings.HasPrefix(command, "helogate serve") {
		s.serveAlone(b, command)
		return
	}
	program, _, _ := strings.Cut(command, " ")
	if program == "dig" || program == "curl" {
		needs(s.t, program)
	}
	printed, code := s.run(command)
	if code != 0 && !(program == "helogate" && (code == exitRejected || code == exitDeferred)) {
		s.t.Errorf("%s: %s: exit status %d\n%s", b, command, code, printed)
		return
	}
	want := strings.TrimRight(st.printed, "\n")
	if want != "" {
		want += "\n"
	}
	if strings.HasPrefix(command, "helogate status") {
		want = numbers(want)
	}
	if want != "" && !docpage.Pattern(want).MatchString(strings.TrimRight(printed, "\n")+"\n") {
		s.t.Errorf("%s: %s prints\n%sand not\n%s", b, command, printed, want)
	}
}

// numbers has any text for each number: those of a status are another each time.
func numbers(sample string) string { return numberRE.ReplaceAllString(sample, "…") }

var numberRE = regexp.MustCompile(`\b\d+(?:\.\d+)?\b`)

// The exit statuses of a verdict.
const exitRejected, exitDeferred = 1, 75

// configurationOf is the configuration of a page's sandbox.
func configurationOf(t *testing.T, page *docpage.Page) string {
	t.Helper()
	own := strings.TrimSuffix(filepath.Base(page.Name), ".md") + ".toml"
	text, err := os.ReadFile("testdata/" + own)
	if os.IsNotExist(err) {
		text, err = os.ReadFile("testdata/helogate.toml")
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// recordsOf are the records of a page's sandbox.
func recordsOf(t *testing.T, page *docpage.Page) string {
	t.Helper()
	text, err := os.ReadFile("testdata/world.zone")
	if err != nil {
		t.Fatal(err)
	}
	records := string(text)
	for _, b := range page.Blocks {
		if b.Lang == "dns" {
			records += b.Text
		}
	}
	return records
}
