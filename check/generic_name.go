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
		return ifStamped(c, func(name, why string, class hostname.Class) helogate.Finding {
			if class == hostname.Hosting {
				return c.None("%s is a hosting default", clip(name)) // hosting-name judges that
			}
			return c.Fail("%s has a generic name, %s (%s): %s", c.ClientText(), clip(name), class, why)
		})
	},
}

// ifStamped judges a client every PTR name of which is stamped by a provider; others pass, or have nothing to judge.
func ifStamped(c *helogate.Case, judge func(name, why string, class hostname.Class) helogate.Finding) helogate.Finding {
	name, class, why, stamped := stampedName(c)
	switch {
	case class == "":
		return c.None("%s has no name to judge", c.ClientText())
	case !stamped:
		return c.Pass("%s is a name that a person gave", clip(name))
	}
	return judge(name, why, class)
}

// stampedName reports whether every PTR name of the client is stamped by a provider. It returns the name that tells: one
// that a person gave, else one that is no hosting default, else a hosting default. class is "" if there is nothing to
// judge.
func stampedName(c *helogate.Case) (name string, class hostname.Class, why string, stamped bool) {
	if hostname.IsPrivate(c.Client) {
		return "", "", "", false
	}
	for _, ptr := range c.PTR(c.Client) {
		k, w := parsed.ClassOf(c, ptr)
		if k == hostname.Named {
			return ptr, k, w, false
		}
		if class == "" || class == hostname.Hosting {
			name, class, why = ptr, k, w
		}
	}
	return name, class, why, class != ""
}
