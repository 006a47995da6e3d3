// Package logline writes log lines as the handlers of log/slog do, byte for byte but faster: it reuses one buffer and
// makes no attributes. It is for the one line that a busy service writes for every question.
package logline

import (
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Line is a log line under construction. The zero value is ready for Begin.
type Line struct {
	buf    []byte
	joined []byte // a list as text, before it is quoted
	json   bool
}

// Begin begins a line as slog.JSONHandler or slog.TextHandler does, and reuses the buffer of the line before. at must
// not be the zero time, which slog leaves out.
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

// End ends the line and returns it. The result is valid until the next Begin.
func (l *Line) End() []byte {
	if l.json {
		l.buf = append(l.buf, '}')
	}
	l.buf = append(l.buf, '\n')
	return l.buf
}

// key begins an attribute. Keys are constants of the program and need no quotes.
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

// Bytes adds a string that the caller has in a buffer.
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

// Millis adds a duration as a number of milliseconds, with up to three decimals: 0.024.
func (l *Line) Millis(key string, d time.Duration) {
	l.key(key)
	l.buf = appendMillis(l.buf, d)
}

// List adds a list: as text one string, in which separator stands between the items; in JSON an array of strings.
func (l *Line) List(key, separator string, items []string) {
	l.key(key)
	if !l.json {
		l.joined = l.joined[:0]
		for i, s := range items {
			if i > 0 {
				l.joined = append(l.joined, separator...)
			}
			l.joined = append(l.joined, s...)
		}
		l.buf = appendText(l.buf, l.joined)
		return
	}
	l.buf = appendArray(l.buf, items)
}

// Millis is a duration as a value of slog: a number of milliseconds, as Line.Millis writes it.
type Millis time.Duration

// MarshalText returns the number.
func (m Millis) MarshalText() ([]byte, error) { return appendMillis(nil, time.Duration(m)), nil }

// MarshalJSON returns the number.
func (m Millis) MarshalJSON() ([]byte, error) { return m.MarshalText() }

// List is a list as a value of slog: as text its items with a comma between them, in JSON an array.
type List []string

// MarshalText returns the items as one text.
func (l List) MarshalText() ([]byte, error) { return []byte(strings.Join(l, ",")), nil }

// MarshalJSON returns an array of strings, which is empty and not null for a nil List.
func (l List) MarshalJSON() ([]byte, error) { return appendArray(nil, l), nil }

// appendArray appends a JSON array of strings.
func appendArray(b []byte, items []string) []byte {
	b = append(b, '[')
	for i, s := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, s)
	}
	return append(b, ']')
}

// appendMillis appends a number of milliseconds, exact to the microsecond, without zeros at its end.
func appendMillis(b []byte, d time.Duration) []byte {
	us := d.Round(time.Microsecond).Microseconds()
	if us < 0 {
		b, us = append(b, '-'), -us
	}
	b = strconv.AppendInt(b, us/1000, 10)
	rest := us % 1000
	if rest == 0 {
		return b
	}
	b = append(b, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}

// isPlain reports whether a byte stands for itself in a JSON string.
func isPlain(c byte) bool { return c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf }

// appendText appends the value of key=value, in quotes if it would be ambiguous without.
func appendText[T string | []byte](b []byte, s T) []byte {
	quotes := len(s) == 0
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' {
			return appendUnicode(b, string(s))
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

// appendUnicode is appendText for text with other bytes than printable ASCII.
func appendUnicode(b []byte, s string) []byte {
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
