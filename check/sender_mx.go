package check

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// SenderMX is for a sender's domain none of whose mail hosts could take an answer: aliases, names that do not resolve,
// private addresses. One that could is enough.
var SenderMX = helogate.Check{
	Name: "sender-mx", Needs: helogate.Mail, Cost: helogate.Lookup, Conclusive: helogate.Pass, Code: "5.1.8",
	Doc: "a mail host of the sender's domain is no alias and has a public address (RFC 2181 section 10.3, RFC 5321 section 5.1)",
	Fix: "let your domain's MX name a host with a public address",
	Run: func(c *helogate.Case) helogate.Finding {
		domain := parsed.Of(c).SenderDomain()
		if domain == "" {
			return c.None("the sender has no domain")
		}
		var why []string
		for host := range parsed.MailHosts(c, domain) {
			wrong := wrongMX(c, host, host == domain)
			if wrong == "" {
				return c.Pass("%s can take mail for %s", clip(host), clip(domain))
			}
			why = append(why, wrong)
		}
		if len(why) == 0 {
			return c.None("%s has no mail host", clip(domain)) // sender-domain judges that
		}
		return c.Fail("no mail host of %s can take mail: %s%s", clip(domain), strings.Join(why, ", "), c.More(helogate.MX, domain))
	},
}

// wrongMX says why a host can take no mail. Where a domain is its own mail host, an alias is what RFC 5321 section 5.1
// allows.
func wrongMX(c *helogate.Case, host string, implicit bool) string {
	if !implicit {
		if of, is := isAlias(c, host); is {
			return fmt.Sprintf("%s is an alias of %s", clip(host), clip(of))
		}
		if c.Ask(helogate.CNAME, host).Status == helogate.TempFail {
			return clip(host) + " may be an alias" // its address proves nothing then
		}
	}
	var private []netip.Addr
	for a := range c.AnyAddrs(host) {
		if !hostname.IsPrivate(a) {
			return ""
		}
		private = append(private, a)
	}
	if private == nil {
		return clip(host) + " does not resolve"
	}
	return clip(host) + " is " + list(private)
}
