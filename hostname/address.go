package hostname

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// address finds an address in the name: first the one at hand, which tells most, then any.
func (r *reading) address(addr netip.Addr) string {
	if why := r.own(addr); why != "" {
		return why
	}
	if why := r.anyIPv6(); why != "" {
		return why
	}
	if why := r.anyOctets(); why != "" {
		return why
	}
	return r.anyFused()
}

// own finds the address at hand. (Plain calls: a list of signals to go through would put every reading on the heap.)
func (r *reading) own(addr netip.Addr) string {
	if addr.Is6() {
		return r.ownIPv6(addr)
	}
	if why := r.ownOctets(addr); why != "" {
		return why
	}
	if why := r.ownFused(addr); why != "" {
		return why
	}
	if why := r.ownHex(addr); why != "" {
		return why
	}
	if why := r.ownScattered(addr); why != "" {
		return why
	}
	return r.ownThree(addr)
}

// Each signal here finds an address in a name, in one spelling, and says so; "" if there is none. Those called own look
// for the address at hand, and are silent about the zero Addr; those called any find what looks like some address.

// ownOctets finds the four octets of the address side by side, in any order: 192-0-2-99, 099.002.000.192.
func (r *reading) ownOctets(addr netip.Addr) string {
	if !addr.Is4() {
		return ""
	}
	want := addr.As4()
	slices.Sort(want[:])
	for i := range r.n {
		if r.chain(i) < 4 {
			continue
		}
		var have [4]byte
		for k := range have {
			have[k] = byte(r.runs[i+k].octet)
		}
		slices.Sort(have[:])
		if have == want {
			return containsOwn(addr, r.span(i, i+3))
		}
	}
	return ""
}

// ownScattered finds each of the four octets somewhere, as a number of its own: 99.net-192-0.area2. Four numbers that
// agree are no chance, whatever their order.
func (r *reading) ownScattered(addr netip.Addr) string {
	if !addr.Is4() {
		return ""
	}
	var used [maxRuns]bool
	for _, want := range addr.As4() {
		at := 0
		for at < r.n && (used[at] || r.runs[at].octet != int16(want)) {
			at++
		}
		if at == r.n {
			return ""
		}
		used[at] = true
	}
	return "contains each octet of its address " + addr.String()
}

// ownThree finds the first or the last three octets side by side, forwards or backwards.
func (r *reading) ownThree(addr netip.Addr) string {
	if !addr.Is4() {
		return ""
	}
	a := addr.As4()
	for i := range r.n {
		if r.chain(i) < 3 {
			continue
		}
		have := [3]byte{byte(r.runs[i].octet), byte(r.runs[i+1].octet), byte(r.runs[i+2].octet)}
		switch have {
		case [3]byte{a[1], a[2], a[3]}, [3]byte{a[3], a[2], a[1]}, [3]byte{a[0], a[1], a[2]}, [3]byte{a[2], a[1], a[0]}:
			return "contains three octets of " + addr.String() + " as " + r.span(i, i+2)
		}
	}
	return ""
}

// ownPair finds the last two octets side by side, forwards or backwards. Of itself that says little.
func (r *reading) ownPair(addr netip.Addr) string {
	if !addr.Is4() {
		return ""
	}
	a := addr.As4()
	for i := range r.n {
		if r.chain(i) < 2 {
			continue
		}
		switch [2]byte{byte(r.runs[i].octet), byte(r.runs[i+1].octet)} {
		case [2]byte{a[2], a[3]}, [2]byte{a[3], a[2]}:
			return "contains the last two octets of " + addr.String() + " as " + r.span(i, i+1)
		}
	}
	return ""
}

// ownFused finds the address in one number: 192000002099 or 099002000192 anywhere in it, or all of it 1920299, 9920192,
// or 3221225059 (the address as an integer).
func (r *reading) ownFused(addr netip.Addr) string {
	if !addr.Is4() {
		return ""
	}
	a := addr.As4()
	back := [4]byte{a[3], a[2], a[1], a[0]}
	for i := range r.n {
		text := r.text(i)
		if !r.runs[i].number || len(text) < 7 {
			continue
		}
		if isFused(text, a) || isFused(text, back) || text == decimal(a) {
			return containsOwn(addr, text)
		}
	}
	return ""
}

// isFused reports whether text holds the octets padded with zeros to three digits, or is the octets without.
func isFused(text string, octets [4]byte) bool {
	var buf [12]byte
	padded, plain := buf[:0], make([]byte, 0, 12)
	for _, o := range octets {
		padded = append(padded, '0'+o/100, '0'+o/10%10, '0'+o%10)
		plain = strconv.AppendUint(plain, uint64(o), 10)
	}
	return strings.Contains(text, string(padded)) || text == string(plain)
}

func decimal(a [4]byte) string {
	return strconv.FormatUint(uint64(a[0])<<24|uint64(a[1])<<16|uint64(a[2])<<8|uint64(a[3]), 10)
}

// ownHex finds the address as eight hexadecimal digits, forwards or backwards. Chance is one in four billions, so they
// need no separators: c0000263, 0xc0000263, hc0000263x.
func (r *reading) ownHex(addr netip.Addr) string {
	if !addr.Is4() {
		return ""
	}
	a := addr.As4()
	for range 2 {
		var buf [8]byte
		hex.Encode(buf[:], a[:])
		if at := strings.Index(r.host, string(buf[:])); at >= 0 {
			return containsOwn(addr, r.host[at:at+len(buf)])
		}
		a[0], a[1], a[2], a[3] = a[3], a[2], a[1], a[0]
	}
	return ""
}

// anyOctets finds four octets side by side, the last four if there are more: ec2-192-0-2-1 has 192-0-2-1.
func (r *reading) anyOctets() string {
	for i := range r.n {
		if r.chain(i) == 4 && (i+1 == r.n || r.chain(i+1) < 4) {
			return "contains four octets as " + r.span(i, i+3)
		}
	}
	return ""
}

// anyFused finds a number of twelve digits that is four octets padded with zeros.
func (r *reading) anyFused() string {
	for i := range r.n {
		text := r.text(i)
		if !r.runs[i].number || len(text) != 12 || text == "000000000000" {
			continue
		}
		if octetOf(text[:3]) >= 0 && octetOf(text[3:6]) >= 0 && octetOf(text[6:9]) >= 0 && octetOf(text[9:]) >= 0 {
			return "contains four octets as " + text
		}
	}
	return ""
}

// anyHex finds what may be an address in hexadecimal: a part of a label that is eight such digits, after 0x or with
// letters and digits mixed.
func (r *reading) anyHex() string {
	for at := 0; at < len(r.host); {
		text, next := part(r.host, at)
		digits, prefixed := strings.CutPrefix(text, "0x")
		if len(digits) == 8 && (isMixedHex(digits) || prefixed && isHex(digits)) {
			return "contains what may be an address as " + text
		}
		at = next
	}
	return ""
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// isMixedHex reports whether s is hexadecimal with letters and at least two digits in it.
func isMixedHex(s string) bool {
	letters, digits := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			digits++
		case 'a' <= c && c <= 'f':
			letters++
		default:
			return false
		}
	}
	return letters > 0 && digits > 1
}

func containsOwn(addr netip.Addr, spelling string) string {
	return "contains its address " + addr.String() + " as " + spelling
}
