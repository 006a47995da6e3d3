package check

import (
	"testing"

	"github.com/helogate/helogate"
)

func TestSenderDomain(t *testing.T) {
	const dns = `
		mx.example     MX 10 mail.mx.example
		v4.example     A 192.0.2.1
		v6.example     AAAA 2001:db8::1
		null.example   MX 0 .
		null.example   A 192.0.2.1
		txt.example    TXT hello
		down.example   MX tempfail
		half.example   MX tempfail
		half.example   A 192.0.2.1
		xn--caf-dma.example A 192.0.2.1`
	zone(t, SenderDomain, dns,
		"192.0.2.1 x a@mx.example", "pass: mx.example accepts mail",
		"192.0.2.1 x a@V4.example.", "pass: v4.example accepts mail",
		"192.0.2.1 x a@v6.example", "pass: v6.example accepts mail",
		"192.0.2.1 x a@caf\u00e9.example", "pass: xn--caf-dma.example accepts mail",
		`192.0.2.1 x "a@b"@mx.example`, "pass: mx.example accepts mail",
		"192.0.2.1 x a@null.example", "fail: the sender's domain null.example accepts no mail (null MX)",
		"192.0.2.1 x a@gone.example", "fail: the sender's domain gone.example does not exist",
		"192.0.2.1 x a@txt.example", "fail: the sender's domain txt.example has no MX, A or AAAA record",
		"192.0.2.1 x a@down.example", "temperror: MX of down.example: the zone says so",
		"192.0.2.1 x a@half.example", "temperror: MX of half.example: the zone says so", // it may be a null MX
		"192.0.2.1 x", "none: the sender has no domain",
		"192.0.2.1 x a@[192.0.2.1]", "none: the sender has no domain",
		"192.0.2.1 x a", "none: the sender has no domain")
	null := SenderDomain.Judge(facts("192.0.2.1 x a@null.example"), helogate.MustZone(dns))
	if null.Code != "5.7.27" {
		t.Errorf("a null MX is answered with %q", null.Code)
	}
}
