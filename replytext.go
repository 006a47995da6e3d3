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

// A wording is what the text of one reply is made of.
type wording struct {
	*Policy
	facts   *Facts
	verdict *Verdict
	check   *Check  // that decides; zero if no single one does
	found   Finding // by that check
	room    int     // bytes for what is wrong; 0 for no limit
}

// text returns the administrator's text, or what is wrong and the remedy; then the verdict's ID and where to ask.
func (w *wording) text() string {
	var room, tailRoom [maxReply]byte // on the stack: a reply is one allocation
	custom, ok := w.customText()
	tail := w.appendTail(tailRoom[:0], custom)
	b := room[:0]
	switch {
	case ok:
		b = append(b, w.expandWithin(custom, maxReply-len(tail))...)
	case w.verdict.Action == Greylist:
		b = appendGreylisted(b, w.verdict)
	default:
		fix, before := printable.Cut(w.fix(), maxReply/2-len("...; Fix: ")), ""
		if fix != "" {
			before = "; "
			if w.verdict.By == ByScore {
				before = ". Fix: "
			}
		}
		w.room = maxReply - len(before) - len(fix) - len(tail) - len(w.head()) - len(": ")
		b = cut(w.appendWhat(b), maxReply-len(before)-len(fix)-len(tail))
		b = append(append(b, before...), fix...)
	}
	return string(append(b, tail...))
}

// expandWithin expands a custom text to at most max bytes. It leaves out findings of a score before it cuts the text.
// If the cut loses the verdict's ID, the ID is appended.
func (w *wording) expandWithin(text string, max int) []byte {
	out := w.expand(text)
	if over := len(out) - max; over > 0 && w.verdict.By == ByScore && strings.Contains(text, "{why}") {
		w.room = len(w.why()) - over
		if w.room > 0 {
			out = w.expand(text)
		}
		w.room = 0
	}
	return w.cutWithID([]byte(out), max, strings.Contains(text, "{id}"))
}

// cutWithID is cut for a text that contains the verdict's ID if hasID. If the cut loses it, it is appended in brackets.
func (w *wording) cutWithID(b []byte, max int, hasID bool) []byte {
	if len(b) <= max || !hasID {
		return cut(b, max)
	}
	id := " [" + w.verdict.ID + "]"
	if short := string(b[:max-len("...")]); strings.Contains(short, w.verdict.ID) {
		return cut(b, max)
	}
	return append(cut(b, max-len(id)), id...)
}

// cut shortens a text to max bytes, ending in "...".
func cut(b []byte, max int) []byte {
	if len(b) <= max {
		return b
	}
	return append(b[:max-len("...")], "..."...)
}

// appendWhat appends what is wrong, after a head if no single check decides.
func (w *wording) appendWhat(b []byte) []byte {
	head, why := w.head(), w.why()
	b = append(b, head...)
	if head != "" && why != "" {
		b = append(b, ": "...)
	}
	return append(b, why...)
}

// head returns what a reply begins with where no single check decides, "" for others.
func (w *wording) head() string {
	deferred := w.textName() == TextDefer
	switch {
	case deferred && notAnswered(w.verdict.Asked) == "":
		return failureHead
	case deferred:
		return deferHead
	case w.verdict.By == ByScore:
		return scoreHead
	}
	return ""
}

// Placeholders are what can stand in braces in a text of Policy.Texts and in Policy.Footer: what is wrong, the remedy,
// the client's address, its HELO name, the envelope, the check or rule that decides, how long a greylisted client
// waits, and the verdict's ID, which is added to a text that lacks it.
var Placeholders = []string{"why", "fix", "client", "helo", "sender", "recipient", "check", "retry", "id"}

// placeholder returns what a placeholder stands for, and whether there is one of that name.
func (w *wording) placeholder(name string) (string, bool) {
	const most = 100 // bytes of what the client sent, among other text
	switch name {
	case "why":
		return w.why(), true
	case "fix":
		return w.fix(), true
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
func (w *wording) expand(text string) string {
	var b strings.Builder
	for {
		before, rest, open := strings.Cut(text, "{")
		b.WriteString(before)
		if !open {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		word, known := w.placeholder(name)
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
func (w *wording) textName() string {
	switch {
	case w.verdict.Action == Greylist:
		return TextGreylist
	case w.verdict.Action == Defer && !w.found.deferred():
		return TextDefer
	}
	return w.verdict.By
}

// customText returns the administrator's text for the reply, by the name of the check or of its family.
func (w *wording) customText() (text string, ok bool) {
	name := w.textName()
	text, ok = w.Texts[name]
	if !ok && w.check.Family != "" && name == w.check.Name {
		text, ok = w.Texts[w.check.Family]
	}
	return text, ok
}

// appendTail appends the end of a reply, which no cut reaches: the verdict's ID, the page about it, and the footer or
// where to ask.
func (w *wording) appendTail(b []byte, custom string) []byte {
	if !strings.Contains(custom, "{id}") && !strings.Contains(w.Footer, "{id}") {
		b = append(append(append(b, " ["...), w.verdict.ID...), ']')
	}
	if w.URL != "" {
		b = append(append(b, ' '), printable.Text(strings.ReplaceAll(w.URL, "{id}", w.verdict.ID), 200)...)
	}
	if w.Footer != "" {
		b = append(append(b, ' '), w.expand(w.Footer)...)
	} else if custom == "" {
		if q := w.questions(); len(b)+len(q) <= maxReply/2 {
			b = append(b, q...)
		}
	}
	return w.cutWithID(b, maxReply/2, !strings.Contains(custom, "{id}"))
}

// questions names the postmaster of the recipient's domain in a rejection, if the policy accepts mail to postmaster.
func (w *wording) questions() string {
	const most = 100 // bytes of a domain
	if w.verdict.Action != Reject && w.verdict.Action != Drop {
		return ""
	}
	i, ok := w.byName["postmaster"]
	if !ok || w.lines[i].on[Pass] != (Effect{Action: Accept}) {
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
func (w *wording) why() string {
	why := w.found.replied()
	switch {
	case w.verdict.By == ByScore:
		why = w.scored()
	case w.found.Outcome == TempError:
		why = ""
	}
	if w.verdict.Action != Defer {
		return why
	}
	if names := notAnswered(w.verdict.Asked); names != "" {
		why = strings.TrimPrefix(why+"; no answer for "+names, "; ")
	}
	return why
}

// scored lists the findings that raise the score, those that weigh most first. The first is always listed, and each of
// the others only if it fits whole.
func (w *wording) scored() string {
	room := w.room
	if names := notAnswered(w.verdict.Asked); names != "" && room > 0 && w.verdict.Action == Defer {
		room = max(1, room-len("; no answer for ")-len(names))
	}
	var why string
	for i, f := range heaviest(w.verdict) {
		switch s := f.replied(); {
		case i == 0:
			why = s
		case w.room == 0 || len(why)+len("; ")+len(s) <= room:
			why += "; " + s
		}
	}
	return why
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

// fix returns the remedy: that of the check, or those of the two checks that weigh most. There is none for what could
// not be looked up, nor for records that make no sense.
func (w *wording) fix() string {
	switch {
	case w.verdict.Action == Greylist || w.verdict.By == ByScore && w.verdict.Action == Defer:
		return ""
	case w.verdict.By != ByScore && (w.found.Outcome == TempError || w.found.Outcome == PermError):
		return ""
	case w.verdict.By != ByScore:
		return w.check.Fix
	}
	var fixes []string
	for _, f := range heaviest(w.verdict) {
		fix := w.lines[w.byName[f.Check]].Check.Fix
		if fix != "" && !slices.Contains(fixes, fix) && len(fixes) < 2 {
			fixes = append(fixes, fix)
		}
	}
	return strings.Join(fixes, "; ")
}

// notAnswered names the questions that DNS did not answer, each once, a few of them. The reason is for the local log:
// it names the resolver.
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

// appendGreylisted says when to retry, for people and for clients that read it (draft-santos-smtpgrey-02). It does not
// say what speaks against the client, which is accepted if it retries.
func appendGreylisted(b []byte, v *Verdict) []byte {
	b = append(b, greylistHead...)
	d := retryOf(v)
	if d <= 0 {
		return append(b, " later"...)
	}
	b = append(append(b, " in "...), inWords(d)...)
	return append(append(b, "; retry="...), inClock(d)...)
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
