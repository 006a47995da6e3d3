package imports

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

const laterDefault = "GNLR" // what version 8 makes of an empty variable

// Helodnscheck is what the qmail-spp plugin was told.
type Helodnscheck struct {
	Flags      string     // HELO_DNS_CHECK; empty is set, but empty
	Generation Generation // "" finds out from the letters
	Moreipme   string     // the text of control/moreipme
	HasMore    bool       // whether there was one
}

// tests is what the program does with its letters.
type tests struct {
	generation                          Generation
	missing, syntax, resolve, own, same bool // denies who sends no name, a bad one, one not in DNS, ours, another's
	pass                                bool // P of version 8: would deny all these, and does not
	passResolve, passSame               bool // P of version 7: not these
	relay, header, log, debug           bool
}

// Import makes a configuration of it. A letter that no generation has is an error, and one that another has than was
// asked for; the error names those that there are.
func (h Helodnscheck) Import() (*Result, error) {
	d := &doc{}
	t, err := h.tests(d)
	if err != nil {
		return nil, err
	}
	d.say("The qmail-spp plugin helodnscheck with HELO_DNS_CHECK=%q, its letters read as those of %s. Imported by "+
		"helogate; docs/import.md says what differs from it.", h.Flags, t.generation.words())
	d.gap()
	d.set("mode", quote("enforce"), `as it was; "shadow" judges and lets everything through`)
	own := moreipme(d, h.Moreipme)
	d.own(own, t, h.HasMore)
	d.table("[policy]")
	d.set("preset", quote("lenient"), "with all of it below")
	d.checks("lenient", t.settings())
	t.rest(d)
	return d.result(), nil
}

func (g Generation) words() string {
	if g == Later {
		return "the later releases (GANB and LHDRP)"
	}
	return "the first generation (PBLHRDVI)"
}

// tests reads the letters.
func (h Helodnscheck) tests(d *doc) (tests, error) {
	g, err := h.generation()
	if err != nil {
		return tests{}, err
	}
	flags := h.Flags
	if flags == "" && g == Later {
		flags = laterDefault
		d.note(0, `HELO_DNS_CHECK=""`, "read as %s, as version 8 does", laterDefault)
	}
	has := func(any string) bool { return strings.ContainsAny(flags, any) }
	t := tests{
		generation: g, missing: true, own: has("NV"), same: has("B"), resolve: has("AI"),
		relay: has("R"), header: has("H"), log: has("LD"), debug: has("D"),
	}
	if g == Seed {
		t.passResolve = has("P") && !has("I")
		t.passSame = has("P") && t.same
		t.resolve = true
		t.syntax = true // what is malformed is not in DNS
		return t, nil
	}
	t.own, t.resolve = t.own || t.same, t.resolve || t.same
	t.syntax, t.pass = has("G") || t.resolve, has("P")
	if has("IV") {
		d.note(0, "I, V", "read as A and N, as version 8.2 did; later ones do not know them")
	}
	return t, nil
}

// generation is what was asked for, or what the letters tell: the seed's where they tell nothing.
func (h Helodnscheck) generation() (Generation, error) {
	g := h.Generation
	if g == "" {
		g = Seed
		if strings.ContainsAny(h.Flags, "GAN") {
			g = Later
		}
	}
	known, ok := letters[g]
	if !ok {
		return "", fmt.Errorf("%q is no generation of helodnscheck: %s or %s", g, Seed, Later)
	}
	for _, r := range h.Flags {
		if !strings.ContainsRune(known, r) {
			return "", fmt.Errorf("%q is no letter of HELO_DNS_CHECK in %s: there are %s", r, g.words(), strings.Join(strings.Split(known, ""), ", "))
		}
	}
	return g, nil
}

// settings are the lines of the policy.
func (t tests) settings() []setting {
	do := func(denies, passed bool) string {
		switch {
		case passed:
			return "would reject"
		case denies:
			return "reject"
		}
		return "note"
	}
	var out []setting
	add := func(check, act, why string) { out = append(out, setting{check, act, why}) }
	add("helo-missing", action(do(true, t.pass), false), "no name at all")
	if t.own {
		add("own-identity", action(do(true, t.pass), false), "localhost, or one of our addresses")
		add("own-name", action(do(true, t.pass), true), "resolves to one of our addresses, or is a name of ours")
	}
	syntax := t.pass || t.generation == Seed && t.passResolve
	if t.syntax {
		add("helo-syntax", action(do(true, syntax), false), "malformed")
		add("forged-literal", action(do(true, syntax), false), "another's address in brackets")
	}
	if t.syntax && t.generation == Later {
		add("fqdn", action(do(true, syntax), false), "malformed, by the plugin's pattern")
	}
	if t.syntax && t.generation == Later || t.same && !t.passSame {
		add("bare-address", action(do(true, t.pass), false), "no name")
	}
	if t.resolve {
		add("helo-resolves", action(do(true, syntax), true), "not in DNS; a failure of DNS lets in, as it did")
		add("private-name", action(do(true, syntax), false), "not in DNS either")
	}
	if t.same || t.log || t.header {
		add("helo-matches", action(do(t.same, t.same && (t.pass || t.passSame)), true), t.matchWords())
	}
	if !t.relay {
		add("own-network", `{ pass = "note" }`, "without R, relay clients are judged too")
	}
	return out
}

func (t tests) matchWords() string {
	if t.same {
		return "B: none of its addresses is the client's"
	}
	return "logged, and let in"
}

// own writes what is ours.
func (d *doc) own(addresses []string, t tests, given bool) {
	d.table("[own]")
	if len(addresses) > 0 {
		d.list("addresses", addresses, "control/moreipme")
	} else {
		d.example("addresses", `["192.0.2.25"]`, "those of control/moreipme")
	}
	if t.own && !given {
		d.note(0, "control/moreipme", "was not given (--moreipme): set own.addresses; until then only the address that the client connected to is known to be ours")
	}
	if t.own {
		d.example("names", `["example.net"]`, "if you like: a stranger who says one of these lies, wherever it resolves to")
	}
	d.example("networks", `["192.0.2.0/24"]`, "the clients for which tcprules sets RELAYCLIENT")
	if t.relay {
		d.note(0, "R", "RELAYCLIENT means that the client may relay, which your tcprules say: write its addresses into own.networks; who logs in is let in as well")
	} else {
		d.note(0, "no R", "relay clients are judged, as the plugin does without R; who logs in is let in all the same. To let in those of own.networks, delete the line own-network")
	}
}

// rest writes what is no check, and says what is not here.
func (t tests) rest(d *doc) {
	if t.header {
		d.table("[headers]")
		d.set("x_helo_check", "true", "H")
	}
	if t.debug {
		d.table("[log]")
		d.set("level", quote("debug"), "D")
	}
	d.table("#[[exempt]]")
	d.example("address", quote("198.51.100.7"), "a line of tcprules with NOHELODNSCHECK")
	d.note(0, "NOHELODNSCHECK", "is in your tcprules, which are not read: write an [[exempt]] for each address")
	if !t.log {
		d.note(0, "no L", `every verdict is logged here; log.level = "warn" keeps it quiet`)
	}
	if t.generation == Seed && t.same && !t.log && !t.header && !t.own {
		d.note(0, "B", "does nothing in the first generation without L, H, D or V, though its manual says that it blocks; here it rejects")
	}
	if t.pass || t.passResolve || t.passSame {
		d.note(0, "P", `what it lets pass is judged on trial ("would reject"): the log says so`)
	}
}
