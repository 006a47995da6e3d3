package check

import (
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// wellKept are organisational domains that are often impersonated, and whose owners keep the DNS of their mail servers
// in order: a client with such a HELO name belongs to the domain in DNS too, or is an impostor.
var wellKept = []string{
	"amazon.com", "amazonses.com", "aol.com", "apple.com", "comcast.net", "ebay.com", "facebook.com", "facebookmail.com",
	"fastmail.com", "gmail.com", "gmx.com", "gmx.de", "gmx.net", "google.com", "googlemail.com", "hotmail.com", "icloud.com",
	"linkedin.com", "live.com", "mail.ru", "messagingengine.com", "microsoft.com", "msn.com", "outlook.com", "paypal.com",
	"proton.me", "protonmail.ch", "protonmail.com", "qq.com", "t-online.de", "twitter.com", "web.de", "yahoo.co.jp",
	"yahoo.com", "yandex.net", "yandex.ru", "zoho.com",
}

// Impersonation fails a client whose HELO name is in the domain of a well-known sender to which it does not belong in
// DNS. more are the administrator's domains, with all names below them, beside wellKept.
func Impersonation(more []string) helogate.Check {
	known, others := map[string]bool{}, make([]string, len(more))
	for _, name := range wellKept {
		known[name] = true
	}
	for i, name := range more {
		others[i] = hostname.Canonical(name)
	}
	watched := func(name, org string) bool {
		return known[org] || slices.ContainsFunc(others, func(listed string) bool { return hostname.Under(name, listed) })
	}
	return helogate.Check{
		Name: "impersonation", Needs: helogate.Helo, Cost: helogate.Lookup, Conclusive: helogate.Pass,
		Doc: "HELO is not a name of a well-known sender (google.com, outlook.com, …, and the administrator's list) to which the client does not belong in DNS",
		Fix: fixHelo,
		Run: func(c *helogate.Case) helogate.Finding {
			name, none, ok := heloName(c)
			if !ok {
				return none
			}
			org := parsed.Of(c).HeloOrg()
			if !watched(name, org) || org == "" {
				return c.None("HELO is no name of a well-known sender")
			}
			if none, is := parsed.Unroutable(c); is {
				return none
			}
			if c.ResolvesBack(name) {
				return c.Pass("%s resolves to %s", printed(name), c.ClientText())
			}
			if ptr, ok := confirmedOf(c, org); ok {
				return c.Pass("PTR of %s is %s", c.ClientText(), printed(ptr))
			}
			return c.Fail("HELO claims %s, but %s does not belong to %s", helo(c), c.ClientText(), org)
		},
	}
}

// confirmedOf returns a forward-confirmed custom PTR name of the client in an organisational domain.
func confirmedOf(c *helogate.Case, org string) (ptr string, ok bool) {
	for ptr := range c.Confirmed() {
		if hostname.Under(ptr, org) && isCustom(c, ptr) {
			return ptr, true
		}
	}
	return "", false
}
