package hostname

import (
	"net/netip"
	"strings"

	"github.com/helogate/helogate/internal/printable"
)

// Class says whether a person or a provider named a host. The words are stable.
type Class string

const (
	Custom  Class = "custom"  // chosen by a person, or nothing indicates otherwise
	Access  Class = "access"  // auto-generated, for an access line: dial-up, DSL, cable, mobile
	Hosting Class = "hosting" // the default name of a rented server
	Generic Class = "generic" // auto-generated, for an unknown kind of host
)

// Classify distinguishes custom names, which a person chose for a server, from names that a provider generated from
// an address. It returns the class and the reason, in printable ASCII. name is a PTR name or a HELO name; case and a
// final dot do not matter. addr is the address that has the name or sends it in HELO, or the zero Addr if it is not
// known. With the address Classify finds more, never less.
//
// Only the labels before the registered domain are read. The strongest signal and the strongest provider word in them
// are added up (signals.go and wordtable.go have the weights):
//
//   - the whole address, or three neighbouring octets of it: decimal, padded with zeros, reversed, fused, hexadecimal
//     or as an integer; for IPv6 the nibbles or groups; or anything that looks like a whole address. Enough alone;
//   - its last two octets, or anything that looks like part of an address. Enough with any provider word;
//   - a provider word with a number beside it. The less specific the word, the longer the number must be;
//   - a long number or an id with hardly anything around it. Enough alone.
//
// Octets count only between separators. A word such as mail, smtp, mx or outbound, in these labels or in the
// registered domain, is evidence to the contrary, because big senders number their pools by address. Only an address
// together with a word like dsl or dialup outweighs it. In doubt a name is [Custom]: to mistake a mail server for a
// desktop does more harm than the reverse.
//
// The reason of Custom is the word that outweighed the evidence, if there was any, else "".
func Classify(name string, addr netip.Addr) (Class, string) {
	addr = addr.Unmap().WithZone("")
	var r reading
	class, found, word := r.judge(name, addr)
	if found.signal == noSignal {
		return class, ""
	}
	var buf [512]byte
	if class == Custom {
		why := append(append(buf[:0], word...), " indicates a mail server, although the name "...)
		return class, string(r.appendWhy(why, found, addr))
	}
	why := r.appendWhy(buf[:0], found, addr)
	if word != "" && (found.word == 0 || r.text(int(found.word)-1) != word) {
		why = append(append(why, ", and the word "...), word...)
	}
	return class, string(why)
}

// ClassAndOrg returns the class without the reason, as [Classify] does, and the organisational domain, as [Org] does,
// at the price of one of them. It allocates no more than Org.
func ClassAndOrg(name string, addr netip.Addr) (Class, string) {
	var r reading
	class, _, _ := r.judge(name, addr.Unmap().WithZone(""))
	if r.name == "" { // too long for a reading
		return class, Org(Canonical(name))
	}
	return class, r.org
}

// judge reads a name. It returns the class; the finding, if the evidence is sufficient; and the word that decided the
// class or, for Custom, outweighed the evidence.
func (r *reading) judge(name string, addr netip.Addr) (class Class, found finding, word string) {
	name = Canonical(name)
	if len(name) > maxName {
		return Custom, finding{}, ""
	}
	r.read(name)
	found, weight := r.evidence(addr)
	if weight < enough {
		return Custom, finding{}, ""
	}
	if mail := r.mailWordOf(); mail != "" && weight-mailWeight < enough {
		return Custom, found, mail
	}
	class, word = r.class()
	return class, found, word
}

// evidence returns the strongest finding, with its word, and the weight of both.
func (r *reading) evidence(addr netip.Addr) (finding, int) {
	if r.n == 0 {
		return finding{}, 0
	}
	best := r.address(addr)
	weight := 0
	if best.signal != noSignal {
		weight = signals[best.signal].weight + r.heaviestWord()
	}
	if !r.digits {
		return best, weight
	}
	f, w := r.numbered()
	if w > weight || best.signal == longNumber && w >= enough { // the word is more specific than the lack of anything else
		return f, w
	}
	return best, weight
}

// heaviestWord returns the weight of the heaviest provider word.
func (r *reading) heaviestWord() int {
	heaviest := 0
	for kind, weight := range wordWeights {
		if r.words[kind] > 0 {
			heaviest = max(heaviest, weight)
		}
	}
	return heaviest
}

// address finds the heaviest of the signals that count together with any word.
func (r *reading) address(addr netip.Addr) finding {
	if !r.digits {
		return r.addressInLetters(addr)
	}
	for step := range 12 {
		if f := r.step(step, addr); f.signal != noSignal {
			return f
		}
	}
	return finding{}
}

// step is one step of address. (It has plain calls in a switch, because a list of functions would put every reading
// on the heap.)
func (r *reading) step(step int, addr netip.Addr) finding {
	switch step {
	case 0:
		return r.own(addr)
	case 1:
		return r.anyIPv6()
	case 2:
		return r.anyOctets()
	case 3:
		return r.anyFused()
	case 4:
		return r.anyBare()
	case 5:
		return r.serial()
	case 6:
		return r.anyGroups()
	case 7:
		return r.hexLabel()
	case 8:
		return r.ownPair(addr)
	case 9:
		return r.anyThree()
	case 10:
		return r.size()
	}
	return r.wordsOnly()
}

// addressInLetters is address for a host without a digit, which is what most mail servers have: no other step can
// find anything.
func (r *reading) addressInLetters(addr netip.Addr) finding {
	if !addr.Is4() || isLetters(addr.As4()) {
		if f := r.own(addr); f.signal != noSignal {
			return f
		}
	}
	if f := r.anyIPv6(); f.signal != noSignal {
		return f
	}
	return r.wordsOnly()
}

// wordsOnly finds a first label that consists of two or more provider words, at least one of them for access lines
// (adsl-pool, dynamic-ip), or that begins by saying that the address has no name (unassigned, no-rdns).
func (r *reading) wordsOnly() finding {
	if r.runs[0].kind == unassignedWord || r.first > 1 && r.text(0) == "no" && r.runs[1].kind == providerWord {
		return finding{signal: unassigned}
	}
	access := false
	for i := range r.first {
		kind := r.runs[i].kind
		if wordWeights[kind] == 0 {
			return finding{}
		}
		access = access || kind == accessWord
	}
	if !access || r.first < 2 {
		return finding{}
	}
	return finding{signal: wordsAlone}
}

// mailWordOf returns the word that indicates a mail server, or the registered domain that does, or "".
func (r *reading) mailWordOf() string {
	if word := r.word(mailWord); word != "" {
		return word
	}
	if domainKind(r.domain) == mailWord {
		return printable.Text(r.domain, maxName)
	}
	return ""
}

// class returns the class of an auto-generated name, and the word that decides it. The owner of the domain counts
// less than specific words, and more than words that all sorts of providers use.
func (r *reading) class() (Class, string) {
	w := &r.words
	owner := domainKind(r.domain)
	switch {
	case w[accessWord] > 0:
		return Access, r.word(accessWord)
	case w[machineWord] > 0:
		return Hosting, r.word(machineWord)
	case w[tenantWord] > 0:
		return Hosting, r.word(tenantWord)
	case w[providerWord] > 0 && w[customerWord] > 0 && r.word(providerWord) == "static" && r.word(customerWord) == "clients":
		return Hosting, "static" // customers of a hoster; those of access lines are dynamic
	case strings.HasPrefix(r.host, "ec2-"):
		return Hosting, "ec2"
	case owner == machineWord:
		return Hosting, ""
	case w[customerWord] > 0:
		return Access, r.word(customerWord)
	case w[lineWord] > 0:
		return Access, r.word(lineWord)
	case w[serverWord] > 0:
		return Hosting, r.word(serverWord)
	case owner == accessWord:
		return Access, ""
	}
	return Generic, ""
}
