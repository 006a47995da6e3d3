package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// GenericName is for a client all of whose names are such as a provider stamps on its customers' addresses. Real mail
// servers have real names.
var GenericName = helogate.Check{
	Name: "generic-name", Needs: helogate.Connect, Cost: helogate.Lookup, Code: "5.7.25",
	Doc: "a PTR name of the client is one that a person gave, not one of an access network or otherwise generic",
	Fix: "let your provider give your address a name of your own",
	Run: func(c *helogate.Case) helogate.Finding {
		name, class, other := genericName(c)
		switch class {
		case hostname.Custom:
			return other
		case hostname.Hosting:
			return c.None("%s is a hosting default", clip(name)) // hosting-name judges that
		}
		return c.Fail("%s has a generic name, %s (%s): %s", c.ClientText(), clip(name), string(class), parsed.Why(c, helogate.Fail, name))
	},
}

// stampedName returns the name that tells of a client every PTR name of which is stamped by a provider: one that is no
// hosting default, else a hosting default. A client that has another name, or none, has the class Named, and a finding.
func genericName(c *helogate.Case) (name string, class hostname.Class, other helogate.Finding) {
	if hostname.IsPrivate(c.Client) {
		return "", hostname.Custom, c.None("%s has no name to judge", c.ClientText())
	}
	names := c.PTR(c.Client)
	for i, ptr := range names {
		is := parsed.Of(c).Class(ptr)
		if is == hostname.Custom {
			return "", is, c.Pass("%s is a name that a person gave", clip(ptr))
		}
		if i == 0 || class == hostname.Hosting {
			name, class = ptr, is
		}
	}
	if len(names) == 0 {
		return "", hostname.Custom, c.None("%s has no name to judge", c.ClientText())
	}
	return name, class, other
}
