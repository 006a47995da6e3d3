package protocol

import (
	"net/netip"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/header"
	"github.com/helogate/helogate/internal/printable"
)

// A smtpdSession is what smtpd has reported about an SMTP session. smtpd has one request per session at a time.
type smtpdSession struct {
	client, server netip.AddrPort
	local          bool // a program on this machine
	verb, helo     string
	auth, sender   string

	asked   []header.Field // what the response about the latest recipient adds
	fields  []header.Field // that of the first recipient that smtpd took: what the message gets
	message smtpdMessage
}

// report notes what smtpd reports.
func (o *smtpdConn) report(l *smtpdLine) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if l.event == "link-connect" {
		o.connect(l)
		return
	}
	s := o.known[l.session]
	if s == nil {
		return
	}
	switch l.event {
	case "link-disconnect":
		delete(o.known, l.session)
		o.open.Add(-1)
	case "link-auth":
		if user, ok := authenticated(l.version, l.params); ok {
			s.auth = user
		}
	case "tx-rcpt":
		if s.fields == nil && rcptTaken(l.version, l.params) {
			s.fields = s.asked
		}
	}
}

func (o *smtpdConn) connect(l *smtpdLine) {
	if len(o.known) >= maxSMTPDSessions && o.known[l.session] == nil {
		o.server.Log.Error("too many sessions: a client is accepted without a verdict", "sessions", len(o.known))
		return
	}
	if o.known[l.session] == nil {
		o.open.Add(1)
	}
	s := &smtpdSession{}
	s.client, s.server, s.local = connected(l.params)
	o.known[l.session] = s
}

// facts returns the facts of a request, and false if there is nothing to judge. A client without an address is
// accepted, with a warning in the log.
func (o *smtpdConn) facts(l *smtpdLine) (f helogate.Facts, judge bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.known[l.session]
	switch {
	case s == nil:
		o.warnNoAddress(l)
		return f, false
	case l.event == "connect" && !s.client.IsValid() && !s.local:
		var addr netip.Addr
		if addr, s.local = connecting(l.params); addr.IsValid() {
			s.client = netip.AddrPortFrom(addr, 0)
		}
	}
	if s.local {
		return f, false
	}
	if !s.client.IsValid() {
		o.warnNoAddress(l)
		return f, false
	}
	f = helogate.Facts{Client: s.client.Addr(), Server: s.server, Session: l.session, Auth: s.auth}
	return f, s.show(l, &f)
}

// show adds what is known at a phase. For a phase that was not registered there is nothing to judge.
func (s *smtpdSession) show(l *smtpdLine, f *helogate.Facts) bool {
	switch l.event {
	case "connect":
		f.Stage = helogate.Connect
		return true
	case "helo", "ehlo":
		f.Stage, f.Verb, f.Helo = helogate.Helo, "HELO", l.params
		if l.event == "ehlo" {
			f.Verb = "EHLO"
		}
		return true
	case "mail-from":
		s.sender, s.asked, s.fields = l.params, nil, nil // another message begins
		f.Stage = helogate.Mail
	case "rcpt-to":
		f.Stage, f.Recipient = helogate.Rcpt, l.params
	default:
		return false
	}
	f.Verb, f.Helo, f.Sender = s.verb, s.helo, s.sender
	return true
}

// passed notes the consequences for a client that is not refused: its HELO name is valid, and the fields for its
// message.
func (o *smtpdConn) passed(l *smtpdLine, f helogate.Facts, fields []header.Field) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.known[l.session]
	if s == nil {
		return
	}
	switch f.Stage {
	case helogate.Helo:
		s.verb, s.helo = f.Verb, f.Helo
	case helogate.Rcpt:
		s.asked = fields
	}
}

func (o *smtpdConn) warnNoAddress(l *smtpdLine) {
	o.server.noAddress.warn(o.server.Log, noAddress, "session", l.session,
		"phase", printable.Text(l.event, 64), "parameters", printableLine([]byte(l.params)))
}
