package interop

import "testing"

// In shadow mode, the default, mail flows as if helogate were not there, and its log says what it would have done.
func TestShadow(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	d := l.serve(t, resolveAt(l.dns.resolver), at(l.postfix.policy))
	d.waitFor("listening", "mode=shadow", "preset=balanced")
	for _, c := range []struct{ client, helo, would, by string }{
		{"192.0.2.199", "yq3H9cDKgS", "reject", "fqdn"},
		{"192.0.2.25", "[192.0.2.9]", "reject", "forged-literal"},
		{"203.0.113.99", "203-0-113-99.dsl.provider.example", "reject", "score"},
		{"203.0.113.40", "nowhere.example.com", "defer", "score"},
	} {
		if got := l.postfix.services["main"].rcpt(c.client, c.helo); got != "250 2.1.5 Ok" {
			t.Errorf("%s %s: %s", c.client, c.helo, got)
		}
		d.waitFor("msg=verdict", "client="+c.client, "stage=rcpt", "action=continue", "would="+c.would, "would_by="+c.by)
	}
	if got := l.postfix.services["main"].rcpt("192.0.2.25", "mail.example.com"); got != "250 2.1.5 Ok" {
		t.Error(got)
	}
	d.waitFor("msg=verdict", "helo=mail.example.com", "action=continue", "score=0")
	if hasLine(d.out.String(), "helo=mail.example.com", "would") {
		t.Error("something would have been done with the good mail server")
	}
}
