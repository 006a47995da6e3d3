package protocol

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/helogate/helogate/internal/printable"
)

// What MTAs send, by the names that libmilter has for it (mfdef.h).
const (
	smficOptNeg  = 'O'
	smficMacro   = 'D'
	smficConnect = 'C'
	smficHelo    = 'H'
	smficMail    = 'M'
	smficRcpt    = 'R'
	smficData    = 'T'
	smficHeader  = 'L'
	smficEOH     = 'N'
	smficBody    = 'B'
	smficBodyEOB = 'E'
	smficUnknown = 'U'
	smficAbort   = 'A'
	smficQuitNC  = 'K' // another SMTP connection follows
	smficQuit    = 'Q'
)

// What is answered.
const (
	smfirContinue     = 'c'
	smfirAccept       = 'a'
	smfirReplyCode    = 'y'
	smfirChangeHeader = 'm'
	smfirInsertHeader = 'i'
)

// appendFrame appends an answer: its length, what it is, and its data.
func appendFrame(b []byte, answer byte, data ...string) []byte {
	n := 1
	for _, d := range data {
		n += len(d)
	}
	b = append(binary.BigEndian.AppendUint32(b, uint32(n)), answer)
	for _, d := range data {
		b = append(b, d...)
	}
	return b
}

// A milterOrder is the state of a dialogue. It ensures what a session takes for granted: that strings are terminated,
// that numbers are present, that a client connects before it sends commands, and that a sender comes before a
// recipient.
type milterOrder struct {
	begun     bool // options have been negotiated
	connected bool // CONNECT has come
	mail      bool // a message has begun
	announced bool // the macros for a command have come, and it is next
}

// underWay reports whether something was begun that ends soon.
func (o *milterOrder) underWay() bool { return o.mail || o.announced }

// check checks a frame, which has at least its first byte, and updates the state.
func (o *milterOrder) check(frame []byte) error {
	code, data := frame[0], frame[1:]
	if !o.begun && code != smficOptNeg {
		return broken(fmt.Sprintf("the first frame is %s, not one to negotiate", frameName(code)))
	}
	if wrong := o.outOfOrder(code); wrong != "" {
		return broken(frameName(code) + " " + wrong)
	}
	if wrong := malformed(code, data); wrong != "" {
		return broken(frameName(code) + " " + wrong)
	}
	o.announced = code == smficMacro
	switch code {
	case smficOptNeg:
		o.begun = true
	case smficConnect:
		o.connected, o.mail = true, false
	case smficMail:
		o.mail = true
	case smficBodyEOB, smficAbort, smficHelo:
		o.mail = false
	case smficQuitNC:
		o.connected, o.mail = false, false
	}
	return nil
}

func (o *milterOrder) outOfOrder(code byte) string {
	switch code {
	case smficOptNeg:
		if o.begun {
			return "a second time"
		}
	case smficHelo, smficMail, smficUnknown:
		if !o.connected {
			return "before the client is known"
		}
	case smficRcpt, smficData, smficHeader, smficEOH, smficBody, smficBodyEOB:
		if !o.mail {
			return "before MAIL"
		}
	case smficMacro, smficConnect, smficAbort, smficQuitNC, smficQuit:
	default:
		return "is no command"
	}
	return ""
}

// malformed says what is wrong with the data of a frame, or "".
func malformed(code byte, data []byte) string {
	switch code {
	case smficOptNeg:
		if len(data) < 3*4 {
			return fmt.Sprintf("has %d bytes, not 12", len(data))
		}
		if version := binary.BigEndian.Uint32(data); version < 2 {
			return fmt.Sprintf("is of version %d; 2 is the oldest that is spoken", version)
		}
	case smficConnect:
		return malformedConnect(data)
	case smficHelo, smficMail, smficRcpt:
		if len(data) == 0 || data[len(data)-1] != 0 {
			return "has a string without an end"
		}
	case smficHeader:
		if len(data) == 0 || data[len(data)-1] != 0 || bytes.Count(data, []byte{0}) != 2 || data[0] == 0 {
			return "has not a name and a value"
		}
	case smficMacro:
		if len(data) == 0 || len(data) > 1 && data[len(data)-1] != 0 {
			return "has a string without an end"
		}
		if strings.IndexByte(macroCommands, data[0]) < 0 {
			return "is for no command"
		}
	}
	return ""
}

// macroCommands are those that macros can come for.
const macroCommands = "CHMRTNEULAB"

// malformedConnect reads host, family, port and address.
func malformedConnect(data []byte) string {
	end := bytes.IndexByte(data, 0)
	if end < 0 || end+1 == len(data) {
		return "has no address family"
	}
	family, rest := data[end+1], data[end+2:]
	switch family {
	case 'U':
		return ""
	case 'L', '4', '6':
	default:
		return fmt.Sprintf("has the address family %s", printable.Text(string(family), 8))
	}
	if len(rest) < 3 || rest[len(rest)-1] != 0 {
		return "has no port and address"
	}
	text := string(rest[2 : 2+bytes.IndexByte(rest[2:], 0)])
	if family != 'L' && !milterAddress(family, text).IsValid() {
		return "has the address " + printable.Text(text, 64)
	}
	return ""
}

// milterAddress reads the address of a family, 4 or 6: "192.0.2.1", "2001:db8::1", "IPv6:2001:db8::1", "[2001:db8::1]".
func milterAddress(family byte, text string) netip.Addr {
	if family == '6' {
		text = strings.TrimPrefix(text, "IPv6:")
		if len(text) > 2 && text[0] == '[' && text[len(text)-1] == ']' {
			text = text[1 : len(text)-1]
		}
	}
	addr, err := netip.ParseAddr(text)
	addr = addr.Unmap()
	if err != nil || addr.Zone() != "" || family == '4' && !addr.Is4() {
		return netip.Addr{}
	}
	return addr
}

// frameName names a command in an error.
func frameName(code byte) string {
	switch code {
	case smficOptNeg:
		return "OPTNEG"
	case smficMacro:
		return "MACRO"
	case smficConnect:
		return "CONNECT"
	case smficHelo:
		return "HELO"
	case smficMail:
		return "MAIL"
	case smficRcpt:
		return "RCPT"
	case smficData:
		return "DATA"
	case smficHeader:
		return "HEADER"
	case smficEOH:
		return "EOH"
	case smficBody:
		return "BODY"
	case smficBodyEOB:
		return "EOM"
	case smficUnknown:
		return "UNKNOWN"
	}
	return fmt.Sprintf("command %s", printable.Text(string([]byte{code}), 8))
}
