package daemon

import (
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/engine"
	"github.com/helogate/helogate/internal/logline"
)

// A Log is the log of a configuration. Writing to it never waits for what takes it.
type Log struct {
	*slog.Logger
	out    *logWriter
	json   bool
	isInfo bool // such lines are written
}

// NewLog makes the log of a configuration, which writes to w. The caller must close it.
func NewLog(w io.Writer, c *config.Config) *Log {
	l := &Log{json: c.Log.Format == config.JSON, isInfo: c.Log.Level <= slog.LevelInfo}
	l.out = newLogWriter(w, l.json)
	options := &slog.HandlerOptions{Level: c.Log.Level}
	if l.json {
		l.Logger = slog.New(slog.NewJSONHandler(l.out, options))
	} else {
		l.Logger = slog.New(slog.NewTextHandler(l.out, options))
	}
	return l
}

// Verdicts observes verdicts for the log: by one observer, or none where the configuration wants no such lines. limit
// is that of engine.VerdictLog.
func (l *Log) Verdicts(limit func(netip.Addr, time.Time) (int, bool)) []engine.Observer {
	if !l.isInfo {
		return nil
	}
	log := &engine.VerdictLog{Out: l.out, JSON: l.json, Limit: limit}
	return []engine.Observer{log.Observer()}
}

// Lost returns how many lines were lost because the buffer was full.
func (l *Log) Lost() uint64 {
	l.out.mu.Lock()
	defer l.out.mu.Unlock()
	return l.out.lost
}

// closeLog is how long the last lines may take to be written.
const closeLog = 2 * time.Second

// Close writes the last lines. A write error cannot be reported anywhere.
func (l *Log) Close() {
	done := make(chan struct{})
	go func() {
		l.out.flush()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(closeLog):
	}
}

// A logWriter collects lines for a moment, so that a busy log needs few writes and a quiet one is still read soon. Its
// output may be a pipe without a reader: then lines are lost, since mail must not wait for the log.
type logWriter struct {
	out  io.Writer
	json bool

	writing chan struct{} // has one in it while out is written to

	mu       sync.Mutex // guards what follows
	lines    []byte
	spare    []byte // room for lines, while they are written
	pending  bool   // a flush is scheduled
	urgent   bool   // or now
	lost     uint64 // lines
	reported uint64 // of them, in the log
}

func newLogWriter(w io.Writer, json bool) *logWriter {
	return &logWriter{out: w, json: json, writing: make(chan struct{}, 1)}
}

const (
	logDelay = 100 * time.Millisecond
	logMany  = 64 << 10 // bytes that are written without delay
	maxLog   = 1 << 20  // bytes that may wait to be written
)

// Write takes a line. It never fails, and never waits.
func (l *logWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines)+len(line) > maxLog {
		l.lost++
		return len(line), nil
	}
	l.lines = append(l.lines, line...)
	if !l.pending {
		l.pending = true
		time.AfterFunc(logDelay, l.flush)
	}
	if len(l.lines) >= logMany && !l.urgent {
		l.urgent = true
		go l.flush()
	}
	return len(line), nil
}

// flush writes the collected lines, and how many were lost.
func (l *logWriter) flush() {
	l.writing <- struct{}{}
	defer func() { <-l.writing }()
	l.mu.Lock()
	lines, lost := l.lines, l.lost-l.reported
	l.lines, l.spare = l.spare[:0], nil
	l.reported += lost
	l.pending, l.urgent = false, false
	l.mu.Unlock()
	if len(lines) > 0 {
		_, _ = l.out.Write(lines)
	}
	if lost > 0 {
		var line logline.Line
		line.Begin(l.json, time.Now(), slog.LevelWarn, "log lines were lost, since the reader of the log is too slow")
		line.Int("lines", int(lost))
		_, _ = l.out.Write(line.End())
	}
	l.mu.Lock()
	l.spare = lines[:0]
	l.mu.Unlock()
}
