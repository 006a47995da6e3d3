package callout

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"
)

// maxTries is how many addresses of a domain's mail hosts are tried.
const maxTries = 5

// call asks the mail servers of an address one after the other, until one gives a definite answer.
func (c *Caller) call(ctx context.Context, address string) result {
	domain := domainOf(address)
	hosts, last := c.hosts(ctx, domain)
	tries := 0
	for _, host := range hosts {
		addrs, note := c.addresses(ctx, host)
		if len(addrs) == 0 && last.host == "" {
			last = result{note: note}
		}
		for _, addr := range addrs {
			if tries++; tries > maxTries || isOver(ctx) {
				return last
			}
			last = c.callAt(ctx, host, addr, address)
			last.host = fmt.Sprintf("%s [%s]", host, addr)
			if last.value != "" || last.limited {
				return last
			}
			if c.ctx.Err() != nil { // which is why it came to nothing
				return result{note: stopping}
			}
			last.note = last.host + ": " + last.note
		}
	}
	return last
}

// isOver reports whether no time is left, also in the moment before ctx ends.
func isOver(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(end)
}

// callAt asks one mail server.
func (c *Caller) callAt(ctx context.Context, host string, addr netip.Addr, address string) result {
	if !c.limits.connect(addr) {
		return result{limited: true, note: fmt.Sprintf("%d callouts at %s [%s] are under way, and there may be no more at once", c.config.PerMX, host, addr)}
	}
	defer c.limits.disconnect(addr)
	dialing, cancel := context.WithTimeout(ctx, c.config.Timeout/4) // another server may answer
	conn, err := c.config.Dial(dialing, netip.AddrPortFrom(addr, c.config.Port))
	cancel()
	if err != nil {
		return result{note: notConnected(err)}
	}
	t := newTalk(ctx, conn, c.config.Timeout/2, c.ownNames)
	stop := context.AfterFunc(c.ctx, func() { conn.Close() })
	defer stop()
	defer t.quit()
	if err := t.hello(c.config.Helo); err != nil {
		return result{note: err.Error()}
	}
	r := t.ask(address)
	if r.value == accepts {
		r.domain = c.tryAnother(ctx, t, domainOf(address))
	}
	return r
}

func notConnected(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return "no connection in time"
	}
	return err.Error()
}

// tryAnother finds out whether a domain accepts every address, unless that is known. If another callout is finding out,
// it waits for that.
func (c *Caller) tryAnother(ctx context.Context, t *talk, domain string) string {
	for {
		if a := c.memory.get(domain, c.config.Now()); a != nil {
			if a.Values[0] == acceptsAll {
				return acceptsAll
			}
			return ""
		}
		others, done := c.claim(domain)
		if others == nil {
			defer done()
			break
		}
		select {
		case <-others:
		case <-ctx.Done():
			return ""
		}
	}
	takes := t.askAnother(c.random() + "@" + domain)
	if takes == "" { // it would not answer if it were asked again soon
		c.keep(domain, found(chooses, keepDoubt), false)
	} else {
		c.keep(domain, found(takes, keepDomain), true)
	}
	return takes
}

// claim makes the caller the one that tests a domain, until done. If there is one already, others is closed when that
// is done.
func (c *Caller) claim(domain string) (others chan struct{}, done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if others = c.trying[domain]; others != nil {
		return others, nil
	}
	mine := make(chan struct{})
	c.trying[domain] = mine
	return nil, func() {
		c.mu.Lock()
		delete(c.trying, domain)
		c.mu.Unlock()
		close(mine)
	}
}
