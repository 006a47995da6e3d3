package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// HostingName is for a client all of whose names are the defaults of rented servers: somebody runs it, but has not cared
// to name it.
var HostingName = helogate.Check{
	Name: "hosting-name", Needs: helogate.Connect, Cost: helogate.Lookup, Code: "5.7.25",
	Doc: "a PTR name of the client is one that a person gave, not the default of a rented server",
	Fix: "give your server's address a name of your own",
	Run: func(c *helogate.Case) helogate.Finding {
		name, class, other := genericName(c)
		switch class {
		case hostname.Custom:
			return other
		case hostname.Hosting:
			return c.Fail("%s has the default name of a rented server, %s: %s", c.ClientText(), clip(name), parsed.Why(c, helogate.Fail, name))
		}
		return c.None("%s is no hosting default", clip(name)) // generic-name judges that
	},
}
