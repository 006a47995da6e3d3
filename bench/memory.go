package main

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/bench/load"
	"github.com/helogate/helogate/internal/testdns"
)

const memoryGoal = 300 << 20 // bytes of RAM

// memory asks about clients of which none returns, each with names of its own, so that every answer is a new entry of
// helogate's cache: many times what it holds. The most that the process ever has in RAM counts.
func memory(ctx context.Context, l *lab) ([]row, error) {
	clients := 1_000_000
	if l.quick {
		clients = 100_000
	}
	server, err := testdns.Start(newcomerDNS{})
	if err != nil {
		return nil, err
	}
	defer server.Close()
	judge, addr, err := l.serveHelogate(ctx, server.Addr())
	if judge != nil {
		defer judge.stop()
	}
	if err != nil {
		return nil, err
	}
	began, err := judge.peak()
	if err != nil {
		return []row{{what: "memory", figure: "skipped: " + err.Error(), skipped: true}}, nil
	}
	sampled, end := context.WithCancel(ctx)
	defer end()
	go l.sample(sampled, judge)
	run := load.Run{
		Network: "tcp", Address: addr.String(), Connections: 64, Requests: clients,
		Next: func(n int) []byte { return newcomer(n).Request() },
	}
	result, err := run.Do(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w; helogate says: %s", err, judge.tail())
	}
	peak, err := judge.peak()
	if err != nil {
		return nil, err
	}
	r := row{
		what:   fmt.Sprintf("memory after %s clients never seen", thousands(clients)),
		figure: fmt.Sprintf("%d MiB", peak>>20), goal: fmt.Sprintf("< %d MiB", memoryGoal>>20), met: peak < memoryGoal,
	}
	r.note("VmHWM of helogate serve with the cache size of an empty configuration; %d MiB before the first; %s questions to DNS; "+
		"took %s, bench and its DNS on the same machine; answers DUNNO %d, 4xx %d, 5xx %d", began>>20, thousands(server.Queries()),
		result.Elapsed.Round(time.Second), result.Dunno, result.Defer, result.Reject)
	return []row{r}, nil
}

// sample says from time to time how far it has come.
func (l *lab) sample(ctx context.Context, p *process) {
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if peak, err := p.peak(); err == nil {
				l.say("  %d MiB", peak>>20)
			}
		}
	}
}

// newcomers are in 240.0.0.0/4, which is not assigned (RFC 1112 section 4).
const newcomers = 240 << 24

func newcomerAddr(n int) netip.Addr {
	v := uint32(newcomers + n)
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// newcomer is the n-th: a good server, for which helogate asks most.
func newcomer(n int) load.Mail {
	domain := "newcomer" + strconv.Itoa(n) + ".example"
	return load.Mail{
		Client: netip.AddrPortFrom(newcomerAddr(n), uint16(10_000+n%50_000)), Name: "mail." + domain, Helo: "mail." + domain,
		Sender: "info@" + domain, Recipient: "user@receiver.example",
	}
}

// newcomerDNS is the DNS of all newcomers, made up as it is asked.
type newcomerDNS struct{}

// Known makes an answer up; it always knows.
func (newcomerDNS) Known(q helogate.Question) (*helogate.Answer, bool) {
	value := ""
	switch q.Kind {
	case helogate.PTR:
		if a, err := netip.ParseAddr(q.Name); err == nil && a.Is4() {
			b := a.As4()
			n := int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3])
			value = fmt.Sprintf("mail.newcomer%d.example", n-newcomers)
		}
	case helogate.A:
		if n, ok := number(q.Name, "mail.newcomer"); ok {
			value = newcomerAddr(n).String()
		}
	case helogate.MX:
		if _, ok := number(q.Name, "newcomer"); ok {
			value = "10 mail." + q.Name
		}
	}
	if value == "" {
		return &helogate.Answer{Status: helogate.NoData, TTL: time.Hour}, true
	}
	return &helogate.Answer{Status: helogate.OK, Values: []string{value}, TTL: time.Hour}, true
}

// Ask is Known.
func (a newcomerDNS) Ask(_ context.Context, q helogate.Question) *helogate.Answer {
	answer, _ := a.Known(q)
	return answer
}

// number is the one between a prefix and ".example".
func number(name, prefix string) (int, bool) {
	digits, ok := strings.CutPrefix(strings.TrimSuffix(name, ".example"), prefix)
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil
}
