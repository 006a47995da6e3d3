package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// HeloSyntax fails a HELO argument that is neither a Domain nor an address literal. RFC 1123 section 5.2.5 asks for a
// 501 then, since the argument is copied into a Received line.
var HeloSyntax = helogate.Check{
	Name: "helo-syntax", Needs: helogate.Helo, Cost: helogate.Local, Code: "5.5.2", AtHelo: 501,
	Doc: "HELO is a Domain or an address literal; one final dot and underscores are accepted (RFC 5321 sections 4.1.2, 4.1.3)",
	Fix: fixHelo,
	Run: func(c *helogate.Case) helogate.Finding {
		switch h := parsed.Of(c); {
		case h.Form == hostname.Empty:
			return c.None("no HELO")
		case h.Form == hostname.Malformed:
			return c.Fail("HELO %s is malformed: %s", helo(c), h.Why)
		case h.Note != "":
			return c.Pass("accepted: %s", h.Note)
		}
		return c.Pass("well-formed")
	},
}
