// Package list reads files of addresses, networks, host names, domains and mail addresses, and looks them up fast.
package list

import (
	"net/netip"
	"strings"

	"github.com/gaissmai/bart"
	"github.com/helogate/helogate/hostname"
)

// A List is the content of a list file. It is safe for concurrent use, because it does not change.
type List struct {
	Name      string // as given to Read
	prefixes  bart.Lite
	names     map[string]struct{} // canonical host names and domains
	suffixes  map[string]struct{} // canonical domains without the first dot, for all names below
	mailboxes map[string]struct{} // in lower case
	entries   int
}

// Len returns the number of entries in the file, duplicates included.
func (l *List) Len() int { return l.entries }

// Contains reports whether an address or a network that contains it is listed. An IPv4-mapped IPv6 address counts as
// IPv4, and a zone is ignored. It takes tens of nanoseconds whatever the size of the list.
func (l *List) Contains(a netip.Addr) bool {
	return a.IsValid() && l.prefixes.Contains(a.Unmap().WithZone(""))
}

// ContainsName reports whether a host name or domain is listed, or a suffix above it. Case and one final dot are
// ignored.
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

// ContainsMailbox reports whether a mail address is listed, or its domain, as ContainsName does. Case is ignored, in
// the local part as well, because no common mail server distinguishes mailboxes by case. The null sender is in no
// list.
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

// canonicalMailbox returns a mail address in lower case, with its domain in the form of DNS. at is the index of its
// @.
func canonicalMailbox(address string, at int) string {
	domain, err := canonicalName(address[at+1:])
	if err != nil { // an address literal, or a name that DNS cannot hold
		domain = strings.ToLower(address[at+1:])
	}
	return strings.ToLower(address[:at]) + "@" + domain
}
