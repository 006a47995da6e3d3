package main

import (
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

// clientArgs are the arguments that name a client, what it has shown, and where: of all commands that judge one.
type clientArgs struct {
	DNS        string   `help:"Ask this resolver." placeholder:"HOST:PORT"`
	Listener   string   `help:"Judge as at this listener, by its address in [[listen]]." placeholder:"ADDRESS"`
	From       *rawText `help:"The envelope sender; the stage is then MAIL. Empty is the null reverse-path." placeholder:"ADDR"`
	Rcpt       rawText  `help:"The envelope recipient; the stage is then RCPT." placeholder:"ADDR"`
	Auth       rawText  `help:"The login that the client has authenticated as." placeholder:"USER"`
	Server     string   `help:"Where the client connected to." placeholder:"IP:PORT"`
	Origin     string   `help:"The client that this one says it has the mail from, for forwarders that are believed." placeholder:"IP"`
	OriginHelo rawText  `help:"What that client said in HELO." placeholder:"NAME"`

	Client string  `arg:"" name:"client-ip" help:"The client's address."`
	Helo   rawText `arg:"" optional:"" help:"What it says in HELO or EHLO."`
}

// rawText is an argument with its bytes as they are; kong would mend what is no UTF-8.
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

// client makes the facts, and finds the policy that they are judged by, which is in force whatever the configuration's
// mode is. What is wrong with an argument is said, as of the command.
func (a *clientArgs) client(env *env, command string, c *config.Config) (f helogate.Facts, p *policy.Policy, err error) {
	if f, err = a.facts(); err != nil {
		return f, nil, usageOf(env, command, err)
	}
	if a.DNS != "" {
		server, err := parseResolver(a.DNS)
		if err != nil {
			return f, nil, usageOf(env, command, err)
		}
		c.DNS.Servers = []netip.AddrPort{server}
	}
	inForce(c)
	policies, err := daemon.Policies(c)
	if err != nil {
		return f, nil, err
	}
	listener, err := listenerOf(c, policies, a.Listener)
	if err != nil {
		return f, nil, usageOf(env, command, err)
	}
	return f, listener.Of(f.Recipient), nil
}

func (a *clientArgs) facts() (helogate.Facts, error) {
	f := helogate.Facts{Stage: helogate.Helo, Time: time.Now(), Verb: "EHLO", Helo: string(a.Helo), Auth: string(a.Auth)}
	var err error
	if f.Client, err = netip.ParseAddr(strings.Trim(a.Client, "[]")); err != nil {
		return f, fmt.Errorf("%q is no address; give the client's IPv4 or IPv6 address, then its HELO", a.Client)
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

// inForce puts every policy of a configuration into force.
func inForce(c *config.Config) {
	c.Mode = config.Enforce
	for i := range c.Listen {
		c.Listen[i].Mode = ""
	}
	for i := range c.Policy.For {
		c.Policy.For[i].Mode = ""
	}
}
