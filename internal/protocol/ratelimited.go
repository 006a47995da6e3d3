package protocol

import (
	"log/slog"
	"sync"
	"time"
)

// seldom keeps a warning that every request may cause from filling the log: it is said once a minute.
type rateLimited struct {
	mu         sync.Mutex
	last       time.Time
	suppressed int
}

// warn says it if it is time to, and how often it was not said since.
func (s *rateLimited) warn(log *slog.Logger, msg string, args ...any) {
	if suppressed, due := s.due(); due {
		log.Warn(msg, append(args, "suppressed", suppressed)...)
	}
}

func (s *rateLimited) due() (suppressed int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !s.last.IsZero() && now.Sub(s.last) < time.Minute {
		s.suppressed++
		return 0, false
	}
	suppressed, s.suppressed, s.last = s.suppressed, 0, now
	return suppressed, true
}
