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

// parseDomain reads a domain, which includes all names below it: "example.net". It must have two labels at least, since
// "com" would match half the Internet.
func parseDomain(s string) (string, error) {
	if below, ok := strings.CutPrefix(strings.TrimPrefix(s, "*"), "."); ok && below != "" {
		return "", fmt.Errorf("%s: a domain includes all names below it; did you mean %s?", quoted(s), quoted(below))
	}
	name, err := hostname(s)
	if err == nil && !strings.Contains(name, ".") {
		return "", fmt.Errorf("%s has only one label, and would match every name below it: write the whole domain", quoted(s))
	}
	return name, err
}

// parseName reads "mx.example.org", or ".example.org" for all names below it.
func parseName(s string) (p check.NamePattern, err error) {
	if below, ok := strings.CutPrefix(s, "*."); ok {
		return p, fmt.Errorf("%s is not valid; did you mean %s, which is all names below it?", quoted(s), quoted("."+below))
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
		return "", fmt.Errorf("%s has only one label: write the whole name, such as \"mx.example.net\"", quoted(s))
	}
	return name, err
}

// hostname returns a DNS name in lower case, without a final dot.
func hostname(s string) (string, error) {
	switch {
	case s == "":
		return "", errors.New("the name is empty")
	case strings.ContainsAny(s, "@"):
		return "", fmt.Errorf("%s is a mail address, not a name", quoted(s))
	case strings.Contains(s, "/"):
		return "", fmt.Errorf("%s is not a host name: remove what is not the name", quoted(s))
	}
	if _, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return "", fmt.Errorf("%s is an address, not a name", quoted(s))
	}
	if !isASCII(s) {
		if wire, err := idna.Lookup.ToASCII(s); err == nil {
			return "", fmt.Errorf("%s is not in the form that DNS uses; did you mean %s?", quoted(s), quoted(wire))
		}
		return "", fmt.Errorf("%s is not a host name: it has characters that DNS does not permit", quoted(s))
	}
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if len(name) > 253 {
		return "", fmt.Errorf("%s is not a host name: it has more than 253 characters", quoted(s))
	}
	for label := range strings.SplitSeq(name, ".") {
		if err := checkLabel(label); err != nil {
			return "", fmt.Errorf("%s is not a host name: %w", quoted(s), err)
		}
	}
	if last := name[strings.LastIndexByte(name, '.')+1:]; bareNumber.MatchString(last) {
		return "", fmt.Errorf("%s is not a host name: its last label is a number", quoted(s))
	}
	return name, nil
}

func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("it has an empty label")
	case len(label) > 63:
		return errors.New("a label has more than 63 characters")
	case label[0] == '-' || label[len(label)-1] == '-':
		return fmt.Errorf("the label %s begins or ends with a hyphen", quoted(label))
	}
	for i := range len(label) {
		c := label[i]
		if c != '-' && c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return fmt.Errorf("it has the character %s", quoted(label[i:i+1]))
		}
	}
	return nil
}

// parseHelo reads a HELO name, which need not be valid in DNS, or ".example.org" for all names below it.
func parseHelo(s string) (p check.NamePattern, err error) {
	switch {
	case strings.HasPrefix(s, "*."):
		return p, fmt.Errorf("%s is not valid; did you mean %s, which is all names below it?", quoted(s), quoted(s[1:]))
	case len(s) > 255:
		return p, fmt.Errorf("%s is too long: a HELO name has at most 255 characters", quoted(s))
	}
	return check.ParseNamePattern(s)
}

// parseMailbox reads "user@example.org", "example.org", or ".example.org" for all domains below it.
func parseMailbox(s string) (p check.MailboxPattern, err error) {
	at := strings.LastIndexByte(s, '@')
	switch {
	case s == "<>": // the null sender of bounces (RFC 5321 section 4.5.5)
	case strings.ContainsAny(s, "<> \t\r\n"):
		if inner := strings.Trim(s, "<> \t\r\n"); inner != "" && !strings.ContainsAny(inner, "<> \t\r\n") {
			return p, fmt.Errorf("%s is not valid; did you mean %s?", quoted(s), quoted(inner))
		}
		return p, fmt.Errorf("%s is not a mail address", quoted(s))
	case at < 0:
		if _, err := parseName(s); err != nil {
			return p, err
		}
	case at == 0:
		return p, fmt.Errorf("%s has nothing before the \"@\"; did you mean %s, which is the whole domain?", quoted(s), quoted(s[1:]))
	default:
		if _, err := hostname(s[at+1:]); err != nil {
			return p, fmt.Errorf("%s is not a mail address: after the \"@\", %w", quoted(s), err)
		}
	}
	return check.ParseMailboxPattern(s)
}

// parseRecipient is parseMailbox for recipients.
func parseRecipient(s string) (check.MailboxPattern, error) {
	if s == "<>" {
		return check.MailboxPattern{}, fmt.Errorf("%s is the null sender, which is never a recipient", quoted(s))
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

// parseListName reads the name of a DNS list, which must be safe in a log.
func parseListName(s string) (string, error) {
	if len(s) > maxRuleName || !listName.MatchString(s) {
		return "", fmt.Errorf("%s is not a valid list name: use letters, digits, dots, - and _, at most %d", quoted(s), maxRuleName)
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
		return "", fmt.Errorf("%s is not a host with a port: write redis.example.net:6379 or [2001:db8::1]:6379", quoted(s))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%s: the port must be a number from 1 to 65535", quoted(s))
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

// parsePattern reads a pattern of HELO names that no client may use.
func parsePattern(s string) (check.HeloPattern, error) {
	if strings.TrimSpace(s) == "" {
		return check.HeloPattern{}, errors.New("the pattern is empty")
	}
	return check.ParseBadHelo(s)
}

func parsePath(s string) (string, error) {
	if strings.ContainsRune(s, 0) {
		return "", fmt.Errorf("%s: a path cannot have a NUL", quoted(s))
	}
	if !filepath.IsAbs(s) {
		return "", fmt.Errorf("%s is not a full path: it must begin with \"/\", since a service has no home directory", quoted(s))
	}
	return s, nil
}

// parseURL reads the URL of a web page, in which "{id}" stands for the id of a verdict. It becomes part of an SMTP
// reply, which is short and ASCII.
func parseURL(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return "", fmt.Errorf("%s cannot be in a URL: write it as %%%02X", quoted(s[i:i+1]), s[i])
		}
	}
	filled := strings.ReplaceAll(s, "{id}", "id")
	if strings.ContainsAny(filled, "{}") {
		return "", fmt.Errorf("%s: the only placeholder in a URL is {id}", quoted(s))
	}
	u, err := url.Parse(filled)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", fmt.Errorf("%s is not a URL: it must begin with https:// and a host", quoted(s))
	case len(s) > 200:
		return "", fmt.Errorf("%s is too long for a reply: it may have at most 200 characters", quoted(s))
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

// parseBackend reads the address of a mail server; nginx does not accept a name.
func parseBackend(s string) (netip.AddrPort, error) {
	at, err := netip.ParseAddrPort(s)
	if err != nil || at.Port() == 0 {
		return at, fmt.Errorf("%s is not an IP address with a port: write 127.0.0.1:2526 or [::1]:2526", quoted(s))
	}
	return at, nil
}
