// Package list reads files of addresses, networks, host names, domains and mail addresses, and says fast what is in one.
package list

import (
	"net/netip"
	"strings"

	"github.com/gaissmai/bart"
	"github.com/helogate/helogate/hostname"
)

// A List is what a file lists. It is safe for concurrent use, for nobody writes to it once it is read.
type List struct {
	Name      string // as it was given to Read
	prefixes  bart.Lite
	names     map[string]struct{} // canonical: host names and domains, themselves alone
	suffixes  map[string]struct{} // canonical, without the first dot: all that is below
	mailboxes map[string]struct{} // in lower case
	entries   int
}

// Len returns how many entries the file has, those counted twice that stand there twice.
func (l *List) Len() int { return l.entries }

// Contains reports whether an address is listed, or is in a network that is. An IPv4-mapped IPv6 address is the IPv4
// address that it maps, and a zone says nothing. It takes tens of nanoseconds whatever the size of the list.
func (l *List) Contains(a netip.Addr) bool {
	return a.IsValid() && l.prefixes.Contains(a.Unmap().WithZone(""))
}

// ContainsName reports whether a host name or domain is listed, or is below a suffix that is. Case and one final dot say
// nothing.
func (l *List) ContainsName(name string) bool {
	if len(l.names)+len(l.suffixes) == 0 {
		return false
	}
	name = hostname.Canonical(name)
	if _, is := l.names[name]; is {
		return true
	}
	if len(l.suffixes) == 0 || len(name) > maxLine {
		return false
	}
	for {
		_, above, found := strings.Cut(name, ".")
		if !found {
			return false
		}
		if _, is := l.suffixes[above]; is {
			return true
		}
		name = above
	}
}

// ContainsMailbox reports whether a mail address is listed, or its domain is as ContainsName has it. Case says nothing,
// in the local part neither: no mail server that people use tells two mailboxes apart by it. The null reverse-path is in
// no list.
func (l *List) ContainsMailbox(address string) bool {
	at := strings.LastIndexByte(address, '@')
	if at < 0 || len(address) > maxLine {
		return false
	}
	if _, is := l.mailboxes[canonicalMailbox(address, at)]; is {
		return true
	}
	domain, err := canonicalName(address[at+1:])
	return err == nil && l.ContainsName(domain)
}

// canonicalMailbox is a mail address in lower case, its domain as DNS knows it. at is where its @ is.
func canonicalMailbox(address string, at int) string {
	domain, err := canonicalName(address[at+1:])
	if err != nil { // an address literal, or a name that DNS cannot hold
		domain = strings.ToLower(address[at+1:])
	}
	return strings.ToLower(address[:at]) + "@" + domain
}
