package config

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// parseAddress reads "192.0.2.25" or "2001:db8::25". An IPv4 address that is written as IPv6 is one of IPv4.
func parseAddress(s string) (netip.Addr, error) {
	if strings.Contains(s, "/") {
		return netip.Addr{}, fmt.Errorf("%s is a network, and one address is wanted", shown(s))
	}
	if at, err := netip.ParseAddrPort(s); err == nil {
		return netip.Addr{}, fmt.Errorf("%s has a port, and no port is wanted; did you mean \"%s\"?", shown(s), at.Addr())
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]")); err == nil {
			return netip.Addr{}, fmt.Errorf("%s; did you mean \"%s\"?", shown(s), a)
		}
	}
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return a, fmt.Errorf("%s is no address%s", shown(s), because(s, err))
	case a.Zone() != "":
		return a, fmt.Errorf("%s names an interface, which means nothing elsewhere; did you mean \"%s\"?", shown(s), a.WithZone(""))
	case a.IsUnspecified():
		return a, fmt.Errorf("%s is nobody's address", shown(s))
	}
	return a.Unmap(), nil
}

// because ends a message with what netip found wrong, where that says more than that it is no address.
func because(s string, err error) string {
	_, reason, _ := strings.Cut(err.Error(), "): ")
	switch {
	case strings.Contains(reason, ">255"):
		return ": a number in it is above 255"
	case strings.Contains(reason, "too short") && strings.Contains(reason, "IPv4"):
		return ": it has less than four numbers"
	case strings.Contains(reason, "leading zero"):
		return ": a number in it begins with 0, which some read as octal"
	case hostLike(s):
		return ", but a name: an address is wanted"
	}
	return `: write it as "192.0.2.25" or "2001:db8::25"`
}

func hostLike(s string) bool {
	_, err := hostname(s)
	return err == nil
}

// parseNetwork reads "192.0.2.0/24"; an address alone is a network of one.
func parseNetwork(s string) (netip.Prefix, error) {
	host, bits, ok := strings.Cut(s, "/")
	if !ok {
		if p := dotted(s); p.IsValid() {
			return p, fmt.Errorf("%s is no address; did you mean \"%s\"?", shown(s), p)
		}
		a, err := parseAddress(s)
		if err != nil && strings.ContainsAny(s, "*-") && !hostLike(s) {
			return netip.Prefix{}, fmt.Errorf("%s is no network: write it as \"192.0.2.0/24\"", shown(s))
		}
		if err != nil {
			return netip.Prefix{}, err
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		if p := dotted(host); p.IsValid() {
			return p, fmt.Errorf("%s is no network; did you mean \"%s.0/%s\"?", shown(s), strings.TrimSuffix(host, "."), bits)
		}
		return netip.Prefix{}, fmt.Errorf("%s is no network%s", shown(s), because(host, err))
	}
	if mask, err := netip.ParseAddr(bits); err == nil && a.Is4() && mask.Is4() {
		if n, ok := maskBits(mask); ok {
			return netip.Prefix{}, fmt.Errorf("%s; did you mean \"%s\"?", shown(s), netip.PrefixFrom(a, n).Masked())
		}
	}
	n, err := strconv.Atoi(bits)
	if err != nil || n < 0 || n > a.BitLen() || strings.HasPrefix(bits, "+") || a.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%s is no network: after the \"/\" there must be a number from 0 to %d", shown(s), a.BitLen())
	}
	return checkNetwork(s, a, n)
}

// checkNetwork refuses the slips that are networks all the same.
func checkNetwork(s string, a netip.Addr, n int) (netip.Prefix, error) {
	if a.Is4In6() && n >= 96 {
		a, n = a.Unmap(), n-96
	}
	p := netip.PrefixFrom(a, n)
	switch {
	case n == 0:
		return p, fmt.Errorf("%s is the whole Internet, and nobody would be judged", shown(s))
	case p.Masked() != p:
		return p, fmt.Errorf("%s has host bits set; did you mean %s or %s/%d?", s, p.Masked(), a, a.BitLen())
	}
	return p, nil
}

// dotted reads "192.0.2" and "192.0.2.", as tcprules and hosts.allow have it.
func dotted(s string) netip.Prefix {
	parts := strings.Split(strings.TrimSuffix(s, "."), ".")
	if len(parts) < 1 || len(parts) > 3 {
		return netip.Prefix{}
	}
	a, err := netip.ParseAddr(strings.Join(parts, ".") + strings.Repeat(".0", 4-len(parts)))
	if err != nil || !a.Is4() || len(parts) == 1 && !strings.HasSuffix(s, ".") {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(a, 8*len(parts))
}

// maskBits returns 24 for 255.255.255.0.
func maskBits(mask netip.Addr) (int, bool) {
	m := mask.As4()
	v := uint32(m[0])<<24 | uint32(m[1])<<16 | uint32(m[2])<<8 | uint32(m[3])
	n := 0
	for v&(1<<31) != 0 {
		v <<= 1
		n++
	}
	return n, v == 0
}

// parseServer reads a DNS server: "127.0.0.1", "127.0.0.1:53", "::1", "[::1]:53".
func parseServer(s string) (netip.AddrPort, error) {
	host, port, err := hostPort(s)
	bare := s
	if inner, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inner, "]") {
		bare = inner[:len(inner)-1]
	}
	if a, bad := netip.ParseAddr(bare); bad == nil && isInterface(a.Zone()) {
		if first, bad := netip.ParseAddr(strings.TrimSuffix(s, ":53")); bad == nil && first != a {
			return netip.AddrPort{}, fmt.Errorf("%s is an address without a port; did you mean \"[%s]:53\" or \"[%s]:53\"?", shown(s), first, a)
		}
		host, port, err = a, 53, nil
	}
	switch {
	case err != nil && !strings.Contains(s, ":"):
		_, err = parseAddress(s) // which says why
		return netip.AddrPort{}, err
	case err != nil:
		return netip.AddrPort{}, fmt.Errorf("%s is no DNS server: %w", shown(s), err)
	case port == 0:
		return netip.AddrPort{}, fmt.Errorf("%s is no DNS server: it has no port 0", shown(s))
	case host.IsUnspecified():
		return netip.AddrPort{}, fmt.Errorf("%s is nobody's address; did you mean \"127.0.0.1\"?", shown(s))
	}
	return netip.AddrPortFrom(host.Unmap(), port), nil
}

// hostPort reads "192.0.2.1:53" or "[2001:db8::1]:53", and says what is wrong with it.
func hostPort(s string) (netip.Addr, uint16, error) {
	i := strings.LastIndexByte(s, ':')
	if _, err := netip.ParseAddr(s); err == nil || i < 0 {
		return netip.Addr{}, 0, errors.New(`it wants an address and a port, as in "127.0.0.1:10040"`)
	}
	host, digits := s[:i], s[i+1:]
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return netip.Addr{}, 0, fmt.Errorf("%s is no port, which is a number up to 65535", shown(digits))
	}
	inner, bracket := strings.CutPrefix(host, "[")
	if bracket != strings.HasSuffix(host, "]") {
		return netip.Addr{}, 0, errors.New("a bracket is missing")
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
	switch {
	case host == "" || host == "*":
		return a, 0, fmt.Errorf("it has no address; \"127.0.0.1:%[1]d\" is for this machine alone, \"[::]:%[1]d\" for everybody", port)
	case host == "localhost":
		return a, 0, fmt.Errorf("a name is not taken; did you mean \"127.0.0.1:%d\"?", port)
	case err != nil:
		return a, 0, fmt.Errorf("%s is no address%s", shown(host), because(host, err))
	case !isInterface(a.Zone()):
		return a, 0, fmt.Errorf("%s is no interface", shown(a.Zone()))
	case a.Is6() && !bracket:
		return a, 0, fmt.Errorf("an IPv6 address with a port is in brackets; did you mean \"[%s]:%d\"?", a, port)
	case a.Is4() && bracket:
		return a, 0, fmt.Errorf("an IPv4 address has no brackets; did you mean \"%s:%d\"?", a, port)
	}
	return a, uint16(port), nil
}

// isInterface reports whether a zone can be the name of an interface; netip takes any text.
func isInterface(zone string) bool {
	return !strings.ContainsFunc(zone, func(r rune) bool {
		return r != '-' && r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// ParseEndpoint reads "127.0.0.1:10040", "[::1]:10040", "unix:/run/helogate/policy.sock" and
// "/run/helogate/policy.sock".
func ParseEndpoint(s string) (Endpoint, error) {
	for _, prefix := range []string{"inet:", "tcp:", "inet6:", "tcp://", "unix://", "local:"} {
		if rest, ok := strings.CutPrefix(s, prefix); ok && (strings.HasPrefix(prefix, "unix") || !strings.HasPrefix(rest, "//")) {
			if prefix == "unix://" || prefix == "local:" {
				rest = "unix:" + rest
			}
			return Endpoint{}, fmt.Errorf("%s; did you mean %s?", shown(s), shown(rest))
		}
	}
	path, unix := strings.CutPrefix(s, "unix:")
	if unix || strings.HasPrefix(s, "/") {
		return parseSocket(s, path)
	}
	a, port, err := hostPort(s)
	if err != nil {
		return Endpoint{}, fmt.Errorf("%s is no place to listen at: %w", shown(s), err)
	}
	return Endpoint{"tcp", netip.AddrPortFrom(a.Unmap(), port).String()}, nil
}

// sunPath is the room for a path in Linux's struct sockaddr_un, less the final NUL (unix(7)).
const sunPath = 107

func parseSocket(s, path string) (Endpoint, error) {
	switch {
	case !filepath.IsAbs(path):
		return Endpoint{}, fmt.Errorf("%s is no full path: it must begin with \"/\", as in \"unix:/run/helogate/policy.sock\"", shown(s))
	case strings.ContainsRune(path, 0):
		return Endpoint{}, fmt.Errorf("%s: a path has no NUL in it", shown(s))
	case strings.HasSuffix(path, "/"):
		return Endpoint{}, fmt.Errorf("%s is a directory; name the socket in it", shown(s))
	case len(filepath.Clean(path)) > sunPath:
		return Endpoint{}, fmt.Errorf("%s is %d letters long, and the path of a socket has %d at most", shown(s), len(path), sunPath)
	}
	return Endpoint{"unix", filepath.Clean(path)}, nil
}

// String returns what ParseEndpoint reads.
func (e Endpoint) String() string {
	if e.Network == "unix" {
		return "unix:" + e.Address
	}
	return e.Address
}

// MarshalText returns what String does.
func (e Endpoint) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText takes what ParseEndpoint does.
func (e *Endpoint) UnmarshalText(b []byte) (err error) {
	*e, err = ParseEndpoint(string(b))
	return err
}

// covers reports whether a socket at e leaves no room for one at f.
func (e Endpoint) covers(f Endpoint) bool {
	if e == f {
		return e.Network == "unix" || !strings.HasSuffix(e.Address, ":0")
	}
	a, err := netip.ParseAddrPort(e.Address)
	b, err2 := netip.ParseAddrPort(f.Address)
	return err == nil && err2 == nil && a.Port() == b.Port() && a.Port() != 0 && a.Addr().IsUnspecified()
}
