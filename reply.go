package helogate

import (
	"cmp"
	"strconv"
	"strings"
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

// reply returns the reply for a verdict that refuses or greylists.
func (p *Policy) reply(f *Facts, v *Verdict) Reply {
	var by Check // zero where no single check decided
	if i, ok := p.byName[v.By]; ok {
		by = p.lines[i].Check
	}
	var found Finding
	for i := range v.Findings {
		if v.Findings[i].Check == v.By {
			found = v.Findings[i]
		}
	}
	code := by.Code
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
		r.Code, r.Enhanced = rejectCode(f.Stage, &by, code), code
	}
	w := wording{Policy: p, facts: f, verdict: v, check: &by, found: found}
	r.Text = w.text()
	return r
}

const (
	plainCode        = "5.7.1" // delivery not authorized (RFC 3463 section 3.8)
	greylistCode     = 451
	greylistEnhanced = "4.7.1"
)

// rejectCode returns the basic code of a rejection at a stage: 554 in place of the server's 220 (RFC 5321 section 3.1),
// Check.AtHelo at HELO, and later 550, or 503 for a command that is missing (section 4.3.2).
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

// deferCode returns the codes of a deferral: 450 4.7.25 for reverse DNS (RFC 7372 section 3.3), 451 4.7.24 for SPF that
// cannot be looked up (section 3.2), and else 451 4.4.3, a directory server failure (RFC 3463 section 3.5): also where
// a rejection becomes a deferral because a rule that may accept is in temperror. A finding that the policy defers
// though no lookup failed keeps the code of its check, with 4 for 5.
func deferCode(enhanced string, found Finding) (int, string) {
	failed := found.deferred()
	switch {
	case enhanced == "5.7.25" && (failed || found.Outcome == TempError):
		return 450, "4.7.25"
	case enhanced == "5.7.23" && found.Outcome == TempError:
		return 451, "4.7.24"
	case failed:
		return 451, "4" + strings.TrimPrefix(enhanced, "5")
	}
	return 451, "4.4.3"
}
