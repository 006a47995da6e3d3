package hostname

import (
	"strings"
)

// wordKind is what a word in a host name says about who gave the name.
type wordKind uint8

const (
	plain         wordKind = iota
	accessWord             // a way to reach the Internet: no mail server is named after it
	customerWord           // whoever is connected; providers of all sorts use these
	lineWord               // a sort of line, or of address; servers have such words too
	machineWord            // what hosters rent out, by the product's name
	tenantWord             // who rents it
	serverWord             // any server; a hoster's default only with more evidence
	stampWord              // a provider stamped this, and does not say of what kind
	pieceWord              // the same, of a piece of a network, which has a number
	voidWord               // a provider stamped this where nobody gave a name
	mailWord               // a person, or a pool of senders, named a mail server
	wordKindCount = iota
)

// wordWeights says how much a word adds to the evidence. See signals.go.
var wordWeights = [wordKindCount]int{
	accessWord: 6, customerWord: 5, tenantWord: 5, lineWord: 4, machineWord: 4, serverWord: 4, stampWord: 4, pieceWord: 4,
	voidWord: 4,
}

// words is wordTable as a map, and prefixes holds the lengths that a word of the table can have which starts with two
// given letters: bit n for n letters. Most words of names are no compound, and this says so without a look at the map.
var words, prefixes = indexWords()

func indexWords() (map[string]wordKind, *[26 * 26]uint32) {
	index, lengths := make(map[string]wordKind), new([26 * 26]uint32)
	for _, row := range wordTable {
		for word := range strings.FieldsSeq(row.words) {
			index[word] = row.kind
			lengths[twoLetters(word)] |= 1 << len(word)
		}
	}
	return index, lengths
}

// twoLetters is a number for the first two letters of a word, which has as many.
func twoLetters(word string) int { return int(word[0]-'a')*26 + int(word[1]-'a') }

// maxWord is what the longest word of the table, and two of them, may have.
const maxWord = 31

// kindOf says of what kind a word is: lower case, letters alone. A word that the table lacks can be one that holds a
// stem, or two of the table's words: dynamicip, kabelpool, hostmail.
func kindOf(word string) wordKind {
	if len(word) < 2 || len(word) > maxWord {
		return plain
	}
	if kind, ok := words[word]; ok {
		return kind
	}
	if kind := stemIn(word, stems); kind != plain {
		return kind
	}
	return compound(word)
}

// compound is the kind of a word that is two words of the table: of mail if one of them is, else the weightier one.
func compound(word string) wordKind {
	lengths := prefixes[twoLetters(word)]
	for n := 2; n <= len(word)-2; n++ {
		if lengths&(1<<n) == 0 {
			continue
		}
		first, ok := words[word[:n]]
		if !ok {
			continue
		}
		second, ok := words[word[n:]]
		switch {
		case !ok:
			continue
		case second == mailWord || first != mailWord && wordWeights[second] > wordWeights[first]:
			return second
		}
		return first
	}
	return plain
}

// domainKind says what the first label of a registered domain tells of its owner: mail, machines, access or nothing.
func domainKind(domain string) wordKind {
	label, _, _ := strings.Cut(domain, ".")
	return stemIn(label, domainStems)
}
