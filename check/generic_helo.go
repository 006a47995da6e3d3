package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// GenericHelo is for a name that a provider stamped on an address: who ran a mail server on it would give it one.
var GenericHelo = helogate.Check{
	Name: "generic-helo", Needs: helogate.Helo, Cost: helogate.Local,
	Doc: "HELO is a name that a person gave, not one that a provider stamped on an address",
	Fix: "greet with a name of your own",
	Run: func(c *helogate.Case) helogate.Finding {
		h := parsed.Of(c)
		if h.Form != hostname.FQDN {
			return c.None("no public name was given")
		}
		if class := h.Class(h.Name); class != hostname.Custom {
			return c.Fail("HELO %s is a generic name (%s): %s", said(c), string(class), parsed.Why(c, helogate.Fail, h.Name))
		}
		return c.Pass("a name that a person gave")
	},
}
