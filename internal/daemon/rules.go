package daemon

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/dns"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/engine"
	"github.com/helogate/helogate/internal/header"
	"github.com/helogate/helogate/internal/policy"
	"github.com/helogate/helogate/internal/protocol"
)

// A ConfigError is an error of the configuration, or of what it names: it is for the administrator to mend.
type ConfigError struct{ Err error }

func (e ConfigError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e ConfigError) Unwrap() error { return e.Err }

// Known is what a configuration may refer to.
func Known(environ []string) config.Options {
	return config.Options{Checks: check.Names(), Presets: check.Presets, Protocols: protocol.Protocols(), Environ: environ}
}

// Resolver makes the resolver of a configuration.
func Resolver(c *config.Config) (*dns.Resolver, error) {
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
		return nil, ConfigError{err}
	}
	return r, nil
}

// Policies makes all policies of a configuration.
func Policies(c *config.Config) (*policy.Policies, error) {
	p, err := policy.Build(c)
	if err != nil {
		return nil, ConfigError{err}
	}
	return p, nil
}

// Rules makes the rules of a listener.
func Rules(c *config.Config, d *policy.ListenerPolicies) engine.Rules {
	h := c.Headers
	r := engine.Rules{
		Policy: d.Default.Policy, RejectAt: c.Policy.RejectAtStage,
		Headers: header.Options{
			AuthenticationResults: h.AuthenticationResults, Name: authservID(c),
			XHelogate: h.XHelogate, XHelo: h.XHelo, XHeloCheck: h.XHeloCheck,
		},
	}
	for i, f := range d.For {
		r.For = append(r.For, engine.Exception{
			Name: fmt.Sprintf("for %d", i+1), Policy: f.Policy.Policy,
			Matches: f.Matches,
		})
	}
	return r
}

// authservID is the name of this host in Authentication-Results (RFC 8601 section 2.5).
func authservID(c *config.Config) string {
	if c.Headers.Name != "" {
		return c.Headers.Name
	}
	return HostName()
}

// HostName is the name of this host, as the MTA's own would be.
func HostName() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return hostname.Canonical(name)
}
