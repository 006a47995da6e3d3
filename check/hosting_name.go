package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// HostingName fails a client whose PTR names are all defaults of rented servers. Such a server may be a mail server,
// but its operator has not set a custom PTR record.
var HostingName = helogate.Check{
	Name: "hosting-name", Needs: helogate.Connect, Cost: helogate.Lookup, Code: "5.7.25",
	Doc: "a PTR name of the client is a custom name, not the default of a rented server",
	Fix: fixPTR,
	Run: func(c *helogate.Case) helogate.Finding {
		name, class, other := genericName(c)
		switch class {
		case hostname.Custom:
			return other
		case hostname.Hosting:
			return c.Fail("PTR of %s is %s, the default name of a rented server: %s", c.ClientText(), printed(name), parsed.Why(c, helogate.Fail, name))
		}
		return c.None("%s is not the default name of a rented server", printed(name)) // generic-name judges that
	},
}
