package main

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/helogate/helogate/hostname"
)

// A line is one line of the table: some names of a list, and what of them is counted.
type line struct {
	list      string
	part      string                 // what names of it, "" for all
	in        func(name string) bool // nil for all
	asHosting bool                   // counted is the class hosting; else whatever is not named
	goal      goal
}

// A goal is the share of names that should be counted, in per cent; the zero goal is none.
type goal struct {
	atLeast bool // else at most
	percent float64
}

var lines = []line{
	{list: "generic.tsv", goal: goal{true, 98}},
	{list: "generic-cloud.tsv", goal: goal{true, 97}},
	{list: "generic-cloud.tsv", part: "hosters' own", in: ofHoster, asHosting: true, goal: goal{true, 90}},
	{list: "generic-cloud.tsv", part: "access networks in it", in: ofAccessNetwork},
	{list: "generic-spamassassin-examples.tsv"},
	{list: "real-mx.tsv", goal: goal{false, 0.3}},
	{list: "real-2002.tsv", goal: goal{false, 4}},
	{list: bigSenders, goal: goal{false, 0.3}},
	{list: bigSenders, part: "five of them", in: ofLargePool},
}

// largePools have many hosts each, numbered by address; a measurement of names by the host has many of these.
var largePools = []string{"google.com", "outlook.com", "amazonses.com", "sendgrid.net", "mailgun.net"}

func ofLargePool(name string) bool {
	_, domain := split(name)
	return slices.Contains(largePools, domain)
}

// accessWords are what access networks call the lines in their own names, and hosters nothing of theirs.
var accessWords = []string{
	"res", "biz", "dyn", "dynamic", "dhcp", "dialup", "dsl", "adsl", "vdsl", "ppp", "cable", "ftth", "fiber", "mobile",
}

// ofAccessNetwork is the rule that recognises access networks among the hosting names: a label before the registered
// domain, or a part of one between hyphens, is one of the words.
func ofAccessNetwork(name string) bool {
	host, _ := split(name)
	for part := range strings.FieldsFuncSeq(host, func(r rune) bool { return r == '.' || r == '-' }) {
		if slices.Contains(accessWords, part) {
			return true
		}
	}
	return false
}

func ofHoster(name string) bool { return !ofAccessNetwork(name) }

// A share is how many of some names were counted.
type share struct{ counted, of int }

func (s share) percent() float64 {
	if s.of == 0 {
		return 0
	}
	return 100 * float64(s.counted) / float64(s.of)
}

func (s *share) add(counted bool) {
	s.of++
	if counted {
		s.counted++
	}
}

// figures are what was found on one line.
type figures struct {
	names, known  int   // all; with an address from the list
	without, with share // with is of all names, whatever address there is
}

// measure finds the figures of a line.
func (l *line) measure(entries []entry) (f figures) {
	for _, e := range entries {
		if l.in != nil && !l.in(e.name) {
			continue
		}
		f.names++
		if e.addr.IsValid() {
			f.known++
		}
		f.without.add(l.counts(e.name, netip.Addr{}))
		f.with.add(l.counts(e.name, e.addr))
	}
	return f
}

func (l *line) counts(name string, addr netip.Addr) bool {
	class, _ := hostname.Classify(name, addr)
	if l.asHosting {
		return class == hostname.Hosting
	}
	return class != hostname.Custom
}

// met reports whether both figures reach the goal.
func (g goal) met(f figures) bool {
	if g.atLeast {
		return f.without.percent() >= g.percent && f.with.percent() >= g.percent
	}
	return f.without.percent() <= g.percent && f.with.percent() <= g.percent
}

// A failure is a name of which helogate says the wrong thing, with all that is known of it.
type failure struct {
	entry
	class hostname.Class
	why   string
}

// failures are those on a line: the names that are not counted where they should be, or counted where they should not.
func (l *line) failures(s *set) (out []failure) {
	for _, e := range s.entries {
		if l.in != nil && !l.in(e.name) || l.counts(e.name, e.addr) == s.generated {
			continue
		}
		class, why := hostname.Classify(e.name, e.addr)
		out = append(out, failure{e, class, why})
	}
	return out
}

// A domainErrors is what goes wrong in one registered domain.
type domainErrors struct {
	domain        string
	errors, names int
	example       failure
}

// worst are the domains with most errors on a line, ten at most; of equals the first in the alphabet.
func (l *line) worst(s *set) []domainErrors {
	names := map[string]int{}
	for _, e := range s.entries {
		if l.in == nil || l.in(e.name) {
			_, domain := split(e.name)
			names[domain]++
		}
	}
	found := map[string]*domainErrors{}
	for _, f := range l.failures(s) {
		_, domain := split(f.name)
		if found[domain] == nil {
			found[domain] = &domainErrors{domain: domain, names: names[domain], example: f}
		}
		found[domain].errors++
	}
	var out []domainErrors
	for _, d := range found {
		out = append(out, *d)
	}
	slices.SortFunc(out, func(a, b domainErrors) int {
		return cmp.Or(cmp.Compare(b.errors, a.errors), cmp.Compare(a.domain, b.domain))
	})
	return out[:min(len(out), 10)]
}

// setOf is the set that a line is about.
func (l *line) setOf(sets []*set) *set {
	return sets[slices.IndexFunc(sets, func(s *set) bool { return s.list == l.list })]
}
