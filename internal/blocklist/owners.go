package blocklist

import (
	"cmp"
	"strings"
	"time"

	"github.com/helogate/helogate/hostname"
)

// owner is whom an answer of a list is about. One sender can have as many names below his domain, and addresses in his /64, as
// he likes: the breaker counts them as one, or he could have a list set aside that has him.
func owner(name, zone string) string {
	name = strings.TrimSuffix(name, "."+zone)
	if len(name) == len("0.")*32-1 && strings.Count(name, ".") == 31 {
		return name[len("0.")*16:]
	}
	return cmp.Or(hostname.Org(name), name)
}

// maxOwners is how many of a window are told apart; more say nothing that these do not.
const maxOwners = 20_000

// owners are those that were heard of within a window.
type owners struct {
	began time.Time
	is    map[string]bool
}

// first reports whether nobody has heard of an owner in this window.
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
