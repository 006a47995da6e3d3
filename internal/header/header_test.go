package header

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

var everything = Options{
	AuthenticationResults: true, XHelogate: true, XHelo: true, XHeloCheck: true, Name: "mx.example.net",
}

const world = `
	192.0.2.25 PTR mail.example.com
	mail.example.com A 192.0.2.25
	192.0.2.41 PTR mail.example.com
	192.0.2.45 PTR slow.example.com
	slow.example.com A tempfail
	192.0.2.46 PTR tempfail
	2001:db8::25 PTR six.example.com
	six.example.com AAAA 2001:db8::25`

// judged is the verdict on a client by the lines, and by the checks that fields are made of, which are on trial.
func judged(t *testing.T, f helogate.Facts, lines ...helogate.Line) *helogate.Verdict {
	t.Helper()
	for _, c := range []helogate.Check{check.RDNS, check.FCrDNS, check.HeloResolves, check.HeloMatches} {
		action := helogate.Effect{Action: helogate.AddScore, Score: 2, DryRun: true}
		lines = append(lines, helogate.Line{Check: c, On: map[helogate.Outcome]helogate.Effect{helogate.Fail: action}})
	}
	p, err := helogate.NewPolicy(helogate.Thresholds{RejectAt: 4}, lines...)
	if err != nil {
		t.Fatal(err)
	}
	v := p.Judge(t.Context(), f, helogate.MustZone(world))
	v.ID = "0123456789abc"
	return &v
}

func from(client, helo string) helogate.Facts {
	return helogate.Facts{Stage: helogate.Rcpt, Client: netip.MustParseAddr(client), Verb: "EHLO", Helo: helo}
}

func lines(fields []Field) (out []string) {
	for _, f := range fields {
		out = append(out, f.Name+": "+f.Value)
	}
	return out
}

func TestMake(t *testing.T) {
	for _, c := range []struct {
		client, helo string
		want         []string
	}{
		{"192.0.2.25", "mail.example.com", []string{
			"Authentication-Results: mx.example.net; iprev=pass policy.iprev=192.0.2.25",
			"X-Helogate: id=0123456789abc; action=continue; score=0",
			"X-HELO: mail.example.com"}},
		{"192.0.2.41", "mail.example.com", []string{
			`Authentication-Results: mx.example.net; iprev=fail reason="PTR of 192.0.2.41 is mail.example.com, but that name resolves to 192.0.2.25" policy.iprev=192.0.2.41`,
			"X-Helogate: id=0123456789abc; action=continue; score=2; failed=fcrdns",
			"X-HELO: mail.example.com"}},
		{"198.51.100.7", "mail.example.com", []string{
			`Authentication-Results: mx.example.net; iprev=permerror reason="no PTR" policy.iprev=198.51.100.7`,
			"X-Helogate: id=0123456789abc; action=continue; score=4; failed=rdns,helo-matches; would=reject; would_by=score",
			"X-HELO: mail.example.com",
			"X-Helo-Check: HELO [mail.example.com] doesn't match IP [198.51.100.7]"}},
		{"192.0.2.25", "yq3H9cDKgS", []string{
			"Authentication-Results: mx.example.net; iprev=pass policy.iprev=192.0.2.25",
			"X-Helogate: id=0123456789abc; action=continue; score=2; failed=helo-resolves",
			"X-HELO: yq3H9cDKgS",
			"X-Helo-Check: HELO [yq3H9cDKgS] from [192.0.2.25] doesn't solve"}},
		{"192.0.2.45", "mail.example.com", []string{
			"Authentication-Results: mx.example.net; iprev=temperror policy.iprev=192.0.2.45",
			"X-Helogate: id=0123456789abc; action=continue; score=0; max_score=2; unsure=fcrdns",
			"X-HELO: mail.example.com"}},
		{"192.0.2.46", "mail.example.com", []string{
			"Authentication-Results: mx.example.net; iprev=temperror policy.iprev=192.0.2.46",
			"X-Helogate: id=0123456789abc; action=continue; score=0; max_score=4; unsure=rdns,fcrdns; would=defer; would_by=score",
			"X-HELO: mail.example.com"}},
		{"2001:db8::25", "six.example.com", []string{
			`Authentication-Results: mx.example.net; iprev=pass policy.iprev="2001:db8::25"`,
			"X-Helogate: id=0123456789abc; action=continue; score=0",
			"X-HELO: six.example.com"}},
		{"10.0.0.1", "mail.example.com", []string{ // no public address: nothing to say of it
			"Authentication-Results: mx.example.net; none",
			"X-Helogate: id=0123456789abc; action=continue; score=0",
			"X-HELO: mail.example.com"}},
		{"192.0.2.25", " \r\n\x00\xe2\x80\xae a; b ", []string{
			"Authentication-Results: mx.example.net; iprev=pass policy.iprev=192.0.2.25",
			"X-Helogate: id=0123456789abc; action=continue; score=0",
			`X-HELO: \x0d\x0a\x00\xe2\x80\xae a; b`}},
		{"192.0.2.25", "", []string{
			"Authentication-Results: mx.example.net; iprev=pass policy.iprev=192.0.2.25",
			"X-Helogate: id=0123456789abc; action=continue; score=0"}},
	} {
		f := from(c.client, c.helo)
		if diff := cmp.Diff(c.want, lines(Make(&f, judged(t, f), everything))); diff != "" {
			t.Errorf("%s %q:\n%s", c.client, c.helo, diff)
		}
	}
}

// Who is let in before DNS is asked has "none", and one who has logged in has his login.
func TestNotAsked(t *testing.T) {
	accepts := func(c helogate.Check) helogate.Line {
		return helogate.Line{Check: c, On: map[helogate.Outcome]helogate.Effect{helogate.Pass: {Action: helogate.Accept}}}
	}
	for _, c := range []struct{ auth, want string }{
		{"", "none"},
		{"certificate mail.example.com", "none"},
		{"jane", "auth=pass smtp.auth=jane"},
		{"jane@example.net", "auth=pass smtp.auth=jane@example.net"},
		{"j;spf=pass smtp.mailfrom=bank.example", `auth=pass smtp.auth="j?spf?pass?smtp.mailfrom?bank.example"`},
		{`j\`, `auth=pass smtp.auth="j?"`},
		{"a@b@c", `auth=pass smtp.auth="a?b?c"`},
		{"@", `auth=pass smtp.auth="?"`},
		{"jos\xc3\xa9", `auth=pass smtp.auth="jos??"`},
		{strings.Repeat("j", 300), "auth=pass smtp.auth=" + strings.Repeat("j", 125) + "..."},
	} {
		f := from("192.0.2.25", "laptop")
		f.Auth = c.auth
		accept := helogate.Check{Name: "x", Run: func(c *helogate.Case) helogate.Finding { return c.Pass("so be it") }}
		got := Make(&f, judged(t, f, accepts(accept)), Options{AuthenticationResults: true, Name: "mx.example.net"})
		want := []string{"Authentication-Results: mx.example.net; " + c.want}
		if diff := cmp.Diff(want, lines(got)); diff != "" {
			t.Errorf("%q:\n%s", c.auth, diff)
		}
	}
}

func TestSPF(t *testing.T) {
	const pass, fail = helogate.Pass, helogate.SoftFail
	for _, c := range []struct {
		helo, sender string
		found        []helogate.Finding
		want         string
	}{
		{"mail.example.com", "jane@example.com", []helogate.Finding{{Check: "spf-helo", Outcome: pass}, {Check: "spf-from", Outcome: fail}},
			"spf=pass smtp.helo=mail.example.com; spf=softfail smtp.mailfrom=example.com"},
		{"mail.example.com", `"a@b; x=y"@example.com`, []helogate.Finding{{Check: "spf-from", Outcome: pass}}, "spf=pass smtp.mailfrom=example.com"},
		{"mail.example.com", "", []helogate.Finding{{Check: "spf-from", Outcome: pass}}, "spf=pass smtp.helo=mail.example.com"},
		{"mail.example.com", "", []helogate.Finding{{Check: "spf-helo", Outcome: pass}, {Check: "spf-from", Outcome: pass}}, "spf=pass smtp.helo=mail.example.com"},
		{"[192.0.2.1]", "", []helogate.Finding{{Check: "spf-helo", Outcome: helogate.None}}, `spf=none smtp.helo="?192.0.2.1?"`},
		{"", "", []helogate.Finding{{Check: "spf-helo", Outcome: helogate.None}}, `spf=none`},
	} {
		f := from("192.0.2.25", c.helo)
		f.Sender = c.sender
		v := helogate.Verdict{Findings: c.found}
		got := lines(Make(&f, &v, Options{AuthenticationResults: true, Name: "mx.example.net"}))
		if diff := cmp.Diff([]string{"Authentication-Results: mx.example.net; " + c.want}, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestXHelogate(t *testing.T) {
	d := func(action helogate.Action, by string, score int) helogate.Decision {
		return helogate.Decision{Action: action, By: by, Score: score}
	}
	found := func(o helogate.Outcome, names ...string) (out []helogate.Finding) {
		for _, name := range names {
			out = append(out, helogate.Finding{Check: name, Outcome: o})
		}
		return out
	}
	many := make([]string, 100)
	for i := range many {
		many[i] = "a-check"
	}
	for _, c := range []struct {
		v    helogate.Verdict
		want string
	}{
		{helogate.Verdict{Decision: d(helogate.Accept, "exempt", 0), DryRun: d(helogate.Accept, "exempt", 0)},
			"id=x; action=accept; by=exempt; score=0"},
		{helogate.Verdict{Decision: d(helogate.Greylist, "score", 3), DryRun: d(helogate.Greylist, "score", 3), Findings: found(helogate.Fail, "rdns")},
			"id=x; action=greylist; by=score; score=3; failed=rdns"},
		{helogate.Verdict{Decision: d(helogate.Continue, "", 0), DryRun: d(helogate.Defer, "my rule; action=accept", 5)},
			"id=x; action=continue; score=5; would=defer; would_by=my_rule__action_accept"},
		{helogate.Verdict{Decision: d(helogate.Accept, "exempt", 0), DryRun: d(helogate.Continue, "", 0)},
			"id=x; action=accept; by=exempt; score=0; would=continue"},
		{helogate.Verdict{Decision: d(helogate.Continue, "", 0), DryRun: d(helogate.Continue, "", 0), Findings: append(found(helogate.SoftFail, "a,b", "käse"), found(helogate.PermError, "c")...)},
			"id=x; action=continue; score=0; failed=a_b,k_se; unsure=c"},
		{helogate.Verdict{Decision: d(helogate.Continue, "", 0), DryRun: d(helogate.Continue, "", 0), Findings: found(helogate.Fail, many...)},
			"id=x; action=continue; score=0; failed=" + strings.Join(many[:37], ",") + ",..."},
		{helogate.Verdict{Decision: d(helogate.Accept, strings.Repeat("n", 65), 0), DryRun: d(helogate.Accept, strings.Repeat("n", 65), 0)},
			"id=x; action=accept; by=" + strings.Repeat("n", 61) + "...; score=0"},
	} {
		c.v.ID = "x"
		got := Make(&helogate.Facts{}, &c.v, Options{XHelogate: true})
		if diff := cmp.Diff([]string{"X-Helogate: " + c.want}, lines(got)); diff != "" {
			t.Error(diff)
		}
	}
}

// Each field has a switch; a verdict that refuses has none; without a name nobody says anything in
// Authentication-Results.
func TestSwitches(t *testing.T) {
	f := from("198.51.100.7", "mail.example.com")
	v := judged(t, f)
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, ""},
		{Options{Name: "mx.example.net"}, ""},
		{Options{AuthenticationResults: true}, ""},
		{Options{AuthenticationResults: true, Name: "mx.example.net"}, AuthenticationResults},
		{Options{XHelogate: true}, XHelogate},
		{Options{XHelo: true}, XHelo},
		{Options{XHeloCheck: true}, XHeloCheck},
	} {
		names := ""
		for _, field := range Make(&f, v, c.o) {
			names += field.Name
		}
		if names != c.want {
			t.Errorf("%+v: %q", c.o, names)
		}
	}
	for _, do := range []helogate.Action{helogate.Defer, helogate.Reject, helogate.Drop} {
		refused := *v
		refused.Action = do
		if got := Make(&f, &refused, everything); got != nil {
			t.Errorf("%s: %v", do, got)
		}
	}
}

func BenchmarkMake(b *testing.B) {
	f := from("192.0.2.25", "mail.example.com")
	v := helogate.Verdict{ID: "0123456789abc", Findings: []helogate.Finding{{Check: "fcrdns", Outcome: helogate.Pass}}}
	b.ReportAllocs()
	for b.Loop() {
		Make(&f, &v, everything)
	}
}
