package hostname

import (
	"strings"
)

// wordKind is what a word in a host name shows about the host.
type wordKind uint8

const (
	plain          wordKind = iota
	accessWord              // an access technology: no mail server is named after it
	customerWord            // a customer; providers of all sorts use these words
	lineWord                // a kind of line or address; names of servers have such words too
	machineWord             // a product of hosters
	tenantWord              // a tenant of hosters
	serverWord              // a server; a hoster's default name only with more evidence
	providerWord            // a provider generated the name, for an unknown kind of host
	pieceWord               // the same, for a part of a network, which has a number
	unassignedWord          // the provider says that the address has no name
	mailWord                // a mail server, or a pool of senders
	wordKindCount  = iota
)

// wordWeights is how much a word adds to the evidence. See signals.go.
var wordWeights = [wordKindCount]int{
	accessWord: 6, customerWord: 5, tenantWord: 5, lineWord: 4, machineWord: 4, serverWord: 4, providerWord: 4, pieceWord: 4,
	unassignedWord: 4,
}

// words is wordTable as a map. prefixes has, for each pair of first letters, the lengths of the table's words that
// start with it: bit n for n letters. Most words of names are not compounds, and this shows it without a lookup in
// the map.
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

// twoLetters returns a number for the first two letters of a word of at least two letters.
func twoLetters(word string) int { return int(word[0]-'a')*26 + int(word[1]-'a') }

// maxWord is the maximum number of letters of a word that is looked up; a longer word is plain.
const maxWord = 31

// kindOf returns the kind of a word in lower case. A word that the table lacks may contain a stem, or consist of two
// words of the table: dynamicip, kabelpool, hostmail.
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

// compound returns the kind of a word that consists of two words of the table: mailWord if one of them is, else the
// kind of the heavier one.
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

// domainKind returns what the first label of a registered domain shows about its owner: mail, machines, access or
// plain.
func domainKind(domain string) wordKind {
	label, _, _ := strings.Cut(domain, ".")
	return stemIn(label, domainStems)
}
