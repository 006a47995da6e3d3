package rule

import (
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// configured is what lists, greylist and patience are in a service that has all of them.
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

// TestFamilies: a rule names one list, or all of a family, and runs where all of what it names is known.
func TestFamilies(t *testing.T) {
	c := familyCompiler(t)
	for _, tt := range []struct{ when, needs, cost, reads string }{
		{`checks["dnsbl:bl"] == "fail"`, "connect", "lookup", "dnsbl:bl"},
		{`checks["dnsbl:from.bl.example"] == "fail"`, "mail", "lookup", "dnsbl:from.bl.example"},
		{`checks["dnsbl"] == "fail"`, "mail", "lookup", "dnsbl"},
		{`checks.dnsbl == "fail"`, "mail", "lookup", "dnsbl"},
		{`checks["dnswl"] == "pass"`, "connect", "lookup", "dnswl"},
		{`checks["rhsbl"] == "fail"`, "mail", "lookup", "rhsbl"}, // there is none, and the check that says so is called as the family
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

// TestFamilyErrors: what is no list, and what no rule can wait for, is told with what to write.
func TestFamilyErrors(t *testing.T) {
	c := familyCompiler(t)
	for when, want := range map[string]string{
		`checks["dnsbl:bk"] == "fail"`:        `there is no check "dnsbl:bk" in the policy; did you mean "dnsbl:bl"?`,
		`checks["bl"] == "fail"`:              `there is no check "bl" in the policy`,
		`checks["dnsbl"] == "listed"`:         `checks["dnsbl"] is never "listed"`,
		`checks["greylist"] == "pass"`:        `greylist is heard after all rules, when it has come to a greylisting: it has found nothing yet`,
		`checks.greylist != "fail"`:           `greylist is heard after all rules, when it has come to a greylisting: it has found nothing yet`,
		`checks["patience"] == "pass"`:        `patience is heard after all rules, when it has come to a deferral: it has found nothing yet`,
		`checks["greylst"] == "pass"`:         `there is no check "greylst" in the policy`, // nothing is proposed that is refused
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
	// Where nobody answers for a greylist, it is a check that finds nothing, as any other.
	plain := compiler(t)
	if _, err := plain.Compile("r", `checks["greylist"] == "fail"`, "", helogate.Effect{Action: helogate.Reject}); err != nil {
		t.Error(err)
	}
}

// TestFamilyFound: what a rule makes of lists. Of one that is down nothing follows, unless the rule speaks of it.
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

		// A dead blocklist does not stop the mail, whichever way the rule reads it.
		{`checks["dnsbl"] == "fail"`, "reject", "192.0.2.3 mx a@example.org", "none: dnsbl is not known now"},
		{`checks["dnsbl"] != "fail"`, "reject", "192.0.2.3 mx a@example.org", "none: dnsbl is not known now"},
		{`checks["dnsbl"] != "fail"`, "greylist", "192.0.2.3 mx a@example.org", "none: dnsbl is not known now"},
		{`checks["dnsbl"] == "fail"`, "score 2", "192.0.2.3 mx a@example.org", "none: dnsbl is not known now"},
		{`checks["dnsbl"] == "fail"`, "reject", "192.0.2.3 mx a@sender.example", "fail: r"}, // another lists the sender
		{`checks["dnsbl"] == "fail"`, "reject", "192.0.2.1 mx a@down.example", "fail: r"},
		{`checks["dnsbl"] == "fail" || ptr.status == "nodata"`, "reject", "192.0.2.3 mx a@example.org", "none: dnsbl is not known now"},
		// Who might be let in is not rejected for it.
		{`checks["dnswl"] == "pass"`, "accept", "192.0.2.5 mx a@example.org", "temperror: dnswl is not known now"},
		{`checks["dnsbl"] != "fail"`, "score -1", "192.0.2.3 mx a@example.org", "temperror: dnsbl is not known now"},
		// A rule may speak of it; still no failure of DNS is a rejection.
		{`checks["dnsbl"] == "temperror"`, "greylist", "192.0.2.3 mx a@example.org", "fail: r"},
		{`checks["dnsbl"] == "temperror"`, "reject", "192.0.2.3 mx a@example.org", "temperror: dnsbl is not known now"},
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
