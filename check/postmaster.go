package check

import (
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/parsed"
)

// Postmaster passes mail to postmaster, at any domain or at none, in any case: a postmaster whose mail was rejected
// must be able to ask about it.
var Postmaster = toRole("postmaster", "the recipient is postmaster, which must be reachable (RFC 5321 sections 4.1.1.3, 4.5.1)")

// Abuse passes mail to abuse. It is a check of its own, so that it can be turned off.
var Abuse = toRole("abuse", "the recipient is abuse (RFC 2142 section 2)")

func toRole(role, doc string) helogate.Check {
	return helogate.Check{
		Name: role, Needs: helogate.Rcpt, Cost: helogate.Local, Doc: doc,
		Run: func(c *helogate.Case) helogate.Finding {
			if local, _ := parsed.Of(c).Recipient(); strings.EqualFold(local, role) {
				return c.Pass("mail to %s", role)
			}
			return c.None("not to %s", role)
		},
	}
}
