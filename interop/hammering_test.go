package interop

import (
	"strings"
	"testing"
)

// A client that was rejected three times is answered from the state, without a DNS query, and has a line in the log a
// minute. Exempt clients are still accepted.
func TestHammering(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	config := enforce("balanced", l.dns.resolver) + `
hammering = { tries = 3, within = "1m" }
policy.checks.hammering = "reject"
`
	d := l.prepare(t, "", at(l.postfix.policy))
	// An exemption by name is asked about before anybody is rejected.
	d.always = strings.Replace(d.always, "[[exempt]]\nname = \".friend.example\"", "", 1)
	d.write(config)
	d.start(l)
	main := l.postfix.services["main"]
	bot := attempt{"203.0.113.99", "203-0-113-99.dsl.provider.example", "jane@example.com", "bob@example.net"}
	const rejected = "550 5.7.1 <bob@example.net>: Recipient address rejected: Rejected, your server does not look like a mail server: ..."
	const hammers = "550 5.7.1 <bob@example.net>: Recipient address rejected: 203.0.113.99 had "
	for range 3 {
		main.see(t, "a rejection", bot, rejected)
	}
	asked := d.status().DNS.Questions
	if asked == 0 {
		t.Error("nothing was asked before, so this is no test")
	}
	main.see(t, "the fourth", bot, hammers+"3 rejections since ...")
	other := bot
	other.helo, other.from = "mail.jane.example", "jane@jane.example"
	main.see(t, "with another name", other, hammers+"3 rejections since ...")
	for range 5 {
		main.see(t, "and again", bot, hammers+"...")
	}
	if now := d.status().DNS.Questions; now != asked {
		t.Errorf("%d questions were asked about a hammering client", now-asked)
	}
	d.waitFor("msg=verdict", "client=203.0.113.99", "action=reject", "by=hammering", "203.0.113.99 had 3 rejections since ")
	if n := strings.Count(d.out.String(), "by=hammering"); n != 1 {
		t.Errorf("the log has %d lines about it", n)
	}

	main.see(t, "a neighbour", jane, waits)
	other.client, other.helo = "192.0.2.28", "out.example.com"
	main.see(t, "its own other address, in order", other, passes)
	if got := main.say(bot.client, "EHLO "+bot.helo, "MAIL FROM:<>", "RCPT TO:<postmaster@example.net>"); got != passes {
		t.Errorf("postmaster: %s", got)
	}
	d.run("trust", "add", bot.client, "--for", "30m")
	main.see(t, "trusted", bot, passes)
	d.run("trust", "remove", bot.client)
	main.see(t, "and not", bot, hammers+"...")
	d.reload(config + "[[exempt]]\naddress = \"203.0.113.99\"\n")
	main.see(t, "exempt", bot, passes)
	d.reload(strings.Replace(config, `"reject"`, `"would reject"`, 1))
	main.see(t, "a dry run", bot, rejected)
}
