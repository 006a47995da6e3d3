// Package parsed takes apart what a client shows, once for all checks of a judgement, and holds what checks of several
// packages share.
package parsed

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
)

// Facts are what the HELO argument says by itself, and the classes of names.
type Facts struct {
	hostname.Helo
	Org      string         // organisational domain of Name, "" but for an FQDN
	Class    hostname.Class // of Name, "" but for an FQDN
	ClassWhy string
	others   []classified // names of the client that were classified
}

type classified struct {
	name, why string
	class     hostname.Class
}

// Of returns what the facts of a case say, worked out when first asked for.
func Of(c *helogate.Case) *Facts {
	memo := c.Memo()
	if f, ok := (*memo).(*Facts); ok {
		return f
	}
	f := &Facts{Helo: hostname.ParseHelo(c.Helo)}
	if f.Kind == hostname.FQDN {
		f.Org = hostname.Org(f.Name)
		f.Class, f.ClassWhy = hostname.Classify(f.Name, c.Client)
	}
	*memo = f
	return f
}

// ClassOf classifies a name of the client. Most servers greet with the name that they have.
func ClassOf(c *helogate.Case, name string) (class hostname.Class, why string) {
	f := Of(c)
	if name == f.Name && f.Kind == hostname.FQDN {
		return f.Class, f.ClassWhy
	}
	for i := range f.others {
		if o := &f.others[i]; o.name == name {
			return o.class, o.why
		}
	}
	class, why = hostname.Classify(name, c.Client)
	f.others = append(f.others, classified{name, why, class})
	return class, why
}
