package check

import "testing"

func TestSenderMX(t *testing.T) {
	zone(t, SenderMX, `
		good.example     MX 10 alias.good.example
		good.example     MX 20 mx.good.example
		alias.good.example CNAME mx.good.example
		mx.good.example  A 192.0.2.1
		v6.example       MX 10 mx.v6.example
		mx.v6.example    AAAA 2001:db8::1
		bad.example      MX 10 alias.bad.example
		bad.example      MX 20 gone.bad.example
		bad.example      MX 30 inner.bad.example
		alias.bad.example CNAME mx.good.example
		inner.bad.example A 10.0.0.1
		inner.bad.example AAAA fd00::1
		slow.example     MX 10 mx.slow.example
		mx.slow.example  A tempfail
		own.example      A 192.0.2.7
		inner.example    A 192.168.0.1
		down.example     MX tempfail`,
		"192.0.2.1 x a@good.example", "pass: mx.good.example can accept mail for good.example",
		"192.0.2.1 x a@v6.example", "pass: mx.v6.example can accept mail for v6.example",
		"192.0.2.1 x a@bad.example", "fail: no mail host of the sender's domain bad.example can accept mail: alias.bad.example is an alias of mx.good.example, gone.bad.example does not resolve, inner.bad.example has only the private addresses 10.0.0.1, fd00::1",
		"192.0.2.1 x a@slow.example", "temperror: A of mx.slow.example: the zone says so",
		"192.0.2.1 x a@down.example", "temperror: MX of down.example: the zone says so",
		"192.0.2.1 x a@own.example", "pass: own.example can accept mail for own.example",
		"192.0.2.1 x a@inner.example", "fail: no mail host of the sender's domain inner.example can accept mail: inner.example has only the private addresses 192.168.0.1",
		"192.0.2.1 x a@gone.example", "none: gone.example has no mail host",
		"192.0.2.1 x", "none: the sender has no domain")
}
