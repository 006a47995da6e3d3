package check

import (
	"slices"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/parsed"
)

// Callout is for a sender whose own mail hosts do not know him. It asks about the senders of some domains alone: names,
// ".example.org" for all below, "*" for every domain; of none, it asks nobody. An address that exists vouches for nobody:
// spammers know many.
func Callout(domains []NamePattern) helogate.Check {
	return helogate.Check{
		Name: "callout", Needs: helogate.Rcpt, Cost: helogate.Probe, FailOpen: true, Conclusive: helogate.Fail,
		Code: "5.1.7", // what Postfix has for a sender that cannot be delivered to; RFC 3463 has none of its own
		Doc:  "the sender's own mail hosts take mail for him, which they are asked (RFC 5321 section 4.5.5)",
		Fix:  "send from an address that exists",
		Run: func(c *helogate.Case) helogate.Finding {
			domain, none, ok := calledOut(c, domains)
			if !ok {
				return none
			}
			name, ok := parsed.CalloutName(c.Sender)
			if !ok {
				return c.None("the sender %s cannot be written in an SMTP command", clip(c.Sender))
			}
			if takesAll(c, name) {
				return c.Neutral("%s takes mail for every address, so nothing is known of %s", clip(domain), clip(name))
			}
			return heard(c, domain, name)
		},
	}
}

// CalloutPostmaster is for a sender's domain whose mail hosts take no mail for its postmaster, whom every domain that takes
// mail must have. It asks about the domains of the list, as Callout does.
func CalloutPostmaster(domains []NamePattern) helogate.Check {
	return helogate.Check{
		Name: "callout-postmaster", Needs: helogate.Rcpt, Cost: helogate.Probe, FailOpen: true, Conclusive: helogate.Fail, Code: "5.1.8",
		Doc: "the sender's domain takes mail for its postmaster, which it is asked (RFC 5321 section 4.5.1, RFC 2142 section 5)",
		Fix: "let your domain take mail for postmaster",
		Run: func(c *helogate.Case) helogate.Finding {
			domain, none, ok := calledOut(c, domains)
			if !ok {
				return none
			}
			name, ok := parsed.CalloutName("postmaster@" + domain)
			if !ok {
				return c.None("%s is no name of a domain", clip(domain))
			}
			return heard(c, domain, name)
		},
	}
}

// calledOut returns the sender's domain if it may be asked. Bounces and what role accounts send are never a reason to ask:
// two hosts that asked each other about them would not come to an end.
func calledOut(c *helogate.Case, domains []NamePattern) (domain string, none helogate.Finding, ok bool) {
	local, domain := parsed.Of(c).Sender()
	switch {
	case len(domains) == 0:
		return "", c.None("no domain's senders are asked about"), false
	case c.Sender == "":
		return "", c.None("nobody is asked about the null reverse-path"), false
	case domain == "":
		return "", c.None("the sender has no domain"), false
	case strings.EqualFold(local, "postmaster") || strings.EqualFold(local, "abuse"):
		return "", c.None("nobody is asked about %s", strings.ToLower(local)), false
	case !matchesName(domains, domain):
		return "", c.None("the senders of %s are not asked about", clip(domain)), false
	}
	return domain, none, true
}

// heard makes a finding of what was answered to a callout. Nothing at all is what a memory says that asks nobody.
func heard(c *helogate.Case, domain, name string) helogate.Finding {
	values := c.Values(helogate.Callout, name)
	if len(values) == 0 {
		return c.None("nobody has asked about %s", clip(name))
	}
	reply, refuses := strings.CutPrefix(values[0], "refuses ")
	null, refusesNull := strings.CutPrefix(reply, "null ")
	switch {
	case values[0] == "accepts" || takesAll(c, name):
		return c.Pass("%s takes mail for %s", clip(domain), clip(name))
	case refuses && refusesNull:
		return c.Neutral("%s cannot be asked, for it takes no null reverse-path: %s", clip(domain), null)
	case refuses:
		return c.Fail("%s takes no mail for %s: %s", clip(domain), clip(name), reply)
	}
	return c.None("what was answered about %s makes no sense", clip(name))
}

// takesAll reports whether the domain of a name takes mail for every address: for its postmaster, too.
func takesAll(c *helogate.Case, name string) bool {
	return slices.Contains(c.Values(helogate.Callout, name), "accepts all")
}
