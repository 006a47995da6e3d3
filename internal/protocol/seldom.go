package protocol

import (
	"log/slog"
	"sync"
	"time"
)

// seldom keeps a warning that every request may cause from filling the log: it is said once a minute.
type seldom struct {
	mu     sync.Mutex
	last   time.Time
	unsaid int
}

// warn says it if it is time to, and how often it was not said since.
func (s *seldom) warn(log *slog.Logger, msg string, args ...any) {
	if unsaid, due := s.due(); due {
		log.Warn(msg, append(args, "others_since_the_last_warning", unsaid)...)
	}
}

func (s *seldom) due() (unsaid int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !s.last.IsZero() && now.Sub(s.last) < time.Minute {
		s.unsaid++
		return 0, false
	}
	unsaid, s.unsaid, s.last = s.unsaid, 0, now
	return unsaid, true
}
