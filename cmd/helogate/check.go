package main

import (
	"context"
	"fmt"
	"io"
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
	Preset string `help:"Use this preset: lenient, rfc, strict, balanced or hardline." placeholder:"NAME"`
	All    bool   `help:"Run every check, even after the decision, and show all findings and lookups."`
	JSON   bool   `name:"json" help:"Print the verdict as a line of JSON, with all findings and lookups."`
}

// Run evaluates one client by the policy that serve has, as if it were enforced, and exits with a status for the
// action.
func (cmd checkCmd) Run(env *env) error {
	if cmd.Preset != "" && !slices.Contains(check.Presets, cmd.Preset) {
		return usageOf(env, "check", fmt.Errorf("--preset %q is no preset: use one of %s", cmd.Preset, strings.Join(check.Presets, ", ")))
	}
	c, err := cmd.load(env)
	if err != nil {
		return err
	}
	if cmd.Preset != "" {
		presetEverywhere(c, cmd.Preset)
	}
	asked, err := cmd.client(env, "check", c)
	if err != nil {
		return err
	}
	resolver, err := daemon.Resolver(c)
	if err != nil {
		return err
	}
	defer resolver.Close()
	p := *asked.policy.Policy
	p.RunAll, p.Budget = cmd.All, c.DNS.Budget
	v := p.Judge(env.ctx, asked.facts, askersOf(env, c, resolver))
	if env.ctx.Err() != nil {
		return fmt.Errorf("interrupted before all lookups were answered")
	}
	r := &helogate.Record{Facts: asked.facts, Verdict: v}
	if cmd.JSON {
		_, err = env.stdout.Write(append(r.AppendJSON(nil), '\n'))
	} else {
		page := verdictPage{screen: screenOf(env), Record: r, policy: &p, all: cmd.All, shadow: asked.mode != config.Enforce,
			changes: cmd.changes(env, c, &p, r, resolver)}
		_, err = io.WriteString(env.stdout, page.print())
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

// changes returns what would change the action. It looks up what the verdict did not need, for all assumptions together
// no longer than the verdict may take.
func (cmd checkCmd) changes(env *env, c *config.Config, p *helogate.Policy, r *helogate.Record, resolver helogate.Asker) []change {
	ctx, cancel := context.WithTimeout(env.ctx, c.DNS.Budget)
	defer cancel()
	return newWhatIf(ctx, p, r, askersOf(env, c, resolver)).changes()
}

// askersOf returns the resolver for DNS, and for all that is remembered the service that runs with the configuration.
func askersOf(env *env, c *config.Config, resolver helogate.Asker) helogate.Asker {
	service := serviceOf(env, c)
	askers := byMemory(service, resolver)
	askers[helogate.Callout] = service
	return askers
}

// presetEverywhere puts one preset in the place of those that listeners and recipients have.
func presetEverywhere(c *config.Config, preset string) {
	c.Policy.Preset = preset
	for i := range c.Listen {
		c.Listen[i].Preset = ""
	}
	for i := range c.Policy.For {
		c.Policy.For[i].Preset = ""
	}
}
