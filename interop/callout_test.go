package interop

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/dns"
	"github.com/helogate/helogate/internal/callout"
	"github.com/helogate/helogate/internal/testdns"
	"github.com/helogate/helogate/internal/testlog"
)

// senders are the hosts that take mail for senders' domains: smtpds of a Postfix of their own, which differ in what
// they refuse, and some that are no Postfix. All listen on one port, for a mail host has but one.
type senders struct {
	*postfix
	port uint16
	zone string // DNS that leads to them
}

// senderSMTPDs are the smtpds by the domain that has them for its MX; all.example and some.example have the same.
var senderSMTPDs = map[string][]string{
	"some.example":   nil,
	"null.example":   {"smtpd_delay_reject = no", "smtpd_sender_restrictions = check_sender_access inline:{ { <> = 550 5.7.1 no bounces here } }"},
	"late.example":   {"smtpd_sender_restrictions = check_sender_access inline:{ { <> = 550 5.7.1 no bounces here } }"},
	"wait.example":   {"smtpd_recipient_restrictions = check_recipient_access inline:{ { jane@wait.example = 450 4.7.1 come again } }"},
	"listed.example": {"smtpd_delay_reject = no", "smtpd_client_restrictions = check_client_access inline:{ { 127 = 554 5.7.1 you are listed } }"},
}

// startSenders starts them for a test.
func startSenders(t *testing.T, l *lab) *senders {
	t.Helper()
	dir, err := l.sub("senders")
	must(t, err)
	etc, err := l.sub("senders/etc")
	must(t, err)
	s := &senders{postfix: &postfix{maillog: filepath.Join(dir, "maillog"), services: map[string]*service{}}, port: l.mustPort(t).Port()}
	var all []*service
	for domain, options := range senderSMTPDs {
		smtpd := &service{Name: domain, SMTP: netip.AddrPortFrom(loopback(), s.port), Options: options, MaxUse: 100}
		s.services[domain], all = smtpd, append(all, smtpd)
		s.zone += mxRecords(domain, smtpd.SMTP.Addr())
	}
	s.services["main"] = s.services["some.example"]
	s.zone += mxRecords("all.example", s.services["main"].SMTP.Addr())
	programs, err := postfixPrograms()
	must(t, err)
	settings := map[string]any{"Dir": dir, "Programs": programs, "Services": all}
	must(t, render(filepath.Join(etc, "main.cf"), "testdata/callout-main.cf", settings))
	must(t, render(filepath.Join(etc, "master.cf"), "testdata/master.cf", settings))
	must(t, s.start(dir, etc, programs))
	s.logOnFailure(t)
	s.silent(t, "silent.example")
	s.zone += mxRecords("down.example", loopback()) + "nomail.example MX 0 .\nspare.example MX 5 mx.down.example\nspare.example MX 10 mx.some.example\n" +
		"moved.example MX 10 mx.some.example\n"
	return s
}

// mxRecords is the DNS of a domain with one mail host.
func mxRecords(domain string, at netip.Addr) string {
	return fmt.Sprintf("%s MX 10 mx.%[1]s\nmx.%[1]s A %s\n", domain, at)
}

// silent gives a domain a mail host that takes connections and says nothing.
func (s *senders) silent(t *testing.T, domain string) {
	at := loopback()
	listener, err := net.Listen("tcp", netip.AddrPortFrom(at, s.port).String())
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(io.Discard, conn); conn.Close() }()
		}
	}()
	s.zone += mxRecords(domain, at)
}

// resolver is a real one, which asks a real server about the senders' domains.
func (s *senders) resolver(t *testing.T) helogate.Asker {
	t.Helper()
	server, err := testdns.Start(helogate.MustZone(s.zone))
	must(t, err)
	t.Cleanup(server.Close)
	r, err := dns.New(dns.Config{Servers: []netip.AddrPort{server.Addr()}})
	must(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

// calloutCases are what becomes of senders, as the one line of a policy finds.
var calloutCases = []struct{ sender, want string }{
	{"jane@some.example", "pass: some.example accepts mail for jane@some.example"},
	{"joe@some.example", "fail: some.example does not accept mail for joe@some.example: 550 5.1.1 <joe@some.example>: Recipient address rejected: User unknown in relay recipient table"},
	{`"joe doe"@some.example`, `fail: some.example does not accept mail for "joe doe"@some.example: 550 5.1.1 <joe doe@some.example>: Recipient address rejected: User unknown in relay recipient table`},
	{"jane@all.example", "neutral: all.example accepts mail for every address, so nothing is known of jane@all.example"},
	{"joe@all.example", "neutral: all.example accepts mail for every address, so nothing is known of joe@all.example"},
	{"jane@null.example", "neutral: null.example cannot be asked: it does not accept the null sender: 550 5.7.1 <>: Sender address rejected: no bounces here"},
	{"jane@late.example", "neutral: late.example cannot be asked: it does not accept the null sender: 550 5.7.1 <>: Sender address rejected: no bounces here"},
	{"jane@wait.example", "temperror: ...it answers to RCPT 450 4.7.1 <jane@wait.example>: Recipient address rejected: come again"},
	{"jane@listed.example", "temperror: ...its banner is 554 5.7.1 ..."},
	{"jane@silent.example", "temperror: ...no reply to the connection in time"},
	{"jane@down.example", "temperror: ...connection refused"},
	{"jane@spare.example", "pass: spare.example accepts mail for jane@spare.example"},
	{"jane@moved.example", "temperror: ...it answers to RCPT 554 5.7.1 <jane@moved.example>: Relay access denied"},
	{"jane@nomail.example", "fail: nomail.example does not accept mail for jane@nomail.example: nomail.example takes no mail: null MX (RFC 7505)"},
	{"jane@gone.example", "fail: gone.example does not accept mail for jane@gone.example: gone.example does not exist"},
	{"", "none: no callout for the null sender"},
	{"postmaster@some.example", "none: no callout for postmaster"},
}

// Callouts to a real Postfix: its replies for addresses that exist, for addresses that do not, and for other reasons.
func TestCallout(t *testing.T) {
	s := startSenders(t, theLab(t))
	book := &testlog.Buffer{}
	resolver := s.resolver(t)
	caller, err := callout.New(callout.Config{
		Helo: "mx.example.net", DNS: resolver, Port: s.port, AllowLoopback: true, Timeout: 4 * time.Second,
		Log: slog.New(slog.NewTextHandler(book, nil)),
	})
	must(t, err)
	t.Cleanup(caller.Close)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("helogate's log:\n%s", book)
		}
	})
	ask := helogate.ByKind{helogate.AnyKind: resolver, helogate.Callout: caller}
	for _, c := range calloutCases {
		v := judgeBy(t, check.Callout([]check.NamePattern{check.EveryName}), c.sender, ask)
		if got := v.Findings[0].String(); !says(got, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", c.sender, got, c.want)
		}
		if refused := v.Action == helogate.Reject; refused != (v.Findings[0].Outcome == helogate.Fail) || refused && v.Reply.Code != 550 {
			t.Errorf("%s: %s %s", c.sender, v.Action, v.Reply)
		}
	}
	for _, c := range [][2]string{
		{"jane@all.example", "pass: all.example accepts mail for postmaster@all.example"},
		{"jane@some.example", "fail: some.example does not accept mail for postmaster@some.example: 550 5.1.1 <postmaster@some.example>: Recipient address rejected: User unknown in relay recipient table"},
	} {
		if got := judgeBy(t, check.CalloutPostmaster([]check.NamePattern{check.EveryName}), c[0], ask).Findings[0].String(); got != c[1] {
			t.Errorf("postmaster, %s:\n got %s\nwant %s", c[0], got, c[1])
		}
	}
	s.checkLog(t)
}

// judgeBy judges a sender by one check that rejects.
func judgeBy(t *testing.T, by helogate.Check, sender string, ask helogate.Asker) helogate.Verdict {
	t.Helper()
	p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: by, On: map[helogate.Outcome]helogate.Effect{helogate.Fail: {Action: helogate.Reject}}})
	must(t, err)
	return p.Judge(t.Context(), rcptFrom(sender), ask)
}

// says reports whether a text is the one that is wanted, in which "..." once in the middle, and at the end, is any.
func says(got, want string) bool {
	begin, end, cut := strings.Cut(want, "...")
	if !cut {
		return got == want
	}
	rest, ok := strings.CutPrefix(got, begin)
	if middle, open := strings.CutSuffix(end, "..."); open {
		return ok && strings.Contains(rest, middle)
	}
	return ok && strings.HasSuffix(rest, end)
}

func rcptFrom(sender string) helogate.Facts {
	return helogate.Facts{
		Stage: helogate.Rcpt, Time: time.Now(), Client: netip.MustParseAddr("192.0.2.25"), Verb: "EHLO", Helo: "mail.example.com",
		Sender: sender, Recipient: "bob@example.net",
	}
}

// checkLog holds against us what Postfix has counted: each dialogue ended with QUIT, and no message was begun.
func (s *senders) checkLog(t *testing.T) {
	t.Helper()
	const whole = "ehlo=1 mail=2 rcpt=1/2 rset=1 quit=1 commands=6/7" // jane exists, nobody does not exist
	if err := eventually(func() bool { return hasLine(s.log(), "postfix/some.example/smtpd", whole) }); err != nil {
		t.Errorf("no dialogue of %s", whole)
	}
	for line := range strings.Lines(s.log()) {
		if strings.Contains(line, "disconnect from") && (!strings.Contains(line, "quit=1") || strings.Contains(line, "data=")) ||
			strings.Contains(line, "improper command pipelining") || strings.Contains(line, "lost connection") {
			t.Error(line)
		}
	}
}
