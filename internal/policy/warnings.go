package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
)

// Warnings returns warnings about settings that are valid and probably do not do what was meant. Expired entries are
// those that end by now.
func Warnings(c *config.Config, p *Policies, now time.Time) (out []string) {
	out = append(out, tooLate(c, p)...)
	out = append(out, ended(c, now)...)
	out = append(out, conflicts(c)...)
	out = append(out, repeated(c)...)
	out = append(out, unusedOrigins(c)...)
	out = append(out, unusedChecks(c, p)...)
	return append(out, withoutGreylisting(c, p)...)
}

// tooLate names what accepts only after the stage at which clients are refused.
func tooLate(c *config.Config, p *Policies) (out []string) {
	at := c.Policy.RejectAtStage
	if at >= helogate.Rcpt {
		return nil
	}
	late := acceptsLater(p, at)
	late = append(late, lateExemptions(c)...)
	for i, f := range c.Policy.For {
		late = append(late, fmt.Sprintf("policy.for %d (%s)", i+1, listed(f.Recipient)))
	}
	if len(late) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("reject_at_stage is %s: these can accept only later, which is too late: %s", at, strings.Join(late, ", "))}
}

func listed(all []check.MailboxPattern) string {
	texts := make([]string, len(all))
	for i, p := range all {
		texts[i] = p.String()
	}
	return strings.Join(texts, ", ")
}

// acceptsLater names the lines that accept or lower the score and cannot be evaluated at a stage. A login comes between
// HELO and MAIL, though its check needs no stage.
func acceptsLater(p *Policies, at helogate.Stage) (out []string) {
	if at < helogate.Mail {
		out = append(out, "authenticated")
	}
	for l := range p.lines() {
		if l.Check.Needs > at && accepts(l) && !slices.Contains(out, l.Check.Name) {
			out = append(out, l.Check.Name)
		}
	}
	return out
}

func accepts(l helogate.Line) bool {
	for _, a := range l.On {
		if a.Action == helogate.Accept || a.LowersScore() {
			return true
		}
	}
	return false
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
			out = append(out, entry("exempt", i, e.Comment))
		}
	}
	return out
}

// entry names an entry of a list, as the log does.
func entry(list string, i int, comment string) string {
	name := fmt.Sprintf("%s %d", list, i+1)
	if comment != "" {
		name += " (" + comment + ")"
	}
	return name
}

// ended names entries that have expired.
func ended(c *config.Config, now time.Time) (out []string) {
	say := func(list string, i int, comment string, until time.Time, does string) {
		if !until.IsZero() && !now.Before(until) {
			out = append(out, fmt.Sprintf("%s ended at %s and %s: remove it, or change its until",
				entry(list, i, comment), until.Add(-time.Second).Format(time.DateTime), does))
		}
	}
	for i, e := range c.Exempt {
		say("exempt", i, e.Comment, e.Until, "accepts no client any more")
	}
	for i, f := range c.Forwarder {
		say("forwarder", i, f.Comment, f.Until, "accepts no client any more")
	}
	for i, e := range c.Greylist.Exempt {
		say("greylist.exempt", i, e.Comment, e.Until, "no longer prevents greylisting")
	}
	return out
}

// conflicts names pairs of exemptions for the same clients, of which one is redundant: removing or changing it would
// have no effect.
func conflicts(c *config.Config) (out []string) {
	for i := range c.Exempt {
		for j := range i {
			a, b := &c.Exempt[j], &c.Exempt[i]
			if !a.Until.Equal(b.Until) && covers(a, b) && covers(b, a) {
				out = append(out, fmt.Sprintf("%s and %s match the same clients and end at different times: the later end counts",
					entry("exempt", j, a.Comment), entry("exempt", i, b.Comment)))
			} else if later(a.Until, b.Until) && covers(a, b) {
				out = append(out, fmt.Sprintf("%s has no effect: %s accepts the same clients",
					entry("exempt", i, b.Comment), entry("exempt", j, a.Comment)))
			} else if later(b.Until, a.Until) && covers(b, a) {
				out = append(out, fmt.Sprintf("%s has no effect: %s accepts the same clients",
					entry("exempt", j, a.Comment), entry("exempt", i, b.Comment)))
			}
		}
	}
	return out
}

// repeated names entries of the other lists that repeat an earlier one: only the earlier one matches and is counted.
func repeated(c *config.Config) (out []string) {
	first := map[string]string{}
	say := func(list string, i int, comment, ref string) {
		name := entry(list, i, comment)
		if was, ok := first[list+" "+ref]; ok {
			out = append(out, fmt.Sprintf("%s repeats %s: remove one of them", name, was))
			return
		}
		first[list+" "+ref] = name
	}
	for i, f := range Forwarders(c) {
		say("forwarder", i, f.Comment, f.Ref())
	}
	for i, e := range exemptions(c.Greylist.Exempt) {
		say("greylist.exempt", i, e.Comment, e.Ref())
	}
	return out
}

// later reports whether a ends no sooner than b; zero is never.
func later(a, b time.Time) bool { return a.IsZero() || !b.IsZero() && !a.Before(b) }

// covers reports whether a accepts every client that b accepts, apart from their ends.
func covers(a, b *config.Exempt) bool {
	return coversAll(a.Address, b.Address, coversPrefix) &&
		coversAll(a.Name, b.Name, check.NamePattern.Covers) && coversAll(a.Helo, b.Helo, check.NamePattern.Covers) &&
		coversAll(a.Sender, b.Sender, check.MailboxPattern.Covers) && coversAll(a.Recipient, b.Recipient, check.MailboxPattern.Covers)
}

func coversPrefix(a, b netip.Prefix) bool { return a.Bits() <= b.Bits() && a.Contains(b.Addr()) }

// coversAll reports whether each of b is covered by one of a. An empty list covers everything.
func coversAll[T any](a, b []T, covers func(a, b T) bool) bool {
	in := func(one T) bool { return slices.ContainsFunc(a, func(other T) bool { return covers(other, one) }) }
	return len(a) == 0 || len(b) > 0 && !slices.ContainsFunc(b, func(one T) bool { return !in(one) })
}

// unusedOrigins names forwarders with origin where no listener shows the origin of forwarded mail. Only HTTP can; an
// MTA that gets XCLIENT from a trusted forwarder shows the origin as the client itself.
func unusedOrigins(c *config.Config) (out []string) {
	http := slices.ContainsFunc(c.Listen, func(l config.Listen) bool { return l.Protocol == "http" })
	for i, f := range c.Forwarder {
		if f.Origin && !http {
			out = append(out, fmt.Sprintf("%s: no listener shows the origin of its mail, so its mail is accepted without a check; "+
				"if the MTA supports XCLIENT, let the forwarder send the origin with it", entry("forwarder", i, f.Comment)))
		}
	}
	return out
}
