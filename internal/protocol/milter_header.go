package protocol

import (
	"encoding/binary"
	"log/slog"
	"slices"
	"strings"

	"github.com/helogate/helogate/internal/header"
)

// merged returns the fields to add to a message: those of the last response, and those of earlier responses with other
// names. A message has one header for all its recipients, and gets each field once.
func merged(last, before []header.Field) []header.Field {
	out := slices.Clip(last)
	for _, f := range before {
		if !slices.ContainsFunc(last, func(g header.Field) bool { return strings.EqualFold(f.Name, g.Name) }) {
			out = append(out, f)
		}
	}
	return out
}

// existingFields are the fields of a message's header that must be removed, since they look like helogate's.
type existingFields struct {
	seen   [len(removable)]int // fields of a name so far
	forged []fieldRef
	more   int // those beyond maxForged
}

// A cameField is the index-th field of its name, from 1 on.
type fieldRef struct {
	name  string
	index int
}

// removable are the names that are looked at.
var removable = [...]string{header.AuthenticationResults, header.XHelogate, header.XHelo, header.XHeloCheck}

// maxForged limits how many fields of a message are removed, since each costs the MTA a walk through the header. No
// honest message has any; in one that has more, helogate's is still the first.
const maxForged = 1000

// add looks at a field. Authentication-Results are removed if they have the own authserv-id (RFC 8601 section 5), other
// fields if this message gets such a field. X-Helo-Check is removed if the message gets any field, since its absence
// then means something.
func (c *existingFields) add(name, value, ownName string, given []header.Field) {
	name = strings.TrimRight(name, " \t") // RFC 5322 section 4.5.8
	i := slices.IndexFunc(removable[:], func(r string) bool { return strings.EqualFold(r, name) })
	if i < 0 {
		return
	}
	c.seen[i]++
	name = removable[i]
	remove := name == header.XHeloCheck && len(given) > 0
	if name == header.AuthenticationResults {
		remove = isAuthserv(value, ownName)
	}
	for _, f := range given {
		if f.Name == name {
			remove = remove || name != header.AuthenticationResults || isAuthserv(value, authservID(f.Value))
		}
	}
	switch {
	case !remove:
	case len(c.forged) == maxForged:
		c.more++
	default:
		c.forged = append(c.forged, fieldRef{name, c.seen[i]})
	}
}

// editHeader removes forged fields, the last first, since an index may count those that are left. Then it adds the own
// fields above all others, the last first.
func (s *milterSession) editHeader() {
	msg := &s.message
	if n := len(msg.came.forged); n > 0 && s.actions&changesHeader != 0 {
		s.conn.log(slog.LevelInfo, "forged header fields were removed from a message", "removed", n, "not_removed", msg.came.more,
			"client", s.client.Addr(), "queue_id", s.macros.get(macroQueueID))
		for _, f := range slices.Backward(msg.came.forged) {
			s.out = appendField(s.out, smfirChangeHeader, f.index, f.name, "")
		}
	}
	if s.actions&addsHeader == 0 {
		return
	}
	for _, f := range slices.Backward(msg.fields) {
		if isField(f) {
			s.out = appendField(s.out, smfirInsertHeader, 0, f.Name, oneLine(f.Value, header.MaxField-len(f.Name)-len(": ")))
		}
	}
}

// appendField appends a change of the index-th field of a name; the value "" removes it.
func appendField(b []byte, action byte, index int, name, value string) []byte {
	var at [4]byte
	binary.BigEndian.PutUint32(at[:], uint32(index))
	return appendFrame(b, action, string(at[:]), name, "\x00", value, "\x00")
}

// isAuthserv reports whether an Authentication-Results bears a name.
func isAuthserv(value, name string) bool {
	return name != "" && sameName(authservID(value), name)
}

// sameName compares names of hosts, in any case, with a final dot or without.
func sameName(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}

// authservID reads the authserv-id of an Authentication-Results: a token or a quoted string, with comments and folding
// around it (RFC 8601 section 2.2). Readers are sloppy, and so is this: what is no part of a token ends it.
func authservID(value string) string {
	s := skipCFWS(value)
	if s == "" {
		return ""
	}
	if s[0] == '"' {
		return unquoted(s[1:])
	}
	end := strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?=`, r)
	})
	if end < 0 {
		end = len(s)
	}
	return s[:end]
}

// skipCFWS returns what follows white space, line ends and comments, which nest (RFC 5322 section 3.2.2). An
// unterminated comment extends to the end.
func skipCFWS(s string) string {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '(':
			depth++
		case depth > 0 && c == ')':
			depth--
		case depth > 0 && c == '\\':
			i++
		case depth > 0 || c <= ' ':
		default:
			return s[i:]
		}
	}
	return ""
}

// unquoted returns a quoted string, whose opening quotation mark is removed, without its escapes, line ends and outer
// spaces.
func unquoted(s string) string {
	var b strings.Builder
	for i := 0; i < len(s) && s[i] != '"'; i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		if s[i] != '\r' && s[i] != '\n' {
			b.WriteByte(s[i])
		}
	}
	return strings.Trim(b.String(), " \t")
}
