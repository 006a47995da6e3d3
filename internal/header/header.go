// Package header words a verdict for the header of a message: Authentication-Results for programs that read RFC 8601,
// X-Helogate for people and their filters, X-HELO and X-Helo-Check as the tools that helogate replaces add them.
// docs/headers.md has their grammar.
//
// Most of their content is text of the client, and filters trust them. So a value is one line of printable ASCII, and
// text of the client cannot look like a result: see [Make].
package header

import (
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
)

// A Field is one header field: a name of RFC 5322 section 2.2, and a value of printable ASCII without a line break.
// Both with the colon and a space are at most MaxField bytes.
type Field struct{ Name, Value string }

// MaxField is what RFC 5322 section 2.1.1 allows a line, less its CRLF. Fields are not folded: a line is what all
// listeners can add.
const MaxField = 998

// The names of the fields.
const (
	AuthenticationResults = "Authentication-Results"
	XHelogate             = "X-Helogate"
	XHelo                 = "X-HELO"
	XHeloCheck            = "X-Helo-Check"
)

// Options are the fields to add; the zero Options are none.
type Options struct {
	AuthenticationResults, XHelogate, XHelo, XHeloCheck bool
	// Name is the authserv-id of Authentication-Results (RFC 8601 section 2.5). Without a name there is no such field.
	Name string
}

// Make returns the fields that a verdict adds to the header of a message, in the order of their importance: none if the
// verdict refuses the client. f are the facts that were judged.
func Make(f *helogate.Facts, v *helogate.Verdict, o Options) []Field {
	if v.Action.Refuses() || !(o.AuthenticationResults || o.XHelogate || o.XHelo || o.XHeloCheck) {
		return nil
	}
	fields := make([]Field, 0, 4)
	add := func(on bool, name, value string) {
		if on && value != "" {
			fields = append(fields, Field{name, value})
		}
	}
	if o.AuthenticationResults && o.Name != "" {
		add(true, AuthenticationResults, authenticationResults(f, v, o.Name))
	}
	if o.XHelogate {
		add(true, XHelogate, xHelogate(v))
	}
	add(o.XHelo, XHelo, said(f))
	if o.XHeloCheck {
		add(true, XHeloCheck, xHeloCheck(f, v))
	}
	return fields
}

const maxHelo = 255 // bytes; a domain has no more (RFC 5321 section 4.5.3.1.2)

// said returns the HELO name, made fit for a header. Spaces at its ends would be lost on the way, or look like folding.
func said(f *helogate.Facts) string { return strings.Trim(printable.Text(f.Helo, maxHelo), " ") }

// xHeloCheck returns the text of qmail-spp's helodnscheck, for filters that were written for it.
func xHeloCheck(f *helogate.Facts, v *helogate.Verdict) string {
	about := "HELO [" + said(f) + "] "
	switch {
	case outcome(v, "helo-resolves") == helogate.Fail:
		return about + "from [" + f.Client.String() + "] doesn't solve"
	case outcome(v, "helo-matches") == helogate.Fail:
		return about + "doesn't match IP [" + f.Client.String() + "]"
	}
	return ""
}

// finding returns what a check found, nil if it was not run.
func finding(v *helogate.Verdict, check string) *helogate.Finding {
	for i := range v.Findings {
		if v.Findings[i].Check == check {
			return &v.Findings[i]
		}
	}
	return nil
}

func outcome(v *helogate.Verdict, check string) helogate.Outcome {
	if found := finding(v, check); found != nil {
		return found.Outcome
	}
	return 0
}
