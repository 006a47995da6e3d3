package daemon

import (
	"github.com/helogate/helogate/internal/engine"
	"github.com/helogate/helogate/internal/hammering"
)

// rejections counts rejected clients: once a session, since fifty recipients are one attempt. Rejections for hammering
// do not count, or a client that sends steadily would never be accepted again. It runs before the client has its
// answer, so that the next attempt sees it.
func rejections(tracker *hammering.Tracker) engine.Observer {
	return engine.Observer{Name: "hammering", Seen: func(e *engine.Event) {
		if e.Rejected {
			tracker.Rejected(e.Client(), e.Facts.Time)
		}
	}}
}
