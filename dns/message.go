package dns

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"

	wire "github.com/miekg/dns"
)

const (
	headerLen = 12
	// ednsSize is the maximum size of a UDP reply: it crosses any network unfragmented (DNS flag day 2020).
	ednsSize = 1232

	flagQR     = 0x8000
	flagTC     = 0x0200
	flagRD     = 0x0100
	flagAD     = 0x0020
	opcodeMask = 0x7800
	rcodeMask  = 0x000f
)

// options are the variations of a query.
type options struct {
	edns bool // with an OPT record
	mix  bool // the letters of the name in random case
}

// pack makes the message of a query with a fresh random id. It sets RD, because a stub needs the complete answer, and
// AD, so that a validating server reports its result (RFC 6840 section 5.7).
func (q query) pack(how options) []byte {
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

// mixCase sets the case of every letter of a name by one random bit. A length octet is at most 63, so it is never a
// letter.
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
	unrelated fit = iota // it is not, and is ignored
	recased              // it is, except for the case of letters
	fits
)

// compare reports whether got is the reply to sent, a message of pack (RFC 5452 section 9.1). The socket has checked
// the addresses.
func compare(sent, got []byte) fit {
	if len(got) < headerLen || got[0] != sent[0] || got[1] != sent[1] {
		return unrelated
	}
	flags := binary.BigEndian.Uint16(got[2:])
	if flags&flagQR == 0 || flags&opcodeMask != 0 {
		return unrelated
	}
	switch binary.BigEndian.Uint16(got[4:]) {
	case 0:
		// A server that does not understand EDNS may not read the question (RFC 6891 section 7). A forger can only
		// cause a query without EDNS or to another server this way, never insert an answer.
		if rcode := flags & rcodeMask; rcode == wire.RcodeFormatError || rcode == wire.RcodeNotImplemented {
			return fits
		}
		return unrelated
	case 1:
	default:
		return unrelated
	}
	asked := question(sent)
	if len(got) < headerLen+len(asked) {
		return unrelated
	}
	echoed := got[headerLen : headerLen+len(asked)]
	switch {
	case bytes.Equal(asked, echoed):
		return fits
	case equalFold(asked, echoed):
		return recased
	}
	return unrelated
}

// question returns the question section of a message of pack: a name without pointers, type, class.
func question(sent []byte) []byte {
	end := headerLen
	for sent[end] != 0 {
		end += 1 + int(sent[end])
	}
	return sent[headerLen : end+1+4]
}

// equalFold compares the question sections a and b, of the same length, and ignores the case of ASCII letters in the
// name (RFC 4343). In type and class an octet that looks like a letter is none.
func equalFold(a, b []byte) bool {
	name := len(a) - 4
	for i := range name {
		if a[i] != b[i] && (a[i]^b[i] != 0x20 || a[i]|0x20 < 'a' || a[i]|0x20 > 'z') {
			return false
		}
	}
	return bytes.Equal(a[name:], b[name:])
}

// isTruncated reports whether a reply is marked as truncated.
func isTruncated(got []byte) bool { return binary.BigEndian.Uint16(got[2:])&flagTC != 0 }

// parse unpacks a matching reply. The wire package stops without an error where a message ends before its counted
// records do; parse refuses such a message.
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
