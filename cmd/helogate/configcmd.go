package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/daemon"
	"github.com/helogate/helogate/internal/policy"
)

type configCheckCmd struct {
	configFlag
}

// Run reads the configuration and builds all of its policies, as serve does.
func (cmd configCheckCmd) Run(env *env) error {
	c, err := cmd.load(env)
	if err != nil {
		return err
	}
	policies, err := daemon.Policies(c)
	if err != nil {
		return err
	}
	for _, warning := range policy.Warnings(c, policies, time.Now()) {
		fmt.Fprintln(env.stderr, "warning: "+warning)
	}
	what := cmd.Config
	if what == "" {
		what = "no file; the defaults"
	}
	_, err = fmt.Fprintf(env.stdout, "ok: %s\n", what)
	return err
}

type configShowCmd struct {
	configFlag
	Policy   bool    `help:"Print the policy instead: all checks and rules in the order of evaluation, with their lookups and actions."`
	For      rawText `help:"Print the policy for this recipient." placeholder:"ADDR"`
	Listener string  `help:"Print the policy of the listener at this address, as [[listen]] has it." placeholder:"ADDRESS"`
}

// Run prints the configuration as TOML that reads back as the same configuration, or one of its policies.
func (cmd configShowCmd) Run(env *env) error {
	c, err := cmd.load(env)
	if err != nil {
		return err
	}
	if !cmd.Policy && cmd.For == "" && cmd.Listener == "" {
		return c.WriteTOML(env.stdout)
	}
	policies, err := daemon.Policies(c)
	if err != nil {
		return err
	}
	listener, err := listenerOf(c, policies, cmd.Listener)
	if err != nil {
		fmt.Fprintf(env.stderr, "helogate config show: %s\n", err)
		return status(exitUsage)
	}
	_, err = io.WriteString(env.stdout, screenOf(env).policyText(c, listener.Of(strings.Trim(string(cmd.For), "<>"))))
	return err
}

// listenerOf returns the policies of the listener at an address, or those of no particular listener for "".
func listenerOf(c *config.Config, p *policy.Policies, address string) (*policy.ListenerPolicies, error) {
	if address == "" {
		return p.General, nil
	}
	var all []string
	for i, l := range c.Listen {
		if l.Address.String() == address || l.Address.Address == address {
			return p.Listeners[i], nil
		}
		all = append(all, l.Address.String())
	}
	return nil, fmt.Errorf("there is no listener at %q; the configuration has %s", address, strings.Join(all, ", "))
}
