// Package testcheck tests checks on a literal DNS, and on one that fails.
package testcheck

import (
	"context"
	"flag"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"pgregory.net/rapid"
)

// Main runs the tests of a package of checks, with 3,000 draws for each property: the properties are for rare cases.
// They take a second. The command line overrides this.
func Main(m *testing.M) {
	if err := flag.Set("rapid.checks", "3000"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// Zone runs c on a literal DNS and on cases, two strings each: the facts, in the notation of Facts, and the expected
// finding: "outcome: why", where ~ at the end stands for any words of the name classifier.
func Zone(t *testing.T, c helogate.Check, text string, cases ...string) {
	t.Helper()
	z := helogate.MustZone(text)
	for i := 0; i+1 < len(cases); i += 2 {
		got, want := c.Judge(Facts(cases[i]), z).String(), cases[i+1]
		begin, cut := strings.CutSuffix(want, " ~")
		if got != want && !(cut && strings.HasPrefix(got, begin)) {
			t.Errorf("%s:\n got %s\nwant %s", cases[i], got, want)
		}
	}
	if len(cases) == 0 || len(cases)%2 != 0 {
		t.Errorf("%d strings are no cases", len(cases))
	}
}

// Facts returns the facts of a client at RCPT that connected to 192.0.2.25, port 25: "client helo sender recipient",
// of which all but the first may be omitted or be -; _SP_ stands for a space.
func Facts(s string) helogate.Facts {
	f := append(strings.Fields(s), "-", "-", "-")
	for i := range f {
		f[i] = strings.TrimPrefix(f[i], "-")
		f[i] = strings.ReplaceAll(f[i], "_SP_", " ")
	}
	return helogate.Facts{
		Stage: helogate.Rcpt, Time: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC), Verb: "EHLO",
		Client: netip.MustParseAddr(f[0]), Server: netip.MustParseAddrPort("192.0.2.25:25"), Helo: f[1], Sender: f[2], Recipient: f[3],
	}
}

// Broken is an Asker that fails for some questions.
type Broken struct {
	helogate.Asker
	Fails func(helogate.Question) bool
}

// Known answers a question that fails by a tempfail.
func (b Broken) Known(q helogate.Question) (*helogate.Answer, bool) {
	if b.Fails(q) {
		return &helogate.Answer{Status: helogate.TempFail, Note: "broken"}, true
	}
	return b.Asker.Known(q)
}

// Ask answers as Known does.
func (b Broken) Ask(_ context.Context, q helogate.Question) *helogate.Answer {
	a, _ := b.Known(q)
	return a
}

// DrawBroken draws which questions to a zone fail: all of them, or one of two, four or eight.
func DrawBroken(t *rapid.T, z *helogate.Zone) Broken {
	seed := rapid.Uint64().Draw(t, "what fails")
	share := rapid.SampledFrom([]uint64{1, 2, 4, 8}).Draw(t, "one of")
	return Broken{z, func(q helogate.Question) bool {
		h := seed
		for _, c := range []byte(q.Kind.String() + q.Name) {
			h = (h ^ uint64(c)) * 1099511628211
		}
		return (h>>32)%share == 0
	}}
}
