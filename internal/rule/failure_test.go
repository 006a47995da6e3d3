package rule

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"pgregory.net/rapid"
)

// A rule handles the failure of the lookup whose state it compares with the word for a failure, and of no other.
func TestExcused(t *testing.T) {
	for when, want := range map[string]string{
		`ptr.names.size() == 0`:                                                                    "",
		`checks["fcrdns"] == "fail"`:                                                               "",
		`ptr.status == "nxdomain"`:                                                                 "",
		`ptr.status == "tempfail"`:                                                                 "ptr.status",
		`"tempfail" != ptr.status`:                                                                 "ptr.status",
		`ptr.status in ["nxdomain", "tempfail"]`:                                                   "ptr.status",
		`checks["fcrdns"] == "temperror"`:                                                          "checks.fcrdns",
		`checks.fcrdns != "temperror"`:                                                             "checks.fcrdns",
		`!(checks["fcrdns"] in ["temperror"])`:                                                     "checks.fcrdns",
		`checks["fcrdns"] == "pass" && checks["rdns"] != "temperror"`:                              "checks.rdns",
		`checks["fcrdns"] == "temperror" && ptr.status == "tempfail"`:                              "checks.fcrdns ptr.status",
		`(server.port == 25 ? checks["fcrdns"] : checks["rdns"]) == "temperror"`:                   "checks.fcrdns checks.rdns",
		`(server.port == 25 ? checks["fcrdns"] : helo.text) == "temperror"`:                        "checks.fcrdns",
		`checks["fcrdns"] == (server.port == 25 ? "temperror" : "fail")`:                           "checks.fcrdns",
		`checks["fcrdns"] in (server.port == 25 ? ["temperror"] : ["fail"])`:                       "checks.fcrdns",
		`checks["fcrdns"] in [server.port == 25 ? "temperror" : "fail"]`:                           "checks.fcrdns",
		`ptr.names.exists(n, checks["fcrdns"] == "temperror" && n == helo.name)`:                   "checks.fcrdns",
		`helo.text == "temperror" && checks["fcrdns"] == "pass"`:                                   "",
		`helo.text in ["tempfail", "temperror"] && ptr.names == []`:                                "",
		`["temperror"].exists(w, w == helo.text) && checks["fcrdns"] == "pass"`:                    "",
		`"temperror".size() == server.port && checks["fcrdns"] == "pass"`:                          "",
		`checks["fcrdns"] + "x" == "temperror"`:                                                    "",
		`checks["fcrdns"] == "fail" && "temperror" in ptr.names`:                                   "",
		`(checks["fcrdns"] == "pass" ? "temperror" : "tempfail") == helo.text`:                     "",
		`checks["fcrdns"] == checks["rdns"] && ptr.status + "temperror" == helo.text + "tempfail"`: "",
	} {
		r := mustCompile(t, when, "note")
		if got := strings.Join(slices.Sorted(maps.Keys(r.handled)), " "); got != want {
			t.Errorf("%s handles %q, want %q", when, got, want)
		}
	}
}

// A rule that handles one failure is a temperror after another one, and a rule that accepts turns a rejection into a
// deferral then. The HELO name is one that own-identity rejects without a lookup.
func TestFailureOfAnother(t *testing.T) {
	lines, _, err := check.Lines("balanced", check.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ when, client, want string }{
		{`checks["fcrdns"] == "pass"`, "192.0.2.3", "temperror, defer"},
		{`checks["fcrdns"] == "pass" && checks["helo-resolves"] != "temperror"`, "192.0.2.3", "temperror, defer"},
		{`ptr.confirmed.size() > 0 && checks["helo-resolves"] != "temperror"`, "192.0.2.3", "temperror, defer"},
		{`ptr.confirmed == ["x.example.org"] && ptr.status != "tempfail"`, "192.0.2.4", "temperror, defer"}, // an A fails
		{`ptr.names == ["x.example.org"] && ptr.status != "tempfail"`, "192.0.2.3", "none, reject"},
		{`ptr.status != "tempfail" && ptr.confirmed == ["x.example.org"]`, "192.0.2.3", "none, reject"},
		{`ptr.status == "tempfail"`, "192.0.2.3", "pass, accept"},
		{`checks["fcrdns"] == "pass" && helo.text != "temperror"`, "192.0.2.3", "temperror, defer"},
		{`ptr.status == "ok" && helo.text != "tempfail"`, "192.0.2.3", "temperror, defer"},
	} {
		r := mustCompile(t, tt.when, "accept")
		for _, all := range []bool{false, true} {
			p, err := helogate.NewPolicy(helogate.Thresholds{}, append(slices.Clone(lines), helogate.Line{Check: r.Check, On: r.On})...)
			if err != nil {
				t.Fatal(err)
			}
			p.RunAll = all
			v := p.Judge(context.Background(), facts(tt.client+" localhost"), helogate.MustZone(zoneText))
			got := "not run"
			for _, found := range v.Findings {
				if found.Check == "r" {
					got = found.Outcome.String()
				}
			}
			if got = fmt.Sprintf("%s, %s", got, v.Action); got != tt.want {
				t.Errorf("%s, all lines %v: %s, want %s", tt.when, all, got, tt.want)
			}
		}
	}
}

// speaking are atoms that handle failures, or seem to.
var speaking = []string{
	`ptr.status == "tempfail"`, `ptr.status in ["tempfail", "nxdomain"]`, `ptr.status != "tempfail"`, `checks["fcrdns"] == "temperror"`,
	`checks["rdns"] in ["temperror", "fail"]`, `checks["helo-matches"] != "temperror"`, `helo.text == "temperror"`, `sender != "tempfail"`,
}

// The failure of a lookup turns the outcome of a rule into temperror and nothing else, unless the rule handles the
// failure of that lookup. That it handles another failure changes nothing.
func TestFailureExcusesNoOther(t *testing.T) {
	whole := helogate.MustZone(regexp.MustCompile(`(?m)^.* tempfail$`).ReplaceAllString(zoneText, ""))
	c := compiler(t)
	turned, excused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		when := drawRule(rt, slices.Concat(speaking, atoms))
		do, _ := helogate.ParseEffect(rapid.SampledFrom(actions).Draw(rt, "action"))
		r, err := c.Compile("r", when, "", do)
		if err != nil {
			rt.Skip(err) // a rule of two equal atoms may always be true
		}
		f := drawFacts(rt)
		was, v := judge(t, r, f, whole)
		fails := map[helogate.Question]bool{}
		for _, qa := range v.Asked {
			if rapid.Bool().Draw(rt, "fails") {
				fails[qa.Question] = true
			}
		}
		is, v := judge(t, r, f, failing{whole, fails})
		if is.Outcome == was.Outcome || is.Outcome == helogate.TempError {
			if is.Outcome != was.Outcome {
				turned++
			}
			return
		}
		spokenOf := r.handled[ptrStatus] && fails[helogate.Question{Kind: helogate.PTR, Name: f.Client.String()}]
		for _, found := range v.Findings {
			spokenOf = spokenOf || r.handled[checkVariable(found.Check)] && found.Outcome == helogate.TempError
		}
		if !spokenOf {
			rt.Fatalf("%s: %s became %s as %v failed, and it handles %v", when, was, is, fails, r.handled)
		}
		excused++
	})
	if turned == 0 || excused == 0 {
		t.Errorf("%d rules became temperrors, %d handled the failure: nothing was tested", turned, excused)
	}
}
