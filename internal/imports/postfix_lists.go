package imports

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/hostname"
)

// A dnsList is a [[dnsbl]], [[rhsbl]] or [[dnswl]] in the making.
type dnsList struct {
	family, zone, name string
	codes, ask         []string
	then               string
	any                bool     // the original takes every answer
	from               []string // what of the original it is made of
	example            bool     // proposed, and not set
}

// dnsLists are all of them, in the order of the original.
type dnsLists []*dnsList

// A listKind is a restriction that asks a list in DNS.
type listKind struct {
	family, ask string
	differs     string
}

const (
	moreNames = "helogate looks up the organisational domain as well"
	permits   = "in Postfix, a listed client skips all later restrictions of the same list in main.cf, and a rejection becomes a deferral while " +
		`the list does not answer; here it lowers the score, and a missing answer has no effect. then = "accept" accepts whatever else is found`
)

var listKinds = map[string]listKind{
	"reject_rbl_client":           {check.DNSBL, "client", "almost none, since a missing answer has no effect in both"},
	"reject_rhsbl_client":         {check.RHSBL, "ptr", "Postfix looks up only the forward-confirmed name, helogate all PTR names; " + moreNames},
	"reject_rhsbl_reverse_client": {check.RHSBL, "ptr", moreNames},
	"reject_rhsbl_helo":           {check.RHSBL, "helo", moreNames},
	"reject_rhsbl_sender":         {check.RHSBL, "sender", moreNames},
	"permit_dnswl_client":         {check.DNSWL, "client", permits},
	"permit_rhswl_client":         {check.DNSWL, "ptr", permits},
}

// takenAsAny is the code of a list that the original asks without a filter.
const takenAsAny = "127.0.0.0/8"

const differsAny = "without a filter, Postfix takes every answer as a listing; here answers outside 127.0.0.0/8 do not count, nor those " +
	"that refuse a query (127.0.0.1, 127.255.255.0/24); it is better to give the codes from the web page of the list"

// readList reads "zone" or "zone=filter".
func readList(family, text string) (*dnsList, error) {
	zone, filter, filtered := strings.Cut(text, "=")
	l := &dnsList{family: family, zone: hostname.Canonical(zone), codes: []string{takenAsAny}, any: !filtered}
	if filtered {
		var err error
		if l.codes, err = filterCodes(filter); err != nil {
			return nil, err
		}
	}
	if kind := hostname.ParseHelo(l.zone).Form; kind != hostname.FQDN && kind != hostname.Private {
		return nil, errors.New("the zone is not a domain")
	}
	codes, err := check.ParseCodes(l.codes)
	if err != nil {
		return nil, err
	}
	return l, check.List{Family: family, Zone: l.zone, Codes: codes}.Check()
}

// restriction adds the list of a restriction, and says what differs.
func (all *dnsLists) restriction(p *postconf, in string, r restriction) (said string, err error) {
	kind, is := listKinds[r.name]
	if !is {
		return "", errors.New("helogate has no such lookup: leave it in main.cf")
	}
	l, err := readList(kind.family, r.arg)
	if err != nil {
		return "", fmt.Errorf("%w; leave it in main.cf, or write a [[%s]]", err, kind.family)
	}
	l.ask, l.from = []string{kind.ask}, []string{r.name}
	switch code, _ := p.get("maps_rbl_reject_code"); {
	case kind.family == check.DNSWL:
		l.then = "score -3"
	case strings.HasPrefix(code.value, "4"):
		l.then = "defer"
	default:
		l.then = "reject"
	}
	if r.warn && kind.family != check.DNSWL {
		l.then = "would " + l.then
	}
	differs := kind.differs
	switch {
	case l.any && kind.family == check.DNSBL:
		differs = differsAny
	case l.any:
		differs += "; " + differsAny
	}
	all.add(l)
	return fmt.Sprintf("%s, in %s: [[%s]] (%s). You can remove it once helogate enforces. Differences: %s.", r, in, kind.family, l.then, differs), nil
}

// add adds a list, to one that is there where they are the same but for what is asked, or for the codes. What has
// points stays apart: each answer that counts has its own.
func (all *dnsLists) add(l *dnsList) {
	for _, old := range *all {
		if l.example || old.family != l.family || old.zone != l.zone || old.then != l.then {
			continue
		}
		sameCodes, sameAsk := slices.Equal(old.codes, l.codes), slices.Equal(old.ask, l.ask)
		if !sameCodes && !sameAsk {
			continue
		}
		old.codes, old.ask, old.from = union(old.codes, l.codes), union(old.ask, l.ask), union(old.from, l.from)
		old.any = old.any || l.any
		return
	}
	*all = append(*all, l)
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}

// maxListName is how long a list's name may be.
const maxListName = 60

// call gives names to lists that need one: to those of a zone that another has as well, and where the zone begins with
// what looks like a key, which must not appear in a reply.
func (all dnsLists) call() {
	taken := map[string]bool{}
	for _, l := range all {
		name := l.zone
		if first, rest, _ := strings.Cut(l.zone, "."); len(first) >= 16 && strings.Contains(rest, ".") {
			name = rest
		}
		name = name[max(0, len(name)-maxListName+4):] // for a number behind it
		base := name
		for n := 2; taken[l.family+name]; n++ {
			name = base + "-" + strconv.Itoa(n)
		}
		taken[l.family+name] = true
		if name != l.zone {
			l.name = name
		}
	}
}

// dnsLists writes lists.
func (d *doc) dnsLists(all dnsLists) {
	for _, l := range all {
		set, header := d.set, "\n[["+l.family+"]]\n"
		if l.example {
			set, header = d.example, "\n#[["+l.family+"]]\n"
		}
		d.b.WriteString(header)
		set("zone", quote(l.zone), strings.Join(l.from, ", "))
		if l.name != "" {
			set("name", quote(l.name), "")
		}
		why := ""
		if l.any {
			why = "every answer, as in Postfix; see the web page of the list"
		}
		set("codes", inline(l.codes), why)
		if !(l.family != check.RHSBL && slices.Equal(l.ask, []string{"client"}) || l.family == check.RHSBL && slices.Equal(l.ask, []string{"sender"})) {
			set("ask", inline(l.ask), "")
		}
		set("then", quote(l.then), "")
	}
}

// inline is a list on one line.
func inline(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quote(v)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

const sites, threshold = "postscreen_dnsbl_sites", "postscreen_dnsbl_threshold"

// postscreen proposes lists for those that postscreen weighs: points that come to the preset's reject_at where the
// weights come to postscreen's threshold. They are examples, for postscreen judges before helogate is asked: who leaves
// it on would have its lists weigh twice.
func (d *doc) postscreen(p *postconf) (proposed dnsLists, said string) {
	words, line, err := p.values(sites)
	if err != nil {
		d.note(line, sites, "%v", err)
	}
	at := 1
	if v, ok := p.get(threshold); ok {
		if n, err := strconv.Atoi(v.value); err == nil && n > 0 {
			at = n
		}
	}
	_, rejectAt, err := check.Lines(check.DefaultPreset, check.Settings{})
	if err != nil {
		panic(err) // the preset is a word of this package
	}
	for _, word := range words {
		l, err := readSite(word, at, rejectAt.RejectAt)
		if err != nil {
			d.note(line, sites+": "+word, "%v; leave it in main.cf", err)
		} else if l != nil {
			proposed.add(l)
		}
	}
	if len(proposed) == 0 {
		return nil, ""
	}
	d.note(line, sites, "postscreen judges before helogate, and may continue: its lists are examples above, with scores by which its %s of %d is reject_at = %d",
		threshold, at, rejectAt.RejectAt)
	return proposed, fmt.Sprintf("The lists of postscreen, for when postscreen no longer uses them. Its weights become scores, to "+
		"which other checks add theirs: a weight of %d (%s) is %d, which is reject_at. Scores are rounded.", at, threshold, rejectAt.RejectAt)
}

// readSite reads "zone=filter*weight". A weight of 0 is no list.
func readSite(site string, threshold, rejectAt int) (*dnsList, error) {
	list, weight, weighted := strings.Cut(site, "*")
	n := 1
	if weighted {
		var err error
		if n, err = strconv.Atoi(weight); err != nil || n < -1000 || n > 1000 {
			return nil, fmt.Errorf("%q is not a weight", weight)
		}
	}
	family, sign := check.DNSBL, ""
	if n < 0 {
		family, sign = check.DNSWL, "-"
	}
	l, err := readList(family, list)
	if err != nil || n == 0 {
		return nil, err
	}
	score := math.Round(math.Abs(float64(n)) * float64(rejectAt) / float64(threshold))
	l.ask, l.from, l.example = []string{"client"}, []string{sites}, true
	l.then = fmt.Sprintf("score %s%d", sign, int(min(max(1, score), 1000)))
	return l, nil
}
