package engine

import (
	"io"
	"log/slog"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// benchZone is the DNS of a client that is as it should be.
const benchZone = "192.0.2.1 PTR mx.example.org\nmx.example.org A 192.0.2.1\nexample.org MX 10 mx.example.org"

// BenchmarkVerdict judges a client of which all is known, with a line of log and without.
func BenchmarkVerdict(b *testing.B) {
	p, err := check.NewPolicy("balanced", check.Settings{})
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		observers []Observer
	}{{"log", []Observer{(&VerdictLog{Out: io.Discard}).Observer()}}, {"nolog", nil}} {
		e := New(Config{Ask: helogate.MustZone(benchZone), Log: slog.New(slog.DiscardHandler), Observers: c.observers})
		g := e.Endpoint(here, Rules{Policy: p, RejectAt: helogate.Rcpt})
		f := spammer(helogate.Rcpt)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				g.Judge(b.Context(), f)
			}
		})
	}
}

// BenchmarkLog writes a line of log.
func BenchmarkLog(b *testing.B) {
	p, err := check.NewPolicy("balanced", check.Settings{})
	if err != nil {
		b.Fatal(err)
	}
	f := spammer(helogate.Rcpt)
	f.Helo = "bot.example.org"
	e := &Event{Facts: f, Judged: f, Verdict: p.Judge(b.Context(), f, helogate.MustZone(benchZone)), At: noon, Took: 12345}
	for _, json := range []bool{false, true} {
		l := &VerdictLog{Out: io.Discard, JSON: json}
		b.Run(map[bool]string{false: "text", true: "json"}[json], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.seen(e)
			}
		})
	}
	b.Run("slog", func(b *testing.B) {
		h := slog.NewTextHandler(io.Discard, nil)
		b.ReportAllocs()
		for b.Loop() {
			_ = bySlog(h, e)
		}
	})
}
