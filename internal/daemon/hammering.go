package daemon

import (
	"github.com/helogate/helogate/internal/engine"
	"github.com/helogate/helogate/internal/hammering"
)

// rejections notes who is rejected: once a session, for fifty recipients are one try. That it hammers is no reason: who
// sends steadily would be shut out for ever. It is done before the client has its answer, so that its next try finds
// it.
func rejections(tracker *hammering.Tracker) engine.Observer {
	return engine.Observer{Name: "hammering", Seen: func(e *engine.Event) {
		if e.Rejected {
			tracker.Rejected(e.Client(), e.Facts.Time)
		}
	}}
}
