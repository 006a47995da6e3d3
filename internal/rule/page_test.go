package rule

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/list"
	"github.com/pelletier/go-toml/v2"
)

const page = "../../docs/rules.md"

var (
	blockRE = regexp.MustCompile("(?s)```([a-z]*)\n(.*?)```")
	rowRE   = regexp.MustCompile("(?m)^\\| `([a-z.]+)(?:\\[\"fcrdns\"\\])?` \\| [^|]* \\| ([^|]*) \\| ([^|]*) \\|$")
	codeRE  = regexp.MustCompile("`[^`]*`")
)

// The table of names has all that is declared, with the stage and the cost of each.
func TestPageNames(t *testing.T) {
	text := readPage(t)
	rows := []string{}
	for _, row := range rowRE.FindAllStringSubmatch(text, -1) {
		rows = append(rows, row[1])
		n := byName[row[1]]
		if n == nil {
			if row[1] != checks {
				t.Errorf("%s is in the table, and not declared", row[1])
			}
			continue
		}
		asks := map[helogate.Cost]string{helogate.Local: "nothing", helogate.Lookup: "DNS"}[n.cost]
		if row[2] != n.needs.String() || row[3] != asks {
			t.Errorf("%s is known from %s and asks %s; the page says %s and %s", n.text, n.needs, asks, row[2], row[3])
		}
		for _, w := range n.words {
			if w != "" && !strings.Contains(text, `"`+w+`"`) {
				t.Errorf("the page does not say that %s can be %q", n.text, w)
			}
		}
	}
	for _, n := range allNames() {
		if !slices.Contains(rows, n) {
			t.Errorf("%s is not in the table", n)
		}
	}
	declared := 0
	for _, v := range compiler(t).env.Variables() {
		if name := v.Name(); !strings.HasPrefix(name, checks+".") && byName[name] != nil {
			declared++
		}
	}
	if declared != len(names) {
		t.Errorf("%d names are declared, %d are known", declared, len(names))
	}
}

func TestPageFunctions(t *testing.T) {
	code := strings.Join(codeRE.FindAllString(blockRE.ReplaceAllString(readPage(t), ""), -1), " ")
	for _, fn := range append(compiler(t).functions(), macros...) {
		if !regexp.MustCompile(`(^|[^a-zA-Z.])` + regexp.QuoteMeta(fn) + `\b|\.` + regexp.QuoteMeta(fn) + `\(`).MatchString(code) {
			t.Errorf("the page does not name %s", fn)
		}
	}
}

// Every example of the page compiles, and the error that it shows is the real one.
func TestPageExamples(t *testing.T) {
	c := compiler(t)
	text := readPage(t)
	c.lists["unwelcome"] = c.lists["relays"]
	compiled := 0
	for _, block := range blockRE.FindAllStringSubmatch(text, -1) {
		var conf struct {
			Rule []struct{ Name, When, Then, Note string }
		}
		if block[1] != "toml" {
			continue
		}
		if err := toml.Unmarshal([]byte(block[2]), &conf); err != nil {
			t.Fatalf("%v in\n%s", err, block[2])
		}
		for _, r := range conf.Rule {
			compiled++
			do, err := helogate.ParseEffect(r.Then)
			if err != nil {
				t.Error(err)
			}
			if _, err := c.Compile(r.Name, r.When, r.Note, do); err != nil {
				t.Errorf("%s: %v", r.When, err)
			}
		}
	}
	if compiled < 9 {
		t.Errorf("%d examples", compiled)
	}
	_, err := c.Compile("r", `client == "192.0.2.1"`, "", helogate.Effect{Action: helogate.Reject})
	if err == nil || !strings.Contains(text, "\n"+err.Error()+"\n") {
		t.Errorf("the page does not show the message %v", err)
	}
}

// The page has the limits of the code.
func TestPageLimits(t *testing.T) {
	text := strings.Join(strings.Fields(readPage(t)), " ")
	for _, want := range []string{
		fmt.Sprintf("at most %d KiB, brackets nest at most %d deep", MaxSize>>10, maxDepth),
		fmt.Sprintf("more than %d,000,000 units is refused", MaxCost/1_000_000),
		fmt.Sprintf("At most %d bytes are allocated for a unit, so a rule takes no more than %d MB while it runs, and %d MiB for",
			octetsPerUnit, octetsPerUnit*MaxCost/1_000_000, maxFacts>>20),
		fmt.Sprintf("has at most %d elements, unless all are constant", maxMade),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// The list file of the page can be read.
func TestPageList(t *testing.T) {
	for _, block := range blockRE.FindAllStringSubmatch(readPage(t), -1) {
		if !strings.HasPrefix(block[2], "192.0.2.1 ") {
			continue
		}
		l, _, err := list.Read("page", strings.NewReader(block[2]))
		if err != nil || l.Len() != 6 {
			t.Error(err)
		}
		return
	}
	t.Error("there is none")
}

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
