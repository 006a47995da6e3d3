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

// Warnings says what of a configuration loads and will probably not do what was meant.
func Warnings(c *config.Config, p *Policies, now time.Time) (out []string) {
	out = append(out, tooLate(c, p)...)
	out = append(out, ended(c, now)...)
	out = append(out, conflicts(c)...)
	out = append(out, repeated(c)...)
	out = append(out, unheard(c)...)
	out = append(out, unasked(c, p)...)
	return append(out, ungreylisted(c, p)...)
}

// tooLate names what lets in later than clients are told no.
func tooLate(c *config.Config, p *Policies) (out []string) {
	at := c.Policy.RejectAtStage
	if at >= helogate.Rcpt {
		return nil
	}
	late := letsInLater(p, at)
	late = append(late, lateExemptions(c)...)
	for i, f := range c.Policy.For {
		late = append(late, fmt.Sprintf("policy.for %d (%s)", i+1, listed(f.Recipient)))
	}
	if len(late) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("reject_at_stage is %s: what lets in later comes too late: %s", at, strings.Join(late, ", "))}
}

func listed(all []check.MailboxPattern) string {
	texts := make([]string, len(all))
	for i, p := range all {
		texts[i] = p.String()
	}
	return strings.Join(texts, ", ")
}

// letsInLater names the lines that accept or vouch and cannot be judged yet at a stage. A login comes between HELO and MAIL,
// though it is known of at once by whom it is known.
func letsInLater(p *Policies, at helogate.Stage) (out []string) {
	if at < helogate.Mail {
		out = append(out, "authenticated")
	}
	for l := range p.lines() {
		if l.Check.Needs > at && lets(l) && !slices.Contains(out, l.Check.Name) {
			out = append(out, l.Check.Name)
		}
	}
	return out
}

func lets(l helogate.Line) bool {
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

// entry names an entry of a list as the log does.
func entry(list string, i int, comment string) string {
	name := fmt.Sprintf("%s %d", list, i+1)
	if comment != "" {
		name += " (" + comment + ")"
	}
	return name
}

// ended names entries that are over.
func ended(c *config.Config, now time.Time) (out []string) {
	say := func(list string, i int, comment string, until time.Time, does string) {
		if !until.IsZero() && !now.Before(until) {
			out = append(out, fmt.Sprintf("%s ended at %s and %s: remove it, or give it another end",
				entry(list, i, comment), until.Add(-time.Second).Format(time.DateTime), does))
		}
	}
	for i, e := range c.Exempt {
		say("exempt", i, e.Comment, e.Until, "lets nobody in")
	}
	for i, f := range c.Forwarder {
		say("forwarder", i, f.Comment, f.Until, "lets nobody in")
	}
	for i, e := range c.Greylist.Exempt {
		say("greylist.exempt", i, e.Comment, e.Until, "keeps nobody from being greylisted")
	}
	return out
}

// conflicts names pairs of exemptions that say the same of the same clients but for the end: whoever removes or renews one
// of them will wonder about the other.
func conflicts(c *config.Config) (out []string) {
	for i := range c.Exempt {
		for j := range i {
			a, b := &c.Exempt[j], &c.Exempt[i]
			if !a.Until.Equal(b.Until) && covers(a, b) && covers(b, a) {
				out = append(out, fmt.Sprintf("%s and %s are about the same clients and end at different times: the later end holds",
					entry("exempt", j, a.Comment), entry("exempt", i, b.Comment)))
			} else if later(a.Until, b.Until) && covers(a, b) {
				out = append(out, fmt.Sprintf("%s changes nothing: whom it lets in, %s lets in",
					entry("exempt", i, b.Comment), entry("exempt", j, a.Comment)))
			} else if later(b.Until, a.Until) && covers(b, a) {
				out = append(out, fmt.Sprintf("%s changes nothing: whom it lets in, %s lets in",
					entry("exempt", j, a.Comment), entry("exempt", i, b.Comment)))
			}
		}
	}
	return out
}

// repeated names entries of the other lists that say what an earlier one says: only that one matches, and is counted.
func repeated(c *config.Config) (out []string) {
	first := map[string]string{}
	say := func(list string, i int, comment, ref string) {
		name := entry(list, i, comment)
		if was, ok := first[list+" "+ref]; ok {
			out = append(out, fmt.Sprintf("%s says what %s says: one of them is enough", name, was))
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

// covers reports whether a lets in whomever b does, their ends aside.
func covers(a, b *config.Exempt) bool {
	return coversAll(a.Address, b.Address, coversPrefix) &&
		coversAll(a.Name, b.Name, check.NamePattern.Covers) && coversAll(a.Helo, b.Helo, check.NamePattern.Covers) &&
		coversAll(a.Sender, b.Sender, check.MailboxPattern.Covers) && coversAll(a.Recipient, b.Recipient, check.MailboxPattern.Covers)
}

func coversPrefix(a, b netip.Prefix) bool { return a.Bits() <= b.Bits() && a.Contains(b.Addr()) }

// coversAll reports whether each of b is covered by one of a; none at all is anything.
func coversAll[T any](a, b []T, covers func(a, b T) bool) bool {
	in := func(one T) bool { return slices.ContainsFunc(a, func(other T) bool { return covers(other, one) }) }
	return len(a) == 0 || len(b) > 0 && !slices.ContainsFunc(b, func(one T) bool { return !in(one) })
}

// unheard names settings that no listener can do anything with. MTAs show the origin of what they are forwarded as the client
// itself, to whom they believe in XCLIENT, and not at all else; who asks over HTTP can say it.
func unheard(c *config.Config) (out []string) {
	shown := slices.ContainsFunc(c.Listen, func(l config.Listen) bool { return l.Protocol == "http" })
	for i, f := range c.Forwarder {
		if f.Origin && !shown {
			out = append(out, fmt.Sprintf("%s: no listener here shows whom it has its mail from, so that it is let in unjudged; "+
				"let the MTA know the origin instead (XCLIENT), where it can", entry("forwarder", i, f.Comment)))
		}
	}
	return out
}
