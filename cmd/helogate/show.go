package main

// How verdicts are printed for people. The short form has the verdict with its reply, the findings that score or
// decide, and what would change the verdict. The long form has all findings and all lookups. Text of a client or of
// DNS is printable ASCII before it comes near a terminal. Colours change nothing but colours.

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
	"github.com/jedib0t/go-pretty/v6/text"
)

const maxPrinted = 160 // octets of a text that a client sent

func shown(s string) string { return printable.Text(s, maxPrinted) }

// A verdictPage is a verdict as it is printed.
type verdictPage struct {
	screen
	strings.Builder
	*helogate.Record
	policy  *helogate.Policy
	changes []change
	answer  string // what Postfix gets, where it asked
	shadow  bool   // the service does not enforce this verdict
	all     bool   // the long form
}

// print writes the page.
func (p *verdictPage) print() string {
	p.headline()
	p.details()
	p.findings()
	p.whatChanges()
	if asked := noteworthy(p.Asked); p.all && len(asked) > 0 {
		p.heading("Lookups")
		p.WriteString(p.tree(p.lookups(asked), ""))
	}
	return p.String()
}

func (p *verdictPage) heading(s string) { p.WriteString("\n" + p.paint(s+":", text.Bold) + "\n") }

// headline is "reject by score: score 6, reject_at 5".
func (p *verdictPage) headline() {
	s := p.paint(p.Action.String(), append(actionColour(p.Action), text.Bold)...)
	if p.By != "" {
		s += " by " + p.By
	}
	if p.By == helogate.ByScore {
		s += ": score " + interval(p.Decision)
		if p.Action == helogate.Greylist {
			s += fmt.Sprintf(", greylist_at %d", p.policy.GreylistAt)
		} else {
			s += fmt.Sprintf(", reject_at %d", p.policy.RejectAt)
		}
	}
	p.WriteString(p.hang("", s))
}

// interval is "2", or "2 to 5" where lookups that failed leave the score open.
func interval(d helogate.Decision) string {
	if d.MaxScore != d.Score {
		return fmt.Sprintf("%d to %d", d.Score, d.MaxScore)
	}
	return fmt.Sprint(d.Score)
}

func (p *verdictPage) detail(label, s string) {
	p.WriteString(p.hang(fmt.Sprintf("  %-7s ", label), s))
}

// details are the reply, the client and the score.
func (p *verdictPage) details() {
	switch {
	case p.answer != "":
		p.detail("Postfix", p.answer)
	case p.Reply.Code != 0:
		p.detail("reply", p.Reply.String())
	case p.Action == helogate.Continue:
		p.detail("reply", "none: the mail server continues with its own checks")
	default:
		p.detail("reply", "none: the mail server accepts what it would accept without helogate")
	}
	if p.shadow && p.Action != helogate.Continue && p.Action != helogate.Accept {
		p.detail("mode", "shadow: the service only logs this verdict and does not stop the client (dry run)")
	}
	if len(p.Would) > 0 && !sameAction(p.DryRun.Action, p.Action) {
		p.detail("would", fmt.Sprintf("%s by %s, if dry-run actions were enforced", p.DryRun.Action, strings.Join(p.Would, ", ")))
	}
	p.detail("client", p.Client.String()+", "+p.helo())
	if p.Origin.Client.IsValid() {
		p.detail("origin", strings.TrimSpace(p.Origin.Client.String()+" "+shown(p.Origin.Helo)))
	}
	switch p.Stage {
	case helogate.Mail:
		p.detail("mail", "from <"+shown(p.Sender)+">")
	case helogate.Rcpt:
		p.detail("mail", "from <"+shown(p.Sender)+"> to <"+shown(p.Recipient)+">")
	}
	if p.all {
		p.detail("stage", strings.ToUpper(p.Stage.String()))
	}
	p.score()
	if p.all {
		p.detail("id", p.ID)
	}
}

func (p *verdictPage) helo() string {
	switch {
	case p.Helo == "":
		return "no HELO name"
	case p.Verb == "":
		return "HELO " + shown(p.Helo)
	}
	return p.Verb + " " + shown(p.Helo)
}

// score compares the score with the thresholds. That of an accepted client is not whole: checks were left out.
func (p *verdictPage) score() {
	if p.Action == helogate.Accept || p.policy.GreylistAt == 0 && p.policy.RejectAt == 0 && p.MaxScore == 0 {
		return
	}
	s := fmt.Sprint(p.Score)
	if p.MaxScore != p.Score {
		s = fmt.Sprintf("%d, at most %d (max_score), because lookups failed", p.Score, p.MaxScore)
	}
	p.detail("score", s+"; greylist_at "+threshold(p.policy.GreylistAt)+", reject_at "+threshold(p.policy.RejectAt))
}

func threshold(n int) string {
	if n == 0 {
		return "0 (never)"
	}
	return fmt.Sprint(n)
}

func actionColour(d helogate.Action) []text.Color {
	switch d {
	case helogate.Reject, helogate.Drop:
		return []text.Color{text.FgRed}
	case helogate.Defer, helogate.Greylist:
		return []text.Color{text.FgYellow}
	}
	return []text.Color{text.FgGreen}
}

func outcomeColour(o helogate.Outcome) []text.Color {
	switch o {
	case helogate.Fail, helogate.SoftFail:
		return []text.Color{text.FgRed}
	case helogate.TempError, helogate.PermError:
		return []text.Color{text.FgYellow}
	case helogate.Pass:
		return []text.Color{text.FgGreen}
	}
	return []text.Color{text.Faint}
}

// findings lists what the checks found, in columns.
func (p *verdictPage) findings() {
	var rows []*helogate.Finding
	names, effects := 0, 0
	for i := range p.Findings {
		f := &p.Findings[i]
		if p.all || p.matters(f) {
			rows = append(rows, f)
			names, effects = max(names, len(f.Check)), max(effects, len(weight(f)))
		}
	}
	if len(rows) == 0 {
		return
	}
	p.heading("Findings")
	for _, f := range rows {
		first := fmt.Sprintf("  %s  %-*s  %-*s  ", p.paint(fmt.Sprintf("%-9s", f.Outcome), outcomeColour(f.Outcome)...), names, f.Check, effects, weight(f))
		why := f.Why
		if f.Outcome == helogate.None || f.Outcome == helogate.Pass {
			why = p.words(why, text.Faint)
		}
		p.WriteString(p.hang(first, why))
	}
}

// matters reports whether a finding scores or decides, now or in a dry run, or says why a client is greylisted or
// deferred, or is no longer.
func (p *verdictPage) matters(f *helogate.Finding) bool {
	if weight(f) != "" || f.Check == p.By {
		return true
	}
	for _, l := range p.policy.Lines() {
		if l.Check.Name != f.Check {
			continue
		}
		switch {
		case l.Check.Phase != helogate.Main:
			return f.Outcome == helogate.Pass || f.Outcome == helogate.Fail
		case p.Action == helogate.Defer:
			return f.Outcome == helogate.TempError && accepts(&l) // it could not accept, so nothing can reject
		}
	}
	return false
}

// weight is the effect of a finding, "" if it has none.
func weight(f *helogate.Finding) string {
	if d := f.Effect.Action; d == helogate.Unset || d == helogate.Note || d == helogate.Ignore {
		return ""
	}
	if f.Outcome == helogate.TempError && f.Effect.RaisesScore() {
		return "may " + f.Effect.String() // in max_score alone
	}
	return f.Effect.String()
}

// whatChanges lists what would change the verdict.
func (p *verdictPage) whatChanges() {
	p.heading("What would change it")
	most := 3
	if p.all {
		most = len(p.changes)
	}
	for _, c := range p.changes[:min(most, len(p.changes))] {
		p.WriteString(p.hang("  ", p.change(c)))
	}
	switch left := len(p.changes) - most; {
	case p.Action == helogate.Accept:
		p.WriteString(p.hang("  ", "No other check: "+p.By+" accepts the client whatever they find."))
	case len(p.changes) == 0 && p.Action == helogate.Continue:
		p.WriteString(p.hang("  ", "No score: the policy has no threshold that applies. A check that rejects does."))
	case len(p.changes) == 0:
		p.WriteString(p.hang("  ", "No check that passes, as far as is known."))
	case left > 0:
		p.WriteString(p.hang("  ", fmt.Sprintf("%d more checks; --all shows them", left)))
	}
}

// change words one change: "if fcrdns passes: greylist, score 4".
func (p *verdictPage) change(c change) string {
	then := decision(c.then)
	if c.open {
		then = "not known, because lookups fail"
	}
	switch {
	case c.add > 0:
		return fmt.Sprintf("if the score rises by %d: %s", c.add, c.then.Action)
	case c.answered:
		return "if the lookups that fail are answered and their checks pass: " + then
	case len(c.pass) > 4:
		return fmt.Sprintf("if all of %d checks pass (%s, ...): %s", len(c.pass), strings.Join(c.pass[:3], ", "), then)
	}
	var conditions, passing []string
	for _, name := range c.pass {
		if special := p.condition(name); special != "" {
			conditions = append(conditions, special)
		} else {
			passing = append(passing, name)
		}
	}
	switch len(passing) {
	case 0:
	case 1:
		conditions = append(conditions, passing[0]+" passes")
	default:
		last := len(passing) - 1
		conditions = append(conditions, strings.Join(passing[:last], ", ")+" and "+passing[last]+" pass")
	}
	return "if " + strings.Join(conditions, " and ") + ": " + then
}

// condition words that nothing is wrong by a check, "" if that is to pass.
func (p *verdictPage) condition(name string) string {
	lines := p.policy.Lines()
	at := slices.IndexFunc(lines, func(l helogate.Line) bool { return l.Check.Name == name })
	switch c := &lines[at].Check; {
	case c.Phase == helogate.OnGreylist:
		for i := range p.Findings {
			if d := p.Findings[i].Retry; d > 0 {
				return "it retries after " + short((d + time.Second - 1).Truncate(time.Second))
			}
		}
		return "it retries"
	case c.Phase == helogate.OnDefer:
		return "its DNS failures last longer than the grace period"
	case c.Family == "dnsbl" || c.Family == "rhsbl":
		return name + " does not list it"
	case hasNoPass(name, c.Family):
		return fmt.Sprintf("rule %q does not match", name)
	}
	return ""
}

// decision is "greylist, score 4", "reject by rdns" or "continue, score 1".
func decision(d helogate.Decision) string {
	s := d.Action.String()
	if d.By != "" && d.By != helogate.ByScore {
		s += " by " + d.By
	}
	if d.MaxScore > 0 && d.Action != helogate.Accept {
		s += ", score " + interval(d)
	}
	return s
}

// noteworthy leaves out that a client is not trusted, as nearly all are.
func noteworthy(asked helogate.Evidence) helogate.Evidence {
	return slices.DeleteFunc(slices.Clone(asked), func(qa helogate.QA) bool {
		return qa.Kind == helogate.Trust && qa.Status == helogate.NXDomain
	})
}

// lookups orders what was asked as DNS hangs together: under an answer stand the questions about the names and
// addresses in it.
func (p *verdictPage) lookups(asked helogate.Evidence) (roots []*node) {
	done := make([]bool, len(asked))
	var make func(i int) *node
	make = func(i int) *node {
		done[i] = true
		n := &node{text: p.lookup(&asked[i])}
		for _, v := range asked[i].Values {
			_, host, isMX := strings.Cut(v, " ")
			if !isMX || asked[i].Kind != helogate.MX {
				host = v
			}
			for j := range asked {
				if !done[j] && asked[j].Name == host {
					n.kids = append(n.kids, make(j))
				}
			}
		}
		return n
	}
	for i := range asked {
		if !done[i] {
			roots = append(roots, make(i))
		}
	}
	return roots
}

func (p *verdictPage) lookup(qa *helogate.QA) string {
	var values string
	switch qa.Status {
	case helogate.OK:
		values = some(qa.Values)
	case helogate.TempFail:
		values = p.paint("tempfail", text.FgYellow)
	default:
		values = p.paint(qa.Status.String(), text.Faint)
	}
	extra := []string{}
	if qa.Status != helogate.TempFail {
		extra = append(extra, short(qa.TTL))
	}
	if qa.Authentic {
		extra = append(extra, "DNSSEC")
	}
	if qa.Note != "" {
		extra = append(extra, shown(qa.Note))
	}
	return fmt.Sprintf("%-5s %s  %s  %s", qa.Kind, shown(qa.Name), values, p.words("("+strings.Join(extra, ", ")+")", text.Faint))
}

// short words a duration without what is zero: "5m", "1h30m".
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-len("0s")]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-len("0m")]
	}
	return s
}

// some words the first values of an answer, and how many are left out.
func some(values []string) string {
	const most = 6
	out := slices.Clone(values[:min(len(values), most)])
	for i := range out {
		out[i] = shown(out[i])
	}
	if n := len(values) - most; n > 0 {
		out = append(out, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(out, ", ")
}
