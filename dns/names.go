package dns

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	wire "github.com/miekg/dns"

	"github.com/helogate/helogate"
)

// A query is what a server is asked: one name, one type, class IN.
type query struct {
	name string // in presentation form as the wire package prints it, lower case, no final dot; "." is the root
	wire []byte // the same as on the wire, RFC 1035 section 3.1
	kind uint16
}

// Reasons why a question cannot be sent. A name that DNS cannot hold does not exist, so the answer is negative, not a
// failure: after a TempFail a mail server would try the same impossible name for days.
var (
	errName    = errors.New("not a name that DNS can hold")
	errAddress = errors.New("not an address")
	errKind    = errors.New("DNS is not asked for this kind")
)

// plan converts a question to the query that answers it. The query for A also answers kind CNAME.
func plan(q helogate.Question) (query, error) {
	name := q.Name
	var kind uint16
	switch q.Kind {
	case helogate.A, helogate.CNAME, helogate.Listing:
		kind = wire.TypeA
	case helogate.AAAA:
		kind = wire.TypeAAAA
	case helogate.MX:
		kind = wire.TypeMX
	case helogate.TXT:
		kind = wire.TypeTXT
	case helogate.SRV:
		kind = wire.TypeSRV
	case helogate.PTR:
		kind = wire.TypePTR
		addr, err := netip.ParseAddr(name)
		if err != nil {
			return query{}, errAddress
		}
		name = reverseName(addr)
	default:
		return query{}, errKind
	}
	return newQuery(name, kind)
}

// newQuery returns the query for a name in presentation form.
func newQuery(name string, kind uint16) (query, error) {
	packed, err := appendName(nil, name)
	if err != nil {
		return query{}, err
	}
	// Unpack the packed name, so that escapes are spelled as in the reply.
	printed, _, err := wire.UnpackDomainName(packed, 0)
	if err != nil {
		return query{}, errName
	}
	return query{name: canonical(printed), wire: packed, kind: kind}, nil
}

// canonical converts a name of the wire package to lower case, without the final dot, which only the root keeps.
func canonical(printed string) string {
	if len(printed) > 1 {
		printed = printed[:len(printed)-1]
	}
	return strings.ToLower(printed)
}

const (
	maxLabel = 63  // octets, RFC 1035 section 2.3.4
	maxName  = 255 // octets on the wire, length octets and root included
)

// appendName appends a name in presentation form (RFC 1035 section 5.1: \. and \DDD) to buf, as it is on the wire.
// DNS allows any octet (RFC 2181 section 11); only empty and overlong labels and names are errors.
func appendName(buf []byte, name string) ([]byte, error) {
	start := len(buf)
	if name == "." {
		return append(buf, 0), nil
	}
	for name != "" {
		length := len(buf)
		buf = append(buf, 0)
		for name != "" && name[0] != '.' {
			c, n := octet(name)
			if n == 0 {
				return nil, errName
			}
			buf = append(buf, c)
			name = name[n:]
		}
		size := len(buf) - length - 1
		if size == 0 || size > maxLabel || len(buf)-start >= maxName {
			return nil, errName
		}
		buf[length] = byte(size)
		name = strings.TrimPrefix(name, ".")
	}
	if len(buf) == start {
		return nil, errName
	}
	return append(buf, 0), nil
}

// octet reads the first octet of a name in presentation form. The second result is how much of s it takes: 0 for a
// broken escape.
func octet(s string) (byte, int) {
	if s[0] != '\\' {
		return s[0], 1
	}
	if len(s) < 2 {
		return 0, 0
	}
	if s[1] < '0' || s[1] > '9' {
		return s[1], 2
	}
	if len(s) < 4 {
		return 0, 0
	}
	v, err := strconv.ParseUint(s[1:4], 10, 8)
	if err != nil {
		return 0, 0
	}
	return byte(v), 4
}

// reverseName returns the name that has the PTR records of an address: RFC 1035 section 3.5 for IPv4, RFC 3596
// section 2.5 for IPv6. An IPv4-mapped IPv6 address counts as IPv4, and a zone is ignored.
func reverseName(addr netip.Addr) string {
	addr = addr.Unmap()
	buf := make([]byte, 0, 74)
	if addr.Is4() {
		octets := addr.As4()
		for i := len(octets) - 1; i >= 0; i-- {
			buf = strconv.AppendUint(buf, uint64(octets[i]), 10)
			buf = append(buf, '.')
		}
		return string(append(buf, "in-addr.arpa"...))
	}
	const hex = "0123456789abcdef"
	octets := addr.As16()
	for i := len(octets) - 1; i >= 0; i-- {
		buf = append(buf, hex[octets[i]&15], '.', hex[octets[i]>>4], '.')
	}
	return string(append(buf, "ip6.arpa"...))
}
