package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/helogate/helogate/check"
	"golang.org/x/net/idna"
)

// parseDomain reads a domain that stands for everything below it: "example.net". It must have two labels at least, for
// a slip like "com" would speak of half the world.
func parseDomain(s string) (string, error) {
	if below, ok := strings.CutPrefix(strings.TrimPrefix(s, "*"), "."); ok && below != "" {
		return "", fmt.Errorf("%s: everything below a domain is meant anyway; did you mean %s?", shown(s), shown(below))
	}
	name, err := hostname(s)
	if err == nil && !strings.Contains(name, ".") {
		return "", fmt.Errorf("%s is a name of one label, and everything below it would be meant; write the whole domain", shown(s))
	}
	return name, err
}

// parseName reads "mx.example.org", or ".example.org" for all names below it.
func parseName(s string) (p check.NamePattern, err error) {
	if below, ok := strings.CutPrefix(s, "*."); ok {
		return p, fmt.Errorf("%s; did you mean %s, which is all names below?", shown(s), shown("."+below))
	}
	if _, err := hostname(strings.TrimPrefix(s, ".")); err != nil {
		return p, err
	}
	return check.ParseNamePattern(s)
}

// parseHost reads the whole name of one host.
func parseHost(s string) (string, error) {
	name, err := hostname(s)
	if err == nil && !strings.Contains(name, ".") {
		return "", fmt.Errorf("%s is a name of one label; write the whole name, such as \"mx.example.net\"", shown(s))
	}
	return name, err
}

// hostname returns a name of DNS in lower case, without a final dot.
func hostname(s string) (string, error) {
	switch {
	case s == "":
		return "", errors.New("the name is empty")
	case strings.ContainsAny(s, "@"):
		return "", fmt.Errorf("%s is a mail address, not a name", shown(s))
	case strings.Contains(s, "/"):
		return "", fmt.Errorf("%s is no name: a name has no \"/\"", shown(s))
	}
	if _, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return "", fmt.Errorf("%s is an address, not a name", shown(s))
	}
	if !isASCII(s) {
		if wire, err := idna.Lookup.ToASCII(s); err == nil {
			return "", fmt.Errorf("%s is not as DNS has it; did you mean %s?", shown(s), shown(wire))
		}
		return "", fmt.Errorf("%s is no name: it has letters that DNS does not know", shown(s))
	}
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if len(name) > 253 {
		return "", fmt.Errorf("%s is no name: it has more than 253 letters", shown(s))
	}
	for label := range strings.SplitSeq(name, ".") {
		if err := checkLabel(label); err != nil {
			return "", fmt.Errorf("%s is no name: %w", shown(s), err)
		}
	}
	if last := name[strings.LastIndexByte(name, '.')+1:]; bareNumber.MatchString(last) {
		return "", fmt.Errorf("%s is no name: no name ends in a number", shown(s))
	}
	return name, nil
}

func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("there is nothing between two dots, or before the first")
	case len(label) > 63:
		return errors.New("a part of it has more than 63 letters")
	case label[0] == '-' || label[len(label)-1] == '-':
		return fmt.Errorf("%s begins or ends with a hyphen", shown(label))
	}
	for i := range len(label) {
		c := label[i]
		if c != '-' && c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return fmt.Errorf("%s cannot be in a name", shown(label[i:i+1]))
		}
	}
	return nil
}

// parseHelo reads what a client says, which need be no name, or ".example.org" for all names below it.
func parseHelo(s string) (p check.NamePattern, err error) {
	switch {
	case strings.HasPrefix(s, "*."):
		return p, fmt.Errorf("%s; did you mean %s, which is all names below?", shown(s), shown(s[1:]))
	case len(s) > 255:
		return p, fmt.Errorf("%s is too long: no client says more than 255 letters", shown(s))
	}
	return check.ParseNamePattern(s)
}

// parseMailbox reads "user@example.org", "example.org", or ".example.org" for all domains below it.
func parseMailbox(s string) (p check.MailboxPattern, err error) {
	at := strings.LastIndexByte(s, '@')
	switch {
	case s == "<>": // the null reverse-path of bounces (RFC 5321 section 4.5.5)
	case strings.ContainsAny(s, "<> \t\r\n"):
		if inner := strings.Trim(s, "<> \t\r\n"); inner != "" && !strings.ContainsAny(inner, "<> \t\r\n") {
			return p, fmt.Errorf("%s; did you mean %s?", shown(s), shown(inner))
		}
		return p, fmt.Errorf("%s is no mail address", shown(s))
	case at < 0:
		if _, err := parseName(s); err != nil {
			return p, err
		}
	case at == 0:
		return p, fmt.Errorf("%s has nothing before the \"@\"; did you mean %s, which is all of the domain?", shown(s), shown(s[1:]))
	default:
		if _, err := hostname(s[at+1:]); err != nil {
			return p, fmt.Errorf("%s is no mail address: after the \"@\", %w", shown(s), err)
		}
	}
	return check.ParseMailboxPattern(s)
}

// parseRecipient is parseMailbox of what mail can be for.
func parseRecipient(s string) (check.MailboxPattern, error) {
	if s == "<>" {
		return check.MailboxPattern{}, fmt.Errorf("%s is the null sender, and no mail is for it", shown(s))
	}
	return parseMailbox(s)
}

// parseCalloutDomain reads "example.org", ".example.org" for all below it, or "*" for every domain.
func parseCalloutDomain(s string) (check.NamePattern, error) {
	if s == "*" {
		return check.EveryName, nil
	}
	return parseName(s)
}

// parseListName reads what a list is called, which stands in logs among others.
func parseListName(s string) (string, error) {
	if len(s) > maxRuleName || !listName.MatchString(s) {
		return "", fmt.Errorf("%s is no name of a list: it has letters, digits, dots, - and _ alone, %d at most", shown(s), maxRuleName)
	}
	return s, nil
}

var listName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// parseHostPort reads "redis.example.net:6379", or "/path" of a unix socket.
func parseHostPort(s string) (string, error) {
	if strings.HasPrefix(s, "/") {
		return parsePath(s)
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" {
		return "", fmt.Errorf("%s is no host with a port: write it as redis.example.net:6379, or [2001:db8::1]:6379", shown(s))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%s: the port is a number from 1 to 65535", shown(s))
	}
	return s, nil
}

// parseCode reads an answer of a list.
func parseCode(s string) (check.Code, error) {
	if strings.TrimSpace(s) == "" {
		return check.Code{}, errors.New("the code is empty")
	}
	return check.ParseCode(s)
}

// parsePattern reads a pattern of names that no client may greet with.
func parsePattern(s string) (check.HeloPattern, error) {
	if strings.TrimSpace(s) == "" {
		return check.HeloPattern{}, errors.New("the pattern is empty")
	}
	return check.ParseBadHelo(s)
}

func parsePath(s string) (string, error) {
	if strings.ContainsRune(s, 0) {
		return "", fmt.Errorf("%s: a path has no NUL in it", shown(s))
	}
	if !filepath.IsAbs(s) {
		return "", fmt.Errorf("%s is no full path: it must begin with \"/\", for a service is at home nowhere", shown(s))
	}
	return s, nil
}

// parseURL reads the address of a page for people, in which "{id}" stands for the id of a verdict. It ends up in an SMTP
// reply, which is short and plain.
func parseURL(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return "", fmt.Errorf("%s cannot be in the address of a page: write it as %%%02X", shown(s[i:i+1]), s[i])
		}
	}
	filled := strings.ReplaceAll(s, "{id}", "id")
	if strings.ContainsAny(filled, "{}") {
		return "", fmt.Errorf("%s: nothing but {id} can stand in braces", shown(s))
	}
	u, err := url.Parse(filled)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", fmt.Errorf("%s is no address of a page: it must begin with https:// and a host", shown(s))
	case len(s) > 200:
		return "", fmt.Errorf("%s is too long for the line of a reply: 200 letters at most", shown(s))
	}
	return s, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// parseBackend reads where a mail server is: nginx takes no name.
func parseBackend(s string) (netip.AddrPort, error) {
	at, err := netip.ParseAddrPort(s)
	if err != nil || at.Port() == 0 {
		return at, fmt.Errorf("%s is no address with a port: write it as 127.0.0.1:2526, or [::1]:2526", shown(s))
	}
	return at, nil
}
