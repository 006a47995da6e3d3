package protocol

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Stdio is a listener for a program that an MTA starts: it has one connection, which is open already, reads from in and
// writes to out. Closing the connection closes in and out if they are closers.
func Stdio(in io.Reader, out io.Writer) net.Listener {
	return &stdio{conn: &stdioConn{in: in, out: out}, gone: make(chan struct{})}
}

type stdio struct {
	mu   sync.Mutex
	conn net.Conn // nil after Accept returned it
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

// A stdioConn has no deadlines: the program that started this one ends it.
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

// A smtpdWriter writes in the background, in the order of the calls. Callers never wait, so that smtpd, which may
// itself wait for its output to be read, is always read.
type smtpdWriter struct {
	mu     sync.Mutex
	queued []byte
	wake   chan struct{} // has a value when there is something to write; closed at the end
	closed bool
	done   chan struct{}
}

func newSMTPDWriter(to io.Writer) *smtpdWriter {
	w := &smtpdWriter{wake: make(chan struct{}, 1), done: make(chan struct{})}
	go w.write(to)
	return w
}

// send queues text, which is written without other text in between.
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

// write writes what was queued since the last write. It ignores errors: smtpd has gone, and reading reports that.
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
