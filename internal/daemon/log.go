package daemon

import (
	"bufio"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/helogate/helogate/internal/config"
)

// LogTo makes the log of a configuration, and what writes out its last lines.
func LogTo(w io.Writer, c *config.Config) (log *slog.Logger, flush func()) {
	out := &logWriter{out: bufio.NewWriterSize(w, 64<<10)}
	options := &slog.HandlerOptions{Level: c.Log.Level}
	if c.Log.Format == config.JSON {
		return slog.New(slog.NewJSONHandler(out, options)), out.Flush
	}
	return slog.New(slog.NewTextHandler(out, options)), out.Flush
}

// logWriter gathers lines for a moment, so that a busy log costs no write a line and a quiet one is read at once.
type logWriter struct {
	mu      sync.Mutex
	out     *bufio.Writer
	pending bool
}

const logDelay = 100 * time.Millisecond

func (l *logWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.pending {
		l.pending = true
		time.AfterFunc(logDelay, l.Flush)
	}
	return l.out.Write(b)
}

// Flush writes out what was gathered. That it cannot be written has nowhere to be said, and must not stop the mail.
func (l *logWriter) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = false
	_ = l.out.Flush()
}
