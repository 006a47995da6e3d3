package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// BareAddress is for an address without brackets: no mail server says it, and the grammar has no place for it.
var BareAddress = helogate.Check{
	Name: "bare-address", Needs: helogate.Helo, Cost: helogate.Local, Code: "5.5.2", AtHelo: 501,
	Doc: "HELO is not an address without brackets, nor a number (RFC 5321 section 4.1.3)",
	Fix: "greet with your host's own name, or its address in brackets",
	Run: func(c *helogate.Case) helogate.Finding {
		if h := parsed.Of(c); h.Form == hostname.BareAddress {
			if h.Addr.IsValid() {
				return c.Fail("HELO %s is an address without brackets", said(c))
			}
			return c.Fail("HELO %s is a number, not a name", said(c))
		}
		return c.Pass("no bare address")
	},
}
