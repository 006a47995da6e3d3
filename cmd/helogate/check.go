package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/daemon"
)

type checkCmd struct {
	configFlag
	clientArgs
	Preset string `help:"Judge by this preset: lenient, rfc, strict, balanced or hardline." placeholder:"NAME"`
	All    bool   `help:"Run every check, even when all is decided."`
	JSON   bool   `name:"json" help:"Print the verdict as the journal keeps it."`
}

// Run judges one client by the engine of serve, and exits with what became of it.
func (cmd checkCmd) Run(env *env) error {
	if cmd.Preset != "" && !slices.Contains(check.Presets, cmd.Preset) {
		return usageOf(env, "check", fmt.Errorf("--preset %q is none: %s", cmd.Preset, strings.Join(check.Presets, ", ")))
	}
	c, err := cmd.load(env)
	if err != nil {
		return err
	}
	if cmd.Preset != "" {
		presetEverywhere(c, cmd.Preset)
	}
	f, chosen, err := cmd.client(env, "check", c)
	if err != nil {
		return err
	}
	resolver, err := daemon.Resolver(c)
	if err != nil {
		return err
	}
	defer resolver.Close()
	p := *chosen.Policy
	p.RunAll, p.Budget = cmd.All, c.DNS.Budget
	v := p.Judge(env.ctx, f, askersOf(env, c, resolver))
	if env.ctx.Err() != nil {
		return fmt.Errorf("interrupted before all was answered")
	}
	r := &helogate.Record{Facts: f, Verdict: v}
	if cmd.JSON {
		_, err = env.stdout.Write(append(r.AppendJSON(nil), '\n'))
	} else {
		err = printVerdict(env.stdout, r, inColour(env))
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

// askersOf are the resolver, and the service that runs with the configuration for all that it remembers.
func askersOf(env *env, c *config.Config, resolver helogate.Asker) helogate.Asker {
	service := serviceOf(env, c)
	return helogate.ByKind{
		helogate.Trust: service, helogate.Hammering: service, helogate.Suspended: service, helogate.Greylisted: service, helogate.Deferred: service,
		helogate.Callout: service, helogate.AnyKind: resolver,
	}
}

// presetEverywhere judges by one preset, whatever listeners and recipients have.
func presetEverywhere(c *config.Config, preset string) {
	c.Policy.Preset = preset
	for i := range c.Listen {
		c.Listen[i].Preset = ""
	}
	for i := range c.Policy.For {
		c.Policy.For[i].Preset = ""
	}
}
