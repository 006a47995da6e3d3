package imports

import (
	"regexp"
	"strings"

	"github.com/helogate/helogate/check"
)

// badHelo names the file as it is, if helogate reads it. A file with a line that it does not read, a regular expression
// that only Perl knows, is written out without that line.
func (q Qpsmtpd) badHelo(d *doc) {
	if q.BadHeloPath == "" {
		d.example("bad_helo_files", `["/etc/qpsmtpd/badhelo"]`, "unchanged, if there is one")
		return
	}
	if _, err := check.ReadBadHelo("badhelo", strings.NewReader(q.BadHelo)); err == nil {
		d.list("bad_helo_files", []string{q.BadHeloPath}, "unchanged")
		return
	}
	d.list("bad_helo", badHeloLines(d, q.BadHelo), "of "+q.BadHeloPath+", without the lines listed at the end")
}

// badHeloLines turns the lines of a badhelo file into patterns of policy.bad_helo, and notes those that it cannot.
func badHeloLines(d *doc, text string) (patterns []string) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if _, err := check.ReadBadHelo("badhelo", strings.NewReader(line)); err != nil {
			why := err.Error()
			if _, regexp, is := strings.Cut(why, "error parsing regexp: "); is {
				why = "Go's regular expressions do not support this: " + regexp
			}
			d.note(n, line, "badhelo: %s", clean(why))
			continue
		}
		patterns = append(patterns, patternsOf(line)...)
	}
	return patterns
}

// patternsOf turns a line that can be read into patterns: as a regular expression where it has one of the plugin's
// marks, and literally, as the plugin also compares it.
func patternsOf(line string) []string {
	literal := "/^" + regexp.QuoteMeta(strings.ToLower(line)) + "$/"
	if !strings.ContainsAny(line, `{}[]()^$|*+?\!`) {
		return []string{literal}
	}
	not := ""
	text, negated := strings.CutPrefix(line, "!")
	if negated {
		not = "!"
	}
	if text == "" {
		return []string{literal} // an empty expression matches everything, and its contrary nothing
	}
	return []string{not + "/" + text + "/", literal}
}
