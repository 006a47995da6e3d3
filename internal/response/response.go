// Package response is what the engine answers a listener: neither needs to know the other.
package response

import (
	"context"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/header"
)

// A Judge says what is to be done with a client now. Many goroutines call it at once. Facts.Time is left to it: a listener has
// no clock. It keeps its own budget, since the MTA's patience is not ours to know; ctx ends only when the listener is closed
// by force. A judge that has no response, because ctx ended, returns the zero Response.
type Judge func(ctx context.Context, f helogate.Facts) Response

// A Response is what a listener is to do with a client now.
type Response struct {
	ID     string          // of the verdict: by it the log is searched
	Action helogate.Action // Continue, Accept, Defer, Reject or Drop; anything else is no response
	Reply  helogate.Reply  // when Do refuses
	// Headers are for a client that is let in: what to add to the message's header. A listener that can add only some adds the
	// first.
	Headers []header.Field
	// Record is the whole verdict, for a listener that shows it; nil where that was not asked for.
	Record *helogate.Record
}
