package check

import (
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// wellKept are organisational domains whose owners are often impersonated and keep the DNS of their mail servers in order:
// whoever greets with a name of theirs is theirs in DNS too, or is not theirs.
var wellKept = []string{
	"amazon.com", "amazonses.com", "aol.com", "apple.com", "comcast.net", "ebay.com", "facebook.com", "facebookmail.com",
	"fastmail.com", "gmail.com", "gmx.com", "gmx.de", "gmx.net", "google.com", "googlemail.com", "hotmail.com", "icloud.com",
	"linkedin.com", "live.com", "mail.ru", "messagingengine.com", "microsoft.com", "msn.com", "outlook.com", "paypal.com",
	"proton.me", "protonmail.ch", "protonmail.com", "qq.com", "t-online.de", "twitter.com", "web.de", "yahoo.co.jp",
	"yahoo.com", "yandex.net", "yandex.ru", "zoho.com",
}

// Impersonation is for a client that says it is one of the best-known senders, and is not in DNS. The admin's own list of
// names, with all below them, comes beside the one above.
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
		Doc: "HELO is not a name of a well-known sender (google.com, outlook.com, …, and the admin's list), unless DNS says so",
		Fix: "greet with your host's own name",
		Run: func(c *helogate.Case) helogate.Finding {
			name, none, ok := heloName(c)
			if !ok {
				return none
			}
			org := parsed.Of(c).HeloOrg()
			if !watched(name, org) || org == "" {
				return c.None("no name of a well-known sender")
			}
			if none, is := parsed.Unroutable(c); is {
				return none
			}
			if c.ResolvesBack(name) {
				return c.Pass("%s is %s", clip(name), c.ClientText())
			}
			if ptr, ok := confirmedOf(c, org); ok {
				return c.Pass("%s is %s", c.ClientText(), clip(ptr))
			}
			return c.Fail("HELO %s, but %s is no host of %s", said(c), c.ClientText(), org)
		},
	}
}

// confirmedOf returns a confirmed name of the client that a person gave, of an organisation.
func confirmedOf(c *helogate.Case, org string) (ptr string, ok bool) {
	for ptr := range c.Confirmed() {
		if hostname.Under(ptr, org) && named(c, ptr) {
			return ptr, true
		}
	}
	return "", false
}
