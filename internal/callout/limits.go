package callout

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// limits keep us from being a nuisance. A domain or a host takes room only while it was asked within the last hour, and how
// many these can be follows from the callouts of a minute.
type limits struct {
	perMinute, perHour, perMX int

	mu      sync.Mutex // guards what follows
	minute  window     // all callouts
	domains map[string]*window
	swept   time.Time          // when domains was last rid of what is over
	hosts   map[netip.Addr]int // connections
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

// take counts a callout, or says which limit it is beyond.
func (l *limits) take(domain string, now time.Time) (beyond string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.minute.has(now, time.Minute) >= l.perMinute {
		return fmt.Sprintf("%d callouts a minute are used up", l.perMinute)
	}
	l.sweep(now)
	w := l.domains[domain]
	if w == nil {
		w = &window{}
	}
	if w.has(now, time.Hour) >= l.perHour {
		return fmt.Sprintf("%d callouts an hour for %s are used up", l.perHour, domain)
	}
	l.domains[domain] = w
	*w = append(*w, now)
	l.minute = append(l.minute, now)
	return ""
}

// sweep forgets domains, every few minutes.
func (l *limits) sweep(now time.Time) {
	if now.Sub(l.swept) < 5*time.Minute {
		return
	}
	l.swept = now
	for domain, w := range l.domains {
		if w.has(now, time.Hour) == 0 {
			delete(l.domains, domain)
		}
	}
}

// connect takes one of the connections that there may be to a host at once, and reports whether there was one.
func (l *limits) connect(host netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hosts[host] >= l.perMX {
		return false
	}
	l.hosts[host]++
	return true
}

// disconnect gives it back.
func (l *limits) disconnect(host netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hosts[host]--; l.hosts[host] == 0 {
		delete(l.hosts, host)
	}
}
