package check

import (
	"slices"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/parsed"
)

// Callout fails a sender address that its own mail hosts do not accept. It asks only about senders in the given
// domains: a name, ".example.org" for all names below it, "*" for every domain; with no domains it asks nothing. A pass
// takes nothing off the score: spammers know many addresses that exist.
func Callout(domains []NamePattern) helogate.Check {
	return helogate.Check{
		Name: "callout", Needs: helogate.Rcpt, Cost: helogate.Probe, FailOpen: true, Conclusive: helogate.Fail,
		Code: "5.1.7", // what Postfix has for a sender that cannot be delivered to; RFC 3463 has none of its own
		Doc:  "the mail hosts of the sender's domain accept mail for the sender; the check asks them (RFC 5321 section 4.5.5)",
		Fix:  "use a sender address that exists",
		Run: func(c *helogate.Case) helogate.Finding {
			domain, none, ok := calledOut(c, domains)
			if !ok {
				return none
			}
			name, ok := parsed.CalloutName(c.Sender)
			if !ok {
				return c.None("the sender %s cannot be written in an SMTP command", printed(c.Sender))
			}
			if acceptsAll(c, name) {
				return c.Neutral("%s accepts mail for every address, so nothing is known of %s", printed(domain), printed(name))
			}
			return calloutFinding(c, domain, name)
		},
	}
}

// CalloutPostmaster fails a sender's domain whose mail hosts accept no mail for its postmaster, which every domain that
// accepts mail must have. It asks about the given domains, as Callout does.
func CalloutPostmaster(domains []NamePattern) helogate.Check {
	return helogate.Check{
		Name: "callout-postmaster", Needs: helogate.Rcpt, Cost: helogate.Probe, FailOpen: true, Conclusive: helogate.Fail, Code: "5.1.8",
		Doc: "the mail hosts of the sender's domain accept mail for its postmaster; the check asks them (RFC 5321 section 4.5.1, RFC 2142 section 5)",
		Fix: "accept mail for postmaster at the sender's domain",
		Run: func(c *helogate.Case) helogate.Finding {
			domain, none, ok := calledOut(c, domains)
			if !ok {
				return none
			}
			name, ok := parsed.CalloutName("postmaster@" + domain)
			if !ok {
				return c.None("%s is not a domain name", printed(domain))
			}
			return calloutFinding(c, domain, name)
		},
	}
}

// calledOut returns the sender's domain if it can be asked. Bounces and mail of role accounts never lead to a callout:
// two hosts that both make callouts would ask each other without end.
func calledOut(c *helogate.Case, domains []NamePattern) (domain string, none helogate.Finding, ok bool) {
	local, domain := parsed.Of(c).Sender()
	switch {
	case len(domains) == 0:
		return "", c.None("callouts are off: no domains are configured"), false
	case c.Sender == "":
		return "", c.None("no callout for the null sender"), false
	case domain == "":
		return "", c.None("the sender has no domain"), false
	case strings.EqualFold(local, "postmaster") || strings.EqualFold(local, "abuse"):
		return "", c.None("no callout for %s", strings.ToLower(local)), false
	case !matchesName(domains, domain):
		return "", c.None("no callouts are configured for senders of %s", printed(domain)), false
	}
	return domain, none, true
}

// calloutFinding returns the finding for the answer to a callout. There is no answer at all where only remembered
// answers are read.
func calloutFinding(c *helogate.Case, domain, name string) helogate.Finding {
	values := c.Values(helogate.Callout, name)
	if len(values) == 0 {
		return c.None("no callout has been made for %s", printed(name))
	}
	reply, refuses := strings.CutPrefix(values[0], "refuses ")
	null, refusesNull := strings.CutPrefix(reply, "null ")
	switch {
	case values[0] == "accepts" || acceptsAll(c, name):
		return c.Pass("%s accepts mail for %s", printed(domain), printed(name))
	case refuses && refusesNull:
		return c.Neutral("%s cannot be asked: it does not accept the null sender: %s", printed(domain), null)
	case refuses:
		return c.Fail("%s does not accept mail for %s: %s", printed(domain), printed(name), reply)
	}
	return c.None("the answer about %s is not known", printed(name))
}

// acceptsAll reports whether the domain of an address accepts mail for every address, postmaster included.
func acceptsAll(c *helogate.Case, name string) bool {
	return slices.Contains(c.Values(helogate.Callout, name), "accepts all")
}
