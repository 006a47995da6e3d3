package hostname

import (
	"net/netip"

	"github.com/helogate/helogate/internal/printable"
)

// A signal is one kind of evidence that a name was auto-generated. A name has at most one of each kind.
type signal uint8

const (
	noSignal signal = iota

	// The client's own address.
	ownOctets
	ownScattered
	ownThree
	ownPair
	ownNibbles
	ownNibblesBack
	ownInterface
	ownGroups

	// Anything that looks like an address.
	fourOctets
	groupedOctets
	twoPairs
	threeOctets
	bareOctets
	hexAddress
	hexAlone
	sixteenNibbles
	eightGroups
	wholeNibbles

	// Numbers and ids.
	twoDigits
	threeDigits
	fourDigits
	hexID
	piecesNumbered
	longNumber
	longID
	machineSize

	// Words without numbers.
	wordsAlone
	unassigned

	signalCount = iota
)

// A name is auto-generated if the weights of a signal and of a word reach enough, after mailWeight is subtracted for
// a word that indicates a mail server. The weights are chosen so that an address is enough alone; that half an
// address needs any provider word; that dsl and dialup need two digits, customer three, host four and server five;
// and that only an address together with a word like dsl outweighs the word of a mail server.
const (
	enough     = 10
	mailWeight = 8
)

// signals has the weight of each signal, and its text, which follows "the name": @ is the client's address, ~ the
// part of the name that shows the signal, & the word that belongs to it, and + says whether the two are next to each
// other.
var signals = [signalCount]struct {
	weight int
	text   string
}{
	ownOctets:      {12, "contains its address @ as ~"},
	ownScattered:   {12, "contains each octet of its address @"},
	ownThree:       {12, "contains three octets of @ as ~"},
	ownPair:        {6, "contains the last two octets of @ as ~"},
	ownNibbles:     {12, "contains its address @ as its nibbles"},
	ownNibblesBack: {12, "contains its address @ as its nibbles in reverse"},
	ownInterface:   {12, "contains its address @ as the nibbles of its interface"},
	ownGroups:      {12, "contains its address @ as its groups"},

	fourOctets:     {12, "contains four octets as ~"},
	groupedOctets:  {10, "contains four octets, three of them side by side, as ~"},
	twoPairs:       {6, "contains what may be four octets as ~"},
	threeOctets:    {6, "contains what may be three octets as ~"},
	bareOctets:     {10, "starts with two bare numbers, ~"},
	hexAddress:     {6, "contains what may be an address as ~"},
	hexAlone:       {10, "consists only of what may be an address, ~"},
	sixteenNibbles: {12, "contains sixteen nibbles of an IPv6 address"},
	eightGroups:    {12, "contains the eight groups of an IPv6 address"},
	wholeNibbles:   {12, "contains an IPv6 address as 32 nibbles"},

	twoDigits:      {4, "has the number ~ + the word &"},
	threeDigits:    {5, "has the number ~ + the word &"},
	fourDigits:     {6, "has the number ~ + the word &"},
	hexID:          {8, "has the id ~ beside the word &"},
	piecesNumbered: {6, "numbers parts of a network as ~"},
	longNumber:     {10, "is little more than the number ~"},
	longID:         {10, "is little more than the id ~"},
	machineSize:    {6, "contains the size of a machine, ~"},

	wordsAlone: {6, "consists only of provider words"},
	unassigned: {6, "says that the address has no name"},
}

// A finding is a signal, and its place in the host part of the name.
type finding struct {
	signal     signal
	start, end uint8
	word       int8 // the run of the word that belongs to the signal, from 1; 0 if it needs none
	beside     bool // the word is next to the signal
}

// show returns a finding from run i to run j.
func (r *reading) show(s signal, i, j int) finding {
	return finding{signal: s, start: r.runs[i].start, end: r.runs[j].end}
}

// appendWhy appends the text of a finding.
func (r *reading) appendWhy(b []byte, f finding, addr netip.Addr) []byte {
	text := signals[f.signal].text
	for i := range len(text) {
		switch c := text[i]; {
		case c == '@':
			b = addr.AppendTo(b)
		case c == '~':
			b = append(b, printable.Text(r.host[f.start:f.end], maxName)...) // may span two labels, and any octets between
		case c == '&' && f.word > 0:
			b = append(b, r.text(int(f.word)-1)...)
		case c == '+' && f.beside:
			b = append(b, "beside"...)
		case c == '+':
			b = append(b, "and"...)
		default:
			b = append(b, c)
		}
	}
	return b
}
