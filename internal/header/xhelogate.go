package header

import (
	"strconv"
	"strings"

	"github.com/helogate/helogate"
)

// Limits of X-Helogate, in bytes. With all of them reached, the field is still within MaxField.
const (
	maxName = 64
	maxList = 300
)

// xHelogate is the verdict in one line, which a regular expression can match. Its keys are those of the verdict's log
// line.
func xHelogate(v *helogate.Verdict) string {
	var b strings.Builder
	b.WriteString("id=" + word(v.ID) + "; action=" + word(v.Action.String()))
	if v.By != "" {
		b.WriteString("; by=" + word(v.By))
	}
	b.WriteString("; score=" + strconv.Itoa(v.DryRun.Score)) // dry-run effects included: in shadow mode there are no others
	if v.DryRun.MaxScore > v.DryRun.Score {
		b.WriteString("; max_score=" + strconv.Itoa(v.DryRun.MaxScore))
	}
	if failed := list(v.Findings, helogate.Fail, helogate.SoftFail); failed != "" {
		b.WriteString("; failed=" + failed)
	}
	if unsure := list(v.Findings, helogate.TempError, helogate.PermError); unsure != "" {
		b.WriteString("; unsure=" + unsure)
	}
	if v.DryRun.Action != v.Action || v.DryRun.By != v.By {
		b.WriteString("; would=" + word(v.DryRun.Action.String()))
		if v.DryRun.By != "" {
			b.WriteString("; would_by=" + word(v.DryRun.By))
		}
	}
	return b.String()
}

// list names the checks with one of two outcomes, in policy order. Names that do not fit are omitted, and the list ends
// in "...".
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

// word replaces what would end a name in X-Helogate, since the name of a rule is the administrator's choice.
func word(s string) string {
	return cut(strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || strings.ContainsRune(`;,="\()`, r) {
			return '_'
		}
		return r
	}, s), maxName)
}

// cut shortens s to limit bytes, of which the last are "..." then.
func cut(s string, limit int) string {
	const more = "..."
	if len(s) <= limit {
		return s
	}
	return s[:limit-len(more)] + more
}
