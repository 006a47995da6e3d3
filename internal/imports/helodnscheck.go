package imports

import (
	"strings"

	"github.com/helogate/helogate/internal/helodnscheck"
)

// Generation is one of the two generations of helodnscheck, whose letters mean different things.
type Generation = helodnscheck.Generation

// The generations.
const (
	Seed  = helodnscheck.Seed  // 2022, version 7: P B L H R D V I
	Later = helodnscheck.Later // from 2023 on, version 8: G A N B, and L H D R P
)

// Helodnscheck has the settings of the qmail-spp plugin.
type Helodnscheck struct {
	Flags      string     // HELO_DNS_CHECK; empty is set, but empty
	Generation Generation // "" finds out from the letters
	Moreipme   string     // the text of control/moreipme
	HasMore    bool       // whether there was one
}

// Import makes a configuration of it. A letter that no generation has is an error, and one that another has than was
// asked for; the error names those that there are.
func (h Helodnscheck) Import() (*Result, error) {
	d := &doc{}
	t, err := h.letters(d)
	if err != nil {
		return nil, err
	}
	d.say("The qmail-spp plugin helodnscheck with HELO_DNS_CHECK=%q, its letters read as those of %s. Imported by "+
		"helogate; docs/import.md lists the differences.", h.Flags, t.Generation)
	d.gap()
	d.set("mode", quote("enforce"), `as before; "shadow" is a dry run`)
	own := moreipme(d, h.Moreipme)
	d.own(own, t, h.HasMore)
	d.table("[policy]")
	d.set("preset", quote("lenient"), "with the changes below")
	d.checks("lenient", settings(t))
	d.rest(t)
	return d.result(), nil
}

// letters reads the letters, and notes what is not plain in them.
func (h Helodnscheck) letters(d *doc) (helodnscheck.Letters, error) {
	t, err := helodnscheck.Read(h.Flags, h.Generation)
	if err != nil {
		return t, err
	}
	if h.Flags == "" && t.Generation == Later {
		d.note(0, `HELO_DNS_CHECK=""`, "read as %s, as version 8 does", helodnscheck.LaterDefault)
	}
	if strings.ContainsAny(h.Flags, "IV") && t.Generation == Later {
		d.note(0, "I, V", "read as A and N, as in version 8.2; later versions do not have them")
	}
	return t, nil
}

// settings are the lines of the policy.
func settings(t helodnscheck.Letters) (out []setting) {
	for _, l := range t.Lines() {
		act := action(l.Fail, l.DNS)
		if l.Pass != "" {
			act = "{ pass = " + quote(l.Pass) + " }"
		}
		out = append(out, setting{l.Check, act, l.Why})
	}
	return out
}

// own writes the local names and addresses.
func (d *doc) own(addresses []string, t helodnscheck.Letters, given bool) {
	d.table("[own]")
	if len(addresses) > 0 {
		d.list("addresses", addresses, "control/moreipme")
	} else {
		d.example("addresses", `["192.0.2.25"]`, "those of control/moreipme")
	}
	if t.Own && !given {
		d.note(0, "control/moreipme", "was not given (--moreipme): set own.addresses; until then helogate knows only the address that the client connected to as its own")
	}
	if t.Own {
		d.example("names", `["example.net"]`, "optional: a client that uses one of these names lies, whatever the name resolves to")
	}
	d.example("networks", `["192.0.2.0/24"]`, "the clients for which tcprules sets RELAYCLIENT")
	if t.Relay {
		d.note(0, "R", "your tcprules set RELAYCLIENT for clients that may relay: write their addresses into own.networks; authenticated clients are accepted as well")
	} else {
		d.note(0, "no R", "relay clients are judged, as by the plugin without R; authenticated clients are still accepted. To accept the clients of own.networks, delete the line own-network")
	}
}

// rest writes what is no check, and says what is not here.
func (d *doc) rest(t helodnscheck.Letters) {
	if t.Header {
		d.table("[headers]")
		d.set("x_helo_check", "true", "H")
	}
	if t.Debug {
		d.table("[log]")
		d.set("level", quote("debug"), "D")
	}
	d.table("#[[exempt]]")
	d.example("address", quote("198.51.100.7"), "a line of tcprules with NOHELODNSCHECK")
	d.note(0, "NOHELODNSCHECK", "is in your tcprules, which are not read: write an [[exempt]] for each address with it")
	if !t.Log {
		d.note(0, "no L", `every verdict is logged here; log.level = "warn" turns that off`)
	}
	if t.Generation == Seed && t.Same && !t.Log && !t.Header && !t.Own {
		d.note(0, "B", "has no effect in the first generation without L, H, D or V, although its manual says that it blocks; here it rejects")
	}
	if t.Pass || t.PassResolve || t.PassSame {
		d.note(0, "P", `what it accepts is a dry run here ("would reject"), which the log shows`)
	}
}
