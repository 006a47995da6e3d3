package imports

import (
	"errors"
	"fmt"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/check/legacy"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/rule"
)

// WCSAP makes rules of the filter rules of WCSAP, the suite of the Wildcat! mail server: a line each,
//
//	Reject if example.net in %CDN% and %CIP% != 192.0.2.25
//	Accept if %CIP% = 198.51.100.7
//
// where %CDN% is what the client says in HELO and %CIP% its address; `in` asks whether the one text is part of the
// other. The filter is read from the top, and the first rule that matches decides. Here an accept beats every reject;
// so that the order stays what it was, an Accept is written to match only where no Reject above it does, or, where
// those are too many for one rule, the Rejects below are written to leave its clients out.
//
// Where a Reject above an Accept is not understood, the clients that the Accept may take are not known: it becomes a
// dry run. No Accept takes a client that Wildcat! refuses at HELO, before it asks the filter: the client chooses its
// HELO name, and could choose one that the Accept matches.
//
// Text is compared without regard to case: names of DNS have none (RFC 4343), and a rule that a capital letter escapes
// guards nothing. A line that is not understood stays in the file as a comment, and is noted.
func WCSAP(text string) *Result {
	d := &doc{}
	d.say("Filter rules of WCSAP, imported by helogate; docs/import.md lists the differences.")
	d.gap()
	d.set("mode", quote("enforce"), `as before; "shadow" is a dry run`)
	d.table("[own]")
	d.example("addresses", `["192.0.2.25"]`, "your own: Wildcat! refuses another client that uses [192.0.2.25]")
	d.example("networks", `["192.0.2.0/24"]`, "the IP relay tables")
	d.table("[policy]")
	d.set("preset", quote("lenient"), "with the changes below")
	d.set("reject_at_stage", quote("rcpt"), "WCSAP validates at RCPT")
	d.say("WCSAP's order of steps (filter, RBL, SPF, DMP, CEP, CBV), if you use the others here as well; see the end of this file.")
	d.example("order", inline(chain), "")
	d.checks("lenient", []setting{
		{"own-identity", quote("reject"), "Wildcat! at HELO: an own address, in brackets too"},
		{"bare-address", quote("reject"), "Wildcat! at HELO: an address without brackets"},
	})
	d.gap()
	d.say("The rules, in their order. The first that matches decides. An accept excludes clients that Wildcat! refuses at HELO, " +
		"before the filter.")
	newFilter(d).read(text)
	d.note(0, "IP relay tables, ESMTP AUTH, POP B4 SMTP", "they turn off every check, as here do own.networks, authentication and `helogate trust`")
	d.note(0, "RBL, SPF, DMP, CEP, CBV", "%s", steps)
	return d.result()
}

// chain is the order of WCSAP's steps.
var chain = []string{config.OrderRules, check.DNSBL, config.OrderSPF, legacy.DMP.Name, legacy.CallerID.Name, "callout"}

const steps = `the other steps of WCSAP are not filter rules, and their settings are not imported. RBL is a [[dnsbl]] for each list, SPF is ` +
	`spf-from, DMP dmp, CEP caller-id, and CBV callout with callout.domains: give the ones that you want an action in [policy.checks]. ` +
	`policy.order puts them into WCSAP's order`

// A filter is the rules so far.
type filter struct {
	*doc
	rejects  []wcsapRule // the Rejects
	left     []string    // conditions of Accepts that are no rule of their own: the Rejects below leave these clients out
	unread   int         // the first line that is not carried over and may be a Reject; 0 is none
	compiler *rule.Compiler
}

func newFilter(d *doc) *filter {
	compiler, err := rule.New(rule.Env{Checks: check.All(check.Settings{})})
	if err != nil {
		panic(err) // nothing in it is anybody's input
	}
	return &filter{doc: d, compiler: compiler}
}

// read writes the rules of the lines, at their places.
func (f *filter) read(text string) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if said, is := wcsapComment(line); is {
			if said != "" {
				f.b.WriteString(verbatim(said))
			}
			continue
		}
		r, err := parseWCSAP(line)
		if err == nil && r.accept {
			f.accept(n, line, r)
			continue
		}
		if err == nil {
			r.when, err = f.without(r.when, f.left)
		}
		if err != nil {
			f.lost(n, line, err)
			continue
		}
		f.quoted(line)
		f.rule(n, r.when, "reject")
		f.set("note", quote(fmt.Sprintf("refused by line %d of this site's filter", n)), "")
		f.rejects = append(f.rejects, r)
	}
}

// notAtHelo excludes what Wildcat! refuses at HELO: an address without brackets, and the local address in brackets.
// localhost is neither, and an Accept of Wildcat! accepts it.
const notAtHelo = ` && checks["bare-address"] != "fail" && !(checks["own-identity"] == "fail" && helo.kind == "literal")`

// accept writes an Accept that matches where no Reject above it does, as a dry run if not all of those are known.
func (f *filter) accept(n int, line string, r wcsapRule) {
	var above []string
	for _, reject := range f.rejects {
		if !r.excludes(reject) {
			above = append(above, reject.when)
		}
	}
	when, err := f.without(r.when+notAtHelo, above)
	switch {
	case err == nil && f.unread > 0:
		f.dryRun(n, line, when)
		return
	case err == nil:
		f.quoted(line)
		f.rule(n, when, "accept")
		return
	case f.unread == 0:
		_, err = f.without(r.when, nil)
	}
	if err != nil {
		f.lost(n, line, err)
		return
	}
	f.quoted(line)
	f.say("^ line %d is not a rule of its own, since too many Rejects stand above it: the Rejects below exclude the clients that it accepts.", n)
	f.left = append(f.left, r.when)
}

// dryRun writes an Accept as a dry run: it may accept what a Reject above it refuses.
func (f *filter) dryRun(n int, line, when string) {
	f.quoted(line)
	f.say("^ line %d is a dry run: line %d above it is not carried over, and may refuse clients that this one accepts. Write a rule "+
		"for line %[2]d, exclude here the clients that it refuses, and then remove the would.", n, f.unread)
	f.rule(n, when, "would accept")
	f.note(n, line, "a dry run, which accepts no client: line %d above it is not carried over, and may refuse clients that this one accepts", f.unread)
}

// without is a condition that holds only where none of the others does. An error says that a rule cannot be so long, or
// would cost too much.
func (f *filter) without(when string, others []string) (string, error) {
	size := len(when)
	for _, o := range others {
		if size += len(o); size > rule.MaxSize {
			return "", fmt.Errorf("with the conditions above it, the condition is longer than the limit of a rule, %d octets", rule.MaxSize)
		}
	}
	if len(others) > 0 {
		when = "(" + when + ") && !(" + strings.Join(others, " || ") + ")"
	}
	_, err := f.compiler.Compile("wcsap", when, "", helogate.Effect{Action: helogate.Reject})
	if errs, ok := errors.AsType[rule.Errors](err); ok && len(errs) > 0 {
		return "", errors.New(errs[0].Msg)
	}
	return when, err
}

// quoted shows a line of the filter, above what is made of it.
func (f *filter) quoted(line string) {
	f.gap()
	f.b.WriteString(verbatim(line))
}

func (f *filter) rule(n int, when, then string) {
	f.b.WriteString("[[rule]]\n")
	f.set("name", quote(fmt.Sprintf("wcsap line %d", n)), "")
	f.set("when", quote(when), "")
	f.set("then", quote(then), "")
}

// lost keeps a line that is not carried over, at its place.
func (f *filter) lost(n int, line string, err error) {
	if f.unread == 0 && !strings.EqualFold(strings.Fields(line)[0], "accept") {
		f.unread = n
	}
	f.quoted(line)
	f.say("^ line %d is not carried over: %s", n, err)
	f.note(n, line, "%s", clean(err.Error()))
}

// wcsapComment reports whether a line says nothing but a comment, and what.
func wcsapComment(line string) (said string, is bool) {
	for _, mark := range []string{";", "#", "//"} {
		if rest, ok := strings.CutPrefix(line, mark); ok {
			return strings.TrimSpace(rest), true
		}
	}
	return "", line == ""
}
