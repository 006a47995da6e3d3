package rule

import (
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// configured are the settings of a service with lists, greylist and patience.
func configured(t testing.TB) check.Settings {
	t.Helper()
	codes, err := check.ParseCodes([]string{"127.0.0.2"})
	if err != nil {
		t.Fatal(err)
	}
	return check.Settings{
		Lists: []check.List{
			{Family: check.DNSBL, Name: "bl", Zone: "bl.example", Codes: codes},
			{Family: check.DNSBL, Zone: "from.bl.example", Codes: codes, Ask: []check.Asked{check.AskSender}},
			{Family: check.DNSWL, Zone: "wl.example", Codes: codes},
		},
		Greylist: check.Greylisting{On: true}, Patience: time.Hour,
	}
}

func familyCompiler(t testing.TB) *Compiler {
	t.Helper()
	c, err := New(Env{Checks: check.All(configured(t))})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A rule names one list, or a family, and runs where all that it names is known.
func TestFamilies(t *testing.T) {
	c := familyCompiler(t)
	for _, tt := range []struct{ when, needs, cost, reads string }{
		{`checks["dnsbl:bl"] == "fail"`, "connect", "lookup", "dnsbl:bl"},
		{`checks["dnsbl:from.bl.example"] == "fail"`, "mail", "lookup", "dnsbl:from.bl.example"},
		{`checks["dnsbl"] == "fail"`, "mail", "lookup", "dnsbl"},
		{`checks.dnsbl == "fail"`, "mail", "lookup", "dnsbl"},
		{`checks["dnswl"] == "pass"`, "connect", "lookup", "dnswl"},
		{`checks["rhsbl"] == "fail"`, "mail", "lookup", "rhsbl"}, // there is no list, and the check that says so has the name of the family
		{`checks["dnsbl"] in ["fail", "none"] && checks["dnswl:wl.example"] != "pass"`, "mail", "lookup", "dnsbl dnswl:wl.example"},
		{`checks["callout"] == "fail"`, "rcpt", "probe", "callout"},
	} {
		r, err := c.Compile("r", tt.when, "", helogate.Effect{Action: helogate.Note})
		if err != nil {
			t.Errorf("%s: %v", tt.when, err)
			continue
		}
		if got := r.Check; got.Needs.String() != tt.needs || got.Cost.String() != tt.cost || strings.Join(r.Reads, " ") != tt.reads {
			t.Errorf("%s: from %s, %s, reads %v", tt.when, got.Needs, got.Cost, r.Reads)
		}
	}
}

// The error about an unknown list, or a check that runs after all rules, says what to write.
func TestFamilyErrors(t *testing.T) {
	c := familyCompiler(t)
	for when, want := range map[string]string{
		`checks["dnsbl:bk"] == "fail"`:        `there is no check "dnsbl:bk" in the policy; did you mean "dnsbl:bl"?`,
		`checks["bl"] == "fail"`:              `there is no check "bl" in the policy`,
		`checks["dnsbl"] == "listed"`:         `checks["dnsbl"] is never "listed"`,
		`checks["greylist"] == "pass"`:        `greylist is evaluated after all rules, when the verdict is to greylist: no rule can read its outcome`,
		`checks.greylist != "fail"`:           `greylist is evaluated after all rules, when the verdict is to greylist: no rule can read its outcome`,
		`checks["patience"] == "pass"`:        `patience is evaluated after all rules, when the verdict is to defer: no rule can read its outcome`,
		`checks["greylst"] == "pass"`:         `there is no check "greylst" in the policy`, // no suggestion would be refused
		`checks["dnsbl:from"] == "fail"`:      `there is no check "dnsbl:from" in the policy`,
		`checks["from.bl.example"] == "fail"`: `there is no check "from.bl.example" in the policy`,
	} {
		_, err := c.Compile("r", when, "", helogate.Effect{Action: helogate.Reject})
		if err == nil {
			t.Errorf("%s is compiled", when)
		} else if got := err.(Errors); len(got) != 1 || !strings.HasPrefix(got[0].Msg, want) || strings.Contains(got[0].Msg, `"greylist"`) {
			t.Errorf("%s: %v, want %s", when, err, want)
		}
	}
	// Without a store, greylist is a check with the outcome none, as any other.
	plain := compiler(t)
	if _, err := plain.Compile("r", `checks["greylist"] == "fail"`, "", helogate.Effect{Action: helogate.Reject}); err != nil {
		t.Error(err)
	}
}

// What a rule makes of lists. A list that is down has no effect, unless the rule handles its failure.
func TestFamilyFound(t *testing.T) {
	s := configured(t)
	lines, _, err := check.Lines("lenient", s) // which ignores all of them: they run for the rule
	if err != nil {
		t.Fatal(err)
	}
	zone := helogate.MustZone(`
		1.2.0.192.bl.example           A 127.0.0.2
		sender.example.from.bl.example A 127.0.0.2
		3.2.0.192.bl.example           A tempfail
		down.example.from.bl.example   A tempfail
		4.2.0.192.wl.example           A 127.0.0.2
		5.2.0.192.wl.example           A tempfail`)
	for _, tt := range []struct{ when, then, facts, want string }{
		{`checks["dnsbl"] == "fail"`, "reject", "192.0.2.1 mx a@example.org", "fail: r"},
		{`checks["dnsbl"] == "fail"`, "reject", "192.0.2.2 mx a@sender.example", "fail: r"},
		{`checks["dnsbl"] == "fail"`, "reject", "192.0.2.2 mx a@example.org", "none: no match"},
		{`checks["dnsbl:bl"] == "fail"`, "reject", "192.0.2.2 mx a@sender.example", "none: no match"},
		{`checks["dnswl"] == "pass"`, "accept", "192.0.2.4 mx a@example.org", "pass: r"},
		{`checks["dnswl"] == "pass"`, "accept", "192.0.2.1 mx a@example.org", "none: no match"},
		{`checks["rhsbl"] == "none"`, "note", "192.0.2.1 mx a@example.org", "neutral: r"},

		// A dead blocklist does not stop mail, whichever way the rule reads it.
		{`checks["dnsbl"] == "fail"`, "reject", "192.0.2.3 mx a@example.org", "none: the outcome of dnsbl is not known: a lookup failed"},
		{`checks["dnsbl"] != "fail"`, "reject", "192.0.2.3 mx a@example.org", "none: the outcome of dnsbl is not known: a lookup failed"},
		{`checks["dnsbl"] != "fail"`, "greylist", "192.0.2.3 mx a@example.org", "none: the outcome of dnsbl is not known: a lookup failed"},
		{`checks["dnsbl"] == "fail"`, "score 2", "192.0.2.3 mx a@example.org", "none: the outcome of dnsbl is not known: a lookup failed"},
		{`checks["dnsbl"] == "fail"`, "reject", "192.0.2.3 mx a@sender.example", "fail: r"}, // another lists the sender
		{`checks["dnsbl"] == "fail"`, "reject", "192.0.2.1 mx a@down.example", "fail: r"},
		{`checks["dnsbl"] == "fail" || ptr.status == "nodata"`, "reject", "192.0.2.3 mx a@example.org", "none: the outcome of dnsbl is not known: a lookup failed"},
		// A client that might be accepted is not rejected for it.
		{`checks["dnswl"] == "pass"`, "accept", "192.0.2.5 mx a@example.org", "temperror: the outcome of dnswl is not known: a lookup failed"},
		{`checks["dnsbl"] != "fail"`, "score -1", "192.0.2.3 mx a@example.org", "temperror: the outcome of dnsbl is not known: a lookup failed"},
		// A rule may handle the failure; still no DNS failure is a rejection.
		{`checks["dnsbl"] == "temperror"`, "greylist", "192.0.2.3 mx a@example.org", "fail: r"},
		{`checks["dnsbl"] == "temperror"`, "reject", "192.0.2.3 mx a@example.org", "temperror: the outcome of dnsbl is not known: a lookup failed"},
	} {
		r, err := familyCompiler(t).Compile("r", tt.when, "", mustAction(t, tt.then))
		if err != nil {
			t.Fatalf("%s: %v", tt.when, err)
		}
		p, err := helogate.NewPolicy(helogate.Thresholds{}, append(lines[:len(lines):len(lines)], helogate.Line{Check: r.Check, On: r.On})...)
		if err != nil {
			t.Fatal(err)
		}
		p.RunAll = true
		found := "nothing"
		for _, f := range p.Judge(t.Context(), facts(tt.facts), zone).Findings {
			if f.Check == "r" {
				found = f.String()
			}
		}
		if found != tt.want {
			t.Errorf("%s, %s of %s: %s, want %s", tt.when, tt.then, tt.facts, found, tt.want)
		}
	}
}

func mustAction(t testing.TB, s string) helogate.Effect {
	t.Helper()
	a, err := helogate.ParseEffect(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
