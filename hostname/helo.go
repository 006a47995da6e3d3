// Package hostname reads names: what the name that a client sends, or that its address has, says by itself, without
// DNS.
//
// A client names itself in HELO or EHLO, and the PTR record of its address names it once more. Neither name is
// proven, but both can be read: whether the HELO argument has the syntax of RFC 5321 ([ParseHelo]), to which
// organisation a name belongs ([Org], [Under]), and whether a person chose it for a mail server or a provider
// generated it from an address ([Classify]).
//
// All functions are pure: no network, no clock, no state. They accept any bytes from a client. The text that they
// return is printable ASCII, safe for an SMTP reply, a log and a terminal.
//
// A canonical name is in lower case and has no final dot, as [Canonical] returns it. Functions that need one say so.
//
// Stability: the API is public, and before v1 a minor version may change it. The words of [Form] and [Class] do not
// change, because rules and logs contain them. Which names are generic changes with the word lists, in any version.
package hostname

import (
	"net/netip"
	"strings"
)

// Form is the syntactic form of a HELO argument. The words are stable: rules, logs and documentation use them.
type Form string

// Every argument has exactly one of these forms.
const (
	Empty       Form = "empty"        // nothing, or only blanks
	BareAddress Form = "bare-address" // an address without brackets, or a number that programs accept as an address: 1.2.3, 0x7f.1
	Literal     Form = "literal"      // an address literal of RFC 5321 section 4.1.3
	SingleLabel Form = "single-label" // a name without a dot
	Private     Form = "private"      // a name under a private top level, such as .local
	FQDN        Form = "fqdn"         // any other name
	Malformed   Form = "malformed"    // neither a Domain nor an address literal; Why says what is wrong
)

// Limits of RFC 5321 section 4.5.3.1.2 and RFC 1035 section 2.3.4. DNS cannot hold more than 253 octets of text; the
// grammar of SMTP allows 255, and ParseHelo checks the grammar.
const (
	maxName  = 255
	maxLabel = 63
)

// A Helo is a parsed argument of HELO or EHLO.
type Helo struct {
	Form Form

	// Name is in lower case and without a final dot. It is set for SingleLabel, Private and FQDN, and for a Malformed
	// name without a wrong character (a..b, -x.example.com).
	Name string

	// Addr is the address of a Literal or a BareAddress, as IPv4 where it is an IPv4-mapped IPv6 address. It is the
	// zero Addr for a General-address-literal and for a number that programs accept as an address.
	Addr netip.Addr

	// Why says what is wrong with a Malformed argument, for example "the character '!' at 5", counting octets from 1.
	// It reads well after "rejected: " and is printable ASCII.
	Why string

	// Note says which deviations were tolerated: "a final dot, an underscore". It is printable ASCII.
	Note string
}

// ParseHelo parses the argument of HELO or EHLO as the client sent it, without the CRLF: RFC 5321 sections 4.1.2 and
// 4.1.3. It judges the raw octets, because normalisation (IDNA above all) hides mistakes.
//
// It tolerates, and says in Note: one final dot, underscores (Windows hosts have them), blanks at the end (RFC 5321
// section 4.1.1 requires it), an IPv6 literal without its tag, and a tag that IANA has not registered. UTF-8 is
// Malformed: EHLO comes before the client can know of SMTPUTF8, so RFC 6531 section 3.7.1 requires A-labels. A name
// with an all-numeric top level is Malformed too; no host has one (RFC 3696 section 2).
//
// ParseHelo does not allocate for a name in lower case.
func ParseHelo(raw string) Helo {
	var let leniency
	s := raw
	if n := len(s); n > 0 && (s[n-1] == ' ' || s[n-1] == '\t') {
		s = strings.TrimRight(s, " \t")
		let |= trailingBlank
	}
	if s == "" {
		return Helo{Form: Empty}
	}
	if len(s) > maxName && !(len(s) == maxName+1 && s[maxName] == '.') {
		return malformed("", whyTooLong(len(s)))
	}
	if s[0] == '[' {
		return parseLiteral(s, let)
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
		let |= finalDot
	}
	return parseName(s, let)
}

// parseName parses an argument without an opening bracket. It stops at the first mistake.
func parseName(s string, let leniency) Helo {
	var (
		upper   bool
		numeric = true // every label is digits
		digits  = true // the current label is
		label   int    // where the current label starts
	)
	for i := 0; i <= len(s); i++ {
		class := dot // the end of the name ends a label as a dot does
		if i < len(s) {
			class = classes[s[i]]
		}
		switch class {
		case lower, hyphen:
			digits = false
		case digit:
		case dot:
			if why := whyLabel(s[label:i]); why != "" {
				return malformed(nameLike(s), why)
			}
			numeric = numeric && digits
			if i < len(s) {
				label, digits = i+1, true
			}
		case upperCase:
			upper, digits = true, false
		case underscore:
			let |= underscoreSeen
			digits = false
		default:
			if addr, ok := bareIPv6(s); ok {
				return Helo{Form: BareAddress, Addr: addr, Note: let.String()}
			}
			return malformed("", whyOctet(s, i))
		}
	}
	if numeric || isNumber(s) {
		addr, _ := parseIPv4(s) // the zero Addr if it is no IPv4 address
		return Helo{Form: BareAddress, Addr: addr, Note: let.String()}
	}
	name := s
	if upper {
		name = strings.ToLower(s)
	}
	if digits {
		return malformed(name, "the top level "+s[label:]+" is a number")
	}
	h := Helo{Form: FQDN, Name: name, Note: let.String()}
	switch {
	case label == 0:
		h.Form = SingleLabel
	case isPrivateName(name):
		h.Form = Private
	}
	return h
}

// isNumber reports whether inet_aton, and with it most programs, accepts s as an address: one to four numbers, some
// in hexadecimal, such as 0x7f.1. The caller has recognised decimal numbers already.
func isNumber(s string) bool {
	if s[0] < '0' || s[0] > '9' || strings.Count(s, ".") > 3 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		hex := len(label) > 2 && label[0] == '0' && label[1]|0x20 == 'x'
		if hex {
			label = label[2:]
		}
		for i := range len(label) {
			if c := label[i] | 0x20; label[i]-'0' > 9 && (!hex || c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

// nameLike returns s in canonical form if it consists of the characters of names, else "".
func nameLike(s string) string {
	for i := range len(s) {
		if classes[s[i]] == other {
			return ""
		}
	}
	return strings.ToLower(s)
}

func malformed(name, why string) Helo {
	return Helo{Form: Malformed, Name: name, Why: why}
}

// class is the class of an octet in a name.
type class uint8

const (
	other class = iota
	lower
	digit
	dot
	hyphen
	upperCase
	underscore
)

var classes = func() (t [256]class) {
	for c := range t {
		switch {
		case 'a' <= c && c <= 'z':
			t[c] = lower
		case '0' <= c && c <= '9':
			t[c] = digit
		case 'A' <= c && c <= 'Z':
			t[c] = upperCase
		}
	}
	t['.'], t['-'], t['_'] = dot, hyphen, underscore
	return t
}()

// leniency is a set of tolerated deviations.
type leniency uint8

const (
	finalDot leniency = 1 << iota
	underscoreSeen
	trailingBlank
	untagged
	unknownTag
)

var leniencies = [...]string{"a final dot", "an underscore", "a blank at the end", "no IPv6: before the address", "an unknown tag"}

// String joins the deviations: "a final dot, an underscore".
func (l leniency) String() string {
	var s string
	for i, text := range leniencies {
		switch {
		case l&(1<<i) == 0:
		case s == "":
			s = text
		default:
			s += ", " + text
		}
	}
	return s
}
