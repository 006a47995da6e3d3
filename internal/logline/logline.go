// Package logline writes lines of log as the handlers of log/slog do, byte for byte, and faster: into a buffer that is
// used again, from values that are not put into attributes before. It is for the one line that a busy service writes
// all the time.
package logline

import (
	"log/slog"
	"net/netip"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Line is a line in the making. The zero value is ready for Begin.
type Line struct {
	buf  []byte
	json bool
}

// Begin begins a line as slog.JSONHandler or slog.TextHandler does, in the room of the one before. at is not the zero time,
// which slog leaves out.
func (l *Line) Begin(json bool, at time.Time, level slog.Level, message string) {
	l.buf, l.json = l.buf[:0], json
	at = at.Round(0) // without the monotonic clock
	if json {
		l.buf = append(l.buf, `{"time":"`...)
		l.buf = append(at.AppendFormat(l.buf, time.RFC3339Nano), '"')
	} else {
		l.buf = append(l.buf, `time=`...)
		l.buf = at.AppendFormat(l.buf, "2006-01-02T15:04:05.000Z07:00")
	}
	l.Text("level", level.String())
	l.Text("msg", message)
}

// End ends the line, and returns it. It is good until the next Begin.
func (l *Line) End() []byte {
	if l.json {
		l.buf = append(l.buf, '}')
	}
	l.buf = append(l.buf, '\n')
	return l.buf
}

// key begins an attribute. Keys are the program's own, and need no quotes.
func (l *Line) key(k string) {
	if l.json {
		l.buf = append(append(append(l.buf, `,"`...), k...), `":`...)
	} else {
		l.buf = append(append(append(l.buf, ' '), k...), '=')
	}
}

// Text adds a string.
func (l *Line) Text(key, value string) {
	l.key(key)
	if l.json {
		l.buf = appendJSON(l.buf, value)
	} else {
		l.buf = appendText(l.buf, value)
	}
}

// Bytes adds a string that is made in a buffer.
func (l *Line) Bytes(key string, value []byte) {
	l.key(key)
	if l.json {
		l.buf = appendJSON(l.buf, value)
	} else {
		l.buf = appendText(l.buf, value)
	}
}

// Addr adds an address, or "invalid IP".
func (l *Line) Addr(key string, a netip.Addr) {
	if !a.IsValid() {
		l.Text(key, a.String())
		return
	}
	var room [64]byte
	l.Bytes(key, a.AppendTo(room[:0]))
}

// Int adds a number.
func (l *Line) Int(key string, n int) {
	l.key(key)
	l.buf = strconv.AppendInt(l.buf, int64(n), 10)
}

// Bool adds true or false.
func (l *Line) Bool(key string, b bool) {
	l.key(key)
	l.buf = strconv.AppendBool(l.buf, b)
}

// Duration adds a duration: as text it is "1.5s", in JSON a number of nanoseconds.
func (l *Line) Duration(key string, d time.Duration) {
	l.key(key)
	if l.json {
		l.buf = strconv.AppendInt(l.buf, int64(d), 10)
	} else {
		l.buf = append(l.buf, d.String()...)
	}
}

// isPlain reports whether a byte stands for itself in a JSON string.
func isPlain(c byte) bool { return c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf }

// appendText appends a value of key=value, in quotes where its reader would lose the way without.
func appendText[T string | []byte](b []byte, s T) []byte {
	quotes := len(s) == 0
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' {
			return appendStrange(b, string(s))
		}
		quotes = quotes || c == ' ' || c == '=' || c == '"'
	}
	if !quotes {
		return append(b, s...)
	}
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// appendStrange is appendText for what is more than printable ASCII.
func appendStrange(b []byte, s string) []byte {
	for _, r := range s {
		if r == utf8.RuneError || unicode.IsSpace(r) || r != 0x7f && !unicode.IsPrint(r) || r == '=' || r == '"' {
			return strconv.AppendQuote(b, s)
		}
	}
	return append(b, s...)
}

// appendJSON appends a JSON string (RFC 8259 section 7).
func appendJSON[T string | []byte](b []byte, s T) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case isPlain(c):
			b = append(b, c)
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(string(s[i:min(len(s), i+utf8.UTFMax)]))
			switch {
			case r == utf8.RuneError && n == 1:
				b = append(b, `\ufffd`...)
			case r == '\u2028' || r == '\u2029': // ends a line in JavaScript
				b = append(b, `\u202`...)
				b = append(b, hex[r&15])
			default:
				b = append(b, s[i:i+n]...)
			}
			i += n
			continue
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, `\u00`...)
			b = append(b, hex[c>>4], hex[c&15])
		}
		i++
	}
	return append(b, '"')
}
