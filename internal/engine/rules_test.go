package engine

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/header"
)

// TestExceptions: a recipient of its own policy is judged by that, once it is known; the first that matches holds.
func TestExceptions(t *testing.T) {
	b := newBench("")
	of := func(name string) func(string) bool { return func(r string) bool { return strings.HasPrefix(r, name) } }
	endpoint := b.Endpoint(here, Rules{
		Policy: mustPolicy(line(failing, "note")), RejectAt: helogate.Connect,
		For: []Exception{
			{Name: "for 1", Matches: of("strict"), Policy: mustPolicy(line(failing, "reject"))},
			{Name: "for 2", Matches: of("str"), Policy: mustPolicy(line(failing, "defer"))},
		},
	})
	for _, c := range []struct {
		stage           helogate.Stage
		recipient, want string
	}{
		{helogate.Rcpt, "john@example.net", "continue"},
		{helogate.Rcpt, "strict@example.net", "reject 550"},
		{helogate.Rcpt, "stray@example.net", "defer 451"},
		{helogate.Mail, "strict@example.net", "continue"}, // not known yet
	} {
		f := spammer(c.stage)
		f.Recipient = c.recipient
		if got := actionOf(endpoint.Judge(t.Context(), f)); got != c.want {
			t.Errorf("%s at %s: %s, want %s", c.recipient, c.stage, got, c.want)
		}
	}
	if log := b.log.String(); !strings.Contains(log, `policy="for 1" action=reject`) || strings.Count(log, "policy=") != 2 {
		t.Error(log)
	}
}

// TestHeaders: who is let in has them added once there is a message, in shadow too; who is refused has not.
func TestHeaders(t *testing.T) {
	options := header.Options{XHelogate: true, XHelo: true}
	for _, c := range []struct {
		action string
		stage  helogate.Stage
		shadow bool
		want   int
	}{
		{"note", helogate.Rcpt, false, 2}, {"note", helogate.Mail, false, 2}, {"note", helogate.Helo, false, 0},
		{"reject", helogate.Rcpt, false, 0}, {"reject", helogate.Mail, false, 0}, // held until RCPT
		{"reject", helogate.Rcpt, true, 2}, {"accept", helogate.Rcpt, false, 2},
	} {
		p := mustPolicy(line(failing, c.action))
		if c.shadow {
			p = p.DryRun()
		}
		endpoint := newBench("").Endpoint(here, Rules{Policy: p, RejectAt: helogate.Rcpt, Headers: options})
		got := endpoint.Judge(t.Context(), spammer(c.stage)).Headers
		if len(got) != c.want {
			t.Errorf("%s at %s, shadow %v: %v", c.action, c.stage, c.shadow, got)
		}
		if c.shadow && !strings.Contains(got[0].Value, "would=reject; would_by=failing") {
			t.Errorf("shadow says nothing: %v", got[0])
		}
	}
}

// TestHeadersOfAnOrigin: a header speaks of who was judged.
func TestHeadersOfAnOrigin(t *testing.T) {
	p := mustPolicy(line(failing, "note"))
	p.ByOrigin = func(*helogate.Facts) bool { return true }
	endpoint := newBench("").Endpoint(here, Rules{Policy: p, Headers: header.Options{XHelo: true}})
	f := spammer(helogate.Rcpt)
	f.Origin = helogate.Origin{Client: netip.MustParseAddr("198.51.100.1"), Helo: "origin.example"}
	if got := endpoint.Judge(t.Context(), f).Headers; len(got) != 1 || got[0].Value != "origin.example" {
		t.Error(got)
	}
}

// TestCounts: verdicts are counted by action and line, dry runs beside them, and the hits of exemptions.
func TestCounts(t *testing.T) {
	b := newBench("")
	exempt := check.Exempt([]check.Exemption{
		{Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}, Comment: "friends: old"},
		{Addresses: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}},
	})
	endpoint := b.Endpoint(here, Rules{Policy: mustPolicy(line(exempt, "pass=accept"), line(failing, "reject")), RejectAt: helogate.Rcpt})
	shadow := b.Endpoint(here, Rules{Policy: mustPolicy(line(exempt, "pass=accept"), line(failing, "reject")).DryRun(), RejectAt: helogate.Rcpt})
	ask := func(g *Endpoint, stage helogate.Stage, client string) {
		f := spammer(stage)
		f.Client = netip.MustParseAddr(client)
		g.Judge(t.Context(), f)
	}
	ask(endpoint, helogate.Mail, "192.0.2.1")
	ask(endpoint, helogate.Rcpt, "192.0.2.1")
	ask(endpoint, helogate.Rcpt, "198.51.100.7")
	b.now = noon.Add(time.Minute)
	ask(shadow, helogate.Rcpt, "198.51.100.7")
	ask(shadow, helogate.Rcpt, "192.0.2.1")
	want := []Count{
		{helogate.Continue, "", false, 2}, {helogate.Reject, "failing", false, 2},
		{helogate.Accept, "exempt", false, 1}, {helogate.Accept, "exempt", true, 1}, {helogate.Reject, "failing", true, 1},
	}
	sorted := cmpopts.SortSlices(func(a, b Count) bool { return fmt.Sprint(a) < fmt.Sprint(b) })
	if diff := cmp.Diff(want, b.counts.Verdicts(), sorted); diff != "" {
		t.Error(diff)
	}
	passing := failing
	passing.Name = "passing" // lets in by no entry of a list
	ask(b.Endpoint(here, Rules{Policy: mustPolicy(line(passing, "accept")), RejectAt: helogate.Rcpt}), helogate.Rcpt, "192.0.2.1")
	hits := []Hit{{Check: "exempt", Ref: "address=198.51.100.0/24", N: 2, Last: noon.Add(time.Minute)}}
	if diff := cmp.Diff(hits, b.counts.Hits()); diff != "" {
		t.Error(diff)
	}
	if b.counts.Held() != 1 || b.Panics() != 0 || b.Sessions() != 1 {
		t.Errorf("held %d, panics %d, sessions %d", b.counts.Held(), b.Panics(), b.Sessions())
	}
}
