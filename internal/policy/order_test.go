package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// someLists are two blocklists and an allow-list.
const someLists = `
[[dnsbl]]
zone  = "bl.example"
codes = "127.0.0.2"
[[dnsbl]]
zone  = "bl.example"
name  = "second"
codes = "127.0.0.3"
[[dnswl]]
zone  = "wl.example"
codes = "127.0.0.2"
`

// someRules are one that asks nobody, one that asks DNS, and one that weighs the score.
const someRules = `
[[rule]]
name = "plain"
when = 'helo.text == "x"'
then = "reject"
[[rule]]
name = "asks"
when = 'checks["fcrdns"] == "fail"'
then = "reject"
[[rule]]
name = "weighs"
when = 'score >= 3'
then = "reject"
`

// orderOf is the order of a policy's lines from the first on that does not only let in, as far as the words go.
func orderOf(t *testing.T, order string, words ...string) string {
	t.Helper()
	p := build(t, "mode = \"enforce\"\npolicy.preset = \"balanced\"\npolicy.order = "+order+"\n[policy.checks]\ncallout = \"reject\"\n"+someLists+someRules, "")
	var out []string
	for _, l := range p.Lines() {
		if slices.Contains(words, l.Check.Name) {
			out = append(out, l.Check.Name)
		}
	}
	return strings.Join(out, " ")
}

// TestOrder: what is named comes first, behind what lets in; the rest follows as it was.
func TestOrder(t *testing.T) {
	all := []string{"abuse", "plain", "asks", "weighs", "helo-missing", "fqdn", "fcrdns", "dnsbl:bl.example", "dnsbl:second", "dnswl:wl.example", "spf-helo", "spf-from", "callout", "greylist"}
	for order, want := range map[string]string{
		`[]`:                              "abuse plain asks helo-missing fqdn fcrdns dnsbl:bl.example dnsbl:second dnswl:wl.example spf-helo spf-from callout greylist weighs",
		`["rules", "dnsbl", "spf"]`:       "abuse plain asks dnsbl:bl.example dnsbl:second spf-helo spf-from helo-missing fqdn fcrdns dnswl:wl.example callout greylist weighs",
		`["spf", "dnsbl", "rules"]`:       "abuse spf-helo spf-from dnsbl:bl.example dnsbl:second plain asks helo-missing fqdn fcrdns dnswl:wl.example callout greylist weighs",
		`["fqdn", "spf-from", "callout"]`: "abuse fqdn spf-from callout plain asks helo-missing fcrdns dnsbl:bl.example dnsbl:second dnswl:wl.example spf-helo greylist weighs",
		`["dnswl", "rhsbl"]`:              "abuse dnswl:wl.example plain asks helo-missing fqdn fcrdns dnsbl:bl.example dnsbl:second spf-helo spf-from callout greylist weighs",
	} {
		if got := orderOf(t, order, all...); got != want {
			t.Errorf("%s:\n got %s\nwant %s", order, got, want)
		}
	}
	everything := build(t, "policy.order = [\"spf\", \"dnsbl\", \"rules\"]\n"+someLists+someRules, "").Lines()
	if plain := build(t, someLists+someRules, "").Lines(); len(everything) != len(plain) {
		t.Errorf("%d lines in an order, %d without", len(everything), len(plain))
	}
}

// TestOrderDecides: of several that refuse, the client reads of the one that is named first.
func TestOrderDecides(t *testing.T) {
	zone := helogate.MustZone(`
		1.2.0.192.bl.example A   127.0.0.2
		mx.example.org       TXT v=spf1 -all`)
	f := factsOf("192.0.2.1", "mx.example.org")
	for order, want := range map[string]string{
		`["dnsbl", "spf"]`: "dnsbl:bl.example", `["spf", "dnsbl"]`: "spf-helo", `["rules", "spf-from"]`: "asks rule",
	} {
		p := build(t, "mode = \"enforce\"\npolicy.preset = \"balanced\"\npolicy.order = "+order+`
[policy.checks]
spf-helo = "reject"
[[rule]]
name = "asks rule"
when = 'ptr.status != "ok"'
then = "reject"
`+someLists, "")
		if v := p.Judge(t.Context(), f, zone); v.Action != helogate.Reject || v.By != want {
			t.Errorf("%s: %s by %s, want %s", order, v.Action, v.By, want)
		}
	}
}

// TestOrderErrors: what cannot be chosen is refused at its place, with the reason.
func TestOrderErrors(t *testing.T) {
	for _, c := range []struct{ order, rest, want string }{
		{`["rules", "exempt"]`, "", `2:19: policy.order[1]: exempt accepts, and checks that accept are always evaluated first: remove it from the order`},
		{`["trusted"]`, "", `2:10: policy.order[0]: trusted accepts, and checks that accept are always evaluated first: remove it from the order`},
		{`["greylist"]`, "", `2:10: policy.order[0]: greylist is always evaluated last, before a client is greylisted: remove it from the order`},
		{`["patience"]`, "", `2:10: policy.order[0]: patience is always evaluated last, before a client is deferred: remove it from the order`},
		{`["spf", "fqdn"]`, "", `2:17: policy.order[1]: fqdn cannot come after spf: an expensive check (lookup) is evaluated only while no cheaper one (local) decides; swap them`},
		{`["callout", "dnsbl"]`, someLists, `2:21: policy.order[1]: dnsbl cannot come after callout: an expensive check (probe) is evaluated only while no cheaper one (lookup) decides; swap them`},
		{`["fqdn", "dnsbl", "helo-missing"]`, someLists, `2:27: policy.order[2]: helo-missing cannot come after dnsbl: an expensive check (lookup) is evaluated only while no cheaper one (local) decides; swap them`},
		{`["spf", "rules"]`, "[[rule]]\nname = \"plain\"\nwhen = 'helo.text == \"x\"'\nthen = \"reject\"\n",
			`2:17: policy.order[1]: rules cannot come after spf: an expensive check (lookup) is evaluated only while no cheaper one (local) decides; swap them`},
	} {
		_, err := Build(parse(t, "[policy]\norder = "+c.order+"\n[[listen]]\nprotocol = \"postfix\"\naddress = \"127.0.0.1:1\"\n"+c.rest))
		if err == nil {
			t.Errorf("%s: no error", c.order)
			continue
		}
		if first, _, _ := strings.Cut(err.Error(), "\n"); first != "helogate.toml:"+c.want || strings.Count(err.Error(), "policy.order") != 1 {
			t.Errorf("%s:\n%v\nwant %s", c.order, err, c.want)
		}
	}
	// Rules of which some are as cheap as what stands before, or dear enough, can have any place that one of them can.
	for _, order := range []string{`["spf", "rules"]`, `["rules", "spf"]`, `["rules"]`, `["dnsbl", "rhsbl", "rules", "callout"]`} {
		build(t, "policy.order = "+order+"\n"+someRules, "")
	}
	build(t, `policy.order = ["spf", "rules", "fcrdns"]`, "") // of no rules
}

// TestOrderOfPairs: any two checks stand in the order that loads, behind what lets in.
func TestOrderOfPairs(t *testing.T) {
	names := check.Names()
	judging := names[slices.Index(names, firstJudging):]
	for _, a := range judging {
		for _, b := range []string{"fqdn", "fcrdns", "spf-from", "callout"} {
			if a == b {
				continue
			}
			p, err := Build(parse(t, "policy.preset = \"hardline\"\npolicy.order = [\""+a+"\", \""+b+"\"]"))
			if err != nil {
				continue // dearer before cheaper, or of a turn
			}
			lines := p.General.Default.Lines()
			at := func(name string) int {
				return slices.IndexFunc(lines, func(l helogate.Line) bool { return l.Check.Name == name })
			}
			if i, j := at(a), at(b); i >= 0 && j >= 0 && (i > j || at("abuse") > i) {
				t.Errorf("%s, %s: at %d and %d, behind abuse at %d", a, b, i, j, at("abuse"))
			}
		}
	}
}

// TestFirstJudging: all before the first check that judges only let in, in every preset, and none behind it but by
// vouching.
func TestFirstJudging(t *testing.T) {
	for _, preset := range check.Presets {
		lines, _, err := check.Lines(preset, check.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		judges := false
		for _, l := range lines {
			judges = judges || l.Check.Name == firstJudging
			if accepts := l.On[helogate.Pass].Action == helogate.Accept; accepts == judges {
				t.Errorf("%s: %s accepts: %v", preset, l.Check.Name, accepts)
			}
		}
		if !judges {
			t.Errorf("%s has no line %s", preset, firstJudging)
		}
	}
}
