package imports

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// Qpsmtpd has the settings of the qpsmtpd plugin helo.
type Qpsmtpd struct {
	Plugins     string // the text of config/plugins
	BadHelo     string // the text of config/badhelo
	BadHeloPath string // its full path, for the configuration; "" if there is none
}

// helo is the plugin's line.
type helo struct {
	line    int
	text    string
	options map[string]string
}

// Import makes a configuration of it. That no line loads the plugin is an error.
func (q Qpsmtpd) Import() (*Result, error) {
	d := &doc{}
	h, err := findHelo(d, q.Plugins)
	if err != nil {
		return nil, err
	}
	d.say("The qpsmtpd plugin helo, from line %d of config/plugins:", h.line)
	d.b.WriteString(verbatim(h.text))
	d.say("Imported by helogate; docs/import.md lists the differences.")
	d.gap()
	d.mode(h)
	d.table("[own]")
	d.example("networks", `["192.0.2.0/24"]`, "the clients that may relay, in config/relayclients")
	d.note(0, "relay clients, whitelisted hosts and senders", "the plugin accepts them; their files are not read: set own.networks, and write an [[exempt]] for each of the others")
	d.table("[policy]")
	preset := h.preset(d)
	d.set("preset", quote(preset), "policy")
	d.set("reject_at_stage", quote("rcpt"), "accepts authenticated clients and mail to postmaster")
	q.badHelo(d)
	d.adjust(preset, h)
	d.table("[headers]")
	d.set("x_helo", "true", "the plugin adds it")
	d.budget(h)
	h.unknown(d)
	return d.result(), nil
}

// findHelo finds the line that loads the plugin: "helo", "helo:1" for one of many, or a path that ends in it.
func findHelo(d *doc, text string) (found helo, err error) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		words := strings.Fields(line)
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		if words[0] == "$include" {
			d.note(n, strings.TrimSpace(line), "the file is not read: if the plugin is loaded there, import that file")
			continue
		}
		name := words[0][strings.LastIndexByte(words[0], '/')+1:]
		if name, _, _ = strings.Cut(name, ":"); name != "helo" {
			continue
		}
		if found.line > 0 {
			d.note(n, strings.TrimSpace(line), "line %d loads the plugin already, and was imported", found.line)
			continue
		}
		found = helo{line: n, text: line, options: map[string]string{}}
		found.read(d, words[1:])
	}
	if found.line == 0 {
		return found, errors.New("no line loads the plugin helo: give the file that does, config/plugins")
	}
	return found, nil
}

func (h *helo) read(d *doc, words []string) {
	for pair := range slices.Chunk(words, 2) {
		if len(pair) < 2 {
			d.note(h.line, pair[0], "the option has no value")
			return
		}
		h.options[strings.ToLower(pair[0])] = pair[1]
	}
}

func (h *helo) preset(d *doc) string {
	p := h.options["policy"]
	switch p {
	case "lenient", "rfc", "strict":
		return p
	case "":
		return "lenient"
	}
	d.note(h.line, "policy "+p, "this policy does not exist, and the plugin then uses lenient")
	return "lenient"
}

// mode is what reject says.
func (d *doc) mode(h helo) {
	switch reject, said := h.options["reject"]; {
	case said && (reject == "0" || reject == ""):
		d.set("mode", quote("shadow"), "reject 0: it only logged")
	case reject == "naughty":
		d.set("mode", quote("enforce"), "reject naughty: postponed to a later command")
	default:
		d.set("mode", quote("enforce"), `as before; "shadow" is a dry run`)
	}
}

// added are the checks that a preset has beyond the plugin, each with its comment: with "note" they only report.
var added = []setting{
	{"own-name", "", "not in the plugin: a client that uses one of your names"},
	{"impersonation", "", "not in the plugin: a client that uses google.com, for example"},
}

// adjust writes what differs from the preset: what the plugin does not have, and what reject_type says.
func (d *doc) adjust(preset string, h helo) {
	refuse := h.rejectType(d)
	lines, _, err := check.Lines(preset, check.Settings{})
	if err != nil {
		panic(err) // the preset is a word of this package
	}
	d.table("[policy.checks]")
	for _, l := range lines {
		name, rejects := l.Check.Name, l.On[helogate.Fail].Action == helogate.Reject
		extra := slices.IndexFunc(added, func(s setting) bool { return s.check == name })
		switch {
		case !rejects:
		case extra >= 0:
			d.set(name, quote("note"), added[extra].why)
		case name == "helo-resolves":
			d.set(name, action(refuse, true), "a DNS failure accepts, as before")
		case refuse != "reject":
			d.set(name, quote(refuse), "reject_type")
		}
	}
}

// rejectType is what the documentation of the plugin says that the option does; the plugin never reads it.
func (h *helo) rejectType(d *doc) string {
	t, said := h.options["reject_type"]
	if !said {
		d.note(0, "disconnect", "the plugin closes the connection when it refuses; here the client may continue, to postmaster for example. To close it, set reject_type disconnect and import again")
		return "reject"
	}
	out, ok := map[string]string{"temp": "defer", "perm": "reject", "disconnect": "drop"}[t]
	if !ok {
		d.note(h.line, "reject_type "+t, "unknown type: use temp, perm or disconnect")
		return "reject"
	}
	if t != "disconnect" {
		d.note(h.line, "reject_type "+t, "the plugin ignores it, and always rejects and disconnects; here it has its effect")
	}
	return out
}

// budget is what timeout says: how long DNS may take.
func (d *doc) budget(h helo) {
	t, said := h.options["timeout"]
	if !said {
		return
	}
	seconds, err := strconv.Atoi(t)
	if err != nil || seconds < 1 || seconds > 300 {
		d.note(h.line, "timeout "+t, "not a number of seconds from 1 to 300; the default dns.budget is used")
		return
	}
	d.table("[dns]")
	budget := time.Duration(seconds) * time.Second
	if budget < 2*time.Second {
		d.set("timeout", quote(short(budget)), "for one try at one server")
	}
	d.set("budget", quote(short(budget)), "timeout: for all lookups together")
	d.note(h.line, "timeout "+t, "the plugin does not pass it to its resolver; here it limits all lookups of a judgement together")
}

func short(d time.Duration) string { return fmt.Sprintf("%ds", int(d/time.Second)) }

// unknown says which options were not understood.
func (h *helo) unknown(d *doc) {
	known := []string{"policy", "reject", "reject_type", "timeout", "badhelo", "loglevel"}
	var rest []string
	for name := range h.options {
		if !slices.Contains(known, name) {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	for _, name := range rest {
		d.note(h.line, name+" "+h.options[name], "the plugin has no such option")
	}
	if level, said := h.options["loglevel"]; said {
		d.note(h.line, "loglevel "+level, "it changes the level of the plugin's own log lines; see log.level")
	}
}

// BadHeloOption is the file that the plugin's line names, "" if none.
func BadHeloOption(plugins string) string {
	h, err := findHelo(&doc{}, plugins)
	if err != nil {
		return ""
	}
	return h.options["badhelo"]
}
