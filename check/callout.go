package check

import (
	"slices"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// Callout is for a sender whose own mail hosts do not know him. It asks about the senders of some domains alone: names,
// ".example.org" for all below, "*" for every domain; of none, it asks nobody. An address that exists vouches for nobody:
// spammers know many.
func Callout(domains []NamePattern) helogate.Check {
	return helogate.Check{
		Name: "callout", Needs: helogate.Rcpt, Cost: helogate.Probe, Dispensable: true, Finds: helogate.Fail,
		Code: "5.1.7", // what Postfix has for a sender that cannot be delivered to; RFC 3463 has none of its own
		Doc:  "the sender's own mail hosts take mail for him, which they are asked (RFC 5321 section 4.5.5)",
		Fix:  "send from an address that exists",
		Run: func(c *helogate.Case) helogate.Finding {
			domain, none, ok := calledOut(c, domains)
			if !ok {
				return none
			}
			name, ok := CalloutName(c.Sender)
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
		Name: "callout-postmaster", Needs: helogate.Rcpt, Cost: helogate.Probe, Dispensable: true, Finds: helogate.Fail, Code: "5.1.8",
		Doc: "the sender's domain takes mail for its postmaster, which it is asked (RFC 5321 section 4.5.1, RFC 2142 section 5)",
		Fix: "let your domain take mail for postmaster",
		Run: func(c *helogate.Case) helogate.Finding {
			domain, none, ok := calledOut(c, domains)
			if !ok {
				return none
			}
			name, ok := CalloutName("postmaster@" + domain)
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

// CalloutName returns the name of the question of kind helogate.Callout about an envelope address: its domain as DNS knows
// it, a local part in quotes only where it needs them, no source route. It is false for an address that must not stand in an
// SMTP command, or that has no domain that could be asked: local parts are those of RFC 5321 section 4.1.2, in ASCII, for a
// host cannot be asked for SMTPUTF8 on behalf of an address that may not exist; and without < and >, which in the reply that
// repeats the address would be taken for the null reverse-path, or for where an address ends.
func CalloutName(address string) (name string, ok bool) {
	unquoted, domain := parsed.Mailbox(address)
	if h := hostname.ParseHelo(domain); h.Kind != hostname.FQDN || h.Name != domain {
		return "", false
	}
	if strings.HasPrefix(address, "@") {
		_, address, _ = strings.Cut(address, ":")
	}
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", false
	}
	local := address[:at]
	if isQuotedString(local) {
		if local = unquoted; !isDotString(local) {
			local = quote(local)
		}
	} else if !isDotString(local) {
		return "", false
	}
	const longest = 64 // octets (RFC 5321 section 4.5.3.1.1)
	return local + "@" + domain, len(local) <= longest && !strings.ContainsAny(local, "<>")
}

// isDotString reports whether s is a Dot-string of RFC 5321 section 4.1.2: atoms, with single dots between.
func isDotString(s string) bool {
	after := byte('.')
	for i := range len(s) {
		if s[i] == '.' && after == '.' || s[i] != '.' && !isAtext(s[i]) {
			return false
		}
		after = s[i]
	}
	return after != '.'
}

func isAtext(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", b) >= 0
}

// isQuotedString reports whether s is a Quoted-string of RFC 5321 section 4.1.2: in quotes, printable ASCII, in which a
// backslash stands before a quote or another backslash at the least.
func isQuotedString(s string) bool {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return false
	}
	s = s[1 : len(s)-1]
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		} else if s[i] == '"' {
			return false
		}
		if i == len(s) || s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// quote writes printable ASCII as a Quoted-string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
