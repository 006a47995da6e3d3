package helogate

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/printable"
)

// The names of texts in Policy.Texts for replies that no single check decides; ByScore is the third.
const (
	TextGreylist = "greylist"
	TextDefer    = "defer"
)

// What a reply begins with where no single check decides.
const (
	scoreHead    = "Rejected, your server does not look like a mail server"
	deferHead    = "Temporary DNS failure, please try again later"
	failureHead  = "Temporary failure, please try again later" // of something else than DNS
	greylistHead = "Greylisted, please try again"
)

// text words a reply: the administrator's text, or what is wrong, the remedy and where to ask; then the verdict's ID and
// what the administrator adds to every reply.
func (p *Policy) text(f *Facts, v *Verdict, c *Check, found Finding) string {
	w := wording{facts: f, verdict: v, why: p.why(v, found), fix: p.remedy(v, c, found)}
	custom, ok := p.customText(v, c, found)
	tail := p.tail(&w, custom)
	switch {
	case ok:
		return cut(expand(custom, w.placeholder), maxReply-len(tail)) + tail
	case v.Action == Greylist:
		return greylisted(v) + tail
	}
	if v.By == ByScore && w.fix != "" {
		w.fix = ". Fix: " + w.fix
	} else if w.fix != "" {
		w.fix = "; " + w.fix
	}
	what := w.why
	if head := headOf(v, found); head != "" {
		what = strings.TrimSuffix(head+": "+what, ": ")
	}
	return cut(what, maxReply-len(w.fix)-len(tail)) + w.fix + tail
}

// headOf returns what a reply begins with where no single check decides, "" for others.
func headOf(v *Verdict, found Finding) string {
	switch {
	case textName(v, found) == TextDefer && notAnswered(v.Asked) == "":
		return failureHead
	case textName(v, found) == TextDefer:
		return deferHead
	case v.By == ByScore:
		return scoreHead
	}
	return ""
}

// wording is what the placeholders of a text stand for.
type wording struct {
	facts    *Facts
	verdict  *Verdict
	why, fix string
}

// Placeholders are what can stand in braces in a text of Policy.Texts and in Policy.Footer: what is wrong, the remedy, the
// client's address, its HELO name, the envelope, the check or rule that decides, how long a greylisted client waits, and
// the verdict's ID, which is added to a text that lacks it.
var Placeholders = []string{"why", "fix", "client", "helo", "sender", "recipient", "check", "retry", "id"}

// placeholder returns what a placeholder stands for, and whether there is one of that name.
func (w *wording) placeholder(name string) (string, bool) {
	const most = 100 // bytes of what the client sent, among other text
	switch name {
	case "why":
		return w.why, true
	case "fix":
		return w.fix, true
	case "check":
		return w.verdict.By, true
	case "id":
		return w.verdict.ID, true
	case "client":
		return w.facts.Client.String(), true
	case "helo":
		return printable.Text(w.facts.Helo, most), true
	case "sender":
		return printable.Text(w.facts.Sender, most), true
	case "recipient":
		return printable.Text(w.facts.Recipient, most), true
	case "retry":
		return inClock(retryOf(w.verdict)), true
	}
	return "", false
}

// expand replaces the placeholders of a text. What the client sent may look like one, and stays as it is.
func expand(text string, placeholder func(string) (string, bool)) string {
	var b strings.Builder
	for {
		before, rest, open := strings.Cut(text, "{")
		b.WriteString(before)
		if !open {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		word, known := placeholder(name)
		if !closed || !known {
			b.WriteByte('{')
			text = rest
			continue
		}
		b.WriteString(word)
		text = after
	}
}

// textName returns the name by which Policy.Texts can have another text for the reply.
func textName(v *Verdict, found Finding) string {
	switch {
	case v.Action == Greylist:
		return TextGreylist
	case v.Action == Defer && !found.deferred():
		return TextDefer
	}
	return v.By
}

// customText returns the administrator's text for the reply, by the name of the check or of its family.
func (p *Policy) customText(v *Verdict, c *Check, found Finding) (text string, ok bool) {
	name := textName(v, found)
	text, ok = p.Texts[name]
	if !ok && c.Family != "" && name == c.Name {
		text, ok = p.Texts[c.Family]
	}
	return text, ok
}

// tail returns the end of a reply, which no cut reaches: the verdict's ID, the page about it, and the footer or where to
// ask.
func (p *Policy) tail(w *wording, custom string) string {
	tail := ""
	if !strings.Contains(custom+p.Footer, "{id}") {
		tail = " [" + w.verdict.ID + "]"
	}
	if p.URL != "" {
		tail += " " + printable.Text(strings.ReplaceAll(p.URL, "{id}", w.verdict.ID), 200)
	}
	if p.Footer != "" {
		tail += " " + expand(p.Footer, w.placeholder)
	} else if custom == "" {
		tail += p.questions(w)
	}
	return cut(tail, maxReply/2)
}

// questions names the postmaster of the recipient's domain in a rejection, if the policy accepts mail to postmaster.
func (p *Policy) questions(w *wording) string {
	const most = 100 // bytes of a domain
	if w.verdict.Action != Reject && w.verdict.Action != Drop {
		return ""
	}
	i, ok := p.byName["postmaster"]
	if !ok || p.lines[i].on[Pass] != (Effect{Action: Accept}) {
		return ""
	}
	domain := w.facts.Recipient[strings.LastIndexByte(w.facts.Recipient, '@')+1:]
	if domain == w.facts.Recipient || len(domain) > most {
		return ""
	}
	h := hostname.ParseHelo(domain) // a domain in an address has the syntax of one in HELO
	if h.Form != hostname.FQDN && h.Form != hostname.Private && h.Form != hostname.SingleLabel {
		return ""
	}
	return " Questions: postmaster@" + h.Name
}

// why returns what is wrong, for the client's postmaster.
func (p *Policy) why(v *Verdict, found Finding) string {
	why := found.replied()
	switch {
	case v.By == ByScore:
		why = scored(v)
	case found.Outcome == TempError:
		why = ""
	}
	if v.Action != Defer {
		return why
	}
	if names := notAnswered(v.Asked); names != "" {
		why = strings.TrimPrefix(why+"; no answer for "+names, "; ")
	}
	return why
}

// scored lists the findings that raise the score, those that weigh most first.
func scored(v *Verdict) string {
	var why []string
	for _, f := range heaviest(v) {
		why = append(why, f.replied())
	}
	return strings.Join(why, "; ")
}

// heaviest returns the findings that raise the score for sure, those that weigh most first.
func heaviest(v *Verdict) []*Finding {
	var out []*Finding
	for i := range v.Findings {
		if f := &v.Findings[i]; f.Effect.RaisesScore() && !f.Effect.DryRun && f.Outcome != TempError {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b *Finding) int { return cmp.Compare(b.Effect.Score, a.Effect.Score) })
	return out
}

// remedy returns what the client's postmaster should do: the remedy of the check, or those of the two checks that weigh
// most. There is none for what could not be looked up, nor for records that make no sense.
func (p *Policy) remedy(v *Verdict, c *Check, found Finding) string {
	if v.By != ByScore {
		if found.Outcome == TempError || found.Outcome == PermError {
			return ""
		}
		return c.Fix
	}
	if v.Action == Defer {
		return ""
	}
	var fixes []string
	for _, f := range heaviest(v) {
		fix := p.lines[p.byName[f.Check]].Check.Fix
		if fix != "" && !slices.Contains(fixes, fix) && len(fixes) < 2 {
			fixes = append(fixes, fix)
		}
	}
	return strings.Join(fixes, "; ")
}

// notAnswered names the questions that DNS did not answer, each once, a few of them. The reason is for the local log: it
// names the resolver.
func notAnswered(asked Evidence) string {
	const most = 3
	var names []string
	n := 0
	for i := range asked {
		if asked[i].Status != TempFail || asked[i].Kind.traits().source != fromDNS {
			continue
		}
		if n++; n <= most {
			names = append(names, printable.Text(asked[i].Kind.String()+" of "+asked[i].Name, 100))
		}
	}
	out := strings.Join(names, ", ")
	if n > most {
		out += " and " + strconv.Itoa(n-most) + " more"
	}
	return out
}

// deferred reports whether the policy defers what was found, though no lookup failed.
func (f *Finding) deferred() bool { return f.Effect.Action == Defer && f.Outcome != TempError }

// greylisted says when to retry, for people and for clients that read it (draft-santos-smtpgrey-02). It does not say what
// speaks against the client, which is accepted if it retries.
func greylisted(v *Verdict) string {
	d := retryOf(v)
	if d <= 0 {
		return greylistHead + " later"
	}
	return greylistHead + " in " + inWords(d) + "; retry=" + inClock(d)
}

// retryOf returns how long a greylisted client has to wait, in whole seconds; 0 where that is not known yet.
func retryOf(v *Verdict) time.Duration {
	for i := range v.Findings {
		if d := v.Findings[i].Retry; d > 0 {
			return (d + time.Second - 1).Truncate(time.Second)
		}
	}
	return 0
}

// inClock writes a duration as 00:05:00.
func inClock(d time.Duration) string {
	s := int(d / time.Second)
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

// inWords writes a duration for people, in minutes or hours, rounded up.
func inWords(d time.Duration) string {
	minutes := int((d + time.Minute - 1) / time.Minute)
	switch {
	case minutes == 1:
		return "a minute"
	case minutes < 120:
		return strconv.Itoa(minutes) + " minutes"
	}
	return strconv.Itoa((minutes+59)/60) + " hours"
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:max(0, most-len("..."))] + "..."
}
