package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/helogate/helogate"
)

// Presets are the names of the presets, the mildest first.
var Presets = []string{"lenient", "rfc", "strict", "balanced", "hardline"}

// DefaultPreset is the preset of a new configuration.
const DefaultPreset = "balanced"

// The effect of fail, unless a cell names another outcome.
const (
	let  = "pass = accept"
	off  = "ignore"
	note = "note"
	s1   = "score 1"
	s2   = "score 2"
	s3   = "score 3"
	rej  = "reject"
	drop = "drop"
	plus = "note; pass = score -1"

	plus3 = "note; pass = score -3"

	// A DNS failure of the HELO name would make own-name defer, though nothing says that the name is local. So its
	// effect is that of the checks around it.
	rejNote   = "reject; temperror = note"
	rejScore2 = "reject; temperror = score 2"
)

// presetTable has the effects of each check in each preset. lenient, rfc and strict do what the qpsmtpd plugin of 2012
// was meant to do. hardline refuses a client that lacks any property of a mail server. balanced adds scores, whose
// numbers come from the logs of a large list server. RFC 5321 section 4.1.4 forbids refusing mail only because HELO
// does not match the address, so helo-matches refuses in no preset.
var presetTable = [...]struct {
	check                                    string
	lenient, rfc, strict, balanced, hardline string
}{
	{"authenticated", let, let, let, let, let},
	{"submission", let, let, let, let, let},
	{"own-network", let, let, let, let, let},
	{"trusted", let, let, let, let, let},
	{"exempt", let, let, let, let, let},
	{"forwarder", let, let, let, let, let},
	{"postmaster", let, let, let, let, let},
	{"abuse", let, let, let, let, let},

	{"hammering", off, off, off, off, off},
	{"helo-missing", rej, rej, rej, rej, drop},
	{"own-identity", rej, rej, rej, rej, drop},
	{"bare-address", rej, rej, rej, rej, drop},
	{"forged-literal", rej, rej, rej, rej, drop},
	{"helo-syntax", note, rej, rej, rej, drop},
	{"fqdn", note, rej, rej, rej, drop},
	{"private-name", note, rej, rej, s2, drop},
	{"literal", off, note, rej, note, note},
	{"bad-helo", rej, rej, rej, rej, drop},
	{"helo-changed", off, note, note, s1, s1},
	{"generic-helo", off, note, note, s2, drop},

	{"own-name", rejNote, rej, rej, rejScore2, drop},
	{"rdns", off, rej, rej, s2, drop},
	{"fcrdns", off, note, note, s2, drop},
	{"generic-name", off, note, note, s3, drop},
	{"hosting-name", off, note, note, s1, drop},
	{"helo-resolves", off, rej, rej, s2, drop},
	{"helo-matches", off, note, note, plus, note},
	{"helo-fcrdns", off, note, note, note, drop},
	{"helo-related", off, note, rej, s1, drop},
	{"impersonation", off, note, rej, rej, drop},
	{"client-mx", off, note, note, s1, drop},
	{"sender-domain", off, note, note, rej, drop},
	{"sender-mx", off, note, note, s1, drop},
	{"mx-fcrdns", off, note, note, note, drop},

	{"dnsbl", off, note, note, rej, drop},
	{"rhsbl", off, note, note, rej, drop},
	{"dnswl", off, off, off, plus3, off},
	{"spf-helo", off, note, rej, s3 + "; pass = score -1", drop},
	{"spf-from", off, note, rej, s3, drop},
	{"dmp", off, off, off, off, off},
	{"caller-id", off, off, off, off, off},
	{"csa", off, off, off, off, off},
	{"callout", off, off, off, off, off},
	{"callout-postmaster", off, off, off, off, off},
	{"greylist", note, note, note, note, note}, // evaluated only for a client that the policy greylists
	{"patience", note, note, note, note, note},
}

// thresholds of the presets that add scores.
var thresholds = map[string]helogate.Thresholds{
	"balanced": {GreylistAt: 2, RejectAt: 5},
}

// NewPolicy makes the policy of a preset. An unknown preset is an error.
func NewPolicy(preset string, s Settings) (*helogate.Policy, error) {
	lines, t, err := Lines(preset, s)
	if err != nil {
		return nil, err
	}
	p, err := helogate.NewPolicy(t, lines...)
	if err != nil {
		return nil, err
	}
	return p.FromPreset(preset), nil
}

// Lines returns the lines of a preset, in order, and its thresholds, to change before helogate.NewPolicy. An unknown
// preset is an error.
func Lines(preset string, s Settings) ([]helogate.Line, helogate.Thresholds, error) {
	actions, err := actionsOf(preset)
	if err != nil {
		return nil, helogate.Thresholds{}, err
	}
	var lines []helogate.Line
	for _, c := range All(s) {
		if slices.Contains(ListFamilies, c.Name) { // the family has no lists
			continue
		}
		lines = append(lines, helogate.Line{Check: c, On: actions[cmp.Or(c.Family, c.Name)]})
	}
	return lines, thresholds[preset], nil
}

func actionsOf(preset string) (map[string]map[helogate.Outcome]helogate.Effect, error) {
	out := map[string]map[helogate.Outcome]helogate.Effect{}
	for _, row := range presetTable {
		cell := ""
		switch preset {
		case "lenient":
			cell = row.lenient
		case "rfc":
			cell = row.rfc
		case "strict":
			cell = row.strict
		case "balanced":
			cell = row.balanced
		case "hardline":
			cell = row.hardline
		default:
			return nil, fmt.Errorf("%q is no preset: %s", preset, strings.Join(Presets, ", "))
		}
		on, err := parseCell(cell)
		if err != nil {
			return nil, fmt.Errorf("preset %s, %s: %w", preset, row.check, err)
		}
		out[row.check] = on
	}
	return out, nil
}

// parseCell reads "reject; temperror = note": an action without an outcome is fail's.
func parseCell(cell string) (map[helogate.Outcome]helogate.Effect, error) {
	on := map[helogate.Outcome]helogate.Effect{}
	for part := range strings.SplitSeq(cell, ";") {
		word, action, named := strings.Cut(part, "=")
		if !named {
			word, action = helogate.Fail.String(), part
		}
		outcome, err := helogate.ParseOutcome(strings.TrimSpace(word))
		if err != nil {
			return nil, err
		}
		a, err := helogate.ParseEffect(action)
		if err != nil {
			return nil, err
		}
		on[outcome] = a
	}
	return on, nil
}
