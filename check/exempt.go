package check

import (
	"fmt"
	"strings"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// Exempt passes a client that an entry of [[exempt]] matches. An entry matches if everything that it names does.
// Entries that need no DNS are compared first. A PTR name counts only if it resolves back to the client: the owner of
// an address can write any name into its PTR record.
func Exempt(entries []Exemption) helogate.Check {
	cost := helogate.Local
	for i := range entries {
		if len(entries[i].Names) > 0 {
			cost = helogate.Lookup
		}
	}
	refs := refs(entries, (*Exemption).Ref)
	return helogate.Check{
		Name: "exempt", Settings: strings.Join(refs, "\n"), Needs: helogate.Connect, Cost: cost, Conclusive: helogate.Pass,
		Doc: "an entry of [[exempt]] matches the client: its address, forward-confirmed PTR name, HELO, sender or recipient",
		Run: func(c *helogate.Case) helogate.Finding {
			if i := match(c, entries, exemptionOf); i >= 0 {
				return c.Pass("exempt %d: %s", i+1, entries[i].Describe()).At(i+1, refs[i])
			}
			return c.None("not exempt")
		},
	}
}

func exemptionOf(e *Exemption) *Exemption { return e }

// match returns the first entry that matches, of those that need no DNS before the others, or -1.
func match[T any](c *helogate.Case, entries []T, exemption func(*T) *Exemption) int {
	for _, needsDNS := range [...]bool{false, true} {
		for i := range entries {
			if e := exemption(&entries[i]); (len(e.Names) > 0) == needsDNS && e.miss(c) == missNothing {
				return i
			}
		}
	}
	return -1
}

// A miss is the reason why an entry does not match.
type miss int

const (
	missNothing miss = iota
	missTime
	missAddress
	missHelo
	missSender
	missRecipient
	missName
	missAll // the entry names nothing
)

// miss returns why the entry does not match the client, or missNothing. It asks DNS last, and only if all else matches.
func (e *Exemption) miss(c *helogate.Case) miss {
	switch {
	case !e.Until.IsZero() && !c.Time.Before(e.Until):
		return missTime
	case len(e.Addresses) > 0 && !e.matchesAddress(c):
		return missAddress
	case len(e.Helos) > 0 && (c.Stage < helogate.Helo || !matchesName(e.Helos, hostname.Canonical(c.Helo))):
		return missHelo
	case len(e.Senders) > 0 && (c.Stage < helogate.Mail || !matchesSender(c, e.Senders)):
		return missSender
	case len(e.Recipients) > 0 && (c.Stage < helogate.Rcpt || !matchesRecipient(c, e.Recipients)):
		return missRecipient
	case len(e.Names) > 0:
		for name := range c.Confirmed() {
			if matchesName(e.Names, name) {
				return missNothing
			}
		}
		return missName
	case len(e.Addresses)+len(e.Helos)+len(e.Senders)+len(e.Recipients) == 0:
		return missAll
	}
	return missNothing
}

func matchesSender(c *helogate.Case, list []MailboxPattern) bool {
	local, domain := parsed.Of(c).Sender()
	return matchesMailbox(list, c.Sender, local, domain)
}

func matchesRecipient(c *helogate.Case, list []MailboxPattern) bool {
	local, domain := parsed.Of(c).Recipient()
	return matchesMailbox(list, c.Recipient, local, domain)
}

// ExemptEntry makes a check of one entry of Exempt's list. Its finding says why the entry matches the client or does
// not, for an administrator whose exemption has no effect. name is the name of the check.
func ExemptEntry(name string, e Exemption) helogate.Check {
	ref := e.Ref()
	return helogate.Check{
		Name: name, Needs: helogate.Connect, Cost: helogate.Lookup, Conclusive: helogate.Pass,
		Doc: "one entry of [[exempt]] matches the client",
		Run: func(c *helogate.Case) helogate.Finding {
			if m := e.miss(c); m != missNothing {
				return c.None("%s", e.explain(c, m))
			}
			found := c.Pass("%s", e.Describe())
			found.Ref = ref
			return found
		},
	}
}

// explain says why the entry does not match.
func (e *Exemption) explain(c *helogate.Case, m miss) string {
	switch m {
	case missTime:
		return "the exemption has ended: " + e.Until.Add(-time.Nanosecond).Format(time.DateTime)
	case missAddress:
		return fmt.Sprintf("%s is not in %s", c.ClientText(), listed(e.Addresses))
	case missHelo:
		return notYet(c, helogate.Helo, "HELO", c.Helo, e.Helos)
	case missSender:
		return notYet(c, helogate.Mail, "the sender", "<"+c.Sender+">", e.Senders)
	case missRecipient:
		return notYet(c, helogate.Rcpt, "the recipient", "<"+c.Recipient+">", e.Recipients)
	case missName:
		return e.explainNames(c)
	}
	return "the entry names no client"
}

func notYet[T any](c *helogate.Case, needs helogate.Stage, what, is string, want []T) string {
	if c.Stage < needs {
		return fmt.Sprintf("%s is not known at %s, and must be %s", what, c.Stage, listed(want))
	}
	return fmt.Sprintf("%s %s is not %s", what, printed(is), listed(want))
}

// explainNames tells a PTR name that is another one from a PTR name that does not resolve back.
func (e *Exemption) explainNames(c *helogate.Case) string {
	names := c.PTR(c.Client)
	if len(names) == 0 {
		return fmt.Sprintf("%s has no PTR record, and must be %s", c.ClientText(), listed(e.Names))
	}
	for _, name := range names {
		if matchesName(e.Names, name) {
			return fmt.Sprintf("PTR of %s is %s, but that does not resolve back to it", c.ClientText(), printed(name))
		}
	}
	return fmt.Sprintf("PTR of %s is %s, not %s", c.ClientText(), listed(names), listed(e.Names))
}

// listed lists the first values: "a or b or one of 3 more".
func listed[T any](list []T) string {
	const most = 4
	var parts []string
	for _, v := range list[:min(len(list), most)] {
		parts = append(parts, printed(fmt.Sprint(v)))
	}
	s := strings.Join(parts, " or ")
	if n := len(list) - most; n > 0 {
		s += fmt.Sprintf(" or one of %d more", n)
	}
	return s
}

func (e *Exemption) matchesAddress(c *helogate.Case) bool {
	for _, p := range e.Addresses {
		if p.Contains(c.Client) {
			return true
		}
	}
	return false
}

// Matches lists what the entry names, separated by commas.
func (e *Exemption) Matches() string {
	var parts []string
	for _, p := range e.Addresses {
		parts = append(parts, p.String())
	}
	parts = append(texts(texts(parts, e.Names), e.Helos), texts(texts(nil, e.Senders), e.Recipients)...)
	return strings.Join(parts, ", ")
}

// texts appends the texts of patterns.
func texts[T fmt.Stringer](parts []string, list []T) []string {
	for _, p := range list {
		parts = append(parts, p.String())
	}
	return parts
}

// Describe says what the entry names, its last day, and the administrator's comment: "198.51.100.0/24 until 2027-06-30
// (credit union)".
func (e *Exemption) Describe() string {
	s := printed(e.Matches())
	if !e.Until.IsZero() {
		s += " until " + e.Until.Add(-time.Nanosecond).Format(time.DateOnly)
	}
	if e.Comment != "" {
		s += " (" + printed(e.Comment) + ")"
	}
	return s
}
