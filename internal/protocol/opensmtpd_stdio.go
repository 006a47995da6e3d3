package protocol

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Stdio is a listener for a program that an MTA starts: it has one connection, which is there already, and reads in and
// writes out. Closing the connection closes in and out where they can be closed.
func Stdio(in io.Reader, out io.Writer) net.Listener {
	return &stdio{conn: &stdioConn{in: in, out: out}, gone: make(chan struct{})}
}

type stdio struct {
	mu   sync.Mutex
	conn net.Conn // nil when it was given
	once sync.Once
	gone chan struct{}
}

func (l *stdio) Accept() (net.Conn, error) {
	l.mu.Lock()
	c := l.conn
	l.conn = nil
	l.mu.Unlock()
	if c != nil {
		return c, nil
	}
	<-l.gone
	return nil, net.ErrClosed
}

func (l *stdio) Close() error   { l.once.Do(func() { close(l.gone) }); return nil }
func (l *stdio) Addr() net.Addr { return stdioAddr{} }

type stdioAddr struct{}

func (stdioAddr) Network() string { return "stdio" }
func (stdioAddr) String() string  { return "stdio" }

// A stdioConn has no deadlines: who started us ends us.
type stdioConn struct {
	in  io.Reader
	out io.Writer
}

func (c *stdioConn) Read(b []byte) (int, error)  { return c.in.Read(b) }
func (c *stdioConn) Write(b []byte) (int, error) { return c.out.Write(b) }

func (c *stdioConn) Close() (err error) {
	for _, half := range []any{c.in, c.out} {
		if closer, ok := half.(io.Closer); ok {
			err = errors.Join(err, closer.Close())
		}
	}
	return err
}

func (*stdioConn) LocalAddr() net.Addr              { return stdioAddr{} }
func (*stdioConn) RemoteAddr() net.Addr             { return stdioAddr{} }
func (*stdioConn) SetDeadline(time.Time) error      { return errors.ErrUnsupported }
func (*stdioConn) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (*stdioConn) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }

// A smtpdWriter writes beside all else, in the order of what is said: who speaks never waits, so that smtpd, which may be
// waiting for us to read, is always read.
type smtpdWriter struct {
	mu     sync.Mutex
	queued []byte
	wake   chan struct{} // holds one when there is something to write; closed when no more comes
	closed bool
	done   chan struct{}
}

func newSMTPDWriter(to io.Writer) *smtpdWriter {
	w := &smtpdWriter{wake: make(chan struct{}, 1), done: make(chan struct{})}
	go w.write(to)
	return w
}

// say takes text to be written, all of it together.
func (w *smtpdWriter) send(text ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	for _, t := range text {
		w.queued = append(w.queued, t...)
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// write writes what was said since it last looked. That it cannot means that smtpd has gone, which reading says, too.
func (w *smtpdWriter) write(to io.Writer) {
	defer close(w.done)
	var writing []byte
	for range w.wake {
		if cap(writing) > maxWriting {
			writing = nil // a large message is over some time
		}
		w.mu.Lock()
		writing, w.queued = w.queued, writing[:0]
		w.mu.Unlock()
		_, _ = to.Write(writing)
	}
}

const (
	maxWriting = 1 << 20
	lastWrites = 2 * time.Second // for an smtpd that does not read
)

// finish waits until all is written, or for as long as can be expected.
func (w *smtpdWriter) finish() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.wake)
	}
	w.mu.Unlock()
	select {
	case <-w.done:
	case <-time.After(lastWrites):
	}
}
