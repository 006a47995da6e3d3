package policy

import (
	"fmt"
	"os"

	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/rule"
)

// inputs is what all policies of a configuration are made of.
type inputs struct {
	config   *config.Config
	settings check.Settings
	lists    []List
	rules    []*rule.Rule
}

// gatherInputs reads the files of the configuration, and compiles its rules.
func gatherInputs(c *config.Config) (*inputs, error) {
	m := &inputs{config: c, lists: Lists(c)}
	bad, errs := badHelo(c)
	m.settings = m.settingsOf(bad)
	lists, unread := listsOf(c)
	errs = append(errs, unread...)
	return m, config.Join(append(errs, m.compile(lists)...)...)
}

// settingsOf returns the settings of the checks.
func (m *inputs) settingsOf(bad check.BadHeloList) check.Settings {
	c := m.config
	s := check.Settings{
		Own:          check.Own{Names: c.Own.Names, Addresses: c.Own.Addresses, Networks: c.Own.Networks},
		BadHelo:      bad,
		Impersonated: c.Policy.Impersonated,
		Exempt:       Exemptions(c),
		Forwarders:   Forwarders(c),
		Trusted:      true,
		Hammering:    true,
		Greylist: check.Greylisting{
			On: true, Delay: c.Greylist.Delay, Sender: c.Greylist.Sender, Recipient: c.Greylist.Recipient, Exempt: exemptions(c.Greylist.Exempt),
		},
		Patience: c.DNS.FailureGrace,
		Callout:  c.Callout.Domains,
	}
	for _, l := range m.lists {
		s.Lists = append(s.Lists, l.List)
	}
	return s
}

// badHelo returns the patterns of the configuration and of its files.
func badHelo(c *config.Config) (all check.BadHeloList, errs []error) {
	all = append(all, c.Policy.BadHelo...)
	for i, path := range c.Policy.BadHeloFiles {
		list, err := readBadHelo(path)
		if err != nil {
			errs = append(errs, c.Errorf(fmt.Sprintf("policy.bad_helo_files[%d]", i), "%w", err))
		}
		all = append(all, list...)
	}
	return all, errs
}

// Exemptions returns the [[exempt]] entries of a configuration, in its order.
func Exemptions(c *config.Config) []check.Exemption { return exemptions(c.Exempt) }

func exemptions(entries []config.Exempt) (out []check.Exemption) {
	for _, e := range entries {
		out = append(out, check.Exemption{
			Addresses: e.Address, Names: e.Name, Helos: e.Helo, Senders: e.Sender, Recipients: e.Recipient,
			Comment: e.Comment, Until: e.Until,
		})
	}
	return out
}

// Forwarders returns the forwarders of a configuration, in its order.
func Forwarders(c *config.Config) (out []check.Forwarder) {
	for _, f := range c.Forwarder {
		out = append(out, check.Forwarder{Origin: f.Origin, Exemption: check.Exemption{
			Addresses: f.Address, Names: f.Name, Comment: f.Comment, Until: f.Until,
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
