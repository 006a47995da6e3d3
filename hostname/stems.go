package hostname

import "strings"

// place is where in a word a stem must be.
type place uint8

const (
	anywhere place = iota
	atStart
	atEnd
)

// A stem is a part of words. Any word that contains it has its kind.
type stem struct {
	kind    wordKind
	where   place
	part    string
	letters uint32 // its letters, bit 1 for a: a word that lacks one of them cannot contain it
}

func withLetters(stems []stem) []stem {
	for i := range stems {
		stems[i].letters = lettersOf(stems[i].part)
	}
	return stems
}

func lettersOf(word string) uint32 {
	var letters uint32
	for i := range len(word) {
		letters |= 1 << (word[i] & 31)
	}
	return letters
}

// stemIn returns the kind of the first stem that a word contains, or plain.
func stemIn(word string, stems []stem) wordKind {
	letters := lettersOf(word)
	for i := range stems {
		if s := &stems[i]; s.letters&^letters == 0 && s.isIn(word) {
			return s.kind
		}
	}
	return plain
}

func (s *stem) isIn(word string) bool {
	switch s.where {
	case atStart:
		return strings.HasPrefix(word, s.part)
	case atEnd:
		return strings.HasSuffix(word, s.part)
	}
	return strings.Contains(word, s.part)
}

// stems decide the kind of any word that contains them: townadsl, dialuppool, vmailer.
var stems = withLetters([]stem{
	{kind: mailWord, where: anywhere, part: "mail"},
	{kind: mailWord, where: anywhere, part: "smtp"},
	{kind: mailWord, where: anywhere, part: "spam"},
	{kind: mailWord, where: atEnd, part: "mta"},
	{kind: mailWord, where: atStart, part: "mx"},
	{kind: mailWord, where: atEnd, part: "mx"},
	{kind: accessWord, where: atEnd, part: "dsl"},
	{kind: accessWord, where: anywhere, part: "adsl"},
	{kind: accessWord, where: anywhere, part: "vdsl"},
	{kind: accessWord, where: anywhere, part: "dialup"},
	{kind: accessWord, where: anywhere, part: "pppoe"},
	{kind: accessWord, where: anywhere, part: "broadband"},
	{kind: accessWord, where: anywhere, part: "cablemodem"},
	{kind: accessWord, where: anywhere, part: "modemcable"},
	{kind: accessWord, where: anywhere, part: "ftth"},
	{kind: accessWord, where: anywhere, part: "wimax"},
	{kind: accessWord, where: anywhere, part: "catv"},
	{kind: accessWord, where: anywhere, part: "dhcp"},
	{kind: customerWord, where: anywhere, part: "customer"},
	{kind: customerWord, where: anywhere, part: "subscriber"},
	{kind: customerWord, where: anywhere, part: "abonent"},
	{kind: customerWord, where: atEnd, part: "client"},
	{kind: customerWord, where: atEnd, part: "clients"},
	{kind: machineWord, where: atEnd, part: "vps"},
	{kind: machineWord, where: atEnd, part: "vds"},
	{kind: serverWord, where: atEnd, part: "srv"},
	{kind: serverWord, where: atEnd, part: "server"},
})

// domainStems are parts of the first label of a registered domain that show the business of its owner. They tell a
// hoster's name from an access network's where nothing else does. They are no evidence that a name was
// auto-generated. Those of mail are evidence to the contrary: big senders have domains named after mail, and pools
// with octets in their names.
var domainStems = withLetters([]stem{
	{kind: mailWord, where: anywhere, part: "mail"},
	{kind: mailWord, where: anywhere, part: "smtp"},
	{kind: mailWord, where: anywhere, part: "messag"},
	{kind: mailWord, where: anywhere, part: "newsletter"},
	{kind: mailWord, where: atStart, part: "send"},
	{kind: mailWord, where: atEnd, part: "send"},
	{kind: mailWord, where: atEnd, part: "sender"},
	{kind: mailWord, where: atStart, part: "mta"},
	{kind: mailWord, where: atEnd, part: "mx"},
	{kind: mailWord, where: atStart, part: "post"},
	{kind: mailWord, where: atEnd, part: "post"},
	{kind: machineWord, where: anywhere, part: "usercontent"},
	{kind: machineWord, where: anywhere, part: "host"},
	{kind: machineWord, where: anywhere, part: "server"},
	{kind: machineWord, where: anywhere, part: "cloud"},
	{kind: machineWord, where: anywhere, part: "vps"},
	{kind: machineWord, where: anywhere, part: "vds"},
	{kind: machineWord, where: anywhere, part: "datacent"},
	{kind: machineWord, where: atEnd, part: "srv"},
	{kind: accessWord, where: anywhere, part: "dsl"},
	{kind: accessWord, where: anywhere, part: "cable"},
	{kind: accessWord, where: anywhere, part: "kabel"},
	{kind: accessWord, where: anywhere, part: "broadband"},
	{kind: accessWord, where: anywhere, part: "dialup"},
	{kind: accessWord, where: anywhere, part: "dialin"},
	{kind: accessWord, where: anywhere, part: "wireless"},
	{kind: accessWord, where: anywhere, part: "mobile"},
	{kind: accessWord, where: anywhere, part: "telecom"},
	{kind: accessWord, where: anywhere, part: "telekom"},
	{kind: accessWord, where: anywhere, part: "telefon"},
})
