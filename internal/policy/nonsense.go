package policy

import (
	"fmt"
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
)

// nonsense finds the first action that a check has no use for: it would load, and do what nobody meant.
func nonsense(name string, on map[helogate.Outcome]helogate.Action) error {
	for _, outcome := range helogate.Outcomes {
		if a, said := on[outcome]; said && a.Do != helogate.Ignore && a.Do != helogate.Note {
			if err := senseless(name, outcome, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// senseless says why a check has no use for an action that does something.
func senseless(name string, outcome helogate.Outcome, a helogate.Action) error {
	lets := a.Do == helogate.Accept || a.Do == helogate.Vouch
	switch name {
	case "greylist":
		if a.Do != helogate.Greylist || outcome != helogate.Fail {
			return fmt.Errorf("%s = %s: greylist can be greylist, which greylists everybody; note, those whom something else says to; or ignore, nobody", outcome, a)
		}
	case "patience":
		return fmt.Errorf("%s = %s: patience can be note, or ignore, which defers without end", outcome, a)
	case "callout", "callout-postmaster":
		if outcome == helogate.Pass && lets {
			return fmt.Errorf("%s: that an address exists vouches for nobody, for anybody can claim to be it", a)
		}
	case check.DNSWL:
		if outcome == helogate.Fail {
			return fmt.Errorf(`an allow-list never fails, it passes who is on it: write dnswl = { pass = "vouch 3" }, or accept`)
		}
	}
	if slices.Contains(check.ListFamilies, name) && outcome == telling(name) {
		return listAction(name, a)
	}
	return nil
}

// senseful checks all that the configuration says of checks.
func senseful(c *config.Config) (errs []error) {
	at := func(place string, checks config.Checks) {
		for name, on := range checks {
			if err := nonsense(name, on); err != nil {
				errs = append(errs, c.Errorf(place+"."+name, "%w", err))
			}
		}
	}
	at("policy.checks", c.Policy.Checks)
	for i, f := range c.Policy.For {
		at(fmt.Sprintf("policy.for[%d].checks", i), f.Checks)
	}
	for i, l := range c.Listen {
		at(fmt.Sprintf("listen[%d].checks", i), l.Checks)
	}
	return errs
}
