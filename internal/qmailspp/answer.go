package qmailspp

import (
	"strconv"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
)

// The letters of the qmail-spp commands that are used.
const (
	addHeader = 'H' // the line, to the header of the message
	refuse    = 'E' // the text to the client, in place of the command's own reply
	hangUp    = 'R' // the text to the client, and close
)

// known reports whether an answer says what to do.
func known(d helogate.Action) bool {
	return d == helogate.Continue || d == helogate.Accept || d.Refuses()
}

// commands returns the commands for an answer. No objection is no command, since A, N and O would skip the plugins
// after this one.
//
// After E, qmail-smtpd continues as if the command had never come. That refuses a recipient or a sender; but a client
// can do without HELO, and before it there is nothing to refuse. So a rejection closes the connection, except that of a
// recipient: others may be accepted, postmaster among them. A deferral affects only its command, and does not exist
// before MAIL (RFC 5321 section 4.3.2).
func (a Answer) commands(at helogate.Stage, headers bool) (out []byte) {
	switch a.Action {
	case helogate.Drop:
		return appendLine(nil, hangUp, a.reply(), maxReply)
	case helogate.Reject:
		if at >= helogate.Rcpt {
			return appendLine(nil, refuse, a.reply(), maxReply)
		}
		return appendLine(nil, hangUp, a.reply(), maxReply)
	case helogate.Defer:
		if at >= helogate.Mail {
			return appendLine(nil, refuse, a.reply(), maxReply)
		}
		return nil
	}
	if headers {
		for _, f := range a.Headers[:min(len(a.Headers), maxHeaders)] {
			if isName(f.Name) {
				out = appendLine(out, addHeader, f.Name+": "+f.Value, maxField)
			}
		}
	}
	return out
}

const (
	maxReply   = 510 // RFC 5321 section 4.5.3.1.5, less CRLF, which qmail adds
	maxField   = 998 // RFC 5322 section 2.1.1, less CRLF
	maxHeaders = 20
)

// appendLine appends a command, which is printable ASCII whatever is in the text: a line end in it would be the
// client's command to qmail. The newline is never left out: without it qmail loses the last character.
func appendLine(b []byte, letter byte, text string, limit int) []byte {
	b = append(b, letter)
	if isLine(text) {
		b = append(b, text[:min(len(text), limit)]...)
	} else {
		b = append(b, printable.Text(text, limit)...)
	}
	return append(b, '\n')
}

func isLine(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// reply is a reply of the class that is meant, for qmail sends the text as it is, code and all.
func (a Answer) reply() string {
	class, code, enhanced := 5, a.Reply.Code, a.Reply.Enhanced
	if a.Action == helogate.Defer {
		class = 4
	}
	if code/100 != class {
		code = class*100 + 50
	}
	if !isEnhanced(enhanced, class) {
		enhanced = strconv.Itoa(class) + ".7.1"
	}
	text := a.Reply.Text
	if text == "" {
		text = "refused by policy"
	}
	return strconv.Itoa(code) + " " + enhanced + " " + text
}

// isEnhanced reports whether s has the look of an enhanced status code of a class: "5.7.25".
func isEnhanced(s string, class int) bool {
	if len(s) < len("5.7.1") || len(s) > len("5.777.777") || s[0] != byte('0'+class) || s[1] != '.' {
		return false
	}
	for _, c := range []byte(s) {
		if c != '.' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// isName reports whether s is the name of a header field (RFC 5322 section 2.2).
func isName(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == ':' {
			return false
		}
	}
	return s != "" && len(s) <= 76
}
