package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/helogate/helogate/internal/control"
)

type trustCmd struct {
	Add    trustAddCmd    `cmd:"" help:"Trust an address for a limited time, after a POP login for example."`
	List   trustListCmd   `cmd:"" help:"List the trusted addresses, until when, and why."`
	Remove trustRemoveCmd `cmd:"" help:"End the trust in an address."`
}

// span is a duration in the notation of the configuration, which has days.
type span time.Duration

// Decode takes the next argument.
func (s *span) Decode(ctx *kong.DecodeContext) error {
	var word string
	if err := ctx.Scan.PopValueInto("duration", &word); err != nil {
		return err
	}
	if days, isDays := strings.CutSuffix(word, "d"); isDays {
		n, err := strconv.ParseUint(days, 10, 16)
		*s = span(time.Duration(n) * 24 * time.Hour)
		if err == nil {
			return nil
		}
	} else if d, err := time.ParseDuration(word); err == nil {
		*s = span(d)
		return nil
	}
	return fmt.Errorf("%q is no duration such as 30m, 12h or 7d", word)
}

type trustAddCmd struct {
	socketFlag
	For     span    `required:"" help:"Trust it for this long from now: 30m, 12h or 7d; between 1s and 30d." placeholder:"TIME"`
	Comment rawText `help:"Say why, for the log and trust list; at most 200 bytes." placeholder:"TEXT"`
	Address string  `arg:"" help:"The client's IPv4 or IPv6 address."`
}

// Run trusts an address.
func (cmd trustAddCmd) Run(env *env) error {
	addr, err := clientAddr(cmd.Address)
	if err != nil {
		return usageOf(env, "trust add", err)
	}
	client, err := cmd.dial(env)
	if err != nil {
		return answered(err)
	}
	e, err := client.Trust(env.ctx, addr, time.Duration(cmd.For), string(cmd.Comment))
	if control.ErrorKindOf(err) == control.Request {
		return usageOf(env, "trust add", answered(err))
	}
	if err != nil {
		return answered(err)
	}
	_, err = fmt.Fprintf(env.stdout, "%s is trusted until %s\n", e.Address, moment(e.Until))
	return err
}

type trustListCmd struct {
	socketFlag
	JSON bool `name:"json" help:"Print JSON, for programs."`
}

// Run prints the trusted addresses, one a line.
func (cmd trustListCmd) Run(env *env) error {
	client, err := cmd.dial(env)
	if err != nil {
		return answered(err)
	}
	all, err := client.Trusted(env.ctx)
	if err != nil {
		return answered(err)
	}
	if cmd.JSON {
		return printJSON(env.stdout, all)
	}
	if len(all) == 0 {
		_, err = fmt.Fprintln(env.stdout, "no address is trusted")
		return err
	}
	width := 0
	for _, e := range all {
		width = max(width, len(e.Address.String()))
	}
	var b strings.Builder
	for _, e := range all {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-*s  until %s  %s", width, e.Address, moment(e.Until), shownAgain(e.Comment)), " ") + "\n")
	}
	_, err = fmt.Fprint(env.stdout, b.String())
	return err
}

// shownAgain is shown for text that the service has made printable, in which backslashes are escapes already.
func shownAgain(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return shown(s)
	}
	return s
}

type trustRemoveCmd struct {
	socketFlag
	Address string `arg:"" help:"The client's IPv4 or IPv6 address."`
}

// Run ends the trust in an address.
func (cmd trustRemoveCmd) Run(env *env) error {
	addr, err := clientAddr(cmd.Address)
	if err != nil {
		return usageOf(env, "trust remove", err)
	}
	client, err := cmd.dial(env)
	if err != nil {
		return answered(err)
	}
	err = client.Untrust(env.ctx, addr)
	if control.ErrorKindOf(err) == control.NotFound {
		fmt.Fprintf(env.stderr, "helogate trust remove: %s\n", answered(err))
		return status(exitRejected)
	}
	if err != nil {
		return answered(err)
	}
	_, err = fmt.Fprintf(env.stdout, "%s is no longer trusted\n", addr)
	return err
}

// clientAddr parses an address, which may be in brackets, have a zone, or be IPv4-mapped.
func clientAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return a, fmt.Errorf("%q is no address; give the client's IPv4 or IPv6 address", shown(s))
	}
	return a.WithZone("").Unmap(), nil
}

// usageOf prints an error in the arguments of a command, and returns the exit status for it.
func usageOf(env *env, command string, err error) error {
	fmt.Fprintf(env.stderr, "helogate %s: %s\n", command, err)
	return status(exitUsage)
}
