package interop

import (
	"fmt"
	"strings"
	"testing"
)

// Behind a proxy that announces its client, helogate judges the original client: with the PROXY protocol, as with
// XCLIENT.
func TestProxyProtocol(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	d := l.serve(t, enforce("rfc", l.dns.resolver), at(l.postfix.policy))
	for _, c := range []struct{ proxy, client, helo, want string }{
		{"PROXY TCP4 192.0.2.25 127.0.0.1 40001 25", "192.0.2.25", "mail.example.com", passes},
		{"PROXY TCP4 192.0.2.60 127.0.0.1 40002 25", "192.0.2.60", "lone.example.com", "550 5.7.25 <bob@example.net>: Recipient address rejected: 192.0.2.60 has no PTR record; ..."},
		{"PROXY TCP6 2001:db8::25 ::1 40003 25", "2001:db8::25", "mail.example.com", passes},
		{"PROXY TCP6 2001:db8::60 ::1 40004 25", "2001:db8::60", "six.example.com", "550 5.7.25 <bob@example.net>: Recipient address rejected: 2001:db8::60 has no PTR record; ..."},
	} {
		if got := l.postfix.services["proxied"].proxied(c.proxy, "EHLO "+c.helo, "MAIL FROM:<jane@example.com>", "RCPT TO:<bob@example.net>"); !fits(got, c.want) {
			t.Errorf("%s: %s\nnot %s", c.proxy, got, c.want)
		}
		d.waitFor("msg=verdict", "client="+c.client+" ", "helo="+c.helo)
	}
	if strings.Contains(d.out.String(), "client=127.0.0.1") {
		t.Error("the proxy was judged")
	}
}

// proxied is a dialogue through a proxy that announces a client; of the replies the last counts.
func (s *service) proxied(announcement string, lines ...string) string {
	c, err := call(s.SMTP)
	if err != nil {
		return fmt.Sprintf("(%v)", err)
	}
	defer c.close()
	reply := ""
	for _, line := range append([]string{announcement}, lines...) { // the banner comes after the announcement
		if reply, err = c.say(line); err != nil {
			return fmt.Sprintf("(%v)", err)
		}
	}
	return reply
}
