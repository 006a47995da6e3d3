package main

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/daemon"
	"github.com/helogate/helogate/internal/policy"
)

// clientArgs are the arguments of all commands that evaluate a client: its address, what it sends, and to which
// listener.
type clientArgs struct {
	DNS        string   `help:"Use this resolver." placeholder:"HOST:PORT"`
	Listener   string   `help:"Use the policy of this listener, named by its address in [[listen]]." placeholder:"ADDRESS"`
	From       *rawText `help:"The envelope sender; the stage is MAIL then. Empty is the null sender." placeholder:"ADDR"`
	Rcpt       rawText  `help:"The envelope recipient; the stage is RCPT then." placeholder:"ADDR"`
	Auth       rawText  `help:"The login that the client has authenticated as." placeholder:"USER"`
	Server     string   `help:"The address and port that the client connected to." placeholder:"IP:PORT"`
	Origin     string   `help:"The client from which a forwarder says that it has the mail." placeholder:"IP"`
	OriginHelo rawText  `help:"The HELO name of that client." placeholder:"NAME"`

	Client string  `arg:"" name:"client-ip" help:"The client's address."`
	Helo   rawText `arg:"" optional:"" help:"The client's HELO or EHLO name."`
}

// rawText is an argument with its bytes as they are. kong would replace those that are not UTF-8.
type rawText string

// Decode takes the next argument.
func (r *rawText) Decode(ctx *kong.DecodeContext) error {
	t, err := ctx.Scan.PopValue("text")
	if err != nil {
		return err
	}
	*r = rawText(fmt.Sprint(t.Value))
	return nil
}

// An evaluation is a client to evaluate, and the policy for it.
type evaluation struct {
	facts  helogate.Facts
	policy *policy.Policy // enforced, whatever the mode is
	mode   config.Mode    // of the policy in the configuration
}

// client returns the client that the arguments name, and its policy. It changes c: every mode is enforce then. A wrong
// argument is a usage error of the command.
func (a *clientArgs) client(env *env, command string, c *config.Config) (e evaluation, err error) {
	if e.facts, err = a.facts(); err != nil {
		return e, usageOf(env, command, err)
	}
	if a.DNS != "" {
		server, err := parseResolver(a.DNS)
		if err != nil {
			return e, usageOf(env, command, err)
		}
		c.DNS.Servers = []netip.AddrPort{server}
	}
	modes := enforceAll(c)
	policies, err := daemon.Policies(c)
	if err != nil {
		return e, err
	}
	listener, err := listenerOf(c, policies, a.Listener)
	if err != nil {
		return e, usageOf(env, command, err)
	}
	e.policy = listener.Of(e.facts.Recipient)
	for _, layer := range e.policy.Layers { // a later one overrides an earlier one
		e.mode = cmp.Or(modes[layer], e.mode)
	}
	return e, nil
}

func (a *clientArgs) facts() (helogate.Facts, error) {
	f := helogate.Facts{Stage: helogate.Helo, Time: time.Now(), Verb: "EHLO", Helo: string(a.Helo), Auth: string(a.Auth)}
	var err error
	if f.Client, err = netip.ParseAddr(strings.Trim(a.Client, "[]")); err != nil {
		return f, fmt.Errorf("%q is no address; give the client's IPv4 or IPv6 address, then its HELO name", a.Client)
	}
	f.Client = f.Client.WithZone("").Unmap()
	if a.Server != "" {
		if f.Server, err = netip.ParseAddrPort(a.Server); err != nil {
			return f, fmt.Errorf("--server %q is no address with a port, like 192.0.2.25:25", a.Server)
		}
	}
	if a.Origin != "" {
		if f.Origin.Client, err = netip.ParseAddr(strings.Trim(a.Origin, "[]")); err != nil {
			return f, fmt.Errorf("--origin %q is no address", a.Origin)
		}
		f.Origin.Helo = string(a.OriginHelo)
	}
	if a.From != nil {
		f.Stage, f.Sender = helogate.Mail, strings.Trim(string(*a.From), "<>")
	}
	if a.Rcpt != "" {
		f.Stage, f.Recipient = helogate.Rcpt, strings.Trim(string(a.Rcpt), "<>")
	}
	return f, nil
}

// parseResolver reads "127.0.0.1:53", "127.0.0.1", "localhost:53".
func parseResolver(s string) (netip.AddrPort, error) {
	if server, err := netip.ParseAddrPort(s); err == nil {
		return server, nil
	}
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(addr, 53), nil
	}
	if found, err := net.ResolveUDPAddr("udp", s); err == nil && found.IP != nil {
		return found.AddrPort(), nil
	}
	return netip.AddrPort{}, fmt.Errorf("--dns %q is no resolver; name one like 127.0.0.1:53 or localhost:53", s)
}

// enforceAll makes every policy of a configuration enforced. It returns the modes that the layers of policies had
// before.
func enforceAll(c *config.Config) (modes map[string]config.Mode) {
	modes = map[string]config.Mode{"policy": c.Mode}
	c.Mode = config.Enforce
	for i := range c.Listen {
		modes[fmt.Sprintf("listen[%d]", i)] = c.Listen[i].Mode
		c.Listen[i].Mode = ""
	}
	for i := range c.Policy.For {
		modes[fmt.Sprintf("policy.for[%d]", i)] = c.Policy.For[i].Mode
		c.Policy.For[i].Mode = ""
	}
	return modes
}
