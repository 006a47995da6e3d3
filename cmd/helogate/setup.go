package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/dns"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/control"
	"github.com/helogate/helogate/internal/engine"
	"github.com/helogate/helogate/internal/header"
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
	return config.Options{Checks: check.Names(), Presets: check.Presets, Protocols: protocols, Environ: environ}
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

// policiesOf makes all policies of a configuration.
func policiesOf(c *config.Config) (*policy.Policies, error) {
	p, err := policy.Build(c)
	if err != nil {
		return nil, configError{err}
	}
	return p, nil
}

// rulesOf makes the rules of a door.
func rulesOf(c *config.Config, protocol string, d *policy.Door) engine.Rules {
	h := c.Headers
	r := engine.Rules{
		Policy: d.Everybody.Policy, RejectAt: c.Policy.RejectAtStage, Record: protocol == "http",
		Headers: header.Options{
			AuthenticationResults: h.AuthenticationResults, XHelogate: h.XHelogate, XHelo: h.XHelo, XHeloCheck: h.XHeloCheck, Name: authservID(c),
		},
	}
	for i, f := range d.For {
		r.For = append(r.For, engine.Exception{
			Name: fmt.Sprintf("for %d", i+1), Policy: f.Policy.Policy,
			Matches: func(recipient string) bool { return check.MatchesMailbox(f.Recipients, recipient) },
		})
	}
	return r
}

// authservID is the name that we go by in headers (RFC 8601 section 2.5).
func authservID(c *config.Config) string {
	if c.Headers.Name != "" {
		return c.Headers.Name
	}
	return hostName()
}

// hostName is the name of this host, as the MTA's own would be.
func hostName() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return hostname.Canonical(name)
}

// trustedBy says who is trusted by the service that runs with a configuration: nobody where none does.
func trustedBy(w *world, c *config.Config) helogate.Asker {
	return serviceTrust{control.Socket(c.Control.Socket, w.environ), version()}
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
