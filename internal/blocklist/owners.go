package blocklist

import (
	"cmp"
	"strings"
	"time"

	"github.com/helogate/helogate/hostname"
)

// owner returns the owner of the name that a list was asked about. One sender can have any number of names below its
// domain and of addresses in its /64. The breaker counts them as one; otherwise the sender could get a list suspended
// that lists it.
func owner(name, zone string) string {
	name = strings.TrimSuffix(name, "."+zone)
	if len(name) == len("0.")*32-1 && strings.Count(name, ".") == 31 {
		return name[len("0.")*16:]
	}
	return cmp.Or(hostname.Org(name), name)
}

// maxOwners is how many owners of a window are counted. More would not change the result.
const maxOwners = 20_000

// owners are the owners that occurred in a window.
type owners struct {
	began time.Time
	is    map[string]bool
}

// first reports whether an owner occurs for the first time in this window.
func (o *owners) first(owner string, window time.Duration, now time.Time) bool {
	if o.is == nil || now.Sub(o.began) >= window {
		o.began, o.is = now, map[string]bool{}
	}
	if o.is[owner] || len(o.is) >= maxOwners {
		return false
	}
	o.is[owner] = true
	return true
}
