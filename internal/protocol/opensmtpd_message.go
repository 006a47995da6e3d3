package protocol

import (
	"strings"

	"github.com/helogate/helogate/internal/header"
)

// A smtpdMessage is a message on its way through helogate. smtpd sends it line by line, up to the line with a single
// dot, and takes the answers as the message. Lines are as in SMTP: one that begins with a dot has one more.
type smtpdMessage struct {
	begun    bool
	body     bool     // the empty line has been seen
	held     []string // an Authentication-Results field whose authserv-id has not come yet
	dropping bool     // the field is forged: its folded lines are dropped, too
}

// maxHeld is how many lines are held until the authserv-id comes. A field with more is treated as forged.
const maxHeld = 20

// dataLine passes on a line of a message, with the own fields before the first. smtpd has already added its Received,
// so they stand above that, as RFC 8601 section 2 requires.
func (o *smtpdConn) dataLine(l *smtpdLine) {
	var forged bool
	var out []string
	o.mu.Lock()
	if s := o.known[l.session]; s == nil {
		out = []string{l.params}
	} else {
		if !s.message.begun {
			out = fieldLines(s.fields)
		}
		was := s.message.dropping
		out = s.message.line(out, l.params, o.Name)
		forged = s.message.dropping && !was
		if l.params == "." {
			s.message, s.asked, s.fields = smtpdMessage{}, nil, nil
		}
	}
	o.mu.Unlock()
	if forged {
		o.server.Log.Info("a forged Authentication-Results field was removed from a message", "session", l.session)
	}
	for _, line := range out {
		o.out.send("filter-dataline|", l.session, "|", l.token, "|", line, "\n")
	}
}

// fieldLines returns fields as lines.
func fieldLines(fields []header.Field) (out []string) {
	for _, f := range fields {
		if isField(f) {
			out = append(out, f.Name+": "+oneLine(f.Value, header.MaxField-len(f.Name)-len(": ")))
		}
	}
	return out
}

// line takes a line and appends the lines to pass on. An Authentication-Results field with the own authserv-id is
// dropped: only helogate may add those (RFC 8601 section 5).
func (m *smtpdMessage) line(out []string, line, name string) []string {
	m.begun = true
	if m.body || name == "" {
		return append(out, line)
	}
	folded := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
	switch {
	case folded && m.dropping:
		return out
	case folded && len(m.held) > 0:
		m.held = append(m.held, line)
	case isResults(line):
		out = append(out, m.held...)
		m.dropping, m.held = false, []string{line}
	default:
		out = append(append(out, m.held...), line)
		m.dropping, m.held, m.body = false, nil, line == "" || line == "."
		return out
	}
	_, value, _ := strings.Cut(strings.Join(m.held, ""), ":")
	id := authservID(value) // "" while nothing but white space and comments has come
	known := id != ""
	switch {
	case known && !sameName(id, name):
		out, m.held = append(out, m.held...), nil
	case known || len(m.held) >= maxHeld:
		m.dropping, m.held = true, nil
	}
	return out
}

// isResults reports whether a line begins an Authentication-Results field. A blank before the colon is obsolete, and
// read.
func isResults(line string) bool {
	name, _, ok := strings.Cut(line, ":")
	return ok && strings.EqualFold(strings.TrimRight(name, " \t"), header.AuthenticationResults)
}
