package imports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// A counterpart is a restriction of Postfix's and the checks that do the same.
type counterpart struct {
	names   []string // as Postfix calls it, and used to
	checks  []string
	code    string // the parameter with its reply code, 450 by default; "" where it is 5xx by nature
	differs string
}

const tempfail = "when DNS fails, Postfix defers unless another restriction rejects; helogate defers if the check rejects, and " +
	"only raises max_score if the check scores"

const noDNS = "almost none, since neither uses DNS"

var counterparts = []counterpart{
	{
		names: []string{"reject_invalid_helo_hostname", "reject_invalid_hostname"}, checks: []string{"helo-syntax"},
		differs: noDNS,
	},
	{
		names: []string{"reject_non_fqdn_helo_hostname", "reject_non_fqdn_hostname"}, checks: []string{"fqdn", "bare-address"},
		differs: noDNS,
	},
	{
		names: []string{"reject_unknown_helo_hostname", "reject_unknown_hostname"}, checks: []string{"helo-resolves", "private-name"},
		code: "unknown_hostname_reject_code", differs: tempfail + " (unknown_helo_hostname_tempfail_action)",
	},
	{
		names: []string{"reject_unknown_client_hostname", "reject_unknown_client"}, checks: []string{"rdns", "fcrdns"},
		code: "unknown_client_reject_code", differs: tempfail + "; Postfix replies no more than \"cannot find your hostname\" in either case",
	},
	{
		names: []string{"reject_unknown_reverse_client_hostname"}, checks: []string{"rdns"},
		code: "unknown_client_reject_code", differs: tempfail,
	},
	{
		names: []string{"reject_unknown_sender_domain"}, checks: []string{"sender-domain"},
		code: "unknown_address_reject_code", differs: tempfail + " (unknown_address_tempfail_action)",
	},
}

// restrictionLists are the parameters in which clients are judged, in the order in which Postfix comes to them.
var restrictionLists = []string{
	"smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions", "smtpd_relay_restrictions",
	"smtpd_recipient_restrictions", "smtpd_data_restrictions",
}

// restrictions writes, as comments, which restrictions of Postfix helogate has, and notes those that it has not. Lists
// in DNS it has as they are.
func (d *doc) restrictions(p *postconf) {
	weights := failActions(check.DefaultPreset)
	var said []string
	var wanted []setting // what would make the checks reject, as Postfix does
	var lists dnsLists
	greylister := ""
	if p.set["smtpd_helo_required"].value == "yes" {
		said = append(said, "smtpd_helo_required = yes: helo-missing. Leave it: it costs nothing, and Postfix then replies by itself.")
	}
	for _, list := range restrictionLists {
		for _, r := range d.readRestrictions(p, list) {
			if c := counterpartOf(r.name); c != nil {
				said = append(said, c.words(p, list, r, weights))
				wanted = c.want(wanted, r, weights)
			}
			if isList(r.name) {
				words, err := lists.restriction(p, list, r)
				if err != nil {
					d.note(r.line, list+": "+r.String(), "%v", err)
					continue
				}
				said = append(said, words)
			}
			if greylists(r) {
				greylister = r.String()
			}
		}
	}
	d.stage(p)
	if len(said) > 0 {
		d.gap()
		d.say("Restrictions in main.cf that helogate has as well. Leave them there until helogate enforces.")
	}
	for _, s := range said {
		d.b.WriteString(item(s))
	}
	d.wanted(wanted, greylister)
	d.allLists(p, lists)
}

// wanted writes, as examples, what would do as Postfix does where the preset does less.
func (d *doc) wanted(wanted []setting, greylister string) {
	if len(wanted) == 0 && greylister == "" {
		return
	}
	d.table("[policy.checks]")
	if len(wanted) > 0 {
		d.say("To reject where Postfix rejects and the preset only scores:")
	}
	for _, s := range wanted {
		d.example(s.check, s.action, s.why)
	}
	if greylister != "" {
		d.say("To greylist every client, as %s does, and not only suspicious ones:", greylister)
		d.example("greylist", quote("greylist"), "see [greylist]")
	}
}

// allLists writes the lists in DNS: those of restrictions, and as examples those of postscreen.
func (d *doc) allLists(p *postconf, lists dnsLists) {
	proposed, said := d.postscreen(p)
	slices.Concat(lists, proposed).call()
	if len(lists) > 0 {
		d.gap()
		d.say("The DNS lists of main.cf. Each is tested when helogate starts: one without the test entries of RFC 5782 " +
			"section 5 is suspended, unless it has test = false.")
		d.dnsLists(lists)
	}
	if len(proposed) > 0 {
		d.gap()
		d.say("%s", said)
		d.dnsLists(proposed)
	}
}

// stage says what main.cf has set that helogate needs otherwise.
func (d *doc) stage(p *postconf) {
	if v := p.set["smtpd_delay_reject"]; v.value == "no" {
		d.note(v.line, "smtpd_delay_reject = no", "Postfix then asks at each stage: docs/postfix.md, \"What is seen at which stage\"")
	}
}

func failActions(preset string) map[string]helogate.Effect {
	lines, _, err := check.Lines(preset, check.Settings{})
	if err != nil {
		panic(err) // the preset is a word of this package
	}
	out := map[string]helogate.Effect{}
	for _, l := range lines {
		out[l.Check.Name] = l.On[helogate.Fail]
	}
	return out
}

func counterpartOf(name string) *counterpart {
	for i := range counterparts {
		if slices.Contains(counterparts[i].names, name) {
			return &counterparts[i]
		}
	}
	return nil
}

// words says of a restriction what does the same, and what is different.
func (c *counterpart) words(p *postconf, list string, r restriction, weights map[string]helogate.Effect) string {
	var does []string
	rejects := true
	for _, name := range c.checks {
		a := weights[name]
		does = append(does, fmt.Sprintf("%s (%s)", name, a))
		rejects = rejects && a.Action.Refuses()
	}
	s := fmt.Sprintf("%s, in %s: %s.", r, list, strings.Join(does, " and "))
	if rejects {
		s += " You can remove it once helogate enforces."
	} else {
		s += " You can remove it once helogate enforces, if a score is enough, or with the lines below."
	}
	if code, set := p.get(c.code); c.code != "" && (!set || strings.HasPrefix(code.value, "4")) {
		s += fmt.Sprintf(" Differences: Postfix replies 450 (%s), and the client retries; a reject here is permanent;", c.code)
	} else {
		s += " Differences:"
	}
	return s + " " + c.differs + "."
}

// want adds what would make the checks reject. What Postfix only warns of becomes a dry run.
func (c *counterpart) want(wanted []setting, r restriction, weights map[string]helogate.Effect) []setting {
	for _, name := range c.checks {
		if weights[name].Action.Refuses() || slices.ContainsFunc(wanted, func(s setting) bool { return s.check == name }) {
			continue
		}
		do := "reject"
		if r.warn {
			do = "would reject"
		}
		wanted = append(wanted, setting{name, quote(do), "as " + r.name})
	}
	return wanted
}

// A restriction of a list, with its argument.
type restriction struct {
	name, arg string
	warn      bool // warn_if_reject
	line      int
}

func (r restriction) String() string {
	s := r.name
	if r.arg != "" {
		s += " " + r.arg
	}
	if r.warn {
		s = "warn_if_reject " + s
	}
	return s
}

// readRestrictions reads a list, and notes what helogate does not do.
func (d *doc) readRestrictions(p *postconf, list string) (out []restriction) {
	words, line, err := p.values(list)
	if err != nil {
		d.note(line, list, "%v", err)
	}
	classes, _, _ := p.values("smtpd_restriction_classes")
	r := restriction{line: line}
	for i := 0; i < len(words); i++ {
		if r.name = strings.ToLower(words[i]); r.name == "warn_if_reject" {
			r.warn = true
			continue
		}
		if takesArgument(r.name) && i+1 < len(words) {
			i++
			r.arg = words[i]
		}
		if why := missing(r, classes); why != "" {
			d.note(line, list+": "+r.String(), "%s", why)
		}
		out = append(out, r)
		r = restriction{line: line}
	}
	return out
}

func takesArgument(name string) bool {
	return strings.HasPrefix(name, "check_") && name != "check_relay_domains" || isList(name) || name == "sleep"
}

// isList reports whether a restriction asks a list in DNS.
func isList(name string) bool {
	return strings.HasPrefix(name, "reject_rbl_") || strings.HasPrefix(name, "reject_rhsbl_") ||
		strings.HasPrefix(name, "permit_dnswl_") || strings.HasPrefix(name, "permit_rhswl_")
}

// missing says what helogate has not of a restriction that judges clients, "" for what it has and what is another
// matter.
func missing(r restriction, classes []string) string {
	switch name := r.name; {
	case name == "check_helo_access":
		return "tables are not read: put what it rejects into policy.bad_helo, and what it permits into [[exempt]] helo; or leave it in main.cf"
	case name == "check_client_access", name == "check_reverse_client_hostname_access":
		return "tables are not read: put what it permits into [[exempt]] address or name, and what it rejects into a [[rule]]; or leave it in main.cf"
	case name == "check_sender_access":
		return "tables are not read: put what it permits into [[exempt]] sender; or leave it in main.cf"
	case name == "check_policy_service" && (strings.Contains(r.arg, tcpAddress) || strings.Contains(r.arg, "helogate/")):
		return "" // that is we
	case greylists(r):
		return "helogate greylists suspicious clients, and every client with greylist = \"greylist\" in [policy.checks]; with two greylisters, senders " +
			"wait twice: remove this one before helogate enforces"
	case name == "check_policy_service" && strings.Contains(strings.ToLower(r.arg), "spf"):
		return "helogate checks SPF itself (spf-helo, spf-from), and the preset scores it: you can remove this one once helogate enforces"
	case name == "check_policy_service":
		return "another policy service stays where it is; put helogate's behind it"
	case strings.HasPrefix(name, "check_helo_"), strings.HasPrefix(name, "check_client_"), strings.HasPrefix(name, "check_sender_"):
		return "helogate has nothing like it: leave it in main.cf"
	case isTable(name) != "":
		return "tables are not read: leave it in main.cf"
	case slices.Contains(classes, r.name):
		return "it is your own class (smtpd_restriction_classes), which is not read"
	}
	return ""
}

// greylisters are the ports that the usual greylisters listen at, as they come: postgrey, sqlgrey, gld.
var greylisters = []string{":10023", ":2501", ":2525"}

// greylists reports whether a restriction asks a greylister, which it tells by its name or its port.
func greylists(r restriction) bool {
	if r.name != "check_policy_service" {
		return false
	}
	service, _, _ := strings.Cut(strings.ToLower(strings.Trim(r.arg, "{} ")), ",")
	service = strings.TrimSpace(service)
	return strings.Contains(service, "grey") || strings.Contains(service, "gray") ||
		slices.ContainsFunc(greylisters, func(port string) bool { return strings.HasSuffix(service, port) })
}
