// Package helodnscheck reads the settings of the qmail-spp plugin of that name: the letters of HELO_DNS_CHECK, of which
// there are two generations, and control/moreipme. What follows from them, as lines of a policy, is said here once: for
// helogate import, which writes them down, and for helogate qmail-spp, which judges by them.
package helodnscheck

import (
	"fmt"
	"strings"
)

// Generation is one of the two generations of helodnscheck, whose letters mean different things.
type Generation string

// The generations.
const (
	Seed  Generation = "seed"  // 2022, version 7: P B L H R D V I
	Later Generation = "later" // from 2023 on, version 8: G A N B, and L H D R P
)

// The letters of the generations. Version 8 took I for A and V for N, as long as it remembered them.
var letters = map[Generation]string{Seed: "PBLHRDVI", Later: "GANBLHDRPIV"}

// LaterDefault is what version 8 makes of an empty variable.
const LaterDefault = "GNLR"

// String says which generation it is.
func (g Generation) String() string {
	if g == Later {
		return "the later releases (GANB and LHDRP)"
	}
	return "the first generation (PBLHRDVI)"
}

// Letters is what the program does with its letters.
type Letters struct {
	Generation                          Generation
	Missing, Syntax, Resolve, Own, Same bool // denies a missing name, a bad one, one not in DNS, a local one, another host's
	Pass                                bool // P of version 8: would deny all these, and does not
	PassResolve, PassSame               bool // P of version 7: not these
	Relay, Header, Log, Debug           bool
}

// Read reads the letters; the generation "" finds out from them: the seed's where they tell nothing. A letter that the
// generation does not have is an error, which names those that there are.
func Read(flags string, g Generation) (Letters, error) {
	g, err := generation(flags, g)
	if err != nil {
		return Letters{}, err
	}
	if flags == "" && g == Later {
		flags = LaterDefault
	}
	has := func(any string) bool { return strings.ContainsAny(flags, any) }
	t := Letters{
		Generation: g, Missing: true, Own: has("NV"), Same: has("B"), Resolve: has("AI"),
		Relay: has("R"), Header: has("H"), Log: has("LD"), Debug: has("D"),
	}
	if g == Seed {
		t.PassResolve = has("P") && !has("I")
		t.PassSame = has("P") && t.Same
		t.Resolve = true
		t.Syntax = true // what is malformed is not in DNS
		return t, nil
	}
	t.Own, t.Resolve = t.Own || t.Same, t.Resolve || t.Same
	t.Syntax, t.Pass = has("G") || t.Resolve, has("P")
	return t, nil
}

// Known returns the letters without those that no generation has, which the program passes over, and those apart.
func Known(flags string) (known, strange string) {
	for _, r := range flags {
		if strings.ContainsRune(letters[Later], r) {
			known += string(r)
		} else {
			strange += string(r)
		}
	}
	return known, strange
}

// generation is what was asked for, or what the letters tell.
func generation(flags string, g Generation) (Generation, error) {
	if g == "" {
		g = Seed
		if strings.ContainsAny(flags, "GAN") {
			g = Later
		}
	}
	known, ok := letters[g]
	if !ok {
		return "", fmt.Errorf("%q is not a generation of helodnscheck: use %s or %s", string(g), string(Seed), string(Later))
	}
	for _, r := range flags {
		if !strings.ContainsRune(known, r) {
			return "", fmt.Errorf("%q is not a letter of HELO_DNS_CHECK in %s: use %s", r, g, strings.Join(strings.Split(known, ""), ", "))
		}
	}
	return g, nil
}

// A Line is what the letters make of a check. All others that judge are ignored; those that accept stay as they are.
type Line struct {
	Check string
	Fail  string // what is done if it fails, as helogate.ParseAction reads it; "" leaves it
	DNS   bool   // it asks DNS, and a failure accepts, as in the program: on temperror, note
	Pass  string // what is done if it passes; "" leaves it
	Why   string // for people
}

// Lines returns the lines, in an order for people to read.
func (t Letters) Lines() []Line {
	do := func(denies, passed bool) string {
		switch {
		case passed:
			return "would reject"
		case denies:
			return "reject"
		}
		return "note"
	}
	var out []Line
	add := func(check, fail string, dns bool, why string) {
		out = append(out, Line{Check: check, Fail: fail, DNS: dns, Why: why})
	}
	add("helo-missing", do(true, t.Pass), false, "no name at all")
	if t.Own {
		add("own-identity", do(true, t.Pass), false, "localhost, or an own address")
		add("own-name", do(true, t.Pass), true, "resolves to an own address, or is an own name")
	}
	syntax := t.Pass || t.Generation == Seed && t.PassResolve
	if t.Syntax {
		add("helo-syntax", do(true, syntax), false, "malformed")
		add("forged-literal", do(true, syntax), false, "the address of another host in brackets")
	}
	if t.Syntax && t.Generation == Later {
		add("fqdn", do(true, syntax), false, "malformed, by the plugin's pattern")
	}
	if t.Syntax && t.Generation == Later || t.Same && !t.PassSame {
		add("bare-address", do(true, t.Pass), false, "an address, not a name")
	}
	if t.Resolve {
		add("helo-resolves", do(true, syntax), true, "not in DNS; a DNS failure accepts, as before")
		add("private-name", do(true, syntax), false, "not in DNS either")
	}
	if t.Same || t.Log || t.Header {
		add("helo-matches", do(t.Same, t.Same && (t.Pass || t.PassSame)), true, t.matchWords())
	}
	if !t.Relay {
		out = append(out, Line{Check: "own-network", Pass: "note", Why: "without R, relay clients are judged too"})
	}
	return out
}

func (t Letters) matchWords() string {
	if t.Same {
		return "B: the client is not among its addresses"
	}
	return "logged, and accepted"
}
