package hostname

import (
	"net/netip"
	"strings"

	"github.com/helogate/helogate/internal/printable"
)

// Class says who gave a name. The words are stable.
type Class string

const (
	Custom  Class = "custom"  // a person gave it, or nothing says otherwise
	Access  Class = "access"  // a provider stamped it on a line: dial-up, DSL, cable, mobile
	Hosting Class = "hosting" // the default of a rented server
	Generic Class = "generic" // a provider stamped it, no telling on what
)

// Classify tells a name that a person gave to a server from one that a provider stamped on an address, and says why in
// printable ASCII. addr is the address that bears the name or says it in HELO, the zero Addr if it is not known; with it
// more is found, never less. name is a PTR name or a HELO name, case and a final dot do not matter.
//
// Only what stands before the registered domain is read. Two things are weighed there, the strongest signal and the
// strongest word of a provider (signals.go and wordtable.go say how much each weighs):
//
//   - the whole address, or three neighbouring octets of it, decimal, padded with zeros, reversed, fused, hexadecimal or
//     as an integer; of IPv6 the nibbles or groups; or what looks like a whole address: enough by itself;
//   - its last two octets, or what looks like part of an address: enough with any word of a provider;
//   - a word of a provider with a number beside it, the longer the less the word says;
//   - a long number or an id with next to nothing around it: enough by itself.
//
// Octets count only between separators. A word such as mail, smtp, mx or outbound speaks against all that, in the name or
// in its registered domain, since big senders number their pools by address; nothing but an address with a word like dsl
// or dialup outweighs it. In doubt a name is [Named]: to take a mail server for a desktop does more harm than the reverse.
//
// The result for Named says which word spoke for it, if evidence had to be outweighed, else "".
func Classify(name string, addr netip.Addr) (Class, string) {
	addr = addr.Unmap().WithZone("")
	var r reading
	class, found, word := r.judge(name, addr)
	if found.signal == noSignal {
		return class, ""
	}
	var buf [512]byte
	if class == Custom {
		why := append(append(buf[:0], word...), " names a mail server, though the name "...)
		return class, string(r.appendWhy(why, found, addr))
	}
	why := r.appendWhy(buf[:0], found, addr)
	if word != "" && (found.word == 0 || r.text(int(found.word)-1) != word) {
		why = append(append(why, ", and the word "...), word...)
	}
	return class, string(why)
}

// ClassAndOrg is the class without the reason, and the organisational domain, as [Classify] and [Org] have them: at the
// price of one. It allocates no more than Org does.
func ClassAndOrg(name string, addr netip.Addr) (Class, string) {
	var r reading
	class, _, _ := r.judge(name, addr.Unmap().WithZone(""))
	if r.name == "" { // too long to be read
		return class, Org(Canonical(name))
	}
	return class, r.org
}

// judge takes a name apart and says its class, what was found in it if that is enough, and the word that tells the class
// or, for Named, the one that outweighs what was found.
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
	if mail := r.vouching(); mail != "" && weight-mailWeight < enough {
		return Custom, found, mail
	}
	class, word = r.class()
	return class, found, word
}

// evidence returns the finding that says most with the word that goes with it, and what both weigh.
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
	if w > weight || best.signal == longNumber && w >= enough { // the word tells more than that there is little else
		return f, w
	}
	return best, weight
}

// heaviestWord is the weight of the provider's word that weighs most.
func (r *reading) heaviestWord() int {
	heaviest := 0
	for kind, weight := range wordWeights {
		if r.words[kind] > 0 {
			heaviest = max(heaviest, weight)
		}
	}
	return heaviest
}

// address finds the signal that any word can go with, the weightiest first.
func (r *reading) address(addr netip.Addr) finding {
	if !r.digits {
		return r.addressInLetters(addr)
	}
	for step := range 12 {
		if f := r.look(step, addr); f.signal != noSignal {
			return f
		}
	}
	return finding{}
}

// look is one step of address. (They are plain calls in a switch: a list of functions would put every reading on the
// heap.)
func (r *reading) look(step int, addr netip.Addr) finding {
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

// addressInLetters is address for a host without a digit, as most mail servers are named: no other step finds anything in
// it.
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

// wordsOnly finds a first label that has nothing of its own: two words of a provider or more, one of them of access, and
// nothing else (adsl-pool, dynamic-ip), or one that begins by saying that nobody gave a name (unassigned, no-rdns).
func (r *reading) wordsOnly() finding {
	if r.runs[0].kind == voidWord || r.first > 1 && r.text(0) == "no" && r.runs[1].kind == stampWord {
		return finding{signal: nameless}
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

// vouching is the word that speaks for a mail server, or the registered domain that does, or "".
func (r *reading) vouching() string {
	if word := r.word(mailWord); word != "" {
		return word
	}
	if domainKind(r.domain) == mailWord {
		return printable.Text(r.domain, maxName)
	}
	return ""
}

// class says what a stamped name was stamped on, and the word that tells. The owner of the domain comes after the words
// that say it outright, and before those that all sorts of providers use.
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
	case w[stampWord] > 0 && w[customerWord] > 0 && r.word(stampWord) == "static" && r.word(customerWord) == "clients":
		return Hosting, "static" // a hoster's clients, for a line's are not static
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
