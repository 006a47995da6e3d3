// Package gosmtp is a backend for github.com/emersion/go-smtp that judges its clients with helogate. docs/embed.md
// shows it.
package gosmtp

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/helogate/helogate"
)

// A Backend takes mail for one domain from clients that the policy does not refuse.
type Backend struct {
	Policy  *helogate.Policy
	DNS     helogate.Asker
	Domain  string
	Deliver func(from string, to []string, mail io.Reader) error
	Log     func(*helogate.Record)
}

// NewSession starts a connection. go-smtp calls it at the first HELO or EHLO.
func (b *Backend) NewSession(c *smtp.Conn) (smtp.Session, error) {
	s := &session{Backend: b, conn: c}
	return s, s.judge(helogate.Helo, "")
}

type session struct {
	*Backend
	conn   *smtp.Conn
	client helogate.Session
	from   string
	to     []string
}

// judge returns the reply that refuses the client now, or nil if the dialogue goes on.
func (s *session) judge(at helogate.Stage, to string) error {
	reply, record := s.client.Judge(context.Background(), s.Policy, helogate.Facts{
		Stage: at, Time: time.Now(), Client: address(s.conn.Conn().RemoteAddr()).Addr(), Server: address(s.conn.Conn().LocalAddr()),
		Helo: s.conn.Hostname(), Sender: s.from, Recipient: to,
	}, s.DNS)
	s.Log(&record)
	if reply == nil {
		return nil
	}
	refusal := &smtp.SMTPError{Code: reply.Code, Message: reply.Text}
	fmt.Sscanf(reply.Enhanced, "%d.%d.%d", &refusal.EnhancedCode[0], &refusal.EnhancedCode[1], &refusal.EnhancedCode[2])
	return refusal
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from, s.to = from, nil
	return s.judge(helogate.Mail, "")
}

// Rcpt compares the recipient first: a verdict of continue or accept is no permission to relay.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !strings.HasSuffix(strings.ToLower(to), "@"+s.Domain) {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Relaying denied"}
	}
	err := s.judge(helogate.Rcpt, to)
	if err == nil {
		s.to = append(s.to, to)
	}
	return err
}

func (s *session) Data(mail io.Reader) error { return s.Deliver(s.from, s.to, mail) }
func (s *session) Reset()                    { s.from, s.to = "", nil }
func (s *session) Logout() error             { return nil }

func address(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }
