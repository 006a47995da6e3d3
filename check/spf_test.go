package check

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helogate/helogate"
)

const spfZone = `
	mx.example.org   TXT v=spf1 a -all
	mx.example.org   A 192.0.2.1
	example.org      TXT some other text
	example.org      TXT v=spf1 mx ip4:198.51.100.0/24 ~ip4:203.0.113.1 ?ip4:203.0.113.2 ip6:2001:db8::/32 -all exp=why.example.org
	example.org      MX 10 mx.example.org
	why.example.org  TXT %{i} does not send for %{o}, \"ask\" \226\128\174 %{l}
	moved.example    TXT v=spf1 redirect=example.org
	open.example     TXT v=spf1 ip4:192.0.2.1
	soft.example     TXT v=spf1 ~all
	wrong.example    TXT v=spf1 a:museum -all
	down.example     TXT tempfail
	half.example     TXT v=spf1 a -all
	half.example     A tempfail
	quiet.example    TXT no policy
	words.example    TXT v=spf1 -all exp=words.why.example
	words.why.example TXT ` + "See http://words.example/why " + `
	xn--bcher-kva.example TXT v=spf1 -all
	users.example    TXT v=spf1 exists:%{l}._users.%{d} -all
	jane._users.users.example A 127.0.0.2`

func TestSPFHelo(t *testing.T) {
	zone(t, SPFHelo, spfZone,
		"192.0.2.1 mx.example.org", "pass: SPF of HELO name mx.example.org permits 192.0.2.1 (a of mx.example.org)",
		"192.0.2.1 MX.Example.ORG.", "pass: SPF of HELO name mx.example.org permits 192.0.2.1 (a of mx.example.org)",
		"192.0.2.9 mx.example.org a@quiet.example", "fail: SPF of HELO name mx.example.org does not permit 192.0.2.9 (-all of mx.example.org)",
		"192.0.2.9 soft.example", "softfail: SPF of HELO name soft.example probably does not permit 192.0.2.9 (~all of soft.example)",
		"192.0.2.9 open.example", "neutral: SPF of HELO name open.example says nothing about 192.0.2.9 (no term of open.example matches)",
		"192.0.2.9 quiet.example", "none: quiet.example has no SPF record",
		"192.0.2.9 gone.example", "none: gone.example does not exist",
		"192.0.2.9 down.example", "temperror: TXT of down.example: the zone says so",
		"192.0.2.9 wrong.example", "permerror: SPF of HELO name wrong.example has an error: in the record of wrong.example, a:museum: the domain does not end in a top-level domain",
		"192.0.2.9 [192.0.2.9]", "none: HELO [192.0.2.9] is an address",
		"192.0.2.9 pc", "none: pc is no domain",
		"192.0.2.9 pc.corp.local", "none: HELO pc.corp.local is a private name",
		"192.0.2.9 a..b", "none: HELO has no name to judge",
		"10.0.0.1 mx.example.org", "none: 10.0.0.1 is a private address: DNS says nothing of it",
	)
}

func TestSPFFrom(t *testing.T) {
	zone(t, SPFFrom, spfZone,
		"192.0.2.1 x jane@example.org", "pass: SPF of example.org permits 192.0.2.1 (mx of example.org)",
		"2001:db8::1 x jane@example.org", "pass: SPF of example.org permits 2001:db8::1 (ip6:2001:db8::/32 of example.org)",
		"192.0.2.9 x jane@Example.Org", "fail: SPF of example.org does not permit 192.0.2.9 (-all of example.org)",
		"192.0.2.9 x jane@moved.example", "fail: SPF of moved.example does not permit 192.0.2.9 (-all of example.org)",
		"203.0.113.1 x jane@example.org", "softfail: SPF of example.org probably does not permit 203.0.113.1 (~ip4:203.0.113.1 of example.org)",
		"203.0.113.2 x jane@example.org", "neutral: SPF of example.org says nothing about 203.0.113.2 (?ip4:203.0.113.2 of example.org)",
		"192.0.2.9 x jane@half.example", "temperror: A of half.example: the zone says so",
		"192.0.2.9 x jane@wrong.example", "permerror: SPF of wrong.example has an error: in the record of wrong.example, a:museum: the domain does not end in a top-level domain",
		"192.0.2.9 x jane@quiet.example", "none: quiet.example has no SPF record",
		"192.0.2.9 x jane@bücher.example", "fail: SPF of xn--bcher-kva.example does not permit 192.0.2.9 (-all of xn--bcher-kva.example)",
		"192.0.2.9 x jane@users.example", "pass: SPF of users.example permits 192.0.2.9 (exists:%{l}._users.%{d} of users.example)",
		"192.0.2.9 x jäne@users.example", "fail: SPF of users.example does not permit 192.0.2.9 (-all of users.example)", // RFC 8616 section 4
		"192.0.2.9 x @relay.example:jane@example.org", "fail: SPF of example.org does not permit 192.0.2.9 (-all of example.org)",
		"192.0.2.9 x jane@[192.0.2.9]", "none: the sender has no domain",
		"192.0.2.9 x nobody", "none: the sender has no domain",
		"10.0.0.1 x jane@example.org", "none: 10.0.0.1 is a private address: DNS says nothing of it",
		// RFC 7208 section 2.4: the null sender is postmaster at HELO.
		"192.0.2.1 mx.example.org -", "pass: SPF of HELO name mx.example.org permits 192.0.2.1 (a of mx.example.org)",
		"192.0.2.9 mx.example.org -", "fail: SPF of HELO name mx.example.org does not permit 192.0.2.9 (-all of mx.example.org)",
		"192.0.2.9 [192.0.2.9] -", "none: HELO [192.0.2.9] is an address",
		"192.0.2.9 pc -", "none: pc is no domain",
	)
}

// spfPolicy is spf-from alone.
func spfPolicy(t *testing.T, on map[helogate.Outcome]helogate.Effect) *helogate.Policy {
	t.Helper()
	p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: SPFFrom, On: on})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Who is refused reads the domain's own words, made harmless, and nobody else has them asked for.
func TestSPFExplains(t *testing.T) {
	z := helogate.MustZone(spfZone)
	reject := map[helogate.Outcome]helogate.Effect{helogate.Fail: {Action: helogate.Reject}, helogate.PermError: {Action: helogate.Reject}}
	shadow := map[helogate.Outcome]helogate.Effect{helogate.Fail: {Action: helogate.Reject, DryRun: true}}
	const fix = "; send through the domain's own mail servers, or add this address to its SPF record"
	for _, c := range []struct {
		facts string
		on    map[helogate.Outcome]helogate.Effect
		want  string
	}{
		{"192.0.2.9 x jane@words.example", reject, "550 5.7.23 SPF of words.example does not permit 192.0.2.9 (-all of words.example); words.example says: See http://words.example/why" + fix},
		{"192.0.2.9 x jane@words.example", shadow, ""},
		{"192.0.2.9 x jane@words.example", nil, ""},
		// An explanation is printable ASCII, or is none. What the client said in it may be anything.
		{"192.0.2.9 x jane@moved.example", reject, "550 5.7.23 SPF of moved.example does not permit 192.0.2.9 (-all of example.org)" + fix},
		{"192.0.2.9 x jane@wrong.example", reject, "550 5.7.24 SPF of wrong.example has an error: in the record of wrong.example, a:museum: the domain does not end in a top-level domain"},
	} {
		v := spfPolicy(t, c.on).Judge(t.Context(), facts(c.facts), z)
		got := v.Reply.String()
		if v.Reply.Code == 0 {
			got = ""
		} else {
			got = strings.TrimSuffix(got, " ["+v.ID+"]")
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.facts, got, c.want)
		}
		for _, qa := range v.Asked {
			if qa.Name == "words.why.example" && c.want == "" {
				t.Errorf("%s: the explanation is asked for, and nobody reads it", c.facts)
			}
		}
	}
	long := helogate.MustZone("a.example TXT v=spf1 -all exp=why.example\nwhy.example TXT %{l}" + strings.Repeat("x", 500))
	f := facts("192.0.2.9 x")
	f.Sender = "\x1b[2J\r\n@a.example"
	v := spfPolicy(t, reject).Judge(t.Context(), f, long)
	if want := `a.example says: \x1b[2J\x0d\x0a` + strings.Repeat("x", 10); !strings.Contains(v.Reply.Text, want) || len(v.Reply.Text) > 490 {
		t.Errorf("%s", v.Reply)
	}
}

// Each question is in the evidence, and a replay of that is the same verdict. Ten mail hosts cost no more round trips
// than one.
func TestSPFEvidence(t *testing.T) {
	var b strings.Builder
	for i := range 10 {
		fmt.Fprintf(&b, "example.org MX after=1s %d mx%d.example.org\nmx%d.example.org A after=1s 198.51.100.%d\n", i, i, i, i)
	}
	b.WriteString("example.org TXT after=1s v=spf1 mx include:_spf.example.net -all exp=why.example\n_spf.example.net TXT after=1s v=spf1 ip4:203.0.113.1 -all\nwhy.example TXT after=1s no")
	p := spfPolicy(t, map[helogate.Outcome]helogate.Effect{helogate.Fail: {Action: helogate.Reject}})
	synctest.Test(t, func(t *testing.T) {
		f, began := facts("192.0.2.9 x jane@example.org"), time.Now()
		v := p.Judge(context.Background(), f, helogate.MustZone(b.String()))
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("%s: TXT, MX, A should be three round trips", took)
		}
		if v.Findings[0].Outcome != helogate.Fail || len(v.Asked) != 1+1+10+1+1 {
			t.Errorf("%s, asked %d", v.Findings[0], len(v.Asked))
		}
		again := p.Judge(context.Background(), f, v.Asked)
		if again.ID != v.ID || again.Findings[0] != v.Findings[0] || again.Reply != v.Reply {
			t.Errorf("%s\nagain %s", v.Reply, again.Reply)
		}
	})
}
