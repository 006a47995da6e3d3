package main

import (
	"context"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/control"
)

// servicePeek is a helogate.Asker that asks the running service what it remembers, without a trace. Where no service runs,
// nothing is remembered.
type servicePeek struct {
	socket  string
	version string
}

// Known knows nothing: the service is asked.
func (servicePeek) Known(helogate.Question) (*helogate.Answer, bool) { return nil, false }

// Ask asks the service.
func (s servicePeek) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	if s.socket == "" {
		return &helogate.Answer{Status: helogate.NXDomain}
	}
	client, err := control.Dial(s.socket, s.version)
	var a *helogate.Answer
	if err == nil {
		a, err = client.Peek(ctx, q)
	}
	switch {
	case err == nil:
		return a
	case control.KindOf(err) == control.NotThere:
		return &helogate.Answer{Status: helogate.NXDomain}
	}
	return &helogate.Answer{Status: helogate.TempFail, Note: shown(err.Error())}
}
