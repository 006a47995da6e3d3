// Package policy makes policies of a configuration: the preset that a door names, what the configuration changes of it,
// and whether it is in force or on trial.
package policy

import (
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/config"
)

// Build makes the policy of a preset, or of the configuration's own where preset is "". What is wrong is an error that
// names its place in the file. It reads the files that the configuration names.
func Build(c *config.Config, preset string) (*helogate.Policy, error) {
	settings, errs := settingsOf(c)
	if preset == "" {
		preset = c.Policy.Preset
	}
	lines, at, err := check.Lines(preset, settings)
	if err != nil {
		return nil, err
	}
	if c.Policy.GreylistAt != nil {
		at.GreylistAt = *c.Policy.GreylistAt
	}
	if c.Policy.RejectAt != nil {
		at.RejectAt = *c.Policy.RejectAt
	}
	for i, l := range lines {
		lines[i].On = override(l.On, c.Policy.Checks[l.Check.Name])
		if _, err := helogate.NewPolicy(at, lines[i]); err != nil {
			errs = append(errs, c.Errorf("policy.checks."+l.Check.Name, "%w", err))
		}
	}
	if err := config.Join(errs...); err != nil {
		return nil, err
	}
	p, err := helogate.NewPolicy(at, lines...)
	if err != nil {
		return nil, err
	}
	p.URL = c.Policy.URL
	if c.Mode != config.Enforce {
		p = p.OnTrial()
	}
	return p, nil
}

// override puts what the configuration says of a check over what the preset says. A temperror that the preset words for
// its own action on fail is forgotten when fail gets another: it says for itself what a failure of DNS does.
func override(preset, own map[helogate.Outcome]helogate.Action) map[helogate.Outcome]helogate.Action {
	if len(own) == 0 {
		return preset
	}
	out := maps.Clone(preset)
	if _, fail := own[helogate.Fail]; fail {
		delete(out, helogate.TempError)
	}
	if own[helogate.Fail].Do == helogate.Ignore && len(own) == 1 {
		return own // ignored is ignored, whatever else the preset did with it
	}
	maps.Copy(out, own)
	return out
}

func settingsOf(c *config.Config) (s check.Settings, errs []error) {
	s = check.Settings{
		Own:          check.Own{Names: canonical(c.Own.Names), Addresses: c.Own.Addresses, Networks: c.Own.Networks},
		Impersonated: c.Policy.Impersonated,
	}
	badHelo := func(list check.BadHeloList, err error, place string, i int) {
		if err != nil {
			errs = append(errs, c.Errorf(fmt.Sprintf("policy.%s[%d]", place, i), "%w", err))
		}
		s.BadHelo = append(s.BadHelo, list...)
	}
	for i, pattern := range c.Policy.BadHelo {
		list, err := check.ParseBadHelo(pattern)
		badHelo(list, err, "bad_helo", i)
	}
	for i, path := range c.Policy.BadHeloFiles {
		list, err := readBadHelo(path)
		badHelo(list, err, "bad_helo_files", i)
	}
	for _, e := range c.Exempt {
		s.Exempt = append(s.Exempt, check.Exemption{
			Addresses: e.Address, Names: canonical(e.Name), Helos: canonical(e.Helo), Senders: canonical(e.Sender),
			Recipients: canonical(e.Recipient), Comment: e.Comment, Until: e.Until,
		})
	}
	return s, errs
}

func readBadHelo(path string) (check.BadHeloList, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return check.ReadBadHelo(path, f)
}

func canonical(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = hostname.Canonical(name)
	}
	return out
}

// Warnings says what of a configuration loads and will probably not do what was meant.
func Warnings(c *config.Config) (out []string) {
	if c.Policy.RejectAtStage < helogate.Rcpt {
		late := []string{"postmaster", "abuse"}
		if c.Policy.RejectAtStage < helogate.Mail {
			late = append([]string{"authenticated"}, late...)
		}
		late = append(late, lateExemptions(c)...)
		out = append(out, fmt.Sprintf("reject_at_stage is %s: what lets in later comes too late: %s",
			c.Policy.RejectAtStage, strings.Join(late, ", ")))
	}
	return out
}

// lateExemptions names the exemptions that need to know more than is known at the stage of rejection.
func lateExemptions(c *config.Config) (out []string) {
	for i, e := range c.Exempt {
		needs := helogate.Connect
		switch {
		case len(e.Recipient) > 0:
			needs = helogate.Rcpt
		case len(e.Sender) > 0:
			needs = helogate.Mail
		case len(e.Helo) > 0:
			needs = helogate.Helo
		}
		if needs > c.Policy.RejectAtStage {
			name := fmt.Sprintf("exempt %d", i+1)
			if e.Comment != "" {
				name += " (" + e.Comment + ")"
			}
			out = append(out, name)
		}
	}
	return out
}
