package callout

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/helogate/helogate/internal/bounded"
)

// limits keep callouts from becoming a nuisance.
type limits struct {
	perMinute, perHour, perMX int

	mu      sync.Mutex // guards what follows
	minute  window     // all callouts
	domains *bounded.Map[string, window]
	hosts   map[netip.Addr]int // connections
}

// newLimits makes limits without a count. They have room for every domain that can be asked within an hour, so that no
// count is dropped too early.
func newLimits(perMinute, perHour, perMX int) limits {
	const minutes = 61
	return limits{
		perMinute: perMinute, perHour: perHour, perMX: perMX,
		domains: bounded.New[string, window](2*minutes*perMinute, time.Hour), hosts: map[netip.Addr]int{},
	}
}

// A window is when something was done in the last while, the oldest first.
type window []time.Time

// has returns how many times are within d before now, and forgets the others.
func (w *window) has(now time.Time, d time.Duration) int {
	i := 0
	for i < len(*w) && now.Sub((*w)[i]) >= d {
		i++
	}
	*w = append((*w)[:0], (*w)[i:]...)
	return len(*w)
}

// take counts a callout, or names the limit that it exceeds.
func (l *limits) take(domain string, now time.Time) (beyond string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.minute.has(now, time.Minute) >= l.perMinute {
		return fmt.Sprintf("%d callouts a minute are used up", l.perMinute)
	}
	l.domains.Use(domain, now, func(w *window, _ bool) {
		if w.has(now, time.Hour) >= l.perHour {
			beyond = fmt.Sprintf("%d callouts an hour for %s are used up", l.perHour, domain)
			return
		}
		*w = append(*w, now)
		l.minute = append(l.minute, now)
	})
	return beyond
}

// connect takes one of the connections that a server may have at once, and reports whether one was free.
func (l *limits) connect(host netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hosts[host] >= l.perMX {
		return false
	}
	l.hosts[host]++
	return true
}

// disconnect returns it.
func (l *limits) disconnect(host netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hosts[host]--; l.hosts[host] == 0 {
		delete(l.hosts, host)
	}
}
