package legacy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/testcheck"
)

func TestCSA(t *testing.T) {
	dns := `
		_client._smtp.mx.good.example    SRV 1 2 0 mx.good.example
		mx.good.example                  A 192.0.2.1
		mx.good.example                  AAAA 2001:db8::1
		_client._smtp.pool.example       SRV 1 2 0 mx.good.example
		_client._smtp.pool.example       SRV 1 2 0 out.pool.example
		_client._smtp.pool.example       SRV 1 1 0 .
		out.pool.example                 A 192.0.2.2
		_client._smtp.www.good.example   SRV 1 1 0 .
		_client._smtp.zero.good.example  SRV 1 0 0 mx.good.example
		_client._smtp.roam.good.example  SRV 1 3 0 .
		_client._smtp.mixed.good.example SRV 1 3 0 .
		_client._smtp.mixed.good.example SRV 1 2 0 mx.good.example
		_client._smtp.odd.good.example   SRV 1 4 0 mx.good.example
		_client._smtp.new.good.example   SRV 2 1 0 mx.good.example
		_client._smtp.dot.good.example   SRV 1 2 0 .
		_client._smtp.gone.good.example  SRV 1 2 0 nowhere.example
		_client._smtp.strict.example     SRV 1 1 1 .
		_client._smtp.mail.strict.example SRV 1 2 0 mx.good.example
		_client._smtp.mild.example       SRV 1 1 2 .
		_client._smtp.deep.mild.example  SRV 1 1 3 .
		_client._smtp.later.example      SRV 2 1 1 .
		_client._smtp.co.uk              SRV 1 1 1 .
		_client._smtp.example            SRV 1 1 1 .
		_client._smtp.down.example       SRV tempfail
		_client._smtp.half.example       SRV 1 2 0 down.half.example
		down.half.example                A tempfail

		_client._smtp.7.2.0.192.in-addr.arpa SRV 1 2 0 seven.example
		seven.example                    A 192.0.2.7
		_client._smtp.100.51.198.in-addr.arpa SRV 1 1 1 .
		_client._smtp.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa SRV 1 1 1 .`
	many := ""
	for i := range 12 {
		many += fmt.Sprintf("\n_client._smtp.many.example SRV 1 2 %d mx%d.many.example\nmx%d.many.example A 192.0.2.%d", i, i, i, 50+i)
	}
	testcheck.Zone(t, CSA, dns+many,
		"192.0.2.1 mx.good.example", "pass: mx.good.example may send from 192.0.2.1 by CSA",
		"192.0.2.1 MX.Good.Example.", "pass: mx.good.example may send from 192.0.2.1 by CSA",
		"2001:db8::1 mx.good.example", "pass: mx.good.example may send from 2001:db8::1 by CSA",
		"192.0.2.9 mx.good.example", "fail: mx.good.example may not send from 192.0.2.9 by CSA",
		"192.0.2.1 pool.example", "pass: pool.example may send from 192.0.2.1 by CSA",
		"192.0.2.2 pool.example", "pass: pool.example may send from 192.0.2.2 by CSA",
		"192.0.2.3 pool.example", "fail: pool.example may not send from 192.0.2.3 by CSA",
		"192.0.2.1 www.good.example", "fail: www.good.example may not send by CSA",
		"192.0.2.1 zero.good.example", "fail: zero.good.example may not send by CSA",
		"192.0.2.1 dot.good.example", "fail: dot.good.example may not send from 192.0.2.1 by CSA",
		"192.0.2.1 gone.good.example", "fail: gone.good.example may not send from 192.0.2.1 by CSA",
		"192.0.2.1 roam.good.example", "neutral: roam.good.example may send by CSA, which does not say from where",
		"192.0.2.1 mixed.good.example", "pass: mixed.good.example may send from 192.0.2.1 by CSA",
		"192.0.2.2 mixed.good.example", "neutral: mixed.good.example may send by CSA, which does not say from where",
		"192.0.2.1 odd.good.example", "neutral: odd.good.example has a CSA record that says nothing known",
		"192.0.2.1 new.good.example", "neutral: new.good.example has a CSA record that says nothing known",
		"192.0.2.50 many.example", "pass: many.example may send from 192.0.2.50 by CSA",
		"192.0.2.59 many.example", "neutral: many.example has more CSA records than are followed",
		"192.0.2.99 many.example", "neutral: many.example has more CSA records than are followed",

		// the domains above
		"192.0.2.1 mail.strict.example", "pass: mail.strict.example may send from 192.0.2.1 by CSA",
		"192.0.2.1 pc.strict.example", "fail: pc.strict.example has no CSA record, and by that of strict.example must have one",
		"192.0.2.1 a.b.c.d.e.f.g.strict.example", "fail: a.b.c.d.e.f.g.strict.example has no CSA record, and by that of strict.example must have one",
		"192.0.2.1 pc.mild.example", "neutral: the CSA record of mild.example says nothing of pc.mild.example",
		"192.0.2.1 pc.deep.mild.example", "fail: pc.deep.mild.example has no CSA record, and by that of deep.mild.example must have one",
		"192.0.2.1 pc.later.example", "none: pc.later.example has no CSA record",
		"192.0.2.1 other.example", "none: other.example has no CSA record",
		"192.0.2.1 shop.co.uk", "none: shop.co.uk has no CSA record",

		// addresses
		"192.0.2.7 [192.0.2.7]", "pass: 7.2.0.192.in-addr.arpa may send from 192.0.2.7 by CSA",
		"192.0.2.7 192.0.2.7", "pass: 7.2.0.192.in-addr.arpa may send from 192.0.2.7 by CSA",
		"192.0.2.8 [192.0.2.7]", "fail: 7.2.0.192.in-addr.arpa may not send from 192.0.2.8 by CSA",
		"198.51.100.8 [198.51.100.8]", "fail: 8.100.51.198.in-addr.arpa has no CSA record, and by that of 100.51.198.in-addr.arpa must have one",
		"203.0.113.8 [203.0.113.8]", "none: 8.113.0.203.in-addr.arpa has no CSA record",
		"2001:db8::1 [IPv6:2001:db8:0:1::1]", "fail: 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa has no CSA record, and by that of 0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa must have one",

		// HELO arguments that CSA does not cover
		"192.0.2.1 -", "none: HELO is neither a name nor an address that CSA covers",
		"192.0.2.1 pc", "none: HELO is neither a name nor an address that CSA covers",
		"192.0.2.1 pc.corp.local", "none: HELO is neither a name nor an address that CSA covers",
		"192.0.2.1 a\x00b.example", "none: HELO is neither a name nor an address that CSA covers",
		"192.0.2.1 a..strict.example", "none: HELO is neither a name nor an address that CSA covers",
		"192.0.2.1 1.2.3", "none: HELO is neither a name nor an address that CSA covers",
		"192.0.2.1 [x:y]", "none: HELO is neither a name nor an address that CSA covers",
		"10.0.0.1 mx.good.example", "none: 10.0.0.1 is a private address: DNS says nothing of it",

		"192.0.2.1 down.example", "temperror: SRV of _client._smtp.down.example: the zone says so",
		"192.0.2.1 mx.down.example", "temperror: SRV of _client._smtp.down.example: the zone says so",
		"192.0.2.1 half.example", "temperror: A of down.half.example: the zone says so")
}

// A target of the root has no addresses (RFC 2782), and the root's servers are not asked for any.
func TestCSAOfTheRoot(t *testing.T) {
	p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: CSA})
	if err != nil {
		t.Fatal(err)
	}
	v := p.Judge(t.Context(), testcheck.Facts("192.0.2.1 mx.example.org"), helogate.MustZone("_client._smtp.mx.example.org SRV 1 2 0 ."))
	if len(v.Asked) != 1 {
		t.Errorf("asked %v", v.Asked)
	}
}

// A host with its own records causes no other questions. Of the domains above, at most five are asked, from the top.
func TestCSAParents(t *testing.T) {
	for name, want := range map[string]string{
		"a.b.c.d.e.f.g.shop.co.uk": "shop.co.uk g.shop.co.uk f.g.shop.co.uk e.f.g.shop.co.uk d.e.f.g.shop.co.uk",
		"mx.example.org":           "example.org",
		"example.org":              "",
		"co.uk":                    "",
		"[192.0.2.1]":              "192.in-addr.arpa 0.192.in-addr.arpa 2.0.192.in-addr.arpa",
		"[IPv6:2001:db8::1]":       "1.0.0.2.ip6.arpa 8.b.d.0.1.0.0.2.ip6.arpa 0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
	} {
		p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: CSA})
		if err != nil {
			t.Fatal(err)
		}
		v := p.Judge(t.Context(), testcheck.Facts("192.0.2.1 "+name), helogate.MustZone(""))
		var got []string
		for _, qa := range v.Asked[1:] {
			got = append(got, strings.TrimPrefix(qa.Name, "_client._smtp."))
		}
		if !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
}
