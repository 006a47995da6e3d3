package protocol

import (
	"log/slog"
	"sync"
	"time"
)

// rateLimited writes a warning that every request may cause once a minute, so that it does not fill the log.
type rateLimited struct {
	mu         sync.Mutex
	last       time.Time
	suppressed int
}

// warn logs the warning if it is due, with the number that was suppressed since the last one.
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
