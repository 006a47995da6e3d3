package door

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"strconv"
	"sync/atomic"

	"github.com/d--j/go-milter"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/header"
	"github.com/helogate/helogate/internal/printable"
)

// A milterSession is what an MTA has shown of an SMTP session. The library calls it, a command at a time. An MTA that does
// not close the connection after a session (SMFIC_QUIT_NC) begins another in it; Postfix opens a new one after XCLIENT.
type milterSession struct {
	milter.NoOpMilter
	conn *milterConn

	client, server netip.AddrPort
	stray          bool // the client has no address, and nothing is judged
	name           string
	helo           string // neither MTA tells whether it was HELO or EHLO
	certificate    string
	dropped        bool
	message        milterMessage
}

// A milterMessage is what is known of a message.
type milterMessage struct {
	auth, sender string
	fields       []header.Field // to be added
	came         cameFields
}

var milterSessions atomic.Uint64 // since the start: a client's port is used again, or not known

// errNoAnswer makes the library close the connection. The reason has been logged.
var errNoAnswer = errors.New("no answer")

// safely has a command answered. Should a line of ours panic, the connection is closed, and the daemon goes on.
func (s *milterSession) safely(do func() (*milter.Response, error)) (r *milter.Response, err error) {
	defer func() {
		if v := recover(); v != nil {
			s.conn.log(slog.LevelError, "panic: closed without an answer", "panic", fmt.Sprint(v), "client", s.client.Addr(),
				"helo", printable.Text(s.helo, 255), "stack", string(debug.Stack()))
			r, err = nil, errNoAnswer
		}
	}()
	return do()
}

// NewConnection begins anew: nothing is known of the client.
func (s *milterSession) NewConnection(milter.Modifier) error {
	*s = milterSession{conn: s.conn}
	return nil
}

// Connect shows the client's address. Its name is the MTA's finding; helogate looks for itself.
func (s *milterSession) Connect(_, family string, port uint16, address string, m milter.Modifier) (*milter.Response, error) {
	*s = milterSession{conn: s.conn}
	if family != "tcp4" && family != "tcp6" {
		s.stray = true
		if n, due := s.conn.strays.due(); due {
			s.conn.log(slog.LevelWarn, "a client without an address is let pass: nothing can be judged", "family", family,
				"others_since_the_last_warning", n)
		}
		return milter.RespContinue, nil
	}
	if port == 0 {
		port = portOf(m.Get(milter.MacroClientPort))
	}
	s.client = netip.AddrPortFrom(milterAddress(family[len("tcp")], address), port)
	s.server = serverOf(m)
	s.name = session(s.client)
	if s.name == "" {
		s.name = "[" + s.client.Addr().String() + "]"
	}
	s.name += " milter " + strconv.FormatUint(milterSessions.Add(1), 10)
	return s.answer(helogate.Connect, "")
}

// serverOf is whom the client connected to. Sendmail's {daemon_addr} is what it listens on, which may be any address;
// {if_addr} is then the one, if it is not of the loopback.
func serverOf(m milter.Modifier) netip.AddrPort {
	var addr netip.Addr
	for _, macro := range []string{milter.MacroDaemonAddr, milter.MacroIfAddr} {
		if a := milterAddress('6', m.Get(macro)); a.IsValid() && (!addr.IsValid() || addr.IsUnspecified()) {
			addr = a
		}
	}
	if port := portOf(m.Get(milter.MacroDaemonPort)); addr.IsValid() && port != 0 {
		return netip.AddrPortFrom(addr, port)
	}
	return netip.AddrPort{}
}

func portOf(s string) uint16 {
	n, _ := strconv.ParseUint(s, 10, 16)
	return uint16(n)
}

// Helo shows a greeting. A second one may follow STARTTLS, with a certificate then.
//
// A refusal is not told now. Both MTAs would answer 250 all the same, tell it at MAIL, and keep to it whatever the client
// greets with until then; but a client may correct its greeting (RFC 5321 section 4.1.4). So what is in force at MAIL is
// judged there.
func (s *milterSession) Helo(name string, m milter.Modifier) (*milter.Response, error) {
	s.message = milterMessage{} // who has logged in is told again at MAIL, and was forgotten at STARTTLS
	s.certify(m)
	s.helo = name
	r, err := s.answer(helogate.Helo, "")
	if err == nil && !s.dropped {
		r = milter.RespContinue
	}
	return r, err
}

// certify takes down who the client is by his certificate, if the MTA says that it has verified it. Postfix does not: it
// shows the subject of any certificate, which proves nothing.
func (s *milterSession) certify(m milter.Modifier) {
	verified, told := m.GetEx(macroVerify)
	if !told {
		return
	}
	s.certificate = ""
	if subject := m.Get(milter.MacroCertSubject); verified == "OK" && subject != "" {
		s.certificate = "certificate " + subject
	}
}

// MailFrom shows a sender, and who has logged in.
func (s *milterSession) MailFrom(from, _ string, m milter.Modifier) (*milter.Response, error) {
	s.certify(m)
	s.message = milterMessage{auth: m.Get(milter.MacroAuthAuthen), sender: from}
	return s.answer(helogate.Mail, "")
}

// RcptTo shows a recipient.
func (s *milterSession) RcptTo(to, _ string, _ milter.Modifier) (*milter.Response, error) {
	return s.answer(helogate.Rcpt, to)
}

// BodyChunk passes, as all else does that only MTAs send that are too old not to. The library's own answer would be to
// skip the rest, which they do not know either.
func (s *milterSession) BodyChunk([]byte, milter.Modifier) (*milter.Response, error) {
	return milter.RespContinue, nil
}

// Header shows a field of the message.
func (s *milterSession) Header(name, value string, _ milter.Modifier) (*milter.Response, error) {
	return s.safely(func() (*milter.Response, error) {
		s.message.came.add(name, value, s.conn.Name, s.message.fields)
		return milter.RespContinue, nil
	})
}

// EndOfMessage changes the header.
func (s *milterSession) EndOfMessage(m milter.Modifier) (*milter.Response, error) {
	return s.safely(func() (*milter.Response, error) { return milter.RespContinue, s.editHeader(m) })
}

// facts are those of a stage.
func (s *milterSession) facts(stage helogate.Stage, recipient string) helogate.Facts {
	f := helogate.Facts{Stage: stage, Client: s.client.Addr(), Server: s.server, Session: s.name, Helo: s.helo,
		Recipient: recipient, Auth: s.message.auth}
	if f.Auth == "" {
		f.Auth = s.certificate
	}
	if stage >= helogate.Mail {
		f.Sender = s.message.sender
	}
	return f
}

const droppedCode = 421 // both MTAs send it, and close

// answer has a stage judged, and words what is to be done.
func (s *milterSession) answer(stage helogate.Stage, recipient string) (*milter.Response, error) {
	return s.safely(func() (*milter.Response, error) {
		if s.stray {
			return milter.RespContinue, nil
		}
		if s.dropped {
			return milter.RejectWithCodeAndReason(droppedCode, "4.7.0 closing connection")
		}
		ruling := s.conn.Judge(s.conn.server.ctx, s.facts(stage, recipient))
		switch ruling.Do {
		case helogate.Continue, helogate.Accept:
			if stage >= helogate.Mail {
				s.message.fields = merged(ruling.Headers, s.message.fields)
			}
			return milter.RespContinue, nil
		case helogate.Defer, helogate.Reject, helogate.Drop:
			reply := refusal(ruling)
			if ruling.Do == helogate.Drop {
				reply.Code, s.dropped = dropCode, stage != helogate.Helo
			}
			return milter.RejectWithCodeAndReason(uint16(reply.Code), reply.Enhanced+" "+reply.Text)
		}
		s.conn.log(slog.LevelError, "no ruling: closed without an answer", "do", ruling.Do.String(), "client", s.client.Addr())
		return nil, errNoAnswer
	})
}
