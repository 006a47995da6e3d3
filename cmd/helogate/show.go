package main

// How verdicts are printed for people. The rules: the verdict first, then why, then what DNS said; what weighs is in
// colour, what does not is quiet; text of a client or of DNS is printable ASCII before it comes near a terminal; in a
// pipe, with NO_COLOR or on a dumb terminal there are no colours, and the lines are the same.

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
	"github.com/jedib0t/go-pretty/v6/list"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// inColour reports whether a person reads along (https://no-color.org).
func inColour(env *env) bool {
	f, ok := env.stdout.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return false
	}
	for _, v := range env.environ {
		if name, value, _ := strings.Cut(v, "="); name == "NO_COLOR" && value != "" || v == "TERM=dumb" {
			return false
		}
	}
	return true
}

type painter bool

func (p painter) paint(s string, c ...text.Color) string {
	if !p || s == "" {
		return s
	}
	return text.Colors(c).Sprint(s)
}

const maxPrinted = 160 // bytes of a text of the client's

func shown(s string) string { return printable.Text(s, maxPrinted) }

// printVerdict prints a verdict with its findings and its evidence.
func printVerdict(out io.Writer, r *helogate.Record, colour bool) error {
	if colour {
		text.EnableColors()
	}
	p := painter(colour)
	var b strings.Builder
	p.headline(&b, r)
	b.WriteString("\n" + p.paint("checks", text.Bold) + "\n")
	b.WriteString(p.findings(r.Findings))
	if asked := worthTelling(r.Asked); len(asked) > 0 {
		b.WriteString(p.paint("asked", text.Bold) + "\n")
		b.WriteString(p.evidence(asked))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (p painter) headline(b *strings.Builder, r *helogate.Record) {
	b.WriteString(p.paint(r.Action.String(), append(actionColour(r.Action), text.Bold)...))
	if r.By != "" {
		b.WriteString(" by " + r.By)
	}
	if r.Score > 0 || r.MaxScore > 0 {
		fmt.Fprintf(b, ", score %d", r.Score)
		if r.MaxScore != r.Score {
			fmt.Fprintf(b, " to %d", r.MaxScore)
		}
	}
	b.WriteString("\n")
	fmt.Fprintf(b, "  client  %s at %s\n", r.Client, strings.ToUpper(r.Stage.String()))
	if r.Origin.Client.IsValid() {
		fmt.Fprintf(b, "  origin  %s %s\n", r.Origin.Client, shown(r.Origin.Helo))
	}
	verb := r.Verb
	if verb == "" {
		verb = "HELO"
	}
	if r.Helo == "" {
		verb = "nothing"
	}
	fmt.Fprintf(b, "  says    %s\n", strings.TrimSpace(verb+" "+shown(r.Helo)))
	if r.Stage >= helogate.Mail {
		fmt.Fprintf(b, "  from    <%s>\n", shown(r.Sender))
	}
	if r.Stage >= helogate.Rcpt {
		fmt.Fprintf(b, "  to      <%s>\n", shown(r.Recipient))
	}
	if r.Reply.Code != 0 {
		fmt.Fprintf(b, "  reply   %s\n", r.Reply)
	}
	if len(r.Would) > 0 {
		fmt.Fprintf(b, "  would   %s by %s\n", r.DryRun.Action, strings.Join(r.Would, ", "))
	}
	fmt.Fprintf(b, "  id      %s\n", r.ID)
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
func (p painter) findings(found []helogate.Finding) string {
	names, actions := 0, 0
	for i := range found {
		names, actions = max(names, len(found[i].Check)), max(actions, len(weight(&found[i])))
	}
	tree := newTree()
	for i := range found {
		f := &found[i]
		tree.AppendItem(fmt.Sprintf("%s %-*s  %-*s  %s", p.paint(fmt.Sprintf("%-9s", f.Outcome), outcomeColour(f.Outcome)...),
			names, f.Check, actions, weight(f), p.quiet(f)))
	}
	return tree.Render() + "\n"
}

// weight is the action of a finding, if it does anything.
func weight(f *helogate.Finding) string {
	if d := f.Effect.Action; d == helogate.Unset || d == helogate.Note || d == helogate.Ignore {
		return ""
	}
	if f.Outcome == helogate.TempError && f.Effect.RaisesScore() {
		return "may " + f.Effect.String() // points in what is possible alone
	}
	return f.Effect.String()
}

func (p painter) quiet(f *helogate.Finding) string {
	if f.Outcome == helogate.None || f.Outcome == helogate.Pass {
		return p.paint(f.Why, text.Faint)
	}
	return f.Why
}

func newTree() list.Writer {
	tree := list.NewWriter()
	tree.SetStyle(list.StyleConnectedLight)
	return tree
}

// worthTelling leaves out that nobody trusts the client, which is so of nearly all.
func worthTelling(asked helogate.Evidence) helogate.Evidence {
	return slices.DeleteFunc(slices.Clone(asked), func(qa helogate.QA) bool {
		return qa.Kind == helogate.Trust && qa.Status == helogate.NXDomain
	})
}

// evidence prints what was asked as DNS hangs together: under an answer stand the questions about the names and
// addresses in it.
func (p painter) evidence(asked helogate.Evidence) string {
	tree := newTree()
	done := make([]bool, len(asked))
	var under func(i int)
	under = func(i int) {
		done[i] = true
		tree.AppendItem(p.answer(&asked[i]))
		tree.Indent()
		for _, v := range asked[i].Values {
			_, host, isMX := strings.Cut(v, " ")
			if !isMX || asked[i].Kind != helogate.MX {
				host = v
			}
			for j := range asked {
				if !done[j] && asked[j].Name == host {
					under(j)
				}
			}
		}
		tree.UnIndent()
	}
	for i := range asked {
		if !done[i] {
			under(i)
		}
	}
	return tree.Render() + "\n"
}

func (p painter) answer(qa *helogate.QA) string {
	var values string
	switch qa.Status {
	case helogate.OK:
		values = some(qa.Values)
	case helogate.TempFail:
		values = p.paint("tempfail", text.FgYellow)
	default:
		values = p.paint(qa.Status.String(), text.Faint)
	}
	s := fmt.Sprintf("%-5s %s  %s", qa.Kind, shown(qa.Name), values)
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
	return s + "  " + p.paint("("+strings.Join(extra, ", ")+")", text.Faint)
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

// some words the values of an answer, and how many are left out.
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
