package callout

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/helogate/helogate/internal/printable"
)

// Limits of what is read of a reply. RFC 5321 section 4.5.3.1.5 allows 512 octets for a line, but some servers send
// more.
const (
	maxLine  = 1000 // octets with CRLF
	maxLines = 100
	maxText  = 200 // octets of a reply in what is remembered and shown
)

// A reply is an SMTP reply (RFC 5321 section 4.2).
type reply struct {
	code     int
	enhanced string // "5.1.1" (RFC 2034), or ""
	text     string // as it was sent, lines joined; it is text of another host
}

// readReply reads the lines of a reply, which all begin with the same code. Anything else is an error.
func readReply(in *bufio.Reader) (reply, error) {
	var r reply
	for range maxLines {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return r, fmt.Errorf("a line of a reply is longer than %d octets", maxLine)
		}
		if err != nil {
			return r, err
		}
		line = bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'})
		code, last, text, ok := parseLine(line)
		if !ok || r.code != 0 && code != r.code {
			return r, fmt.Errorf("%s is no line of a reply", line[:min(len(line), 40)])
		}
		r.add(code, text)
		if last {
			return r, nil
		}
	}
	return r, fmt.Errorf("a reply has more than %d lines", maxLines)
}

// parseLine takes a line of a reply apart: three digits, and a blank in the last line, or a hyphen.
func parseLine(line []byte) (code int, last bool, text string, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || line[1] < '0' || line[1] > '5' || line[2] < '0' || line[2] > '9' {
		return 0, false, "", false
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	if len(line) == 3 {
		return code, true, "", true
	}
	return code, line[3] == ' ', string(line[4:]), line[3] == ' ' || line[3] == '-'
}

// add adds a line. The enhanced code stands in each line, and is kept once.
func (r *reply) add(code int, text string) {
	first := r.code == 0
	r.code = code
	word, rest, _ := strings.Cut(text, " ")
	if isEnhanced(word, code) {
		if first {
			r.enhanced = word
		} else if word == r.enhanced {
			text = rest
		}
	}
	if len(r.text) < maxLine { // the rest is never shown
		r.text = strings.TrimSpace(r.text + " " + text)
	}
}

// isEnhanced reports whether a word is an enhanced status code (RFC 3463 section 2) of the reply's class.
func isEnhanced(word string, code int) bool {
	parts := strings.Split(word, ".")
	if len(parts) != 3 || parts[0] != strconv.Itoa(code/100) {
		return false
	}
	for _, p := range parts[1:] {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n > 999 || len(p) > 3 {
			return false
		}
	}
	return true
}

// line returns the reply in one line. It is not fit for people: see String.
func (r reply) line() string { return strings.TrimSpace(strconv.Itoa(r.code) + " " + r.text) }

// String returns the reply in one line, printable, and cut to what is worth remembering.
func (r reply) String() string { return printable.Text(r.line(), maxText) }

func (r reply) isYes() bool { return r.code/100 == 2 }

// refusesMailbox reports whether a reply to RCPT is permanent and about the mailbox: 550, 551 or 553, or, if there is a
// specific enhanced code, a wrong address (5.1) or a disabled mailbox (5.2.1). Others are about this host (5.7: a
// blocklist, no relaying) or temporary (5.2.2: the mailbox is full, and so exists).
func (r reply) refusesMailbox() bool {
	switch {
	case r.code/100 != 5:
		return false
	case r.isPlain():
		return slices.Contains([]int{550, 551, 553}, r.code)
	case slices.Contains([]string{"5.1.7", "5.1.8", "5.1.9"}, r.enhanced): // about the sender
		return false
	}
	return strings.HasPrefix(r.enhanced, "5.1.") || r.enhanced == "5.2.1"
}

// refusesNull reports whether a reply to MAIL FROM:<> is permanent and about the null sender: it names it, or has a
// code for addresses. Any other may be about this host.
func (r reply) refusesNull() bool {
	switch {
	case r.code/100 != 5 || r.code == 530:
		return false
	case r.namesNull():
		return true
	case r.isPlain():
		return slices.Contains([]int{501, 550, 551, 553}, r.code)
	}
	return strings.HasPrefix(r.enhanced, "5.1.")
}

// namesNull reports whether a refusal names the null sender. Postfix, for one, sends it only at RCPT.
func (r reply) namesNull() bool { return r.code/100 == 5 && strings.Contains(r.text, "<>") }

// isPlain reports whether the enhanced code adds nothing to the code: there is none, or it is 5.0, "other or
// undefined".
func (r reply) isPlain() bool { return r.enhanced == "" || strings.HasPrefix(r.enhanced, "5.0.") }
