package docpage

import (
	"regexp"
	"strings"
)

// What is another each time: a sample matches any value in its place.
var variable = []struct{ in, any *regexp.Regexp }{
	{regexp.MustCompile(`\b[0-9a-z]{13}\b`), regexp.MustCompile(`[0-9a-z]{13}`)},                                 // the id of a verdict
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*Z?`), regexp.MustCompile(`[-\d]+[T ][:.\d]+Z?`)}, // a time
	{regexp.MustCompile(`\b(took|duration_ms)=[\w.µ]+`), regexp.MustCompile(`\w+=[\w.µ]+`)},
	{regexp.MustCompile(`"duration_ms":[\d.]+`), regexp.MustCompile(`"duration_ms":[\d.]+`)},
	{regexp.MustCompile(`\blistener=[\w.:/]+\d`), regexp.MustCompile(`listener=\S+`)},
}

// Pattern is a regular expression for what a sample stands for: "…" is any text in a line, and a line of it alone any
// lines.
func Pattern(sample string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`^`)
	for line := range strings.Lines(sample) {
		if strings.TrimSpace(line) == "…" {
			b.WriteString(`(?:.*\n)*`)
			continue
		}
		b.WriteString(LinePattern(strings.TrimRight(line, " \t\n")) + `[ \t]*\n`)
	}
	return regexp.MustCompile(b.String() + `$`)
}

// LinePattern is the same for a line, without its ends.
func LinePattern(line string) string {
	for _, v := range variable {
		if loc := v.in.FindStringIndex(line); loc != nil && strings.ContainsAny(line[loc[0]:loc[1]], "0123456789") {
			return LinePattern(line[:loc[0]]) + v.any.String() + LinePattern(line[loc[1]:])
		}
	}
	return strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*")
}
