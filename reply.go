package helogate

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/helogate/helogate/internal/printable"
)

// A Reply is an SMTP reply (RFC 5321 section 4.2) with an enhanced status code (RFC 3463), one line, printable ASCII.
type Reply struct {
	Code     int    // 550
	Enhanced string // "5.7.25"
	Text     string
}

// String returns the reply line without its end: "550 5.7.25 …".
func (r Reply) String() string {
	return strconv.Itoa(r.Code) + " " + r.Enhanced + " " + r.Text
}

const maxReply = 490 // bytes of text: with "550 5.7.25 " before it and CRLF behind within the 512 of RFC 5321 section 4.5.3.1.5

// reply words what a verdict says to the client: the failing fact, the remedy, and the verdict's name.
func (p *Policy) reply(f *Facts, v *Verdict) Reply {
	var by line
	var found Finding
	for i := range p.lines {
		if p.lines[i].Check.Name == v.By {
			by = p.lines[i]
		}
	}
	for _, one := range v.Findings {
		if one.Check == v.By {
			found = one
		}
	}
	code := by.Check.Code
	if found.Code != "" {
		code = found.Code
	}
	code = cmp.Or(code, plainCode)
	var r Reply
	switch {
	case v.Action == Greylist:
		r.Code, r.Enhanced = greylistCode, greylistEnhanced
	case v.Action == Defer:
		r.Code, r.Enhanced = deferCode(code, found)
	default:
		r.Code, r.Enhanced = rejectCode(f.Stage, &by.Check, code), code
	}
	r.Text = p.text(f, v, &by.Check, found)
	return r
}

const (
	plainCode        = "5.7.1" // delivery not authorized (RFC 3463 section 3.8)
	greylistCode     = 451
	greylistEnhanced = "4.7.1"
	scoreFix         = "give your host a name of your own, in DNS both ways, and greet with it"
)

// rejectCode is the basic code of a rejection at a stage: 554 instead of a greeting (RFC 5321 section 3.1); at HELO what
// fits; later 550, or 503 for what should have come before (section 4.3.2).
func rejectCode(s Stage, c *Check, enhanced string) int {
	switch {
	case s == Connect:
		return 554
	case s == Helo && c.AtHelo != 0:
		return c.AtHelo
	case enhanced == "5.5.1":
		return 503
	}
	return 550
}

// deferCode is 450 4.7.25 for reverse DNS (RFC 7372 section 3.3), 451 4.7.24 for SPF, and 451 4.4.3, a directory server failure (RFC 3463
// section 3.5), for any other failure of DNS, also of one that kept us from hearing who may let the client in. What a
// policy defers though nothing failed keeps its check's code.
func deferCode(enhanced string, found Finding) (int, string) {
	failed := found.deferred()
	switch {
	case enhanced == "5.7.25" && (failed || found.Outcome == TempError):
		return 450, "4.7.25"
	case enhanced == "5.7.23" && found.Outcome == TempError: // SPF that could not be looked up (RFC 7372 section 3.2)
		return 451, "4.7.24"
	case failed:
		return 451, "4" + strings.TrimPrefix(enhanced, "5")
	}
	return 451, "4.4.3"
}

// text words a reply: what the administrator has it say, or our own words.
func (p *Policy) text(f *Facts, v *Verdict, c *Check, found Finding) string {
	facts := p.facts(v, found)
	id := " [" + v.ID + "]"
	custom, ok := p.Texts[textName(v, found)]
	if !ok && c.Family != "" && textName(v, found) == c.Name {
		custom, ok = p.Texts[c.Family]
	}
	words := func(placeholder string) (string, bool) {
		switch placeholder {
		case "why":
			return facts, true
		case "fix":
			return c.Fix, true
		case "check":
			return v.By, true
		case "id":
			return v.ID, true
		case "client":
			return f.Client.String(), true
		case "helo":
			return printed(f.Helo), true
		case "sender":
			return printed(f.Sender), true
		case "recipient":
			return printed(f.Recipient), true
		case "retry":
			return inClock(retryOf(v)), true
		}
		return "", false
	}
	if strings.Contains(custom+p.Footer, "{id}") {
		id = ""
	}
	tail := id + p.page(v.ID)
	if p.Footer != "" {
		tail += " " + expand(p.Footer, words)
	}
	tail = cut(tail, maxReply/2)
	if ok {
		return cut(expand(custom, words), maxReply-len(tail)) + tail
	}
	remedy, semicolon := "", ""
	switch {
	case v.Action == Greylist:
		return p.greylisted(v, tail)
	case v.By == ByScore && v.Action == Reject:
		remedy, semicolon = scoreFix, "; "
	case c.Fix != "" && found.Outcome != TempError:
		remedy, semicolon = c.Fix, "; "
	}
	head, colon := heads[textName(v, found)], ""
	if head != "" && facts != "" {
		colon = ": "
	}
	room := maxReply - len(semicolon) - len(remedy) - len(tail)
	if len(head)+len(colon)+len(facts) <= room {
		return head + colon + facts + semicolon + remedy + tail // the usual case, made in one piece
	}
	return cut(head+colon+facts, room) + semicolon + remedy + tail
}

// greylisted says when to come again, for people and for clients that read it (draft-santos-smtpgrey-02). What speaks
// against the client is told to nobody who may be let in.
func (p *Policy) greylisted(v *Verdict, tail string) string {
	d := retryOf(v)
	if d <= 0 {
		return heads[TextGreylist] + " later" + tail
	}
	return heads[TextGreylist] + " in " + inWords(d) + "; retry=" + inClock(d) + tail
}

// retryOf returns how long a client that is greylisted has to wait, in whole seconds; 0 where that is not known yet.
func retryOf(v *Verdict) time.Duration {
	for i := range v.Findings {
		if d := v.Findings[i].Retry; d > 0 {
			return (d + time.Second - 1).Truncate(time.Second)
		}
	}
	return 0
}

// clock writes a duration as 00:05:00.
func inClock(d time.Duration) string {
	s := int(d / time.Second)
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

// spoken writes a duration for people, who have no seconds to wait.
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

// What a text of Policy.Texts speaks of where it is no single check.
const (
	TextGreylist = "greylist"
	TextDefer    = "defer"
)

// heads are what a reply begins with where no single check decided.
var heads = map[string]string{
	TextGreylist: "Greylisted, please try again",
	TextDefer:    "Cannot judge this client now, please try again later",
	ByScore:      "Too little speaks for a mail server",
}

// textName is the name by which the administrator can give the reply another text.
func textName(v *Verdict, found Finding) string {
	switch {
	case v.Action == Greylist:
		return TextGreylist
	case v.Action == Defer && !found.deferred():
		return TextDefer
	}
	return v.By
}

// deferred reports whether the policy defers what was found, though nothing failed.
func (f *Finding) deferred() bool { return f.Effect.Action == Defer && f.Outcome != TempError }

// facts are what was found, as far as it is the client's affair.
func (p *Policy) facts(v *Verdict, found Finding) string {
	facts := found.Why
	switch {
	case v.By == ByScore:
		facts = scored(v)
	case found.Outcome == TempError:
		facts = ""
	}
	if v.Action == Defer {
		facts = strings.TrimPrefix(facts+notAnswered(v.Asked), "; ")
	}
	return facts
}

// Placeholders are what may stand in braces in a text of Policy.Texts: what was found, the remedy, the client's address,
// what it said, the envelope, the check or rule, how long a client that is greylisted has to wait, and the verdict's name,
// which is added where it does not stand there.
var Placeholders = []string{"why", "fix", "client", "helo", "sender", "recipient", "check", "retry", "id"}

// expand puts words in the place of placeholders. What the client said may look like one, and stays as it is.
func expand(text string, words func(string) (string, bool)) string {
	var b strings.Builder
	for {
		before, rest, open := strings.Cut(text, "{")
		b.WriteString(before)
		if !open {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		word, known := words(name)
		if !closed || !known {
			b.WriteByte('{')
			text = rest
			continue
		}
		b.WriteString(word)
		text = after
	}
}

// brief is a client's text, fit for a reply among others.
func printed(s string) string { return printable.Text(s, 100) }

// notAnswered names what DNS did not answer, each once. Why it did not is for our log: which resolver we have is nobody
// else's affair.
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
	if n == 0 {
		return ""
	}
	out := "; DNS does not answer for " + strings.Join(names, ", ")
	if n > most {
		out += " and " + strconv.Itoa(n-most) + " more"
	}
	return out
}

// scores lists what is known against the client.
func scored(v *Verdict) string {
	var why []string
	for i := range v.Findings {
		f := &v.Findings[i]
		if f.Effect.RaisesScore() && !f.Effect.DryRun && f.Outcome != TempError {
			why = append(why, f.Why)
		}
	}
	return strings.Join(why, "; ")
}

// page is where the sender's postmaster can read more.
func (p *Policy) page(id string) string {
	if p.URL == "" {
		return ""
	}
	return " " + printable.Text(strings.ReplaceAll(p.URL, "{id}", id), 200)
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:max(0, most-len("..."))] + "..."
}
