package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// BareAddress fails an IP address without brackets, or a number, in place of a host name. The grammar of HELO has no
// place for it, and no mail server sends it.
var BareAddress = helogate.Check{
	Name: "bare-address", Needs: helogate.Helo, Cost: helogate.Local, Code: "5.5.2", AtHelo: 501,
	Doc: "HELO is not an IP address without brackets, nor a number (RFC 5321 section 4.1.3)",
	Fix: fixHelo, // no word of brackets: the checks literal and forged-literal refuse those
	Run: func(c *helogate.Case) helogate.Finding {
		if h := parsed.Of(c); h.Form == hostname.BareAddress {
			if h.Addr.IsValid() {
				return c.Fail("HELO %s is an IP address, not a host name", helo(c))
			}
			return c.Fail("HELO %s is a number, not a host name", helo(c))
		}
		return c.Pass("no bare address")
	},
}
