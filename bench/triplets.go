package main

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/bench/load"
)

// A triplet is a client, a sender and a recipient, by number: each is another to a greylist.
type triplet int

// networks is how many /24s the clients are in, one in each. With so many, none has retried so often within a run that
// it passes at once, by the rules of helogate or of postgrey.
const networks = 1 << 16

// clientAddr is in 240.0.0.0/4, which is not assigned (RFC 1112 section 4).
func (t triplet) clientAddr() netip.Addr {
	n := int(t) % networks
	return netip.AddrFrom4([4]byte{240, byte(n >> 8), byte(n), 25})
}

// Digits that stand alone are one to postgrey, whichever they are: so they do not.
func (t triplet) sender() string { return fmt.Sprintf("user%d@sender%d.example", int(t), int(t)%1000) }

func (t triplet) mail() load.Mail {
	return load.Mail{
		Client: netip.AddrPortFrom(t.clientAddr(), uint16(10_000+int(t)%50_000)), Sender: t.sender(), Recipient: recipient,
		Helo: fmt.Sprintf("mail.sender%d.example", int(t)%1000),
	}
}

const recipient = "user@receiver.example"

// key is what helogate remembers it by: the client has no name and no SPF, so it goes by its network.
func (t triplet) key() string {
	return netip.PrefixFrom(t.clientAddr(), 24).Masked().String() + " " + t.sender() + " " + recipient
}

const (
	greylistDelay = 2 * time.Second         // postgrey counts whole seconds, and 0 is its default
	comesAgain    = 2200 * time.Millisecond // a server that counts whole seconds has counted two by then
)

// attempts are a stream of attempts to send, the same for every server. Of four in a row, one is a bot's first, one is
// a bot again that came a moment ago, one is a mail server's first, and one is that of a mail server which has waited
// long enough, and passes.
type attempts struct {
	now func() time.Time

	mu    sync.Mutex
	posed int
	fresh triplet              // the next that is new
	bots  [2 * patient]triplet // the last ones
	await []first              // mail servers that will retry, in order
}

// patient is how many bots later one retries: by then each of the 32 connections has had its answer to the first.
const patient = 32

type first struct {
	triplet
	at time.Time
}

// next is the next attempt; for load.Run, which counts anew in each run, as this does not.
func (a *attempts) next(int) []byte { return a.attempt().mail().Request() }

func (a *attempts) attempt() triplet {
	a.mu.Lock()
	defer a.mu.Unlock()
	kind, round, now := a.posed%4, a.posed/4, a.now()
	a.posed++
	switch {
	case kind == 1 && round >= patient:
		return a.bots[(round-patient)%len(a.bots)]
	case kind == 3 && len(a.await) > 0 && now.Sub(a.await[0].at) >= comesAgain:
		again := a.await[0]
		a.await = a.await[1:]
		return again.triplet
	}
	t := a.fresh
	a.fresh++
	switch kind {
	case 0:
		a.bots[round%len(a.bots)] = t
	case 2:
		a.await = append(a.await, first{t, now})
	}
	return t
}

// nowhere is a DNS without a name.
type nowhere struct{}

// Known says that the name does not exist.
func (nowhere) Known(helogate.Question) (*helogate.Answer, bool) {
	return &helogate.Answer{Status: helogate.NXDomain, TTL: time.Hour}, true
}

// Ask is Known.
func (n nowhere) Ask(_ context.Context, q helogate.Question) *helogate.Answer {
	answer, _ := n.Known(q)
	return answer
}
