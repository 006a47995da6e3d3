// Package response is what the engine answers a listener: neither needs to know the other.
package response

import (
	"context"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/header"
)

// A Judge decides what is done with a client now. It is safe for concurrent use. It sets Facts.Time itself, since a
// listener has no clock. It limits its own time, since it cannot know how long the MTA waits; ctx ends only when the
// listener is closed by force. If ctx ended and there is no verdict, the judge returns the zero Response.
type Judge func(ctx context.Context, f helogate.Facts) Response

// A Response is what a listener does with a client now.
type Response struct {
	ID     string          // of the verdict: by it the log is searched
	Action helogate.Action // Continue, Accept, Defer, Reject or Drop; anything else is no response
	Reply  helogate.Reply  // when Do refuses
	// Headers are fields to add to the message of a client that is not refused. A listener that can add only some adds
	// the first.
	Headers []header.Field
	// Record is the whole verdict, for a listener that shows it; nil if that was not asked for.
	Record *helogate.Record
}
