package docs_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/daemon"
	"github.com/helogate/helogate/internal/docpage"
	"github.com/helogate/helogate/internal/list"
	"github.com/helogate/helogate/internal/policy"
)

// runners try a block alone. The blocks console are tried a page at a time.
var runners = map[string]func(*testing.T, docpage.Block){
	"toml": loadTOML, "smtp": seen, "log": seen, "dns": readZone, "json": readJSON, "go": compile, "list": readList, "sh": parseShell,
	"zone": readMaster, "jsonl": importState, "wcsap": importWCSAP, "output": isGolden, "smtp-session": isGolden,
	"dovecot": checkDovecot, "redis": startRedis, "sieve": compileSieve, "spamassassin": tryPatterns,
}

// golden are samples of what the program prints that the tests of another package give, a line each: the page, how the
// block begins, and the file with the lines.
var golden = [][3]string{
	{"docs/hammering.md", "fail: ", "check/hammering_test.go"},
	{"docs/failure-grace.md", "RESOLVER FAILING", "cmd/helogate/control_test.go"},
	{"docs/callout.md", "level=INFO msg=callout", "internal/callout/caller_test.go"},
	{"docs/callout.md", "550 5.1.3", "interop/callout_serve_test.go"},
}

// shown are the languages of other programs, each with the files that blocks in it stand in, line by line: the tests of
// interop start the programs with these files.
var shown = map[string][]string{
	"main.cf":   {"postfix/main.cf", "postfix/stages.cf", "milter/main.cf", "nginx/main.cf"},
	"exim":      {"exim/exim.conf"},
	"sendmail":  {"sendmail/helogate.mc"},
	"nginx":     {"nginx/nginx.conf"},
	"smtpd":     {"opensmtpd/smtpd.conf"},
	"qmail-spp": {"qmail-spp/smtpplugins"},
	"haraka":    {"haraka/plugins", "../contrib/haraka/config/helogate.ini"},
}

// elsewhere are the blocks that a test of another package tries: the page, how the block begins, the package and the
// test.
var elsewhere = [][4]string{
	{"docs/config.md", "helogate.toml:12:1: policy: unknown key", "internal/config", "TestPageExamples"},
	{"docs/config.md", "HELOGATE_MODE=enforce", "internal/config", "TestPageExamples"},
	{"docs/cli.md", "helogate ", "cmd/helogate", "TestCommandPage"},
	{"docs/control.md", "#!/bin/sh", "internal/control", "TestHooks"},
	{"docs/embed.md", "// A Backend takes mail", "examples/gosmtp", "TestPage"},
	{"docs/rules.md", `client == "192.0.2.1"`, "internal/rule", "TestPageExamples"},
	{"docs/state.md", "ACL SETUSER", "interop", "TestRedisRights"},
	{"docs/headers.md", "Authentication-Results: ", "internal/header", "TestPage"},
	{"docs/exim.md", "# exim4 -bh", "interop", "TestEximPage"},
	{"docs/exim.md", "550-5.7.25 ", "interop", "TestEximPage"},
	{"docs/exim.md", "451 4.3.5 ", "interop", "TestEximKilled"},
	{"docs/haraka.md", "$ swaks ", "interop", "TestHarakaPage"},
	{"docs/haraka.md", "451 4.3.0 ", "interop", "TestHarakaKilled"},
	{"docs/haraka.md", "[ERROR] ", "interop", "TestHarakaKilled"},
	{"docs/nginx.md", "451 4.3.2 ", "interop", "TestNginxKilled"},
	{"docs/headers.md", "verdict = ", "internal/header", "TestPage"},
	{"docs/coexist.md", "smtp      inet", "interop", "TestCoexist"},
	{"docs/callout.md", "S: 220", "interop", "TestCallout"},
	{"docs/control.md", "no     authenticated", "cmd/helogate", "TestScripts"},
	{"docs/blocklists.md", "level=ERROR", "interop", "TestBlocklists"},
	{"docs/names.md", "$ make names", "bench/names", "TestFigures"},
	{"docs/logs.md", "id stage", "internal/logline", "TestPage"},
	{"docs/headers.md", "X-H", "internal/header", "TestPage"},
}

// pending is how many blocks of a page are not yet tried. It only ever gets less.
var pending = map[string]int{
	"docs/replies.md":  1,
	"docs/verdicts.md": 1,
}

func TestBlocks(t *testing.T) {
	untried := map[string][]docpage.Block{}
	for _, page := range pages(t) {
		for _, b := range page.Blocks {
			run := runners[b.Lang]
			switch {
			case b.Lang == "console":
			case isElsewhere(b):
			case goldenOf(b) != "":
				t.Run(b.String(), func(t *testing.T) { isGolden(t, b) })
			case shown[b.Lang] != nil:
				t.Run(b.String(), func(t *testing.T) { isShown(t, b) })
			case run != nil:
				t.Run(b.String(), func(t *testing.T) { run(t, b) })
			default:
				untried[page.Name] = append(untried[page.Name], b)
			}
		}
	}
	for name, blocks := range untried {
		if len(blocks) <= pending[name] {
			t.Logf("%s: %d blocks are not tried", name, len(blocks))
			continue
		}
		for _, b := range blocks {
			first, _, _ := strings.Cut(b.Text, "\n")
			t.Errorf("%s: nothing tries a block in the language %q; give its fence one of those that docs_test.go has: %s", b, b.Lang, first)
		}
	}
}

// isElsewhere reports whether another test tries the block.
func isElsewhere(b docpage.Block) bool {
	for _, e := range elsewhere {
		if b.Page == e[0] && strings.HasPrefix(b.Text, e[1]) {
			return true
		}
	}
	return false
}

// The tests that try blocks elsewhere are there, and read the page.
func TestElsewhere(t *testing.T) {
	all := pages(t)
	for _, e := range elsewhere {
		found := false
		files, err := filepath.Glob("../" + e[2] + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(text), "func "+e[3]+"(t *testing.T)")
		}
		if !found {
			t.Errorf("%s has no test %s, which is to try what %s shows", e[2], e[3], e[0])
		}
		used := false
		if page := all[e[0]]; page != nil {
			for _, b := range page.Blocks {
				used = used || strings.HasPrefix(b.Text, e[1])
			}
		}
		if !used {
			t.Errorf("%s has no block that begins with %q any more", e[0], e[1])
		}
	}
}

// isShown holds a block to the files that interop runs. What other pages than those of the MTAs have of main.cf,
// interop gives to Postfix (TestPagesMainCF).
func isShown(t *testing.T, b docpage.Block) {
	ofMTA := slices.ContainsFunc(shown["main.cf"], func(file string) bool { return "docs/"+path.Dir(file)+".md" == b.Page })
	if b.Lang == "main.cf" && !ofMTA {
		return
	}
	for _, file := range shown[b.Lang] {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains("\n"+string(text), "\n"+b.Text) {
			return
		}
	}
	t.Errorf("none of %v, which are what is run, has\n%s", shown[b.Lang], b.Text)
}

// The files of docs/MTA, which interop runs, are what the page shows or links to.
func TestFiles(t *testing.T) {
	files, err := filepath.Glob("*/*")
	if err != nil {
		t.Fatal(err)
	}
	all := pages(t)
	for _, file := range files {
		dir := filepath.Dir(file)
		if dir == "testdata" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		page := all["docs/"+dir+".md"]
		if page == nil {
			t.Errorf("docs/%s is of no page", file)
			continue
		}
		has := slices.ContainsFunc(page.Blocks, func(b docpage.Block) bool { return b.Text == string(text) }) ||
			slices.ContainsFunc(page.Links, func(l docpage.Link) bool { return l.To == filepath.ToSlash(file) })
		if !has {
			t.Errorf("%s neither shows docs/%s as it is nor links to it", page.Name, file)
		}
	}
}

var blanks = regexp.MustCompile(` +`)

// loadTOML reads a configuration, and builds its policy. In the reference each setting has a block that is no
// configuration by itself: its lines are those of the whole example, which the page begins with.
func loadTOML(t *testing.T, b docpage.Block) {
	if b.Page == "docs/config.md" && b.Text != config.Example {
		for line := range strings.Lines(b.Text) {
			if !strings.HasPrefix(line, "[") && !strings.Contains(blanks.ReplaceAllString(config.Example, " "), blanks.ReplaceAllString(strings.TrimSpace(line), " ")) {
				t.Errorf("the example does not have %s", line)
			}
		}
		return
	}
	c, err := config.Parse("helogate.toml", []byte(b.Text), daemon.Known(nil))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.Text, "list(") || len(c.Lists)+len(c.Policy.BadHeloFiles) > 0 {
		return // the files are the reader's
	}
	if _, err := policy.Build(c); err != nil {
		t.Fatal(err)
	}
}

func readZone(t *testing.T, b docpage.Block) {
	if _, err := helogate.NewZone(b.Text); err != nil {
		t.Fatal(err)
	}
}

func readList(t *testing.T, b docpage.Block) {
	if _, _, err := list.Read("list", strings.NewReader(b.Text)); err != nil {
		t.Fatal(err)
	}
}

var keyRE = regexp.MustCompile(`"([a-z0-9_]+)":`)

// readJSON reads JSON in which "…" stands for what is left out: it is valid, and has no key that the description of the
// HTTP interface does not have.
func readJSON(t *testing.T, b docpage.Block) {
	text := strings.NewReplacer(",…,", ",", "{…}", "{}", "[…]", "[]", ",…", "").Replace(b.Text)
	for doc := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if !json.Valid([]byte(doc)) {
			t.Errorf("this is not JSON:\n%s", doc)
		}
	}
	api, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keyRE.FindAllStringSubmatch(text, -1) {
		if !regexp.MustCompile(`(?m)[\s{]` + key[1] + `:`).Match(api) {
			t.Errorf("openapi.yaml does not have the key %s", key[1])
		}
	}
}

func parseShell(t *testing.T, b docpage.Block) {
	needs(t, "sh")
	cmd := exec.Command("sh", "-n")
	cmd.Stdin = strings.NewReader(b.Text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Error(failing(err, out))
	}
}

var assigned = regexp.MustCompile(`(?m)^([a-z]\w*)(?:, err)? :=`)

// compile compiles Go: a file, declarations, or statements.
func compile(t *testing.T, b docpage.Block) {
	text := b.Text
	if !strings.HasPrefix(text, "package ") {
		imports := ""
		for name, path := range map[string]string{
			"helogate": "github.com/helogate/helogate", "check": "github.com/helogate/helogate/check", "dns": "github.com/helogate/helogate/dns",
			"context": "context", "net": "net", "netip": "net/netip", "time": "time", "strings": "strings", "fmt": "fmt", "io": "io", "log": "log",
		} {
			if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(text) {
				imports += "import \"" + path + "\"\n"
			}
		}
		uses := "_ = err\n"
		for _, m := range assigned.FindAllStringSubmatch(text, -1) {
			uses += "_ = " + m[1] + "\n"
		}
		text = "package shown\n" + imports + "func _() {\n" + text + uses + "}\n"
	}
	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "shown.go"), filepath.Join(dir, "overlay.json")
	in, err := filepath.Abs("testdata/shown/shown.go")
	if err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{in: file}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{file: text, overlay: string(replace)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, "-o", os.DevNull, "./testdata/shown").CombinedOutput(); err != nil {
		t.Error(failing(err, out))
	}
}
