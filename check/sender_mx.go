package check

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// SenderMX fails a sender's domain if none of its mail hosts can accept mail: they are aliases, do not resolve, or have
// private addresses only. One good mail host is enough.
var SenderMX = helogate.Check{
	Name: "sender-mx", Needs: helogate.Mail, Cost: helogate.Lookup, Conclusive: helogate.Pass, Code: "5.1.8",
	Doc: "a mail host of the sender's domain is no alias and has a public address (RFC 2181 section 10.3, RFC 5321 section 5.1)",
	Fix: "point the MX record of the sender's domain to a host name that is no alias and has a public address",
	Run: func(c *helogate.Case) helogate.Finding {
		domain := parsed.Of(c).SenderDomain()
		if domain == "" {
			return c.None("the sender has no domain")
		}
		var why []string
		for host := range parsed.MailHosts(c, domain) {
			wrong := wrongMX(c, host, host == domain)
			if wrong == "" {
				return c.Pass("%s can accept mail for %s", printed(host), printed(domain))
			}
			why = append(why, wrong)
		}
		if len(why) == 0 {
			return c.None("%s has no mail host", printed(domain)) // sender-domain judges that
		}
		return c.Fail("no mail host of the sender's domain %s can accept mail: %s%s", printed(domain), strings.Join(why, ", "), c.More(helogate.MX, domain))
	},
}

// wrongMX says why a host can accept no mail, or "". implicit is true for a domain that is its own mail host, which can
// be an alias (RFC 5321 section 5.1).
func wrongMX(c *helogate.Case, host string, implicit bool) string {
	if !implicit {
		if of, is := isAlias(c, host); is {
			return fmt.Sprintf("%s is an alias of %s", printed(host), printed(of))
		}
		if c.Ask(helogate.CNAME, host).Status == helogate.TempFail {
			return printed(host) + " may be an alias" // its address proves nothing then
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
		return printed(host) + " does not resolve"
	}
	return printed(host) + " has only the private addresses " + list(private)
}
