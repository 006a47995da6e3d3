package check

import (
	"strings"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
)

// Exempt lets in whom the administrator has exempted. An entry matches when all that it names does; what needs no DNS is
// looked at first. A PTR name counts only when it leads back to the client: anybody can write a PTR.
func Exempt(entries []Exemption) helogate.Check {
	cost := helogate.Local
	for i := range entries {
		if len(entries[i].Names) > 0 {
			cost = helogate.Lookup
		}
	}
	return helogate.Check{
		Name: "exempt", Needs: helogate.Connect, Cost: cost, Finds: helogate.Pass,
		Doc: "the administrator has exempted the client: by address, confirmed PTR name, HELO, sender or recipient",
		Run: func(c *helogate.Case) helogate.Finding {
			for _, needsDNS := range [...]bool{false, true} {
				for i := range entries {
					if e := &entries[i]; (len(e.Names) > 0) == needsDNS && e.matches(c) {
						return c.Pass("exempt: %s", e.describe())
					}
				}
			}
			return c.None("not exempt")
		},
	}
}

// matches asks DNS last, and only if all else has matched.
func (e *Exemption) matches(c *helogate.Case) bool {
	switch {
	case !e.Until.IsZero() && !c.Time.Before(e.Until):
		return false
	case len(e.Addresses) > 0 && !e.matchesAddress(c):
		return false
	case len(e.Helos) > 0 && (c.Stage < helogate.Helo || !matchesName(e.Helos, hostname.Canonical(c.Helo))):
		return false
	case len(e.Senders) > 0 && (c.Stage < helogate.Mail || !matchesMailbox(e.Senders, c.Sender)):
		return false
	case len(e.Recipients) > 0 && (c.Stage < helogate.Rcpt || !matchesMailbox(e.Recipients, c.Recipient)):
		return false
	case len(e.Names) == 0:
		return len(e.Addresses)+len(e.Helos)+len(e.Senders)+len(e.Recipients) > 0
	}
	for name := range c.Confirmed() {
		if matchesName(e.Names, name) {
			return true
		}
	}
	return false
}

func (e *Exemption) matchesAddress(c *helogate.Case) bool {
	for _, p := range e.Addresses {
		if p.Contains(c.Client) {
			return true
		}
	}
	return false
}

// describe is the administrator's own comment, or what the entry names.
func (e *Exemption) describe() string {
	if e.Comment != "" {
		return e.Comment
	}
	var parts []string
	for _, p := range e.Addresses {
		parts = append(parts, p.String())
	}
	for _, l := range [][]string{e.Names, e.Helos, e.Senders, e.Recipients} {
		parts = append(parts, l...)
	}
	s := clip(strings.Join(parts, ", "))
	if !e.Until.IsZero() {
		s += " until " + e.Until.Add(-time.Nanosecond).Format(time.DateOnly)
	}
	return s
}

// matchesName compares a canonical name with names and ".suffixes".
func matchesName(list []string, name string) bool {
	for _, want := range list {
		if want == name || want[0] == '.' && strings.HasSuffix(name, want) {
			return true
		}
	}
	return false
}

// matchesMailbox compares an envelope address with addresses, domains and ".suffixes" of domains; "<>" is the null
// reverse-path. Local parts are compared without regard to case, for no administrator means anything else.
func matchesMailbox(list []string, mailbox string) bool {
	domain := domainOf(mailbox)
	for _, want := range list {
		switch {
		case want == "<>":
			if mailbox == "" {
				return true
			}
		case strings.Contains(want, "@"):
			if strings.EqualFold(want, mailbox) {
				return true
			}
		case domain != "" && matchesName([]string{want}, domain):
			return true
		}
	}
	return false
}
