package helogate

import "fmt"

// Kind says what a question asks for: a DNS type, or what a store or another mail server knows.
type Kind uint16

// AnyKind stands in ByKind for all kinds that it does not name. No question is of this kind.
const AnyKind Kind = 0

// The kinds of question that DNS answers. Values of an Answer are in presentation form, without a final dot.
const (
	PTR   Kind = 1 + iota // Name is an address; Values are host names
	A                     // Values are IPv4 addresses
	AAAA                  // Values are IPv6 addresses
	MX                    // Values are "preference host", by preference; the null MX of RFC 7505 is "0 ."
	TXT                   // Values are the strings of a record joined, a record each
	CNAME                 // Values are what Name is an alias of: none or one
	SRV                   // Values are "priority weight port target", by priority (RFC 2782); the target "." is none
	// Listing is an A query to a DNS list (RFC 5782): Name is the reversed address or the name, and the zone. It is a
	// kind of its own, so that queries to lists differ from queries for a name that a client chose below their zones.
	Listing
)

// The kinds of question that a store answers. NXDomain means that the store has no entry.
const (
	// Trust: Name is an address. OK means that it is accepted for a while; the one value says why.
	Trust Kind = Listing + 1 + iota
	// Hammering: Name is an address. OK means that it was rejected too often lately; the one value says how often.
	Hammering
	// Suspended: Name is the zone of a DNS list. OK means that the list is not used now; the one value says why.
	Suspended
)

// The kinds of question that leave a trace, in a store or at another mail server. They are asked only when all earlier
// answers are known.
const (
	// Greylisted notes an attempt. Name is the client and its envelope, see package check. Values are "first TIME", and
	// "passed TIME" once the client has retried; times are of RFC 3339.
	Greylisted Kind = Suspended + 1 + iota
	// Deferred notes that a client is deferred for DNS failures. Name is its network, a space and its HELO name;
	// Values are "first TIME", or "resolver-down WHY" while the local resolver fails.
	Deferred
	// Callout asks the mail hosts of an address whether they accept mail for it from the null sender, as they should
	// (RFC 5321 section 4.5.5). Name is the address. The one value is "accepts", "refuses REPLY", "accepts all" for a
	// domain that accepts every address, or "refuses null REPLY" for one that does not accept the null sender.
	Callout

	kindsEnd
)

// source says where answers come from.
type source uint8

const (
	fromDNS source = iota + 1
	fromStore
	fromMailServer
)

// owners is how a Zone writes the owners of a kind.
type owners uint8

const (
	names     owners = iota + 1 // host names and mailboxes
	addresses                   // addresses of clients
	anyName                     // long names: "*" owns all that no other line does
)

// traits are what the judge and a Zone know about a kind. A new kind needs a line in this table, and an Asker.
type traits struct {
	word    string // in records and zones; part of a verdict's ID, so it never changes
	source  source
	trace   bool // asking leaves a trace
	client  bool // the client's DNS answers, so the question counts towards maxQuestions
	reserve bool // it may use the reserve beyond the budget, so that slow client DNS cannot prevent it
	owners  owners
	as      Kind // the kind by which a Zone answers it, if not itself
}

var kinds = [kindsEnd]traits{
	AnyKind:    {word: ""},
	PTR:        {word: "PTR", source: fromDNS, client: true, owners: addresses},
	A:          {word: "A", source: fromDNS, client: true, owners: names},
	AAAA:       {word: "AAAA", source: fromDNS, client: true, owners: names},
	MX:         {word: "MX", source: fromDNS, client: true, owners: names},
	TXT:        {word: "TXT", source: fromDNS, client: true, owners: names},
	CNAME:      {word: "CNAME", source: fromDNS, client: true, owners: names},
	SRV:        {word: "SRV", source: fromDNS, client: true, owners: names},
	Listing:    {word: "LISTING", source: fromDNS, as: A},
	Trust:      {word: "TRUST", source: fromStore, owners: addresses},
	Hammering:  {word: "HAMMERING", source: fromStore, owners: addresses},
	Suspended:  {word: "SUSPENDED", source: fromStore, owners: names},
	Greylisted: {word: "GREYLIST", source: fromStore, trace: true, reserve: true, owners: anyName},
	Deferred:   {word: "DEFERRED", source: fromStore, trace: true, reserve: true, owners: anyName},
	Callout:    {word: "CALLOUT", source: fromMailServer, trace: true, owners: names},
}

func (k Kind) traits() *traits {
	if k >= kindsEnd {
		k = AnyKind
	}
	return &kinds[k]
}

// LeavesTrace reports whether asking a question of the kind changes something: the content of a store, or what another
// mail server sees. A replay or a what-if must not ask it again.
func (k Kind) LeavesTrace() bool { return k.traits().trace }

// String returns the word for the kind: for DNS the name of the type, as "PTR".
func (k Kind) String() string {
	if k >= kindsEnd {
		return fmt.Sprintf("kind(%d)", uint16(k))
	}
	return kinds[k].word
}

// ParseKind is the inverse of String.
func ParseKind(s string) (Kind, error) {
	for k := AnyKind + 1; k < kindsEnd; k++ {
		if kinds[k].word == s {
			return k, nil
		}
	}
	return 0, fmt.Errorf("%q is no kind of question", s)
}

// MarshalText returns String.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what ParseKind does.
func (k *Kind) UnmarshalText(b []byte) (err error) { *k, err = ParseKind(string(b)); return err }
