package main

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/helogate/helogate/bench/load"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/daemon"
)

// BenchmarkServe is a verdict as "helogate serve" gives it, from the client's write to its read, on each kind of
// listener that bench has rows of, in this process: for profiles, and for what is allocated.
func BenchmarkServe(b *testing.B) {
	w, server := warmWorld(b)
	l := &listenerLab{lab: &lab{dir: b.TempDir()}, mails: w.mails}
	at := func(protocol string) string { return l.dir + "/" + protocol }
	d, err := daemon.Open(b.Context(), daemon.Options{Log: io.Discard, Version: "bench", Load: func() (*config.Config, error) {
		text := "mode = \"enforce\"\nstate.store = \"memory\"\ncontrol.socket = \"none\"\ndns.servers = [\"" + server.Addr().String() + "\"]\n"
		for _, p := range []string{"postfix", "milter", "http"} {
			text += "[[listen]]\nprotocol = \"" + p + "\"\naddress = \"unix:" + at(p) + "\"\n"
		}
		return config.Parse("bench.toml", []byte(text), daemon.Known(nil))
	}})
	if err != nil {
		b.Fatal(err)
	}
	d.Serve()
	defer d.Close(context.Background())
	next := load.Cycle(w.mails)
	b.Run("postfix", func(b *testing.B) {
		if _, err := warmRun(b.Context(), "unix", at("postfix"), next, time.Millisecond); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		b.ResetTimer()
		run := load.Run{Network: "unix", Address: at("postfix"), Connections: warmConnections, Requests: b.N, Next: next}
		if _, err := run.Do(b.Context()); err != nil {
			b.Fatal(err)
		}
	})
	for protocol, session := range map[string]func(string) func() (func(int) error, func(), error){
		"milter": l.milterSession, "http": l.httpSession,
	} {
		b.Run(protocol, func(b *testing.B) {
			b.ReportAllocs()
			if _, err := (load.Sessions{Count: b.N, Begin: session(at(protocol))}).Do(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
