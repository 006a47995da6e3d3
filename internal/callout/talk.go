package callout

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/helogate/helogate/internal/parsed"
)

// A talk is an SMTP dialogue with a mail server, with as few commands as possible: no DATA, no AUTH, no STARTTLS.
type talk struct {
	conn     net.Conn
	in       *bufio.Reader
	until    time.Time     // the end of all of it
	timeout  time.Duration // for the reply to one command
	ownNames []string      // own addresses and HELO name: a refusal that names one is about this host
	broken   bool          // the dialogue cannot continue
}

// newTalk begins a dialogue, which ends with ctx.
func newTalk(ctx context.Context, conn net.Conn, wait time.Duration, us []string) *talk {
	t := &talk{conn: conn, in: bufio.NewReaderSize(conn, maxLine), timeout: wait, ownNames: us}
	t.until, _ = ctx.Deadline()
	if local, err := netip.ParseAddrPort(conn.LocalAddr().String()); err == nil {
		t.ownNames = append(t.ownNames[:len(t.ownNames):len(t.ownNames)], local.Addr().Unmap().String())
	}
	return t
}

// send sends a command and returns the reply. Its error says what came instead.
func (t *talk) send(command string) (reply, error) {
	verb, _, _ := strings.Cut(command, " ")
	t.wait(t.timeout)
	if _, err := t.conn.Write([]byte(command + "\r\n")); err != nil {
		return reply{}, t.failed(verb, err)
	}
	return t.read(verb)
}

// read reads the reply to the last command. Anything after it is an error, since it could be taken for the reply to the
// next command.
func (t *talk) read(last string) (reply, error) {
	t.wait(t.timeout)
	r, err := readReply(t.in)
	if err == nil && t.in.Buffered() > 0 {
		err = errors.New("it says more than it was asked")
	}
	if err != nil {
		return r, t.failed(last, err)
	}
	t.broken = r.code == 421 // it closes the connection (RFC 5321 section 3.8)
	return r, nil
}

// wait sets how long the next step may take.
func (t *talk) wait(d time.Duration) {
	deadline := time.Now().Add(d)
	if !t.until.IsZero() && t.until.Before(deadline) {
		deadline = t.until
	}
	t.conn.SetDeadline(deadline) // where that fails, so does what comes next
}

// failed returns an error for what went wrong after the last command. The dialogue cannot continue.
func (t *talk) failed(last string, err error) error {
	t.broken = true
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no reply to %s in time", last)
	}
	return fmt.Errorf("after %s: %w", last, err)
}

// quit ends the dialogue as one should (RFC 5321 section 4.1.1.10). What has been found is not kept waiting for long.
func (t *talk) quit() {
	if !t.broken {
		t.timeout = min(t.timeout, 2*time.Second)
		t.send("QUIT")
	}
	t.conn.Close()
}

// hello sends EHLO or HELO. The error says why the server does not accept this host.
func (t *talk) hello(helo string) error {
	r, err := t.read("the connection")
	if err != nil {
		return err
	}
	if r.code != 220 {
		return fmt.Errorf("its banner is %s", r.line())
	}
	r, err = t.send("EHLO " + helo)
	if err == nil && r.code/100 == 5 && !t.broken { // of before 2001 (RFC 5321 section 3.2)
		r, err = t.send("HELO " + helo)
	}
	if err == nil && !r.isYes() {
		return fmt.Errorf("it answers to EHLO and HELO %s", r.line())
	}
	return err
}

// ask asks about an address, after hello.
func (t *talk) ask(address string) result {
	r, err := t.send("MAIL FROM:<>")
	switch {
	case err != nil:
		return result{note: err.Error()}
	case r.refusesNull() && !t.isAboutThisHost(r, ""):
		return result{value: refusesNull + r.String()}
	case !r.isYes():
		return result{note: "it answers to MAIL FROM:<> " + r.line()}
	}
	r, err = t.send("RCPT TO:<" + address + ">")
	switch {
	case err != nil:
		return result{note: err.Error()}
	case r.isYes():
		return result{value: accepts}
	case r.namesNull():
		return result{value: refusesNull + r.String()}
	case r.refusesMailbox() && !t.isAboutThisHost(r, address):
		return result{value: refuses + r.String()}
	}
	return result{note: "it answers to RCPT " + r.line()}
}

// isAboutThisHost reports whether a reply names one of the own addresses or the HELO name: then it is not the mailbox
// that is refused. The local part of the address, which many replies repeat, does not count, since the sender chose it.
func (t *talk) isAboutThisHost(r reply, address string) bool {
	local, _ := parsed.Mailbox(address)
	text := strings.ReplaceAll(strings.ToLower(r.text), strings.ToLower(local)+"@", "@")
	return slices.ContainsFunc(t.ownNames, func(name string) bool { return strings.Contains(text, name) })
}

// askAnother finds out whether a domain that accepted an address accepts a random one, too: then it accepts all, or
// else it chooses. "" means that there was no answer.
func (t *talk) askAnother(address string) (domain string) {
	for _, command := range []string{"RSET", "MAIL FROM:<>"} {
		if r, err := t.send(command); err != nil || !r.isYes() {
			return ""
		}
	}
	r, err := t.send("RCPT TO:<" + address + ">")
	switch {
	case err != nil:
		return ""
	case r.isYes():
		return acceptsAll
	case r.code/100 == 5:
		return chooses
	}
	return ""
}
