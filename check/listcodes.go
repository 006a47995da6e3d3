package check

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Codes are the answers of a DNS list that count as listings. The address in an answer says why the list has an entry,
// and few sites want every reason (RFC 5782 section 2.3).
type Codes []Code

// A Code is one answer that counts, or a range of them. The zero value is none.
type Code struct {
	span
	text string
}

// A span is a set of addresses, as numbers: those from first to last, or with a mask, those that have one of its bits.
// No mask has a bit of the first octet.
type span struct{ first, last, mask uint32 }

// ParseCode reads an address (127.0.0.2), a range (127.0.0.2-127.0.0.11), a network (127.0.1.0/24), or a mask
// (&0.0.0.8: any of these bits, as Exim writes it). All lie in 127.0.0.0/8. Errors say what to write.
func ParseCode(code string) (Code, error) {
	s, err := parseSpan(strings.TrimSpace(code))
	if err != nil {
		return Code{}, fmt.Errorf("code %q: %w", code, err)
	}
	return Code{s, code}, nil
}

// String returns the code as it was written.
func (c Code) String() string { return c.text }

// ParseCodes reads several codes, as ParseCode does. No codes are an error: a list of which every answer counts would
// list every client on the day its domain is sold.
func ParseCodes(codes []string) (Codes, error) {
	if len(codes) == 0 {
		return nil, errNoCodes
	}
	out := make(Codes, len(codes))
	for i, code := range codes {
		var err error
		if out[i], err = ParseCode(code); err != nil {
			return nil, err
		}
	}
	return out, nil
}

var errNoCodes = errors.New("no codes: name the answers that are listings, such as 127.0.0.2; the web page of the list has them")

func parseSpan(code string) (span, error) {
	if mask, is := strings.CutPrefix(code, "&"); is {
		return parseMask(mask)
	}
	if strings.Contains(code, "/") {
		return parseNetwork(code)
	}
	from, to, isRange := strings.Cut(code, "-")
	first, err := parseAnswer(strings.TrimSpace(from))
	if err != nil {
		return span{}, err
	}
	if !isRange {
		if why := answerError("", first); why != "" {
			return span{}, fmt.Errorf("no listing: %s", why)
		}
		return span{first: number(first), last: number(first)}, nil
	}
	last, err := parseAnswer(strings.TrimSpace(to))
	if err != nil {
		return span{}, err
	}
	if last.Less(first) {
		return span{}, fmt.Errorf("ends before it begins: write %s-%s", last, first)
	}
	return span{first: number(first), last: number(last)}, nil
}

func parseMask(text string) (span, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return span{}, fmt.Errorf("a mask is & and the bits as an address, such as &0.0.0.8")
	}
	if a.As4()[0] != 0 {
		return span{}, fmt.Errorf("every answer begins with 127, so a mask must begin with 0: write &0.0.0.8")
	}
	if number(a) == 0 {
		return span{}, fmt.Errorf("a mask without a bit matches nothing")
	}
	return span{mask: number(a)}, nil
}

func parseNetwork(text string) (span, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return span{}, fmt.Errorf("no network: write one like 127.0.1.0/24")
	}
	if _, err := parseAnswer(p.Addr().String()); err != nil {
		return span{}, err
	}
	if p != p.Masked() {
		return span{}, fmt.Errorf("has bits beyond its prefix: write %s", p.Masked())
	}
	if p.Bits() < 8 {
		return span{}, fmt.Errorf("reaches beyond 127.0.0.0/8, in which all answers of a list lie")
	}
	first := number(p.Addr())
	return span{first: first, last: first | (1<<(32-p.Bits()) - 1)}, nil
}

// parseAnswer reads an address that a list may answer.
func parseAnswer(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return a, fmt.Errorf("%q is no IPv4 address: write one like 127.0.0.2", text)
	}
	if a.As4()[0] != 127 {
		return a, fmt.Errorf("%s is not in 127.0.0.0/8, in which all answers of a list lie (RFC 5782 section 2.3)", a)
	}
	return a, nil
}

func number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// String returns the codes as they were written, with commas between.
func (c Codes) String() string { return strings.Join(texts(nil, c), ", ") }

// Has reports whether an answer counts. An address outside 127.0.0.0/8 never does.
func (c Codes) Has(answer netip.Addr) bool {
	if !isAnswer(answer) {
		return false
	}
	n := number(answer)
	for _, s := range c {
		if s.mask&n != 0 || s.mask == 0 && s.first <= n && n <= s.last {
			return true
		}
	}
	return false
}

func isAnswer(a netip.Addr) bool { return a.Is4() && a.As4()[0] == 127 }

// A ListAnswer is the meaning of the addresses in a DNS list's answer.
type ListAnswer struct {
	Listed []string // those that count
	Other  []string // those that do not count
	Error  string   // why the answer is no answer of a list: it refuses, or no longer exists; the other fields are empty then
}

// ReadListAnswer separates listings from errors. values are those of an A record, family is "dnsbl", "rhsbl" or
// "dnswl". If one value is an error, the whole answer is, whatever codes say.
func ReadListAnswer(family string, codes Codes, values []string) (out ListAnswer) {
	for _, v := range values {
		a, err := netip.ParseAddr(v)
		if err != nil {
			continue // DNS gives none such
		}
		if why := answerError(family, a); why != "" {
			return ListAnswer{Error: v + ": " + why}
		}
		if codes.Has(a) {
			out.Listed = append(out.Listed, v)
		} else {
			out.Other = append(out.Other, v)
		}
	}
	return out
}

const (
	parked  = "no answer of a DNS list: its domain was abandoned, or a resolver answers for names that do not exist"
	refused = "query refused"
)

// answerError says what is wrong with an answer that is no listing, and what to do; "" if nothing is. No standard has
// these codes: they are those of Spamhaus, which many others use, of URIBL and of dnswl.org.
func answerError(family string, a netip.Addr) string {
	if !isAnswer(a) {
		return parked
	}
	b := a.As4()
	switch {
	case b == [4]byte{127, 0, 0, 1}:
		return refused + ": no list uses this code for a listing (RFC 5782 section 2.1), and URIBL uses it for clients that it blocks; use a local resolver, or a key of the list"
	case b == [4]byte{127, 0, 1, 255}:
		return refused + ": the list has names, not addresses; set ask to helo, ptr or sender"
	case b == [4]byte{127, 0, 0, 255} && family == DNSWL:
		return refused + ": too many queries; ask the list's operator for a subscription"
	case b[1] != 255 || b[2] != 255:
		return ""
	}
	switch b[3] {
	case 252:
		return refused + ": there is no such list; check the zone"
	case 254:
		return refused + ": the list does not answer public resolvers; use a local resolver, or a key of the list"
	case 255:
		return refused + ": too many queries; ask the list's operator for a subscription"
	}
	return refused + ": the operator of the list says why"
}
