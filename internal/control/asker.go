package control

import (
	"context"
	"errors"
	"net/netip"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/trust"
)

// An Asker asks the running service which addresses are trusted and what it has stored, without a change of it. If no
// service runs, no address is trusted and nothing is stored. It is a helogate.Asker.
type Asker struct {
	Socket  string // "" means that there is none
	Version string // of this program
}

// Known returns no answer: only the service has one.
func (Asker) Known(helogate.Question) (*helogate.Answer, bool) { return nil, false }

// Ask asks the service. An error is the status TempFail, with the reason as a note.
func (a Asker) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	answer, err := a.ask(ctx, q)
	switch kind := ErrorKindOf(err); {
	case err == nil:
		return answer
	case kind == Unreachable, kind == NotFound && q.Kind == helogate.Trust:
		return &helogate.Answer{Status: helogate.NXDomain}
	}
	const most = 160 // bytes of an error
	return &helogate.Answer{Status: helogate.TempFail, Note: printable.Text(err.Error(), most)}
}

func (a Asker) ask(ctx context.Context, q helogate.Question) (*helogate.Answer, error) {
	if q.Kind == helogate.Trust {
		addr, err := netip.ParseAddr(q.Name)
		if err != nil {
			return nil, err
		}
		e, err := a.TrustOf(ctx, addr)
		if err != nil {
			return nil, err
		}
		return e.Answer(), nil
	}
	client, err := a.dial()
	if err != nil {
		return nil, err
	}
	return client.Peek(ctx, q)
}

// TrustOf returns the trust in an address. If it is not trusted, the error is of the kind NotFound.
func (a Asker) TrustOf(ctx context.Context, addr netip.Addr) (trust.Entry, error) {
	client, err := a.dial()
	if err != nil {
		return trust.Entry{}, err
	}
	e, err := client.TrustOf(ctx, addr)
	if err != nil && ctx.Err() != nil {
		return e, errors.New("no answer in time")
	}
	return e, err
}

func (a Asker) dial() (*Client, error) {
	if a.Socket == "" {
		return nil, &Error{Unreachable, "no control socket is configured"}
	}
	return Dial(a.Socket, a.Version)
}
