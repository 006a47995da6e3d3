package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/control"
	"github.com/helogate/helogate/internal/daemon"
	"github.com/helogate/helogate/internal/policy"
)

type exemptCmd struct {
	List exemptListCmd `cmd:"" help:"List the [[exempt]] and [[forwarder]] entries of the service, and how often each matched."`
	Why  exemptWhyCmd  `cmd:"" help:"Show which exemptions apply to a client, and why."`
}

type exemptListCmd struct {
	socketFlag
	JSON bool `name:"json" help:"Print the entries as JSON, for programs."`
}

// Run prints the entries of the configuration in effect, with how often each matched.
func (cmd exemptListCmd) Run(env *env) error {
	client, err := cmd.dial(env)
	if err != nil {
		return answered(err)
	}
	all, err := client.Exemptions(env.ctx)
	if err != nil {
		return answered(err)
	}
	if cmd.JSON {
		return printJSON(env.stdout, all)
	}
	if len(all) == 0 {
		_, err = fmt.Fprintln(env.stdout, "there are no [[exempt]] and no [[forwarder]] entries")
		return err
	}
	var b strings.Builder
	for i := range all {
		b.WriteString(exemptionLine(&all[i]) + "\n")
	}
	_, err = fmt.Fprint(env.stdout, b.String())
	return err
}

// exemptionLine is "exempt 2: 198.51.100.0/24 (credit union), until 2027-06-30, 14 hits, last at 2026-11-20 17:03:12".
func exemptionLine(e *control.Exemption) string {
	s := fmt.Sprintf("%s %d: %s", shown(e.Kind), e.Number, shown(e.Names))
	if e.Comment != "" {
		s += fmt.Sprintf(" (%s)", shown(e.Comment))
	}
	if e.Until != nil {
		s += ", until " + moment(e.Until.Add(-time.Second))
	}
	if e.Last == nil {
		return s + ", no hits"
	}
	return s + fmt.Sprintf(", %s, last at %s", many(e.Hits, "hit"), moment(*e.Last))
}

type exemptWhyCmd struct {
	socketFlag
	clientArgs
}

// Run prints a line for each rule that can accept the client, and exits with 0 if one of them does, with 1 if none
// does, and with 75 if that is not known, because lookups failed.
func (cmd exemptWhyCmd) Run(env *env) error {
	c, err := cmd.load(env)
	if err != nil {
		return err
	}
	asked, err := cmd.client(env, "exempt why", c)
	if err != nil {
		return err
	}
	v, rules, err := cmd.judge(env, c, asked.policy, asked.facts)
	if err != nil {
		return err
	}
	best := allowNo
	for i := range rules {
		match, why := rules[i].result(&asked.facts, v.Findings)
		best = max(best, match)
		if _, err := fmt.Fprintf(env.stdout, "%-6s %s: %s\n", match, rules[i].name, why); err != nil {
			return err
		}
	}
	switch best {
	case allowMatch:
		return nil
	case allowUnsure:
		return status(exitDeferred)
	}
	return status(exitRejected)
}

// judge judges by a policy of the allow rules.
func (cmd exemptWhyCmd) judge(env *env, c *config.Config, p *policy.Policy, f helogate.Facts) (v helogate.Verdict, rules []allowRule, err error) {
	resolver, err := daemon.Resolver(c)
	if err != nil {
		return v, nil, err
	}
	defer resolver.Close()
	trusted, known := cmd.trusted(env, c, p.Judged(f))
	rules, lines := allowRules(c, p, known)
	all, err := helogate.NewPolicy(p.Thresholds, lines...)
	if err != nil {
		return v, nil, err
	}
	all.RunAll, all.Budget, all.ByOrigin = true, c.DNS.Budget, p.ByOrigin
	v = all.Judge(env.ctx, f, helogate.ByKind{helogate.Trust: trusted, helogate.AnyKind: resolver})
	if env.ctx.Err() != nil {
		return v, nil, fmt.Errorf("interrupted before all lookups were answered")
	}
	return v, rules, nil
}

// trusted asks the service once whether the client is trusted. If it does not answer, notKnown says why.
func (cmd exemptWhyCmd) trusted(env *env, c *config.Config, f helogate.Facts) (known helogate.Evidence, notKnown string) {
	service := serviceOf(env, c)
	if cmd.Socket != "" {
		service.Socket = cmd.Socket
	}
	answer := &helogate.Answer{Status: helogate.NXDomain}
	e, err := service.TrustOf(env.ctx, f.Client)
	switch {
	case err == nil:
		answer = e.Answer()
	case control.ErrorKindOf(err) != control.NotFound:
		notKnown = "not known: " + shownTo(err.Error(), 500)
	}
	return helogate.Evidence{{Question: helogate.Question{Kind: helogate.Trust, Name: f.Client.String()}, Answer: answer}}, notKnown
}
