package main

import (
	"bufio"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/dns"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/engine"
	"github.com/helogate/helogate/internal/policy"
)

// configFlag is the flag that all commands with a configuration have.
type configFlag struct {
	Config string `help:"The configuration; without it the defaults hold, and the HELOGATE_ variables of the environment." placeholder:"FILE"`
}

func (f configFlag) load(w *world) (*config.Config, error) {
	c, err := config.Load(f.Config, known(w.environ))
	if err != nil {
		return nil, configError{err}
	}
	return c, nil
}

// known is what a configuration may name.
func known(environ []string) config.Options {
	return config.Options{Checks: check.Names(), Presets: check.Presets, Protocols: []string{"postfix"}, Environ: environ}
}

// resolverOf makes the resolver of a configuration.
func resolverOf(c *config.Config) (*dns.Resolver, error) {
	// The configuration trusts a server by its address, whatever its port.
	var trusted []netip.AddrPort
	for _, addr := range c.DNS.Trusted {
		for _, s := range c.DNS.Servers {
			if s.Addr() == addr {
				trusted = append(trusted, s)
			}
		}
		trusted = append(trusted, netip.AddrPortFrom(addr, 53))
	}
	r, err := dns.New(dns.Config{
		Servers: c.DNS.Servers, Trusted: trusted, Timeout: c.DNS.Timeout, Deadline: c.DNS.Budget + 2*time.Second,
		MaxTTL: c.DNS.MaxTTL, FailTTL: c.DNS.FailureTTL, CacheSize: int64(c.DNS.CacheSize),
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// rulesOf makes the rules of a door.
func rulesOf(c *config.Config, preset string) (engine.Rules, error) {
	p, err := policy.Build(c, preset)
	if err != nil {
		return engine.Rules{}, configError{err}
	}
	return engine.Rules{Policy: p, RejectAt: c.Policy.RejectAtStage}, nil
}

// logTo makes the log of a configuration, and what writes out its last lines.
func logTo(w io.Writer, c *config.Config) (log *slog.Logger, flush func()) {
	out := &logWriter{out: bufio.NewWriterSize(w, 64<<10)}
	options := &slog.HandlerOptions{Level: c.Log.Level}
	if c.Log.Format == config.JSON {
		return slog.New(slog.NewJSONHandler(out, options)), out.Flush
	}
	return slog.New(slog.NewTextHandler(out, options)), out.Flush
}

// logWriter gathers lines for a moment, so that a busy log costs no write a line and a quiet one is read at once.
type logWriter struct {
	mu      sync.Mutex
	out     *bufio.Writer
	pending bool
}

const logDelay = 100 * time.Millisecond

func (l *logWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.pending {
		l.pending = true
		time.AfterFunc(logDelay, l.Flush)
	}
	return l.out.Write(b)
}

// Flush writes out what was gathered. That it cannot be written has nowhere to be said, and must not stop the mail.
func (l *logWriter) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = false
	_ = l.out.Flush()
}
