package helogate

import (
	"strconv"
	"strings"

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
	if code == "" {
		code = "5.7.1"
	}
	var r Reply
	switch {
	case v.Action == Greylist:
		r.Code, r.Enhanced = 451, "4.7.1"
	case v.Action == Defer:
		r.Code, r.Enhanced = deferCode(code, found)
	default:
		r.Code, r.Enhanced = rejectCode(f.Stage, &by.Check, code), code
	}
	r.Text = p.text(v, &by.Check, found)
	return r
}

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

// deferCode is 450 4.7.25 for reverse DNS (RFC 7372 section 3.3) and 451 4.4.3, a directory server failure (RFC 3463
// section 3.5), for any other failure of DNS, also of one that kept us from hearing who may let the client in. What a
// policy defers though nothing failed keeps its check's code.
func deferCode(enhanced string, found Finding) (int, string) {
	failed := found.Action.Do == Defer && found.Outcome != TempError
	switch {
	case enhanced == "5.7.25" && (failed || found.Outcome == TempError):
		return 450, "4.7.25"
	case failed:
		return 451, "4" + strings.TrimPrefix(enhanced, "5")
	}
	return 451, "4.4.3"
}

func (p *Policy) text(v *Verdict, c *Check, found Finding) string {
	var b strings.Builder
	switch {
	case v.Action == Greylist:
		b.WriteString("Greylisted, please try again later")
	case v.Action == Defer:
		b.WriteString("Cannot judge this client now, please try again later")
	case v.By == BySuspicion:
		b.WriteString("Too little speaks for a mail server")
	}
	facts := found.Why
	switch {
	case v.By == BySuspicion:
		facts = suspicions(v)
	case found.Outcome == TempError:
		facts = ""
	}
	if v.Action == Defer {
		facts = strings.TrimPrefix(facts+notAnswered(v.Asked), "; ")
	}
	if facts != "" {
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(facts)
	}
	tail := p.tail(v.ID)
	switch {
	case v.By == BySuspicion && v.Action == Reject:
		tail = "; give your host a name of your own, in DNS both ways, and greet with it" + tail
	case c.Fix != "" && found.Outcome != TempError:
		tail = "; " + c.Fix + tail
	}
	return cut(b.String(), maxReply-len(tail)) + tail
}

// notAnswered names what DNS did not answer, each once. Why it did not is for our log: which resolver we have is nobody
// else's affair.
func notAnswered(asked Evidence) string {
	const most = 3
	var names []string
	n := 0
	for i := range asked {
		if asked[i].Status != TempFail {
			continue
		}
		if n++; n <= most {
			names = append(names, printable.Text(string(asked[i].Kind)+" of "+asked[i].Name, 100))
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

// suspicions lists what is known against the client.
func suspicions(v *Verdict) string {
	var why []string
	for i := range v.Findings {
		f := &v.Findings[i]
		if f.Action.Do == Suspect && !f.Action.Trial && f.Outcome != TempError {
			why = append(why, f.Why)
		}
	}
	return strings.Join(why, "; ")
}

// tail names the verdict, so that the sender's postmaster and ours speak of the same thing.
func (p *Policy) tail(id string) string {
	if p.URL == "" {
		return " [" + id + "]"
	}
	return " [" + id + "] " + printable.Text(strings.ReplaceAll(p.URL, "{id}", id), 200)
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:max(0, most-len("..."))] + "..."
}
