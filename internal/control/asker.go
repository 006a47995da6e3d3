package control

import (
	"context"
	"errors"
	"net/netip"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/trust"
)

// An Asker asks the running service who is trusted, and what it remembers, without a trace. Where no service runs,
// nobody is trusted and nothing is remembered. It is a helogate.Asker.
type Asker struct {
	Socket  string // "" is none
	Version string // of this program
}

// Known knows nothing: the service is asked.
func (Asker) Known(helogate.Question) (*helogate.Answer, bool) { return nil, false }

// Ask asks the service.
func (a Asker) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	answer, err := a.ask(ctx, q)
	switch kind := ErrorKindOf(err); {
	case err == nil:
		return answer
	case kind == NotThere, kind == NotFound && q.Kind == helogate.Trust:
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

// TrustOf asks about the trust in one address. That there is none is an Error of the kind NotFound.
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
		return nil, &Error{NotThere, "there is no control socket"}
	}
	return Dial(a.Socket, a.Version)
}
