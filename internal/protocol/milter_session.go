package protocol

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/header"
)

// A milterSession is what an MTA has shown of an SMTP session, a command at a time. An MTA that does not close the
// connection after a session (SMFIC_QUIT_NC) begins another in it; Postfix opens a new one after XCLIENT.
type milterSession struct {
	conn    *conn
	ownName string // in Authentication-Results; "" is none
	milterTerms
	milterClient
	macros    milterMacros
	announced byte   // the command that macros have come for, if it is next
	out       []byte // the frames that answer a command
}

// A milterClient is what is known about a client.
type milterClient struct {
	client, server netip.AddrPort
	noAddress      bool // the client has no address, and nothing is judged
	name           string
	helo           string // no MTA shows whether it was HELO or EHLO
	certificate    string
	dropped        bool
	message        milterMessage
}

// A milterMessage is what is known about a message.
type milterMessage struct {
	auth, sender string
	fields       []header.Field // to be added
	came         existingFields
}

var milterSessions atomic.Uint64 // since the start: a client's port is reused, or unknown

// command executes a command, and returns false if the connection must be closed. Its data is well formed.
func (s *milterSession) command(code byte, data []byte) (goesOn bool) {
	s.out = s.out[:0]
	announced := s.announced == code
	s.announced = 0
	switch code {
	case smficMacro:
		s.announced = data[0]
		s.macros.set(data[0], data[1:])
		return true
	case smficOptNeg:
		s.milterTerms = negotiated(data)
		s.out = s.appendTerms(s.out)
		return true
	case smficAbort:
		s.macros.drop(macroMail)
		return true
	case smficQuitNC:
		s.macros.drop(macroConnect)
		s.milterClient = milterClient{}
		return true
	case smficQuit:
		return false
	}
	s.macros.begin(code, announced)
	switch code {
	case smficConnect:
		return s.connect(data)
	case smficHelo:
		return s.hello(firstString(data))
	case smficMail:
		s.certify(macroMail)
		auth, _ := s.macros.at(macroMail, macroAuthen)
		s.message = milterMessage{auth: auth, sender: withoutAngles(firstString(data))}
		return s.judge(helogate.Mail, "")
	case smficRcpt:
		return s.judge(helogate.Rcpt, withoutAngles(firstString(data)))
	case smficHeader:
		name, value, _ := bytes.Cut(data[:len(data)-1], nul)
		s.message.came.add(string(name), string(value), s.ownName, s.message.fields)
		if s.protocol&noReplyToHeader == 0 {
			s.proceed()
		}
	case smficBodyEOB:
		s.editHeader()
		s.out = appendFrame(s.out, smfirAccept)
	default: // what only MTAs send that are too old not to
		s.proceed()
	}
	return true
}

// proceed answers that there is no objection.
func (s *milterSession) proceed() { s.out = appendFrame(s.out, smfirContinue) }

// connect begins anew: it shows the client's address. Its name is the MTA's finding; helogate looks for itself.
func (s *milterSession) connect(data []byte) bool {
	s.milterClient = milterClient{}
	_, data, _ = bytes.Cut(data, nul)
	family := data[0]
	if family != '4' && family != '6' {
		s.noAddress = true
		s.conn.warnNoAddress("family", familyName(family))
		s.proceed()
		return true
	}
	port := binary.BigEndian.Uint16(data[1:])
	if port == 0 {
		port = portOf(s.macros.get(macroClientPort))
	}
	s.client = netip.AddrPortFrom(milterAddress(family, firstString(data[3:])), port)
	s.server = serverOf(&s.macros)
	s.name = session(s.client)
	if s.name == "" {
		s.name = "[" + s.client.Addr().String() + "]"
	}
	s.name += " milter " + strconv.FormatUint(milterSessions.Add(1), 10)
	return s.judge(helogate.Connect, "")
}

func familyName(family byte) string {
	if family == 'L' {
		return "unix"
	}
	return "unknown"
}

// serverOf returns the address that the client connected to. Sendmail's {daemon_addr} is what it listens on, which may
// be unspecified; then {if_addr} is the address, unless it is a loopback address.
func serverOf(m *milterMacros) netip.AddrPort {
	var addr netip.Addr
	for _, macro := range []string{macroDaemonAddr, macroIfAddr} {
		if a := milterAddress('6', m.get(macro)); a.IsValid() && (!addr.IsValid() || addr.IsUnspecified()) {
			addr = a
		}
	}
	if port := portOf(m.get(macroDaemonPort)); addr.IsValid() && port != 0 {
		return netip.AddrPortFrom(addr, port)
	}
	return netip.AddrPort{}
}

// hello judges a HELO name. A second one may follow STARTTLS, perhaps with a certificate.
//
// A refusal is not sent now. Both MTAs would answer 250 anyway, send the refusal at MAIL, and keep it whatever HELO
// name the client uses until then; but a client may correct its HELO name (RFC 5321 section 4.1.4). So the name that is
// valid at MAIL is judged there.
func (s *milterSession) hello(name string) bool {
	s.message = milterMessage{} // the MTA sends the login anew at MAIL, and ended with STARTTLS
	s.certify(macroHelo)
	s.helo = name
	goesOn := s.judge(helogate.Helo, "")
	if goesOn && !s.dropped {
		s.out = s.out[:0]
		s.proceed()
	}
	return goesOn
}

// certify takes the client's identity from its certificate, if the MTA has verified it. Postfix does not say so: it
// shows the subject of any certificate, which proves nothing.
func (s *milterSession) certify(stage int) {
	verified, known := s.macros.at(stage, macroVerify)
	if !known {
		return
	}
	s.certificate = ""
	if subject, _ := s.macros.at(stage, macroCertSubject); verified == "OK" && subject != "" {
		s.certificate = "certificate " + subject
	}
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

// judge judges a stage and appends the answer. It returns false if there is no verdict.
func (s *milterSession) judge(stage helogate.Stage, recipient string) bool {
	if s.noAddress {
		s.proceed()
		return true
	}
	if s.dropped {
		s.refuse(helogate.Reply{Code: droppedCode, Enhanced: "4.7.0", Text: "closing connection"})
		return true
	}
	s.conn.facts = s.facts(stage, recipient)
	resp := s.conn.judge()
	switch resp.Action {
	case helogate.Continue, helogate.Accept:
		if stage >= helogate.Mail {
			s.message.fields = merged(resp.Headers, s.message.fields)
		}
		s.proceed()
	case helogate.Defer, helogate.Reject, helogate.Drop:
		reply := refusal(resp)
		if resp.Action == helogate.Drop {
			reply.Code, s.dropped = dropCode, stage != helogate.Helo
		}
		s.refuse(reply)
	default:
		s.conn.noVerdict(resp.Action)
		return false
	}
	return true
}

// refuse answers with a reply. An MTA takes "%" for the beginning of an escape.
func (s *milterSession) refuse(r helogate.Reply) {
	s.out = appendFrame(s.out, smfirReplyCode, strings.ReplaceAll(r.String(), "%", "%%"), "\x00")
}

// firstString is what stands before the first NUL.
func firstString(data []byte) string {
	before, _, _ := bytes.Cut(data, nul)
	return string(before)
}

// withoutAngles is an address without the <> around it.
func withoutAngles(s string) string {
	if len(s) > 1 && s[0] == '<' && s[len(s)-1] == '>' {
		return s[1 : len(s)-1]
	}
	return s
}
