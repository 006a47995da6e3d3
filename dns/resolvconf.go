package dns

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// resolvConf is the part of resolv.conf(5) that a stub needs. It ignores search lists: names are asked as they are.
type resolvConf struct {
	servers  []netip.AddrPort
	timeout  time.Duration // 0 if not set
	attempts int           // 0 if not set
}

func readResolvConf(file string) (resolvConf, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return resolvConf{}, fmt.Errorf("no DNS servers are configured, and %w; name them in the configuration", err)
	}
	found, err := parseResolvConf(string(text))
	if err != nil {
		return resolvConf{}, fmt.Errorf("%s: %w", file, err)
	}
	if len(found.servers) == 0 {
		return resolvConf{}, fmt.Errorf("%s has no nameserver line; add one, or name the servers in the configuration", file)
	}
	return found, nil
}

// The largest values that the C library accepts (resolv.conf(5)).
const (
	maxConfTimeout  = 30
	maxConfAttempts = 5
)

// parseResolvConf reads the lines "nameserver address", with a zone for IPv6 where there is one, and "options
// timeout:n attempts:n". It ignores all other lines. A wrong address is an error: a stub that silently asked fewer
// servers than configured would fail when they are needed.
func parseResolvConf(text string) (resolvConf, error) {
	var found resolvConf
	for i, line := range strings.Split(text, "\n") {
		if end := strings.IndexAny(line, "#;"); end >= 0 {
			line = line[:end]
		}
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "nameserver":
			addr, err := netip.ParseAddr(words[1])
			if err != nil {
				return found, fmt.Errorf("line %d: nameserver %q is not an address", i+1, words[1])
			}
			found.servers = append(found.servers, netip.AddrPortFrom(addr, 53))
		case "options":
			found.options(words[1:])
		}
	}
	return found, nil
}

func (c *resolvConf) options(words []string) {
	for _, w := range words {
		name, number, _ := strings.Cut(w, ":")
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 {
			continue
		}
		switch name {
		case "timeout":
			c.timeout = time.Duration(min(n, maxConfTimeout)) * time.Second
		case "attempts":
			c.attempts = min(n, maxConfAttempts)
		}
	}
}
