package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
	"github.com/helogate/helogate/internal/presentation"
	"github.com/helogate/helogate/internal/printable"
)

// The families of DNS lists.
const (
	DNSBL = "dnsbl" // blocklists, mostly of addresses
	RHSBL = "rhsbl" // blocklists of names ("right-hand side" of the @)
	DNSWL = "dnswl" // allowlists
)

// ListFamilies are the families in the order of their checks.
var ListFamilies = []string{DNSBL, RHSBL, DNSWL}

// listedOutcome returns the outcome of a list of a family for something that is listed.
func listedOutcome(family string) helogate.Outcome {
	if family == DNSWL {
		return helogate.Pass
	}
	return helogate.Fail
}

// A List is a DNS list (RFC 5782).
type List struct {
	Family string  // DNSBL or RHSBL, whose listings speak against the client, or DNSWL
	Name   string  // its name in findings, and in the check's name after the family and a colon; "" is the zone
	Zone   string  // the domain below which it answers; canonical
	Codes  Codes   // the answers that are listings
	Ask    []Asked // what it is asked about; empty is AskSender for RHSBL, and AskClient for the others
	// Watched says whether an Asker answers questions of the kind helogate.Suspended.
	Watched bool
}

// Asked is what a list is asked about. The words are those of the configuration.
type Asked string

// What a list can be asked about.
const (
	AskClient Asked = "client" // the client's address
	AskHelo   Asked = "helo"   // the HELO name, if it is an FQDN
	AskPTR    Asked = "ptr"    // the client's PTR names; for an allowlist those that are forward-confirmed
	AskSender Asked = "sender" // the sender's domain
)

// maxListPTR is how many of a client's PTR names a list is asked about: more would only cost time.
const maxListPTR = 4

// maxZone is the longest zone, in octets: a name of 253 has room for it beside the 32 nibbles of an IPv6 address.
const maxZone = 253 - 64

// withDefaults returns the list with defaults for empty fields.
func (l List) withDefaults() List {
	l.Zone = hostname.Canonical(l.Zone)
	if l.Name == "" {
		l.Name = l.Zone
	}
	if len(l.Ask) == 0 {
		l.Ask = []Asked{AskClient}
		if l.Family == RHSBL {
			l.Ask = []Asked{AskSender}
		}
	}
	return l
}

// A ListError is an error in a setting of a list. It says what to write.
type ListError struct {
	Setting string // "family", "zone", "name", "codes" or "ask"
	Err     error
}

// Error says what is wrong.
func (e *ListError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *ListError) Unwrap() error { return e.Err }

func listError(setting, format string, args ...any) error {
	return &ListError{setting, fmt.Errorf(format, args...)}
}

// Check returns an error for a list that cannot be used: a *ListError.
func (l List) Check() error {
	l = l.withDefaults()
	if !slices.Contains(ListFamilies, l.Family) {
		return listError("family", "%q is no family of lists: %s", l.Family, strings.Join(ListFamilies, ", "))
	}
	if kind := hostname.ParseHelo(l.Zone).Form; kind != hostname.FQDN && kind != hostname.Private {
		return listError("zone", "zone %q is no domain: write one like bl.example", l.Zone)
	}
	if len(l.Zone) > maxZone {
		return listError("zone", "zone: %d octets are more than the %d that an address leaves room for", len(l.Zone), maxZone)
	}
	if strings.Trim(strings.ToLower(l.Name), "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" {
		return listError("name", "name %q: a name is of letters, digits, '.', '_' and '-'", l.Name)
	}
	if len(l.Codes) == 0 {
		return &ListError{"codes", errNoCodes}
	}
	return l.checkAsk()
}

func (l List) checkAsk() error {
	for i, ask := range l.Ask {
		switch {
		case !slices.Contains([]Asked{AskClient, AskHelo, AskPTR, AskSender}, ask):
			return listError("ask", "ask: nothing is called %q: %s, %s, %s or %s", ask, AskClient, AskHelo, AskPTR, AskSender)
		case slices.Contains(l.Ask[:i], ask):
			return listError("ask", "ask: %s is there twice", ask)
		case l.Family == DNSWL && (ask == AskHelo || ask == AskSender):
			return listError("ask", "ask: a client can send any %s, so an allowlist cannot be asked about it: use %s, or %s, which is forward-confirmed", ask, AskClient, AskPTR)
		}
	}
	return nil
}

// Asks reports whether the list is asked about addresses, and whether about names.
func (l List) Asks() (addresses, names bool) {
	for _, ask := range l.withDefaults().Ask {
		addresses, names = addresses || ask == AskClient, names || ask != AskClient
	}
	return addresses, names
}

var listDocs = map[string]string{
	DNSBL: "the client's address is on no blocklist of [[dnsbl]] (RFC 5782)",
	RHSBL: "the sender's domain is on no blocklist of names of [[rhsbl]] (RFC 5782 section 3)",
	DNSWL: "the client's address is on an allowlist of [[dnswl]] (RFC 5782)",
}

var listFixes = map[string]string{
	DNSBL: "request removal at that list",
	RHSBL: "request removal at that list",
}

// ListChecks makes a check of each list of a family, with the name "dnsbl:NAME". If there is no list, it makes one
// check with the name of the family, whose outcome is none: presets and docs name it.
func ListChecks(family string, lists []List) (out []helogate.Check) {
	for _, l := range lists {
		if l.Family == family {
			out = append(out, l.check())
		}
	}
	if out != nil {
		return out
	}
	none := List{Family: family}.withDefaults().check()
	none.Name, none.Doc = family, listDocs[family]
	none.Run = func(c *helogate.Case) helogate.Finding { return c.None("no %s is configured", family) }
	return []helogate.Check{none}
}

// CheckName returns the name of the list's check: "dnsbl:NAME".
func (l List) CheckName() string {
	l = l.withDefaults()
	return l.Family + ":" + l.Name
}

// asks lists what the list is asked about, for texts.
func (l List) asks() string {
	var all []string
	for _, ask := range l.Ask {
		all = append(all, string(ask))
	}
	return strings.Join(all, ", ")
}

// check makes the list's check. It runs from the first stage at which something is known that the list is asked about.
func (l List) check() helogate.Check {
	l = l.withDefaults()
	c := helogate.Check{
		Name: l.CheckName(), Family: l.Family, Cost: helogate.Lookup, FailOpen: true, Conclusive: listedOutcome(l.Family),
		Settings: fmt.Sprintf("%s asked about %s for %s", l.Zone, l.asks(), l.Codes),
		Needs:    helogate.Rcpt, Fix: listFixes[l.Family], Run: l.run,
		Doc: fmt.Sprintf("the DNS list %s does not list %s (%s; RFC 5782)", l.Name, l.asks(), l.Codes),
	}
	if l.Family == DNSWL {
		c.Doc = fmt.Sprintf("the DNS list %s lists %s (%s; RFC 5782)", l.Name, l.asks(), l.Codes)
	}
	known := map[Asked]helogate.Stage{AskClient: helogate.Connect, AskPTR: helogate.Connect, AskHelo: helogate.Helo, AskSender: helogate.Mail}
	for _, ask := range l.Ask {
		c.Needs = min(c.Needs, known[ask])
	}
	return c
}

// asked is one thing that a list is asked about.
type asked struct {
	what string // as text
	name string // in DNS, below the list's zone
}

// suspended returns the finding for a list that is not used now.
func (l List) suspended(c *helogate.Case) (none helogate.Finding, is bool) {
	if !l.Watched {
		return none, false
	}
	if why := c.Values(helogate.Suspended, l.Zone); len(why) > 0 {
		return c.None("%s is suspended: %s", l.Name, why[0]), true
	}
	if c.Ask(helogate.Suspended, l.Zone).Status == helogate.TempFail {
		return c.None("it is not known whether %s is suspended", l.Name), true // so a listing proves nothing
	}
	return none, false
}

// run asks about all before it looks at any answer, so that no question waits for another.
func (l List) run(c *helogate.Case) helogate.Finding {
	if none, is := l.suspended(c); is {
		return none
	}
	var room [4]asked
	all, why := l.about(c, room[:0])
	if len(all) == 0 {
		return c.None("%s", why)
	}
	var listed, wrong, other *helogate.Finding // the first of each
	for _, a := range all {
		name := a.name + "." + l.Zone
		values := c.Values(helogate.Listing, name)
		if len(values) == 0 {
			continue
		}
		switch answer := ReadListAnswer(l.Family, l.Codes, values); {
		case answer.Error != "":
			first(&wrong, l.permError(a, answer.Error))
		case len(answer.Listed) == 0:
			first(&other, c.None("%s is listed by %s with codes that do not count: %s", printed(a.what), l.Name, strings.Join(answer.Other, ", ")))
		case listed == nil:
			first(&listed, l.listed(c, a, name, answer))
		}
	}
	for _, f := range [...]*helogate.Finding{listed, wrong, other} {
		if f != nil {
			return *f
		}
	}
	return c.None("%s is not listed by %s", listAsked(all), l.Name)
}

// first keeps the first finding.
func first(f **helogate.Finding, other helogate.Finding) {
	if *f == nil {
		*f = &other
	}
}

// listed returns the finding for something that the list has. The list's text about it is asked for only if a reply has
// it; the listing stands without it.
func (l List) listed(c *helogate.Case, a asked, name string, answer ListAnswer) helogate.Finding {
	codes := strings.Join(answer.Listed, ", ")
	if l.Family == DNSWL {
		return c.Pass("%s is listed by %s (%s)", printed(a.what), l.Name, codes)
	}
	text := ""
	if c.Refuses(helogate.Fail) {
		if about := c.Ask(helogate.TXT, name).Values; len(about) > 0 {
			text = ": " + cut(presentation.Unescape(about[0]), maxListText)
		}
	}
	return c.Fail("%s is listed by %s (%s)%s", printed(a.what), l.Name, codes, text)
}

const maxListText = 160 // bytes of the list's text, which is mostly the URL of a page and must not be cut

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}

func (l List) permError(a asked, why string) helogate.Finding {
	return helogate.Finding{
		Outcome: helogate.PermError,
		Why:     printable.Text(fmt.Sprintf("%s, asked about %s, answers %s", l.Name, printed(a.what), why), maxListText+2*maxShown),
	}
}

// about returns what the list is asked about for this client; if that is nothing, why says so.
func (l List) about(c *helogate.Case, all []asked) (_ []asked, why string) {
	why = "there is nothing to ask " + l.Name + " about"
	private := hostname.IsPrivate(c.Client)
	for _, ask := range l.Ask {
		switch {
		case private && (ask == AskClient || ask == AskPTR):
			why = c.ClientText() + " is a private address: no list has it"
		case ask == AskClient:
			all = append(all, asked{c.ClientText(), parsed.Reversed(c.Client)})
		case ask == AskPTR:
			all = l.withPTR(c, all)
		case ask == AskSender:
			all = withName(c, all, parsed.Of(c).SenderDomain())
		case ask == AskHelo:
			if h := parsed.Of(c); h.Form == hostname.FQDN {
				all = withNames(all, h.Name, h.HeloOrg())
			}
		}
	}
	return all, why
}

// withPTR adds the client's PTR names; for an allowlist only those that are forward-confirmed, since the owner of an
// address can write any name into its PTR record.
func (l List) withPTR(c *helogate.Case, all []asked) []asked {
	names := c.PTR(c.Client)
	for _, name := range names[:min(len(names), maxListPTR)] {
		if l.Family != DNSWL || c.ResolvesBack(name) {
			all = withName(c, all, name)
		}
	}
	return all
}

// withName adds a name and its organisational domain, which most lists of names have. No list has a name that is no
// FQDN, and an address in place of a name would be asked about as one.
func withName(c *helogate.Case, all []asked, name string) []asked {
	if h := hostname.ParseHelo(name); h.Form == hostname.FQDN {
		all = withNames(all, h.Name, parsed.Of(c).Org(h.Name))
	}
	return all
}

func withNames(all []asked, names ...string) []asked {
	for _, n := range names {
		if n != "" && !slices.ContainsFunc(all, func(a asked) bool { return a.name == n }) {
			all = append(all, asked{n, n})
		}
	}
	return all
}

// listAsked lists what was asked about, for a finding.
func listAsked(all []asked) string {
	if len(all) == 1 {
		return printed(all[0].what)
	}
	var b strings.Builder
	for i, a := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(a.what)
	}
	return printed(b.String())
}
