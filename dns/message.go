package dns

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"

	wire "github.com/miekg/dns"
)

const (
	headerLen = 12
	// ednsSize is how large a UDP reply we take: what crosses any network in one piece (DNS flag day 2020).
	ednsSize = 1232

	flagQR     = 0x8000
	flagTC     = 0x0200
	flagRD     = 0x0100
	flagAD     = 0x0020
	opcodeMask = 0x7800
	rcodeMask  = 0x000f
)

// manner is how a server is spoken to.
type manner struct {
	edns bool // with an OPT record
	mix  bool // the letters of the name in random case
}

// pack makes the message of a query with a fresh random id. RD, because a stub wants the whole answer; AD, so that a
// validating server says what it found (RFC 6840 section 5.7).
func (q query) pack(how manner) []byte {
	var random [2 + maxName/8 + 1]byte
	rand.Read(random[:])
	msg := make([]byte, 0, headerLen+len(q.wire)+4+11)
	msg = append(msg, random[0], random[1])
	msg = binary.BigEndian.AppendUint16(msg, flagRD|flagAD)
	msg = append(msg, 0, 1, 0, 0, 0, 0, 0, 0)
	msg = append(msg, q.wire...)
	if how.mix {
		mixCase(msg[headerLen:], random[2:])
	}
	msg = binary.BigEndian.AppendUint16(msg, q.kind)
	msg = binary.BigEndian.AppendUint16(msg, wire.ClassINET)
	if how.edns {
		msg[headerLen-1] = 1
		msg = append(msg, 0, 0, byte(wire.TypeOPT), ednsSize>>8, ednsSize&0xff, 0, 0, 0, 0, 0, 0)
	}
	return msg
}

// mixCase gives every letter of a name on the wire a case by one random bit. A length octet is at most 63 and no letter.
func mixCase(name, random []byte) {
	for i, c := range name {
		if 'a' <= c|0x20 && c|0x20 <= 'z' {
			name[i] = c&^0x20 | random[i/8]>>(i%8)&1<<5
		}
	}
}

// fit says whether a message is the reply to a query.
type fit int

const (
	alien   fit = iota // it is not, and is passed over
	recased            // but for the case of letters
	fits
)

// compare says whether got is the reply to sent (RFC 5452 section 9.1; the addresses are the socket's business).
// sent is a message made by pack.
func compare(sent, got []byte) fit {
	if len(got) < headerLen || got[0] != sent[0] || got[1] != sent[1] {
		return alien
	}
	flags := binary.BigEndian.Uint16(got[2:])
	if flags&flagQR == 0 || flags&opcodeMask != 0 {
		return alien
	}
	switch binary.BigEndian.Uint16(got[4:]) {
	case 0:
		// A server that does not understand EDNS may not get as far as the question (RFC 6891 section 7). What can be
		// forged by this is that we ask again without EDNS, or not this server: never an answer.
		if rcode := flags & rcodeMask; rcode == wire.RcodeFormatError || rcode == wire.RcodeNotImplemented {
			return fits
		}
		return alien
	case 1:
	default:
		return alien
	}
	asked := question(sent)
	if len(got) < headerLen+len(asked) {
		return alien
	}
	echoed := got[headerLen : headerLen+len(asked)]
	switch {
	case bytes.Equal(asked, echoed):
		return fits
	case equalFold(asked, echoed):
		return recased
	}
	return alien
}

// question is the question section of a message made by pack: a name without pointers, type, class.
func question(sent []byte) []byte {
	end := headerLen
	for sent[end] != 0 {
		end += 1 + int(sent[end])
	}
	return sent[headerLen : end+1+4]
}

// equalFold compares the question sections a and b, of the same length, without regard to the case of ASCII letters
// (RFC 4343): in the name, that is, and not in type and class, where an octet that looks like a letter is none.
func equalFold(a, b []byte) bool {
	name := len(a) - 4
	for i := range name {
		if a[i] != b[i] && (a[i]^b[i] != 0x20 || a[i]|0x20 < 'a' || a[i]|0x20 > 'z') {
			return false
		}
	}
	return bytes.Equal(a[name:], b[name:])
}

// cut says whether a reply is marked as truncated.
func cut(got []byte) bool { return binary.BigEndian.Uint16(got[2:])&flagTC != 0 }

// parse unpacks a reply that fits. The wire package stops without an error where a message ends before its counted
// records do; half an answer is no answer.
func parse(got []byte) (*wire.Msg, bool) {
	m := new(wire.Msg)
	if err := m.Unpack(got); err != nil {
		return nil, false
	}
	whole := len(m.Answer) == int(binary.BigEndian.Uint16(got[6:])) &&
		len(m.Ns) == int(binary.BigEndian.Uint16(got[8:])) &&
		len(m.Extra) == int(binary.BigEndian.Uint16(got[10:]))
	return m, whole
}
