package hostname

import (
	"net/netip"
	"strings"

	"github.com/helogate/helogate/internal/printable"
)

// Class says who gave a name. The words are stable.
type Class string

const (
	Named   Class = "named"   // a person gave it, or nothing says otherwise
	Access  Class = "access"  // a provider stamped it on a line: dial-up, DSL, cable, mobile
	Hosting Class = "hosting" // the default of a rented server
	Generic Class = "generic" // a provider stamped it, no telling on what
)

// Classify tells a name that a person gave to a server from one that a provider stamped on an address, and says why in
// printable ASCII. addr is the address that bears the name or says it in HELO, the zero Addr if it is not known; with it
// more is found, never less. name is a PTR name or a HELO name, case and a final dot do not matter.
//
// Only what stands before the registered domain is read. Evidence that a name was stamped:
//
//   - the whole address, or three neighbouring octets of it, decimal, padded with zeros, reversed, fused, hexadecimal or
//     as an integer; of IPv6 the nibbles or groups;
//   - its last two octets, or what looks like a hexadecimal address, together with a word of a provider;
//   - a word of a provider together with a number, and a long number with next to nothing around it.
//
// Octets count only between separators. A word such as mail, smtp, mx or outbound speaks against the evidence, in the
// name or in its registered domain, since big senders number their pools by address; nothing but the whole address
// (or three octets) with a word like dsl or dialup outweighs it. In doubt a name is [Named]: to take a mail server for a
// desktop does more harm than the reverse.
//
// The result for Named says which word spoke for it, if evidence had to be outweighed, else "".
func Classify(name string, addr netip.Addr) (Class, string) {
	name = Canonical(name)
	if len(name) > maxName || !strings.ContainsAny(name, "0123456789") {
		return Named, "" // nothing is stamped without a number
	}
	var r reading
	r.read(name)
	if r.n == 0 {
		return Named, ""
	}
	found := r.evidence(addr.Unmap().WithZone(""))
	if found.weight == nothing {
		return Named, ""
	}
	if mail := r.vouching(); mail != "" && (found.weight < address || r.words[accessWord] == "") {
		return Named, mail + " names a mail server, though the name " + found.why
	}
	class, word := r.class()
	if word != "" && !strings.HasSuffix(found.why, word) {
		found.why += ", and the word " + word
	}
	return class, found.why
}

// evidence is a finding that a name was stamped.
type evidence struct {
	weight weight
	why    string // after "the name": "contains its address 192.0.2.99 as 192-0-2-99"
}

type weight uint8

const (
	nothing weight = iota
	number         // a provider's word with a number or with a part of the address
	address        // an address
)

// evidence returns the strongest there is.
func (r *reading) evidence(addr netip.Addr) evidence {
	if why := r.address(addr); why != "" {
		return evidence{address, why}
	}
	if why := r.numbered(addr); why != "" {
		return evidence{number, why}
	}
	return evidence{}
}

// numbered finds the evidence that needs a provider's word.
func (r *reading) numbered(addr netip.Addr) string {
	if why := r.numberedWord(); why != "" {
		return why
	}
	if r.ofProvider() {
		if why := r.ownPair(addr); why != "" {
			return why
		}
		if why := r.anyHex(); why != "" {
			return why
		}
	}
	return r.serial()
}

// ofProvider reports whether any word of a provider is in the name.
func (r *reading) ofProvider() bool {
	for kind := accessWord; kind <= stampWord; kind++ {
		if r.words[kind] != "" {
			return true
		}
	}
	return false
}

// How many digits beside a word make it a stamped one. A person numbers his servers too: vps2, vm100, dsl1; and he names
// them after years, see isYear.
var enoughDigits = [wordKindCount]int{accessWord: 2, customerWord: 4, machineWord: 4, serverWord: 4, stampWord: 4}

// isYear reports whether a number is one that people give to what they set up: server2019, cloud2024.
func isYear(s string) bool {
	return len(s) == 4 && (s[:2] == "19" || s[:2] == "20")
}

// numberedWord finds a provider's word in the first label with a number beside it (ppp1234, cust-12-34), or an id
// (vps-1a2b3c4d). For a word that says access the number may be in the label before it (12.34.dsl), or anywhere in the
// first label.
func (r *reading) numberedWord() string {
	first := r.firstLabel()
	longest := r.longestNumber(first)
	for i := range r.n {
		if r.runs[i].number {
			continue
		}
		word := r.text(i)
		kind := kindOf(word)
		enough := enoughDigits[kind]
		if enough == 0 {
			continue
		}
		if kind == accessWord && len(longest) >= enough {
			return "has the number " + longest + " and the word " + word
		}
		if kind != accessWord && i >= first {
			continue
		}
		if beside, digits := r.beside(i, kind == accessWord); digits >= enough && (kind == accessWord || !isYear(beside)) {
			return "has the number " + beside + " beside the word " + word
		}
		if id := r.idAfter(i); kind == machineWord && id != "" {
			return "has the id " + id + " beside the word " + word
		}
	}
	return ""
}

// longestNumber is the longest number in the first n runs.
func (r *reading) longestNumber(n int) string {
	longest := ""
	for i := range n {
		if text := r.text(i); r.runs[i].number && len(text) > len(longest) {
			longest = text
		}
	}
	return longest
}

// idAfter is a hexadecimal id that follows the word at run i after a hyphen: at least six octets, letters and digits.
func (r *reading) idAfter(i int) string {
	end := int(r.runs[i].end)
	if end+1 >= len(r.host) || r.host[end] != '-' {
		return ""
	}
	id, _ := part(r.host, end+1)
	if len(id) < 6 || !isMixedHex(id) {
		return ""
	}
	return id
}

// serial finds a first label that is little but a number, six digits and two letters or eight and three, or little but
// a machine's id: twelve hexadecimal digits, as Ethernet and container names have, after one letter at most.
func (r *reading) serial() string {
	first := r.firstLabel()
	letters := 0
	for i := range first {
		if !r.runs[i].number {
			letters += len(r.text(i))
		}
	}
	digits := r.longestNumber(first)
	if len(digits) >= 8 && letters <= 3 || len(digits) >= 6 && letters <= 2 {
		return "is little but the number " + digits
	}
	id, _ := part(r.host, 0)
	if len(id) == 13 {
		id = id[1:]
	}
	if len(id) == 12 && len(digits) >= 2 && isMixedHex(id) {
		return "is little but the id " + id
	}
	return ""
}

// vouching is the word that speaks for a mail server, or the registered domain that does, or "".
func (r *reading) vouching() string {
	if word := r.words[mailWord]; word != "" {
		return word
	}
	if namesMail(r.domain) {
		return printable.Text(r.domain, maxName)
	}
	return ""
}

// class says what a stamped name was stamped on, and the word that tells.
func (r *reading) class() (Class, string) {
	w := &r.words
	switch {
	case w[accessWord] != "":
		return Access, w[accessWord]
	case w[machineWord] != "":
		return Hosting, w[machineWord]
	case w[stampWord] == "static" && w[customerWord] == "clients": // a hoster's clients, for a line's are not static
		return Hosting, "static"
	case r.isEC2():
		return Hosting, "ec2"
	case w[customerWord] != "":
		return Access, w[customerWord]
	case w[serverWord] != "":
		return Hosting, w[serverWord]
	}
	return Generic, ""
}

// isEC2 reports whether the name starts with ec2, the one product whose name is not letters alone.
func (r *reading) isEC2() bool { return strings.HasPrefix(r.host, "ec2-") }
