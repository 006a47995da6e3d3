package hostname

import "strings"

// The signals of numbers, which count together with a word, and of ids, which count alone.

// isYear reports whether a number is a year, as people use in names of what they set up: server2019, cloud2024.
func isYear(s string) bool {
	return len(s) == 4 && (s[:2] == "19" || s[:2] == "20")
}

// isDate reports whether a number is a day of this century or the last, such as 20260131.
func isDate(s string) bool {
	return len(s) == 8 && isYear(s[:4]) && "01" <= s[4:6] && s[4:6] <= "12" && "01" <= s[6:] && s[6:] <= "31"
}

// numbered finds the provider word that is heaviest together with a number, and returns the weight of both.
func (r *reading) numbered() (best finding, weight int) {
	for i := range r.n {
		kind := r.runs[i].kind
		if wordWeights[kind] == 0 {
			continue
		}
		f := r.numberOf(i, kind)
		if w := signals[f.signal].weight; w > 0 && w+wordWeights[kind] > weight {
			best, weight = f, w+wordWeights[kind]
		}
	}
	if f := r.pieces(); f.signal != noSignal && weight < signals[f.signal].weight+wordWeights[pieceWord] {
		best, weight = f, signals[f.signal].weight+wordWeights[pieceWord]
	}
	return best, weight
}

// numberOf finds the number or the id that belongs to the word at run i.
func (r *reading) numberOf(i int, kind wordKind) finding {
	if kind == machineWord {
		if id := r.idAfter(i); id.signal != noSignal {
			return id
		}
	}
	found, beside := r.rowOf(i, kind)
	f := finding{start: found.start, end: found.end, word: int8(i + 1), beside: beside}
	switch {
	case kind != accessWord && isYear(r.host[f.start:f.end]):
	case kind == serverWord && found.digits < 5: // may be a shared server of a hoster, or one of a large company
	case found.digits > 3:
		f.signal = fourDigits
	case found.digits == 3:
		f.signal = threeDigits
	case found.digits == 2:
		f.signal = twoDigits
	}
	return f
}

// rowOf finds the numbers that belong to the word at run i. In general they must be beside it in the first label. For
// a word of access lines they may be beside it in any label (12.34.dsl), or anywhere in the first label. The latter
// is also enough for a customer word that is a label of its own (7a-1234.clients), and, with four digits, for one
// that begins the name (client-town-12-34).
func (r *reading) rowOf(i int, kind wordKind) (found row, beside bool) {
	access := kind == accessWord
	if access || i < r.first {
		found = r.beside(i, access)
	}
	least := 1
	switch customer := kind == customerWord || kind == tenantWord; {
	case i >= r.first && (access || customer && r.isLabel(i)):
	case access && found.digits < 2:
	case i == 0 && customer:
		least = 4
	default:
		return found, true
	}
	if longest := r.longestRow(); longest.digits >= max(least, found.digits+1) {
		return longest, false
	}
	return found, true
}

// idAfter finds a hexadecimal id that follows the word at run i after a hyphen: at least six digits, letters and
// numerals mixed.
func (r *reading) idAfter(i int) finding {
	end := int(r.runs[i].end)
	if end+1 >= len(r.host) || r.host[end] != '-' {
		return finding{}
	}
	id, _ := part(r.host, end+1)
	if letters, digits, ok := countHex(id); !ok || letters == 0 || digits == 0 || len(id) < 6 || len(id) < 8 && digits < 2 {
		return finding{}
	}
	return finding{signal: hexID, start: uint8(end + 1), end: uint8(end + 1 + len(id)), word: int8(i + 1), beside: true}
}

// size finds the default name of a cloud image, which contains the size of the machine: debian-1vcpu-2gb-01.
func (r *reading) size() finding {
	for i := 1; i < r.n; i++ {
		if at := &r.runs[i]; at.kind == machineWord && r.runs[i-1].number && r.runs[i-1].end == at.start && r.text(i) == "vcpu" {
			return r.show(machineSize, i-1, i)
		}
	}
	return finding{}
}

// pieces finds a name that numbers a host within numbered parts of a network: a number ends its first label, and the
// labels after it number the parts, with three digits in all, as in a16.sub85.net78 and h62.zone153.
func (r *reading) pieces() finding {
	if r.words[pieceWord] == 0 || r.first == 0 || !r.runs[r.first-1].number || !r.endsLabel(r.first-1) {
		return finding{}
	}
	f, digits := finding{signal: piecesNumbered}, 0
	for i := r.first; i+1 < r.n; i++ {
		next := &r.runs[i+1]
		if r.runs[i].kind != pieceWord || next.octet < 0 || next.start != r.runs[i].end {
			continue
		}
		if digits == 0 {
			f.start = r.runs[i].start
		}
		f.end = next.end
		digits += r.length(i + 1)
	}
	if digits < 3 {
		return finding{}
	}
	return f
}

// serial finds a first label that is little more than a number (at least six digits, at most three letters), or that
// consists of ids of at least twelve hexadecimal digits, as Ethernet, containers and rented machines have.
func (r *reading) serial() finding {
	letters, digits, at := 0, 0, 0
	for i := range r.first {
		if n := r.length(i); !r.runs[i].number {
			letters += n
		} else if n > digits {
			digits, at = n, i
		}
	}
	if digits >= 6 && letters <= 3 && !isDate(r.text(at)) {
		return finding{signal: longNumber, start: r.runs[at].start, end: r.runs[at].end}
	}
	return r.ids()
}

// ids finds a first label all of whose parts are ids, apart from parts of at most three octets.
func (r *reading) ids() finding {
	label, _, _ := strings.Cut(r.host, ".")
	var f finding
	for at := 0; at < len(label); {
		text, next := part(label, at)
		if n := idIn(text); n > 0 {
			if f.signal == noSignal {
				f = finding{signal: longID, start: uint8(at + len(text) - n), end: uint8(at + len(text))}
			}
		} else if len(text) > 3 {
			return finding{}
		}
		at = next
	}
	return f
}

// idIn returns how many hexadecimal digits at the end of a part are an id: at least twelve, four of them numerals,
// after at most three letters.
func idIn(text string) int {
	if len(text) < 12 {
		return 0
	}
	n, digits := 0, 0
	for n < len(text) && isNibble(text[len(text)-1-n]) {
		if text[len(text)-1-n] <= '9' {
			digits++
		}
		n++
	}
	if n < 12 || digits < 4 || len(text)-n > 3 {
		return 0
	}
	if n < 16 {
		return 12 // the e of cpe0004e2372711 is not part of it
	}
	return n
}

// hexLabel finds what may be an address in hexadecimal: a part of a label that consists of eight such digits, after
// 0x or with letters and numerals mixed, and of up to three letters before them. No word is needed if it is the only
// label below the registered domain, and letters and numerals alternate at random: a person writes cafe2023, and a
// customer's id has labels after it.
func (r *reading) hexLabel() finding {
	for at := 0; at < len(r.host); {
		text, next := part(r.host, at)
		start := len(text) - 8
		if start >= 0 && start <= 3 && isHexAddress(text[:start], text[start:]) {
			f := finding{signal: hexAddress, start: uint8(at), end: uint8(at + len(text))}
			if len(text) == len(r.host) && r.domain != "" && alternations(text[start:]) >= 2 {
				f.signal = hexAlone
			}
			return f
		}
		at = next
	}
	return finding{}
}

// isHexAddress reports whether prefix and eight digits can be an address in a part of a label.
func isHexAddress(prefix, digits string) bool {
	for i := range len(prefix) {
		if classes[prefix[i]] == digit && prefix != "0x" {
			return false
		}
	}
	letters, numerals, ok := countHex(digits)
	return ok && (letters > 0 && numerals > 1 || prefix == "0x")
}

// alternations counts where letters follow numerals or numerals letters.
func alternations(s string) int {
	n := 0
	for i := 1; i < len(s); i++ {
		if classes[s[i]] != classes[s[i-1]] {
			n++
		}
	}
	return n
}

func isNibble(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }

func isHex(s string) bool {
	_, _, ok := countHex(s)
	return ok
}

// countHex counts the letters and the numerals of a hexadecimal number, and reports whether it is one.
func countHex(s string) (letters, digits int, ok bool) {
	for i := range len(s) {
		switch c := s[i]; {
		case !isNibble(c):
			return 0, 0, false
		case c <= '9':
			digits++
		default:
			letters++
		}
	}
	return letters, digits, true
}
