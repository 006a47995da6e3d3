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
		return netip.Addr{}, fmt.Errorf("%s is a network: write one address", quoted(s))
	}
	if at, err := netip.ParseAddrPort(s); err == nil {
		return netip.Addr{}, fmt.Errorf("%s has a port; did you mean \"%s\"?", quoted(s), at.Addr())
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]")); err == nil {
			return netip.Addr{}, fmt.Errorf("%s is not valid; did you mean \"%s\"?", quoted(s), a)
		}
	}
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return a, fmt.Errorf("%s is not an IP address%s", quoted(s), because(s, err))
	case a.Zone() != "":
		return a, fmt.Errorf("%s has the name of an interface; did you mean \"%s\"?", quoted(s), a.WithZone(""))
	case a.IsUnspecified():
		return a, fmt.Errorf("%s is not the address of a host", quoted(s))
	}
	return a.Unmap(), nil
}

// because ends a message with the reason of netip, if that is specific.
func because(s string, err error) string {
	_, reason, _ := strings.Cut(err.Error(), "): ")
	switch {
	case strings.Contains(reason, ">255"):
		return ": a number in it is above 255"
	case strings.Contains(reason, "too short") && strings.Contains(reason, "IPv4"):
		return ": it has fewer than four numbers"
	case strings.Contains(reason, "leading zero"):
		return ": a number in it begins with 0, which some programs read as octal"
	case hostLike(s):
		return ", but a host name"
	}
	return `: write one such as "192.0.2.25" or "2001:db8::25"`
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
			return p, fmt.Errorf("%s is not an IP address; did you mean \"%s\"?", quoted(s), p)
		}
		a, err := parseAddress(s)
		if err != nil && strings.ContainsAny(s, "*-") && !hostLike(s) {
			return netip.Prefix{}, fmt.Errorf("%s is not a network: write one such as \"192.0.2.0/24\"", quoted(s))
		}
		if err != nil {
			return netip.Prefix{}, err
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		if p := dotted(host); p.IsValid() {
			return p, fmt.Errorf("%s is not a network; did you mean \"%s.0/%s\"?", quoted(s), strings.TrimSuffix(host, "."), bits)
		}
		return netip.Prefix{}, fmt.Errorf("%s is not a network%s", quoted(s), because(host, err))
	}
	if mask, err := netip.ParseAddr(bits); err == nil && a.Is4() && mask.Is4() {
		if n, ok := maskBits(mask); ok {
			return netip.Prefix{}, fmt.Errorf("%s is not valid; did you mean \"%s\"?", quoted(s), netip.PrefixFrom(a, n).Masked())
		}
	}
	n, err := strconv.Atoi(bits)
	if err != nil || n < 0 || n > a.BitLen() || strings.HasPrefix(bits, "+") || a.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%s is not a network: after the \"/\" write a number from 0 to %d", quoted(s), a.BitLen())
	}
	return checkNetwork(s, a, n)
}

// checkNetwork returns an error for a valid network that is probably a mistake.
func checkNetwork(s string, a netip.Addr, n int) (netip.Prefix, error) {
	if a.Is4In6() && n >= 96 {
		a, n = a.Unmap(), n-96
	}
	p := netip.PrefixFrom(a, n)
	switch {
	case n == 0:
		return p, fmt.Errorf("%s is the whole Internet: write a smaller network", quoted(s))
	case p.Masked() != p:
		return p, fmt.Errorf("%s has host bits set; did you mean %s or %s/%d?", s, p.Masked(), a, a.BitLen())
	}
	return p, nil
}

// dotted reads "192.0.2" and "192.0.2.", the forms of tcprules and hosts.allow.
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
			return netip.AddrPort{}, fmt.Errorf("%s is an address without a port; did you mean \"[%s]:53\" or \"[%s]:53\"?", quoted(s), first, a)
		}
		host, port, err = a, 53, nil
	}
	switch {
	case err != nil && !strings.Contains(s, ":"):
		_, err = parseAddress(s) // which says why
		return netip.AddrPort{}, err
	case err != nil:
		return netip.AddrPort{}, fmt.Errorf("%s is not a DNS server: %w", quoted(s), err)
	case port == 0:
		return netip.AddrPort{}, fmt.Errorf("%s is not a DNS server: the port cannot be 0", quoted(s))
	case host.IsUnspecified():
		return netip.AddrPort{}, fmt.Errorf("%s is not the address of a host; did you mean \"127.0.0.1\"?", quoted(s))
	}
	return netip.AddrPortFrom(host.Unmap(), port), nil
}

// hostPort reads "192.0.2.1:53" or "[2001:db8::1]:53".
func hostPort(s string) (netip.Addr, uint16, error) {
	i := strings.LastIndexByte(s, ':')
	if _, err := netip.ParseAddr(s); err == nil || i < 0 {
		return netip.Addr{}, 0, errors.New(`write an address and a port, such as "127.0.0.1:10040"`)
	}
	host, digits := s[:i], s[i+1:]
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return netip.Addr{}, 0, fmt.Errorf("the port %s is not a number up to 65535", quoted(digits))
	}
	inner, bracket := strings.CutPrefix(host, "[")
	if bracket != strings.HasSuffix(host, "]") {
		return netip.Addr{}, 0, errors.New("a bracket is missing")
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
	switch {
	case host == "" || host == "*":
		return a, 0, fmt.Errorf("it has no address; use \"127.0.0.1:%[1]d\" for clients on this host, \"[::]:%[1]d\" for all clients", port)
	case host == "localhost":
		return a, 0, fmt.Errorf("it must be an IP address; did you mean \"127.0.0.1:%d\"?", port)
	case err != nil:
		return a, 0, fmt.Errorf("%s is not an IP address%s", quoted(host), because(host, err))
	case !isInterface(a.Zone()):
		return a, 0, fmt.Errorf("%s is not an interface", quoted(a.Zone()))
	case a.Is6() && !bracket:
		return a, 0, fmt.Errorf("put the IPv6 address in brackets; did you mean \"[%s]:%d\"?", a, port)
	case a.Is4() && bracket:
		return a, 0, fmt.Errorf("an IPv4 address has no brackets; did you mean \"%s:%d\"?", a, port)
	}
	return a, uint16(port), nil
}

// isInterface reports whether a zone can be the name of an interface; netip accepts any text.
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
			return Endpoint{}, fmt.Errorf("%s is not valid; did you mean %s?", quoted(s), quoted(rest))
		}
	}
	path, unix := strings.CutPrefix(s, "unix:")
	if unix || strings.HasPrefix(s, "/") {
		return parseSocket(s, path)
	}
	a, port, err := hostPort(s)
	if err != nil {
		return Endpoint{}, fmt.Errorf("%s is not an address to listen on: %w", quoted(s), err)
	}
	return Endpoint{"tcp", netip.AddrPortFrom(a.Unmap(), port).String()}, nil
}

// sunPath is the room for a path in Linux's struct sockaddr_un, less the final NUL (unix(7)).
const sunPath = 107

func parseSocket(s, path string) (Endpoint, error) {
	switch {
	case !filepath.IsAbs(path):
		return Endpoint{}, fmt.Errorf("%s is not a full path: it must begin with \"/\", as in \"unix:/run/helogate/policy.sock\"", quoted(s))
	case strings.ContainsRune(path, 0):
		return Endpoint{}, fmt.Errorf("%s: a path cannot have a NUL", quoted(s))
	case strings.HasSuffix(path, "/"):
		return Endpoint{}, fmt.Errorf("%s is a directory: add the name of the socket", quoted(s))
	case len(filepath.Clean(path)) > sunPath:
		return Endpoint{}, fmt.Errorf("%s has %d characters, and the path of a socket may have at most %d", quoted(s), len(path), sunPath)
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

// covers reports whether f cannot be bound while e is.
func (e Endpoint) covers(f Endpoint) bool {
	if e == f {
		return e.Network == "unix" || !strings.HasSuffix(e.Address, ":0")
	}
	a, err := netip.ParseAddrPort(e.Address)
	b, err2 := netip.ParseAddrPort(f.Address)
	return err == nil && err2 == nil && a.Port() == b.Port() && a.Port() != 0 && a.Addr().IsUnspecified()
}
