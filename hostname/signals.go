package hostname

import (
	"net/netip"

	"github.com/helogate/helogate/internal/printable"
)

// A signal is one way in which a name shows that it was stamped. There is at most one of a kind in a name.
type signal uint8

const (
	noSignal signal = iota

	// The address at hand.
	ownOctets
	ownScattered
	ownThree
	ownPair
	ownNibbles
	ownNibblesBack
	ownInterface
	ownGroups

	// What looks like some address.
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

	// Words alone.
	wordsAlone
	nameless

	signalCount = iota
)

// enough is what the weights of a signal and of a word must reach together for a name to be called stamped, after the
// weight of a mail server's word is taken off. The weights are set so that an address says enough by itself; that half
// an address needs any provider's word; that dsl and dialup need two digits, customer three, host four and server five;
// and that a mail server's word is outweighed by an address together with a word like dsl, and by nothing else.
const (
	enough     = 10
	mailWeight = 8
)

// signals says how much each weighs, and how it is told after "the name": @ is the address at hand, ~ what of the name
// shows it, & the word that it belongs to, and + says whether they stand side by side.
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
	hexAlone:       {10, "is nothing but what may be an address, ~"},
	sixteenNibbles: {12, "contains sixteen nibbles of an IPv6 address"},
	eightGroups:    {12, "contains the eight groups of an IPv6 address"},
	wholeNibbles:   {12, "contains an IPv6 address as 32 nibbles"},

	twoDigits:      {4, "has the number ~ + the word &"},
	threeDigits:    {5, "has the number ~ + the word &"},
	fourDigits:     {6, "has the number ~ + the word &"},
	hexID:          {8, "has the id ~ beside the word &"},
	piecesNumbered: {6, "numbers pieces of a network as ~"},
	longNumber:     {10, "is little but the number ~"},
	longID:         {10, "is little but the id ~"},
	machineSize:    {6, "says the size of a machine, ~"},

	wordsAlone: {6, "is nothing but words of a provider"},
	nameless:   {6, "says that nobody gave it a name"},
}

// A finding is a signal, and where in the host part of the name it was seen.
type finding struct {
	signal     signal
	start, end uint8
	word       int8 // the run of the word that the signal belongs to, from 1; 0 if it needs none
	beside     bool // the word stands beside what was seen
}

// show is a finding from run i to run j.
func (r *reading) show(s signal, i, j int) finding {
	return finding{signal: s, start: r.runs[i].start, end: r.runs[j].end}
}

// appendWhy tells a finding, as its text in signals says.
func (r *reading) appendWhy(b []byte, f finding, addr netip.Addr) []byte {
	text := signals[f.signal].text
	for i := range len(text) {
		switch c := text[i]; {
		case c == '@':
			b = addr.AppendTo(b)
		case c == '~':
			b = append(b, printable.Text(r.host[f.start:f.end], maxName)...) // of two labels, with whatever is between
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
