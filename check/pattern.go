package check

import (
	"errors"
	"slices"
	"strings"

	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// A NamePattern is a host name, or all names below a domain. The zero value matches nothing.
type NamePattern struct {
	name  string // canonical; with a dot before it for all names below
	every bool
}

// EveryName is the pattern that matches every name. Its text is "*".
var EveryName = NamePattern{every: true}

// ParseNamePattern reads "mx.example.org", or ".example.org" for all names below it, but not itself. Case and a final
// dot do not matter. A HELO argument need not be a name, so any other text is a pattern that matches itself. An empty
// one is an error.
func ParseNamePattern(s string) (NamePattern, error) {
	name := hostname.Canonical(s)
	if name == "" {
		return NamePattern{}, errors.New("the name is empty")
	}
	return NamePattern{name: name}, nil
}

// String returns what ParseNamePattern reads, in canonical form.
func (p NamePattern) String() string {
	if p.every {
		return "*"
	}
	return p.name
}

// Matches reports whether the pattern matches a canonical name.
func (p NamePattern) Matches(name string) bool {
	return p.every || p.name != "" && (p.name == name || p.name[0] == '.' && strings.HasSuffix(name, p.name))
}

// Covers reports whether p matches every name that q does.
func (p NamePattern) Covers(q NamePattern) bool { return p.every || !q.every && p.Matches(q.name) }

func matchesName(list []NamePattern, name string) bool {
	return slices.ContainsFunc(list, func(p NamePattern) bool { return p.Matches(name) })
}

// A MailboxPattern is an envelope address, all addresses of a domain, those of all domains below one, or the null
// sender. The zero value matches nothing.
type MailboxPattern struct {
	text          string
	local, domain string // of an address, as mail delivery reads them
	domains       NamePattern
}

// ParseMailboxPattern reads "user@example.org", "example.org", ".example.org" for all domains below it, or "<>" for the
// null sender (RFC 5321 section 4.5.5). An empty text is an error.
func ParseMailboxPattern(s string) (MailboxPattern, error) {
	switch {
	case s == nullPath:
		return MailboxPattern{text: s}, nil
	case strings.Contains(s, "@"):
		local, domain := parsed.Mailbox(s)
		at := strings.LastIndexByte(s, '@') + 1
		return MailboxPattern{text: s[:at] + hostname.Canonical(s[at:]), local: local, domain: domain}, nil
	}
	domains, err := ParseNamePattern(s)
	return MailboxPattern{text: domains.name, domains: domains}, err
}

const nullPath = "<>"

// String returns what ParseMailboxPattern reads, the domain in canonical form.
func (p MailboxPattern) String() string { return p.text }

// Matches reports whether the pattern matches an envelope address, "" for the null sender. The case of local parts does
// not matter, as administrators expect; nor do quotes, a final dot and a source route (RFC 5321 section 4.1.2 and
// appendix C).
func (p MailboxPattern) Matches(address string) bool {
	local, domain := parsed.Mailbox(address)
	return p.matches(address, local, domain)
}

// matches is Matches for an address and its parts.
func (p *MailboxPattern) matches(address, local, domain string) bool {
	switch {
	case p.text == nullPath:
		return address == ""
	case p.domains.name != "":
		return domain != "" && p.domains.Matches(domain)
	case p.text == "":
		return false
	}
	return strings.EqualFold(p.local, local) && p.domain == domain && (domain != "" || strings.EqualFold(p.text, address))
}

// Covers reports whether p matches every address that q does.
func (p MailboxPattern) Covers(q MailboxPattern) bool {
	switch {
	case p.domains.name != "" && q.domains.name != "":
		return p.domains.Covers(q.domains)
	case q.text == nullPath || q.domains.name != "":
		return p.text == q.text
	}
	return p.matches(q.text, q.local, q.domain)
}

func matchesMailbox(list []MailboxPattern, address, local, domain string) bool {
	for i := range list {
		if list[i].matches(address, local, domain) {
			return true
		}
	}
	return false
}
