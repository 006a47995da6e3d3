package hostname

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Each function here finds the client's own address in a name, in one notation. None finds the zero Addr. (They are
// plain calls, because a list of functions would put every reading on the heap.)

// own finds the client's own address, the strongest notation first.
func (r *reading) own(addr netip.Addr) finding {
	switch {
	case addr.Is6():
		return r.ownIPv6(addr)
	case !addr.Is4():
		return finding{}
	}
	a := addr.As4()
	if f := r.ownOctets(a); f.signal != noSignal {
		return f
	}
	if f := r.ownFused(a); f.signal != noSignal {
		return f
	}
	if f := r.ownHex(a); f.signal != noSignal {
		return f
	}
	if f := r.ownHexOctets(a); f.signal != noSignal {
		return f
	}
	if f := r.ownScattered(a); f.signal != noSignal {
		return f
	}
	return r.ownThree(a)
}

// ownOctets finds the four octets of the address next to each other, in any order: 192-0-2-99, 099.002.000.192.
func (r *reading) ownOctets(want [4]byte) finding {
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
			return r.show(ownOctets, i, i+3)
		}
	}
	return finding{}
}

// ownScattered finds each of the four octets somewhere, as a number of its own: 99.net-192-0.area2. Four equal
// numbers are no coincidence, whatever their order.
func (r *reading) ownScattered(addr [4]byte) finding {
	var used uint64
	for _, want := range addr {
		at := 0
		for at < r.n && (used&(1<<at) != 0 || r.runs[at].octet != int16(want)) {
			at++
		}
		if at == r.n {
			return finding{}
		}
		used |= 1 << at
	}
	return finding{signal: ownScattered}
}

// ownThree finds the first or the last three octets, next to each other or padded in one number, forwards or
// backwards.
func (r *reading) ownThree(a [4]byte) finding {
	for i := range r.n {
		var have [3]byte
		switch {
		case r.chain(i) >= 3:
			have = [3]byte{byte(r.runs[i].octet), byte(r.runs[i+1].octet), byte(r.runs[i+2].octet)}
			if isThree(have, a) {
				return r.show(ownThree, i, i+2)
			}
		case r.runs[i].number && r.length(i) == 9:
			if unpad(r.text(i), have[:]) && isThree(have, a) {
				return r.show(ownThree, i, i)
			}
		}
	}
	return finding{}
}

func isThree(have [3]byte, a [4]byte) bool {
	return have == [3]byte{a[1], a[2], a[3]} || have == [3]byte{a[3], a[2], a[1]} ||
		have == [3]byte{a[0], a[1], a[2]} || have == [3]byte{a[2], a[1], a[0]}
}

// unpad parses octets that are padded to three digits each.
func unpad(text string, octets []byte) bool {
	for i := range octets {
		value := octetOf(text[3*i : 3*i+3])
		if value < 0 {
			return false
		}
		octets[i] = byte(value)
	}
	return true
}

// ownPair finds the last two octets, next to each other or padded in one number, forwards or backwards. Alone this is
// weak evidence.
func (r *reading) ownPair(addr netip.Addr) finding {
	if !addr.Is4() {
		return finding{}
	}
	a := addr.As4()
	for i := range r.n {
		var have [2]byte
		last := i
		switch {
		case r.chain(i) >= 2:
			have, last = [2]byte{byte(r.runs[i].octet), byte(r.runs[i+1].octet)}, i+1
		case !r.runs[i].number || r.length(i) != 6 || !unpad(r.text(i), have[:]):
			continue
		}
		if have == [2]byte{a[2], a[3]} || have == [2]byte{a[3], a[2]} {
			return r.show(ownPair, i, last)
		}
	}
	return finding{}
}

// ownFused finds the address in one number: 192000002099 or 099002000192 anywhere in it, or the whole number as
// 1920299, 9920192 or 3221226083 (the address as an integer).
func (r *reading) ownFused(a [4]byte) finding {
	back := [4]byte{a[3], a[2], a[1], a[0]}
	for i := range r.n {
		if !r.runs[i].number || r.length(i) < 4 {
			continue
		}
		text := r.text(i)
		if isFused(text, a) || isFused(text, back) || isInteger(text, a) {
			return r.show(ownOctets, i, i)
		}
	}
	return finding{}
}

// isFused reports whether text contains the octets padded with zeros to three digits, or equals the octets without
// padding. Four or five digits may be a coincidence.
func isFused(text string, octets [4]byte) bool {
	var buf [12]byte
	padded := buf[:0]
	for _, o := range octets {
		padded = append(padded, '0'+o/100, '0'+o/10%10, '0'+o%10)
	}
	if len(text) >= len(padded) {
		return strings.Contains(text, string(padded))
	}
	plain := buf[:0]
	for _, o := range octets {
		plain = strconv.AppendUint(plain, uint64(o), 10)
	}
	return len(text) >= 6 && text == string(plain)
}

func isInteger(text string, a [4]byte) bool {
	var buf [10]byte
	return text == string(strconv.AppendUint(buf[:0], uint64(a[0])<<24|uint64(a[1])<<16|uint64(a[2])<<8|uint64(a[3]), 10))
}

// ownHex finds the address as eight hexadecimal digits, forwards or backwards. A coincidence has a probability of one
// in four billion, so no separators are needed: c0000263, 0xc0000263, hc0000263x.
func (r *reading) ownHex(a [4]byte) finding {
	for range 2 {
		var buf [8]byte
		hex.Encode(buf[:], a[:])
		if at := strings.Index(r.host, string(buf[:])); at >= 0 {
			return finding{signal: ownOctets, start: uint8(at), end: uint8(at + len(buf))}
		}
		a[0], a[1], a[2], a[3] = a[3], a[2], a[1], a[0]
	}
	return finding{}
}

// isLetters reports whether each octet of an address has a hexadecimal notation without a digit.
func isLetters(a [4]byte) bool {
	for _, octet := range a {
		if octet&0xf < 0xa || octet>>4 != 0 && octet>>4 < 0xa {
			return false
		}
	}
	return true
}

// ownHexOctets finds the four octets in hexadecimal, next to each other, forwards or backwards: c0-00-02-63,
// 63.2.0.c0.
func (r *reading) ownHexOctets(a [4]byte) finding {
	var starts [4]int
	var have [4]byte
	for at, n := 0, 0; at < len(r.host); {
		text, next := part(r.host, at)
		group, ok := groupOf(text)
		if text == "" || len(text) > 2 || !ok {
			n = 0
		} else {
			copy(have[:], have[1:])
			copy(starts[:], starts[1:])
			have[3], starts[3] = byte(group), at
			n++
		}
		if n >= 4 && (have == a || have == [4]byte{a[3], a[2], a[1], a[0]}) {
			return finding{signal: ownOctets, start: uint8(starts[0]), end: uint8(next - 1)}
		}
		at = next
	}
	return finding{}
}
