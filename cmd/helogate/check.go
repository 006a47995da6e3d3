package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
)

type checkCmd struct {
	configFlag
	Preset     string   `help:"Judge by this preset: lenient, rfc, strict, balanced or hardline." placeholder:"NAME"`
	DNS        string   `help:"Ask this resolver." placeholder:"HOST:PORT"`
	From       *rawText `help:"The envelope sender; the stage is then MAIL. Empty is the null reverse-path." placeholder:"ADDR"`
	Rcpt       rawText  `help:"The envelope recipient; the stage is then RCPT." placeholder:"ADDR"`
	Auth       rawText  `help:"The login that the client has authenticated as." placeholder:"USER"`
	Server     string   `help:"Where the client connected to." placeholder:"IP:PORT"`
	Door       string   `help:"Judge as at this door, by its address in [[listen]]." placeholder:"ADDRESS"`
	Origin     string   `help:"The client that this one says it has the mail from, for forwarders that are believed." placeholder:"IP"`
	OriginHelo rawText  `help:"What that client said in HELO." placeholder:"NAME"`
	All        bool     `help:"Run every check, even when all is decided."`
	JSON       bool     `name:"json" help:"Print the verdict as the journal keeps it."`

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

// Run judges one client by the engine of serve, and exits with what became of it.
func (cmd checkCmd) Run(w *world) error {
	f, err := cmd.facts()
	if err != nil {
		return cmd.usage(w, err)
	}
	c, err := cmd.configuration(w)
	if err != nil {
		return err
	}
	policies, err := policiesOf(c)
	if err != nil {
		return err
	}
	door, err := doorOf(c, policies, cmd.Door)
	if err != nil {
		return cmd.usage(w, err)
	}
	resolver, err := resolverOf(c)
	if err != nil {
		return configError{err}
	}
	defer resolver.Close()
	p := *door.Of(f.Recipient).Policy
	p.Exhaustive, p.Budget = cmd.All, c.DNS.Budget
	v := p.Judge(w.ctx, f, helogate.ByKind{helogate.Trust: trustedBy(w, c), "": resolver})
	if w.ctx.Err() != nil {
		return fmt.Errorf("interrupted before all was answered")
	}
	r := &helogate.Record{Facts: f, Verdict: v}
	if cmd.JSON {
		_, err = w.stdout.Write(append(r.AppendJSON(nil), '\n'))
	} else {
		err = printVerdict(w.stdout, r, inColour(w))
	}
	if err != nil {
		return err
	}
	switch v.Action {
	case helogate.Reject, helogate.Drop:
		return status(exitRejected)
	case helogate.Defer, helogate.Greylist:
		return status(exitDeferred)
	}
	return nil
}

func (cmd checkCmd) facts() (helogate.Facts, error) {
	f := helogate.Facts{Stage: helogate.Helo, Time: time.Now(), Verb: "EHLO", Helo: string(cmd.Helo), Auth: string(cmd.Auth)}
	var err error
	if f.Client, err = netip.ParseAddr(strings.Trim(cmd.Client, "[]")); err != nil {
		return f, fmt.Errorf("%q is no address; give the client's IPv4 or IPv6 address, then its HELO", cmd.Client)
	}
	f.Client = f.Client.WithZone("").Unmap()
	if cmd.Server != "" {
		if f.Server, err = netip.ParseAddrPort(cmd.Server); err != nil {
			return f, fmt.Errorf("--server %q is no address with a port, like 192.0.2.25:25", cmd.Server)
		}
	}
	if cmd.Origin != "" {
		if f.Origin.Client, err = netip.ParseAddr(strings.Trim(cmd.Origin, "[]")); err != nil {
			return f, fmt.Errorf("--origin %q is no address", cmd.Origin)
		}
		f.Origin.Helo = string(cmd.OriginHelo)
	}
	if cmd.From != nil {
		f.Stage, f.Sender = helogate.Mail, strings.Trim(string(*cmd.From), "<>")
	}
	if cmd.Rcpt != "" {
		f.Stage, f.Recipient = helogate.Rcpt, strings.Trim(string(cmd.Rcpt), "<>")
	}
	if cmd.Preset != "" && !slices.Contains(check.Presets, cmd.Preset) {
		return f, fmt.Errorf("--preset %q is none: %s", cmd.Preset, strings.Join(check.Presets, ", "))
	}
	return f, nil
}

// configuration is that of the flags: whatever its mode is, here it is in force.
func (cmd checkCmd) configuration(w *world) (*config.Config, error) {
	c, err := cmd.load(w)
	if err != nil {
		return nil, err
	}
	inForce(c)
	if cmd.Preset != "" {
		c.Policy.Preset = cmd.Preset
		for i := range c.Listen {
			c.Listen[i].Preset = ""
		}
		for i := range c.Policy.For {
			c.Policy.For[i].Preset = ""
		}
	}
	if cmd.DNS != "" {
		server, err := netip.ParseAddrPort(cmd.DNS)
		if addr, bare := netip.ParseAddr(cmd.DNS); bare == nil {
			server, err = netip.AddrPortFrom(addr, 53), nil
		} else if found, resolved := net.ResolveUDPAddr("udp", cmd.DNS); err != nil && resolved == nil && found.IP != nil {
			server, err = found.AddrPort(), nil
		}
		if err != nil {
			return nil, cmd.usage(w, fmt.Errorf("--dns %q is no resolver; name one like 127.0.0.1:53 or localhost:53", cmd.DNS))
		}
		c.DNS.Servers = []netip.AddrPort{server}
	}
	return c, nil
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

func (cmd checkCmd) usage(w *world, err error) error {
	fmt.Fprintf(w.stderr, "helogate check: %s\n", err)
	return status(exitUsage)
}
