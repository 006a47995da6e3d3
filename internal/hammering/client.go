package hammering

import "net/netip"

// key is a client: an IPv4 address mapped into IPv6, or the /64 of an IPv6 address.
type key [16]byte

func keyOf(client netip.Addr) (key, bool) {
	if !client.IsValid() {
		return key{}, false
	}
	k := key(client.As16())
	if !client.Unmap().Is4() {
		clear(k[8:])
	}
	return k, true
}
