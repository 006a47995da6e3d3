package check

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
)

// BadHelo fails a HELO name that is on the administrator's list.
func BadHelo(bad BadHeloList) helogate.Check {
	return helogate.Check{
		Name: "bad-helo", Needs: helogate.Helo, Cost: helogate.Local,
		Doc: "HELO is not on the administrator's list of names, .suffixes and /regular expressions/; ! inverts an entry",
		Fix: fixHelo,
		Run: func(c *helogate.Case) helogate.Finding {
			if len(bad) == 0 {
				return c.None("no list")
			}
			name := hostname.Canonical(c.Helo)
			for i := range bad {
				if bad[i].matches(name) {
					return c.Fail("HELO %s is on the bad_helo list", helo(c)).WithReply(c, "HELO %s is not accepted here", helo(c))
				}
			}
			return c.Pass("not on the list")
		},
	}
}

// BadHeloList is the list of the check bad-helo. The check fails if one of the patterns matches.
type BadHeloList []HeloPattern

// A HeloPattern matches HELO arguments.
type HeloPattern struct {
	text   string // as it was written
	name   string // the name to match, in lower case
	suffix bool   // match all names below name, which begins with a dot
	re     *regexp.Regexp
	not    bool
}

// String returns the pattern as it was written.
func (b HeloPattern) String() string { return b.text }

func (b *HeloPattern) matches(name string) bool {
	switch {
	case b.re != nil:
		return b.name != "" && b.name == name || b.re.MatchString(name) != b.not
	case b.suffix:
		return strings.HasSuffix(name, b.name) != b.not
	}
	return (name == b.name) != b.not
}

// ParseBadHelo reads one pattern of the configuration: a name, a .suffix for all names below it, or a /regular
// expression/, which matches anywhere unless it is anchored. Case does not matter. A ! before the pattern inverts it.
// Regular expressions are those of Go (RE2), whose run time is linear in the length of the HELO argument.
func ParseBadHelo(pattern string) (HeloPattern, error) {
	b := HeloPattern{text: pattern}
	text := pattern
	if rest, ok := strings.CutPrefix(text, "!"); ok {
		b.not, text = true, rest
	}
	if text == "" || text == "." {
		return b, fmt.Errorf("%q is no pattern: a name, a .suffix or a /regular expression/", pattern)
	}
	if text[0] == '/' {
		if len(text) < 3 || text[len(text)-1] != '/' {
			return b, fmt.Errorf("%q: a regular expression stands between two slashes", pattern)
		}
		re, err := regexp.Compile("(?i)" + text[1:len(text)-1])
		if err != nil {
			return b, fmt.Errorf("%q: %w", pattern, err)
		}
		b.re = re
		return b, nil
	}
	b.name, b.suffix = hostname.Canonical(text), text[0] == '.'
	return b, nil
}

// ReadBadHelo reads a badhelo file of qmail or qpsmtpd: one host a line, comments after #. A line with one of
// {}[]()^$|*+?\! is a regular expression that matches anywhere; a leading ! inverts it. Each line is also compared
// literally. name is the name of the file for errors, which count lines from 1.
func ReadBadHelo(name string, r io.Reader) (BadHeloList, error) {
	var out BadHeloList
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		b := HeloPattern{text: line, name: strings.ToLower(line)}
		if strings.ContainsAny(line, `{}[]()^$|*+?\!`) {
			text := line
			text, b.not = strings.CutPrefix(text, "!")
			re, err := regexp.Compile("(?i)" + text)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %q: %w", name, n, line, err)
			}
			b.re = re
		}
		out = append(out, b)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}
