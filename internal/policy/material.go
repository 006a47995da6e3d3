package policy

import (
	"fmt"
	"os"

	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/rule"
)

// material is what all policies of a configuration are made of.
type material struct {
	config   *config.Config
	settings check.Settings
	rules    []*rule.Rule
}

// gather reads what the configuration names, and compiles its rules.
func gather(c *config.Config) (*material, error) {
	m := &material{config: c}
	var errs []error
	m.settings, errs = settingsOf(c)
	lists, unread := listsOf(c)
	errs = append(errs, unread...)
	return m, config.Join(append(errs, m.compile(lists)...)...)
}

// settingsOf makes the settings of the checks.
func settingsOf(c *config.Config) (s check.Settings, errs []error) {
	s = check.Settings{
		Own:          check.Own{Names: canonical(c.Own.Names), Addresses: c.Own.Addresses, Networks: c.Own.Networks},
		Impersonated: c.Policy.Impersonated,
		Trusted:      true,
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
	s.Exempt, s.Forwarders = Exemptions(c), Forwarders(c)
	lists, wrong := Lists(c)
	s.Lists, errs = lists, append(errs, wrong...)
	s.Hammering, s.Callout, s.Patience = true, c.Callout.Domains, c.DNS.Patience
	s.Greylist = check.Greylisting{
		On: true, Delay: c.Greylist.Delay, Sender: check.Part(c.Greylist.Sender), Recipient: check.Part(c.Greylist.Recipient),
		Exempt: exemptions(c.Greylist.Exempt),
	}
	return s, append(errs, senseful(c)...)
}

// Exemptions returns the entries of a configuration that exempt, in its order.
func Exemptions(c *config.Config) []check.Exemption { return exemptions(c.Exempt) }

func exemptions(entries []config.Exempt) (out []check.Exemption) {
	for _, e := range entries {
		out = append(out, check.Exemption{
			Addresses: e.Address, Names: canonical(e.Name), Helos: canonical(e.Helo), Senders: canonical(e.Sender),
			Recipients: canonical(e.Recipient), Comment: e.Comment, Until: e.Until,
		})
	}
	return out
}

// Forwarders returns the forwarders of a configuration, in its order.
func Forwarders(c *config.Config) (out []check.Forwarder) {
	for _, f := range c.Forwarder {
		out = append(out, check.Forwarder{Origin: f.Origin, Exemption: check.Exemption{
			Addresses: f.Address, Names: canonical(f.Name), Comment: f.Comment, Until: f.Until,
		}})
	}
	return out
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
