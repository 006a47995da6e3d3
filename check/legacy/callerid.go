package legacy

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
	"github.com/helogate/helogate/internal/presentation"
)

// CallerID is Caller ID for E-mail (draft-atkinson-callerid-00), Microsoft's proposal of 2004 that became part of
// Sender ID. A domain lists its outgoing mail servers in XML, in TXT records (section 3.1). The draft checks the
// domain of a header, which is not known before DATA. This check uses the domain of MAIL FROM, or of HELO for a
// sender without a domain.
var CallerID = helogate.Check{
	Name: "caller-id", Needs: helogate.Mail, Cost: helogate.Lookup, Code: "5.7.1",
	Doc: "the client is an outgoing server of the sender's domain, or of HELO for bounces, by its Caller ID record (draft-atkinson-callerid-00)",
	Fix: "send through a server that your domain's Caller ID record lists",
	Run: func(c *helogate.Case) helogate.Finding {
		if none, is := parsed.Unroutable(c); is {
			return none
		}
		domain := parsed.Of(c).SenderDomain()
		if domain == "" {
			g := parsed.Of(c)
			if g.Form != hostname.FQDN {
				return c.None("neither the sender nor HELO has a domain")
			}
			domain = g.Name
		}
		s := epSearch{Case: c}
		switch s.outgoing(domain) {
		case epAmong:
			return c.Pass("%s is an outgoing server of %s by Caller ID", c.ClientText(), parsed.Cut(domain))
		case epSenseless:
			return c.PermError("%s", s.why)
		case epUnsaid:
			return c.None("%s", s.why)
		}
		return c.Fail("%s is no outgoing server of %s by Caller ID", c.ClientText(), parsed.Cut(domain))
	},
}

// epFound says whether the client is in a set of servers. The result for several sets is the greatest.
type epFound int

const (
	epNot       epFound = iota
	epUnsaid            // the set is not defined, as if it were not published
	epSenseless         // its definition is invalid
	epAmong
)

// Limits on the work for one domain. The draft requires documents to refer to each other at least eight deep.
const (
	maxEPDepth  = 10
	maxEPNames  = 40   // names to ask about
	maxEPRecord = 2048 // octets
	maxEPText   = 8192 // octets of a document, in all its records
	maxEPNested = 16   // nested elements
)

// An epSearch searches outgoing servers for the client.
type epSearch struct {
	*helogate.Case
	path  []string // domains whose documents lead here
	names int      // names asked about
	worst epFound  // the result that why explains
	why   string   // the reason of the first set that is not defined or invalid
}

// is notes why a set is not defined.
func (s *epSearch) is(found epFound, format string, args ...any) epFound {
	if found > s.worst {
		s.worst, s.why = found, fmt.Sprintf(format, args...)
	}
	return found
}

// mayAsk reports whether one more name may be asked about.
func (s *epSearch) mayAsk() bool {
	s.names++
	return s.names <= maxEPNames
}

// outgoing is Outgoing(d) of section 3.1.3.
func (s *epSearch) outgoing(domain string) epFound {
	doc, err := epOf(s.Case, domain)
	switch {
	case err != nil:
		return s.is(epSenseless, "the Caller ID record of %s makes no sense: %s", parsed.Cut(domain), parsed.Cut(err.Error()))
	case doc == nil:
		return s.is(epUnsaid, "%s has no Caller ID record", parsed.Cut(domain))
	}
	return s.listedBy(doc, domain)
}

// indirect is outgoing for a domain that the document of another domain names. Without a document, its mail hosts
// count.
func (s *epSearch) indirect(domain string) epFound {
	if !s.mayAsk() {
		return s.tooMany()
	}
	if doc, err := epOf(s.Case, domain); doc == nil && err == nil {
		return s.inbound(domain)
	}
	return s.outgoing(domain)
}

func (s *epSearch) tooMany() epFound {
	return s.is(epUnsaid, "the Caller ID record of %s refers to too many names", parsed.Cut(s.path[0]))
}

// listedBy searches the document of a domain.
func (s *epSearch) listedBy(doc *epDocument, domain string) epFound {
	if slices.Contains(s.path, domain) {
		return s.is(epUnsaid, "the Caller ID record of %s refers to itself", parsed.Cut(domain))
	}
	if len(s.path) == maxEPDepth {
		return s.is(epUnsaid, "the Caller ID record of %s refers to too many others", parsed.Cut(s.path[0]))
	}
	s.path = append(s.path, domain)
	defer func() { s.path = s.path[:len(s.path)-1] }()
	var sets []epServers
	for _, out := range doc.Out {
		if out.NoMailServers != nil {
			return epNot
		}
		sets = append(sets, out.Servers...)
	}
	if len(sets) == 0 {
		return s.is(epUnsaid, "the Caller ID record of %s does not define outgoing servers", parsed.Cut(domain))
	}
	return greatest(sets, func(set epServers) epFound { return s.in(&set, domain) })
}

// greatest returns the result for several sets.
func greatest[T any](sets []T, look func(T) epFound) epFound {
	found := epNot
	for _, set := range sets {
		if found = max(found, look(set)); found == epAmong {
			break
		}
	}
	return found
}

// in searches one set of a domain's document.
func (s *epSearch) in(set *epServers, domain string) epFound {
	switch {
	case len(set.Indirect) > 0:
		return greatest(set.Indirect, func(d string) epFound { return s.indirect(epName(d, domain)) })
	case len(set.Addresses)+len(set.Ranges)+len(set.MX) > 0:
		return s.listed(set, domain)
	}
	return s.inbound(domain)
}

// listed searches the addresses, networks and names of a set. An excluded network is excluded whatever else lists it.
func (s *epSearch) listed(set *epServers, domain string) epFound {
	among := false
	for _, r := range set.Ranges {
		if r.Contains(s.Client) {
			if r.not {
				return epNot
			}
			among = true
		}
	}
	if among {
		return epAmong
	}
	found := greatest(set.Addresses, func(text string) epFound { return s.address(text, domain) })
	if found == epAmong {
		return found
	}
	return max(found, greatest(set.MX, func(text string) epFound { return s.inbound(epName(text, domain)) }))
}

// address compares the client with an address, or with the addresses of a name.
func (s *epSearch) address(text, domain string) epFound {
	if a, err := netip.ParseAddr(strings.TrimSpace(text)); err == nil {
		if a.Unmap() == s.Client {
			return epAmong
		}
		return epNot
	}
	return s.addressOf(epName(text, domain))
}

func (s *epSearch) addressOf(name string) epFound {
	switch {
	case !s.mayAsk():
		return s.tooMany()
	case s.ResolvesBack(name):
		return epAmong
	}
	return epNot
}

// inbound searches the mail hosts of a domain (RFC 2821 section 5).
func (s *epSearch) inbound(domain string) epFound {
	if !s.mayAsk() {
		return s.tooMany()
	}
	found := epNot
	for host := range parsed.MailHosts(s.Case, domain) {
		if found = max(found, s.addressOf(host)); found == epAmong {
			return found
		}
	}
	if s.More(helogate.MX, domain) != "" {
		return max(found, s.is(epUnsaid, "%s has more mail hosts than are followed", parsed.Cut(domain)))
	}
	return found
}

// epName reads a domain in a document. The empty text stands for the domain of the document.
func epName(text, own string) string {
	if text = strings.TrimSpace(text); text != "" {
		return hostname.Canonical(text)
	}
	return own
}

// epDocument is the part of a document about outgoing servers (section 3.1.2).
type epDocument struct {
	XMLName xml.Name `xml:"http://ms.net/1 ep"`
	Testing bool     `xml:"testing,attr"`
	Out     []struct {
		NoMailServers *struct{}   `xml:"http://ms.net/1 noMailServers"`
		Servers       []epServers `xml:"http://ms.net/1 m"`
	} `xml:"http://ms.net/1 out"`
}

type epServers struct {
	Indirect  []string  `xml:"http://ms.net/1 indirect"`
	Addresses []string  `xml:"http://ms.net/1 a"`
	Ranges    []epRange `xml:"http://ms.net/1 r"`
	MX        []string  `xml:"http://ms.net/1 mx"`
}

// An epRange is "192.0.2.0/24", or "!192.0.2.0/24", which excludes the network.
type epRange struct {
	netip.Prefix
	not bool
}

// UnmarshalText parses the text.
func (r *epRange) UnmarshalText(text []byte) (err error) {
	s, not := strings.CutPrefix(strings.TrimSpace(string(text)), "!")
	if r.Prefix, err = netip.ParsePrefix(s); err != nil {
		return fmt.Errorf("%q is not a network", parsed.Cut(s))
	}
	r.not = not
	return nil
}

// epOf returns the document of a domain, nil if it has none or only tests one.
func epOf(c *helogate.Case, domain string) (*epDocument, error) {
	text, err := joinEP(c.Values(helogate.TXT, "_ep."+domain))
	if err != nil || !strings.HasPrefix(text, "<") { // the TXT record of a wildcard may have any text
		return nil, err
	}
	doc, err := readEP(text)
	if err != nil || doc.Testing {
		return nil, err
	}
	return doc, nil
}

// joinEP joins the records of a document. Each of several records begins with two characters that say its position.
func joinEP(records []string) (string, error) {
	plain := make([]string, 0, len(records))
	size := 0
	for _, r := range records {
		r = presentation.Unescape(r)
		if size += len(r); len(r) > maxEPRecord || size > maxEPText {
			return "", errors.New("it is too long")
		}
		plain = append(plain, r)
	}
	if len(plain) == 1 {
		return plain[0], nil
	}
	slices.SortStableFunc(plain, func(a, b string) int { return strings.Compare(a[:min(2, len(a))], b[:min(2, len(b))]) })
	var text strings.Builder
	for _, r := range plain {
		text.WriteString(r[min(2, len(r)):])
	}
	return text.String(), nil
}

// readEP parses a document: UTF-8, one element, no DTD.
func readEP(text string) (*epDocument, error) {
	if err := wholeXML(text); err != nil {
		return nil, err
	}
	doc := new(epDocument)
	if err := xml.Unmarshal([]byte(text), doc); err != nil {
		return nil, err
	}
	return doc, nil
}

// wholeXML checks what xml.Unmarshal ignores: text after the first element, and a DTD.
func wholeXML(text string) error {
	d := xml.NewDecoder(strings.NewReader(text))
	for depth, roots := 0, 0; ; {
		token, err := d.Token()
		switch t := token.(type) {
		case nil:
			if err != io.EOF {
				return err
			}
			return nil
		case xml.StartElement:
			if depth++; depth == 1 {
				roots++
			}
			if roots > 1 || depth > maxEPNested {
				return errors.New("more than one element, or too many nested elements")
			}
		case xml.EndElement:
			depth--
		case xml.Directive:
			return errors.New("a DTD")
		case xml.CharData:
			if depth == 0 && strings.TrimSpace(string(t)) != "" {
				return errors.New("text outside the element")
			}
		}
	}
}
