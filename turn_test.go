package helogate_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/helogate/helogate"
)

// retries is a check in the greylist's turn: it finds what GREYLIST of a name says, which is that of the client, if
// there is one.
func retries() Check {
	return Check{Name: "retries", Cost: Probe, Phase: OnGreylist, Needs: Rcpt, FailOpen: true, Run: func(c *Case) Finding {
		who := "nobody"
		if names := c.Ask(PTR, c.ClientText()).Values; len(names) > 0 {
			who = names[0]
		}
		v := c.Values(Greylisted, who)
		if len(v) == 0 {
			return c.Fail("%s is new", who).After(90 * time.Second)
		}
		return Finding{Outcome: outcomeOf(v[0]), Why: who + " says " + v[0]}
	}}
}

// tires is a check in the turn of patience.
func tires() Check {
	return Check{Name: "tires", Cost: Probe, Phase: OnDefer, Needs: Mail, FailOpen: true, Run: func(c *Case) Finding {
		if v := c.Values(Deferred, "x"); len(v) > 0 {
			return Finding{Outcome: outcomeOf(v[0]), Why: "x says " + v[0]}
		}
		return c.Neutral("x is new")
	}}
}

// What is heard only when it has come to a greylisting or a deferral: a line a case, as in TestOrderTiersAndSuspicion.
// "p" asks another mail server.
func TestTurns(t *testing.T) {
	at := Thresholds{GreylistAt: 2, RejectAt: 5}
	retry := []string{"retries fail=note"}
	for _, c := range []struct {
		name, zone string
		lines      []string
		want       string
	}{
		{"who is new waits", "", append(retry, "fail-a fail=greylist"), "greylist fail-a 0-0: retries fail-a"},
		{"by score too", "", append(retry, "fail-a fail=score 2"), "greylist score 2-2: retries fail-a"},
		{"who has come again passes", "* GREYLIST pass", append(retry, "fail-a fail=greylist"), "continue  0-0: retries fail-a"},
		{"and keeps its points", "* GREYLIST pass", append(retry, "fail-a fail=score 3"), "continue  3-3: retries fail-a"},
		{"nobody waits for a store that is down", "* GREYLIST tempfail", append(retry, "fail-a fail=score 2"), "continue  2-2: retries fail-a"},
		{"whoever is not suspect is not asked about", "", append(retry, "fail-a fail=score 1"), "continue  1-1: fail-a"},
		{"nor who is rejected", "", append(retry, "fail-a fail=greylist", "fail-b fail=reject"), "reject fail-b 0-0: fail-a fail-b"},
		{"nor who is deferred", "", append(retry, "fail-a fail=greylist", "fail-b fail=defer"), "defer fail-b 0-0: fail-a fail-b"},
		{"nor who is let in", "", append(retry, "pass-a pass=accept", "fail-b fail=greylist"), "accept pass-a 0-0: pass-a"},
		{"off is off", "", []string{"retries fail=ignore", "fail-a fail=score 2"}, "continue  2-2: fail-a"},
		{"everybody waits", "", []string{"retries fail=greylist", "pass-a fail=reject"}, "greylist retries 0-0: retries pass-a"},
		{"or would", "", []string{"retries fail=would greylist", "pass-a fail=reject"}, "continue  0-0: retries pass-a would greylist retries []"},
		{"and passes", "* GREYLIST pass", []string{"retries fail=greylist", "pass-a fail=reject"}, "continue  0-0: retries pass-a"},
		{"a greylisting on trial", "", append(retry, "fail-a fail=would greylist"), "continue  0-0: retries fail-a would greylist fail-a []"},
		{"a voucher takes off first", "", append(retry, "fail-a fail=score 2", "pass-b pass=score -1"), "continue  1-1: fail-a pass-b"},

		{"nobody else is asked about who has to come again", "p TXT fail", append(retry, "fail-a fail=greylist", "p fail=reject"), "greylist fail-a 0-0: retries fail-a"},
		{"nor about who is deferred", "p TXT fail\na TXT tempfail", append(retry, "a fail=reject", "p fail=reject"), "defer a 0-0: a"},
		{"but about who came again", "p TXT fail\n* GREYLIST pass", append(retry, "fail-a fail=greylist", "p fail=reject"), "reject p 0-0: retries fail-a p"},
		{"and that may greylist, too", "p TXT fail", append(retry, "p fail=greylist"), "greylist p 0-0: retries p"},
		{"who came again need not twice", "p TXT fail\n* GREYLIST pass", append(retry, "fail-a fail=greylist", "p fail=greylist"), "continue  0-0: retries fail-a p"},

		{"patience is asked about", "a TXT tempfail", []string{"tires fail=note", "a fail=reject"}, "defer a 0-0: tires a"},
		{"and ends", "a TXT tempfail\n* DEFERRED pass", []string{"tires fail=note", "a fail=reject"}, "continue  0-0: tires a"},
		{"of points, too", "a TXT tempfail\n* DEFERRED pass", []string{"tires fail=note", "a fail=score 5"}, "continue  0-0: tires a"},
		{"and leaves what is known", "a TXT tempfail\n* DEFERRED pass", []string{"tires fail=note", "a fail=score 5", "fail-b fail=score 2"}, "greylist score 2-2: tires a fail-b"},
		{"a store that is down ends nothing", "a TXT tempfail\n* DEFERRED tempfail", []string{"tires fail=note", "a fail=reject"}, "defer a 0-0: tires a"},
		{"it is not ours to end what the policy defers", "* DEFERRED pass", []string{"tires fail=note", "fail-a fail=defer"}, "defer fail-a 0-0: fail-a"},
		{"nor with a failure before it", "a TXT tempfail\n* DEFERRED pass", []string{"tires fail=note", "a fail=reject", "fail-b fail=defer"}, "defer fail-b 0-0: a fail-b"},
		{"a reject that waits for who may let in goes on waiting", "a TXT tempfail\n* DEFERRED pass", []string{"tires fail=note", "a pass=accept", "fail-b fail=reject"}, "defer fail-b 0-0: a fail-b"},
		{"and for who may vouch", "a TXT tempfail\n* DEFERRED pass", []string{"tires fail=note", "a pass=score -1", "fail-b fail=score 5"}, "defer score 4-5: a fail-b"},
		{"off", "a TXT tempfail\n* DEFERRED pass", []string{"tires pass=ignore", "a fail=reject"}, "defer a 0-0: a"},
		{"then the greylist is heard", "a TXT tempfail\n* DEFERRED pass\n* GREYLIST pass", append(retry, "tires fail=note", "a fail=score 5", "fail-b fail=greylist"),
			"continue  0-0: retries tires a fail-b"},
	} {
		var lines []Line
		for _, l := range c.lines {
			name, actions, _ := strings.Cut(l, " ")
			check := says(name, Lookup)
			switch {
			case name == "retries":
				check = retries()
			case name == "tires":
				check = tires()
			case name == "p":
				check = says(name, Probe)
			case strings.Contains(name, "-"):
				check = says(name, Local)
			}
			lines = append(lines, Line{Check: check, On: on(actions)})
		}
		v := policy(t, at, lines...).Judge(t.Context(), client("198.51.100.1 mx.example.org - a@example.net"), MustZone(c.zone))
		got := fmt.Sprintf("%s %s %d-%d:", v.Action, v.By, v.Score, v.MaxScore)
		for _, f := range v.Findings {
			got += " " + f.Check
		}
		if v.DryRun != v.Decision {
			got += fmt.Sprintf(" would %s %s %v", v.DryRun.Action, v.DryRun.By, v.Would)
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// Before its stage a turn leaves things as they are: whoever is to be greylisted will be at RCPT.
func TestTurnNeedsItsStage(t *testing.T) {
	p := policy(t, Thresholds{}, Line{Check: retries(), On: on("fail=note")}, Line{Check: saysNow("fail-a"), On: on("fail=greylist")})
	f := client("198.51.100.1")
	f.Stage = Mail
	ask := &counter{Asker: MustZone("* GREYLIST pass")}
	if v := p.Judge(t.Context(), f, ask); v.Action != Greylist || len(ask.counts()) > 0 {
		t.Errorf("%s, asked %v", v.Action, ask.counts())
	}
}

// The reply of a greylisting says when to come again, and not what speaks against the client.
func TestReplyOfAGreylisting(t *testing.T) {
	p := policy(t, Thresholds{}, Line{Check: retries(), On: on("fail=note")}, Line{Check: saysNow("fail-a"), On: on("fail=greylist")})
	f := client("198.51.100.1 mx.example.org - a@example.net")
	judge := func() string {
		v := p.Judge(t.Context(), f, MustZone(""))
		return strings.ReplaceAll(v.Reply.String(), v.ID, "ID")
	}
	if got, want := judge(), "451 4.7.1 Greylisted, please try again in 2 minutes; retry=00:01:30 [ID]"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	p.Texts = map[string]string{TextGreylist: "later: {retry}"}
	if got, want := judge(), "451 4.7.1 later: 00:01:30 [ID]"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// What leaves a trace is asked when all before it is known, once, and by the name that it has then.
func TestTracesAreLeftOnce(t *testing.T) {
	p := policy(t, Thresholds{},
		Line{Check: retries(), On: on("fail=note")},
		Line{Check: says("a", Lookup), On: on("fail=greylist")},
		Line{Check: says("b", Lookup), On: on("fail=reject")})
	ask := &counter{Asker: MustZone("198.51.100.1 PTR after=1ms mx.example.org\na TXT fail\nb TXT after=2ms pass")}
	v := p.Judge(context.Background(), client("198.51.100.1 mx.example.org - a@example.net"), ask)
	asked := ask.counts()
	if n := asked[Question{Greylisted, "mx.example.org"}]; n != 1 || asked[Question{Greylisted, "nobody"}] > 0 || v.Action != Greylist {
		t.Errorf("%s; asked %v", v.Action, asked)
	}
}

// Of a family, rules and replies go by the name that its members share.
func TestFamily(t *testing.T) {
	one := func(name string) Check { c := says(name, Lookup); c.Family = "list"; return c }
	for zone, want := range map[string]string{
		"list:a TXT fail\nlist:b TXT pass":     "fail",
		"list:a TXT none\nlist:b TXT pass":     "pass",
		"list:a TXT tempfail\nlist:b TXT none": "temperror",
		"list:a TXT tempfail\nlist:b TXT fail": "fail",
		"":                                     "none",
	} {
		var got Outcome
		reader := Check{Name: "r", Cost: Lookup, Run: func(c *Case) Finding { got = c.OutcomeOf("list"); return c.None("") }}
		p := policy(t, Thresholds{}, Line{Check: reader}, Line{Check: one("list:a"), On: on("fail=reject")}, Line{Check: one("list:b")})
		p.Texts = map[string]string{"list": "listed"}
		v := p.Judge(t.Context(), client("198.51.100.1"), MustZone(zone))
		if got.String() != want {
			t.Errorf("%q: %s, want %s", zone, got, want)
		}
		if v.Action == Reject && !strings.HasPrefix(v.Reply.Text, "listed") {
			t.Errorf("%q: %s", zone, v.Reply)
		}
	}
}
