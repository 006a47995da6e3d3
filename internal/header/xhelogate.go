package header

import (
	"strconv"
	"strings"

	"github.com/helogate/helogate"
)

// Bounds of X-Helogate, in bytes; with all of them at their most it is within MaxField.
const (
	maxName = 64
	maxList = 300
)

// xHelogate is the verdict in one line: what a person looks for, in a form that a regular expression finds. It says what
// the line of log says.
func xHelogate(v *helogate.Verdict) string {
	var b strings.Builder
	b.WriteString("id=" + word(v.ID) + "; action=" + word(v.Action.String()))
	if v.By != "" {
		b.WriteString("; by=" + word(v.By))
	}
	b.WriteString("; score=" + strconv.Itoa(v.DryRun.Score)) // what is on trial counts: in shadow mode all is
	if failed := list(v.Findings, helogate.Fail, helogate.SoftFail); failed != "" {
		b.WriteString("; failed=" + failed)
	}
	if unsure := list(v.Findings, helogate.TempError, helogate.PermError); unsure != "" {
		b.WriteString("; unsure=" + unsure)
	}
	if v.DryRun.Action != v.Action || v.DryRun.By != v.By {
		b.WriteString("; would=" + word(v.DryRun.Action.String()))
		if v.DryRun.By != "" {
			b.WriteString(" by " + word(v.DryRun.By))
		}
	}
	return b.String()
}

// list names the checks with one of two outcomes, in policy order. What does not fit is left out whole, and "..." stands
// last instead.
func list(found []helogate.Finding, a, b helogate.Outcome) string {
	const more = ",..."
	var out []byte
	for i := range found {
		if o := found[i].Outcome; o != a && o != b {
			continue
		}
		name := word(found[i].Check)
		if len(out)+len(",")+len(name)+len(more) > maxList {
			return string(append(out, more...))
		}
		if len(out) > 0 {
			out = append(out, ',')
		}
		out = append(out, name...)
	}
	return string(out)
}

// word is a name without what ends one in X-Helogate: a rule has the name that its administrator likes.
func word(s string) string {
	return cut(strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || strings.ContainsRune(`;,="\()`, r) {
			return '_'
		}
		return r
	}, s), maxName)
}

// cut is s of at most limit bytes; what was cut ends in "...".
func cut(s string, limit int) string {
	const more = "..."
	if len(s) <= limit {
		return s
	}
	return s[:limit-len(more)] + more
}
