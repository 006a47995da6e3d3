package main

// How helogate status prints the state of the service for people. The rules are those of show.go, and: it fits a
// screen; zero counts are left out; problems come first, in red.

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/helogate/helogate/internal/control"
	"github.com/helogate/helogate/internal/printable"
)

func shownTo(s string, most int) string { return printable.Text(s, most) }

func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// statusPage is lines, each with a label.
type statusPage struct {
	strings.Builder
	painter
}

func (p *statusPage) line(label, format string, args ...any) {
	fmt.Fprintf(p, "%s %s\n", p.paint(fmt.Sprintf("%-9s", label), text.Bold), fmt.Sprintf(format, args...))
}

func (p *statusPage) loud(format string, args ...any) {
	p.WriteString(p.paint(fmt.Sprintf(format, args...), text.FgRed, text.Bold) + "\n")
}

func printStatus(out io.Writer, s *control.Status, colour bool) error {
	if colour {
		text.EnableColors()
	}
	p := &statusPage{painter: painter(colour)}
	// The title is a sentence, the lines below it are a table.
	fmt.Fprintf(p, "%s %s, pid %d, up %s since %s\n", p.paint("helogate", text.Bold), shown(s.Version), s.PID, age(s.Now.Sub(s.Since)), moment(s.Since))
	p.trouble(s)
	p.line("config", "%s, loaded %s, mode %s, preset %s", fileOf(s.Config), moment(s.Config.Loaded), modeOf(s.Config), shown(s.Config.Preset))
	for _, l := range s.Listeners {
		p.line("listener", "%s at %s, mode %s, preset %s, %s", shown(l.Protocol), shown(l.Address), shown(l.Mode), shown(l.Preset), many(uint64(l.Connections), "connection"))
	}
	p.verdicts(&s.Verdicts)
	p.dns(&s.DNS)
	p.lists(s.Lists)
	p.state(&s.State)
	if c := s.Callouts; c != nil {
		p.line("callouts", "%s", cmp.Or(tally(map[string]uint64{
			"accept": uint64(c.Accepts), "refuse": uint64(c.Refuses), "accept all": uint64(c.AcceptsAll), "refuse the null sender": uint64(c.RefusesNull),
			"undecided": uint64(c.Undecided), "cached": uint64(c.Cached), "over a limit": uint64(c.Limited), "in flight": uint64(c.InFlight),
		}, 9), "none yet"))
	}
	if s.Trusted > 0 {
		p.line("trusted", "%s", many(uint64(s.Trusted), "address"))
	}
	p.line("process", "%s, %s, %s", size(s.MemoryBytes), many(uint64(s.Goroutines), "goroutine"), many(uint64(s.Sessions), "session"))
	_, err := io.WriteString(out, p.String())
	return err
}

// trouble prints the problems that the administrator should look at.
func (p *statusPage) trouble(s *control.Status) {
	if what := s.Config.Restart; len(what) > 0 {
		p.loud("A RESTART IS NEEDED to change %s", shown(strings.Join(what, ", ")))
	}
	if r := s.Config.Reload; r != nil && r.Error != "" {
		p.loud("THE LAST RELOAD FAILED at %s (%s): the configuration of %s stays in effect", moment(r.At), shown(r.By), moment(s.Config.Loaded))
		const most = 12 // lines: helogate config check shows the rest
		lines := strings.Split(shownLines(r.Error), "\n")
		for _, l := range lines[:min(len(lines), most)] {
			p.WriteString("  " + l + "\n")
		}
		if n := len(lines) - most; n > 0 {
			fmt.Fprintf(p, "  and %s more\n", many(uint64(n), "line"))
		}
	}
	if s.Panics > 0 {
		p.loud("%s met a bug of helogate: the log has the details; please report it", many(s.Panics, "check"))
	}
	for _, o := range s.Observers {
		if o.Panics+o.Dropped > 0 {
			p.loud("%s lost %s because it is too slow, and %s by a bug of helogate", shown(o.Name), many(o.Dropped, "verdict"), grouped(o.Panics))
		}
	}
	if s.LogLost > 0 {
		p.loud("THE READER OF THE LOG IS TOO SLOW: %s lost", many(s.LogLost, "line"))
	}
	if s.DNS.FailingSince != nil {
		p.loud("RESOLVER FAILING since %s: %s; meanwhile DNS failures defer no client", moment(*s.DNS.FailingSince), shown(s.DNS.FailingReason))
	}
	if s.State.DownSince != nil {
		p.loud("THE STORE IS DOWN since %s: %s; meanwhile no client is greylisted", moment(*s.State.DownSince), shown(s.State.LastError))
	}
	for _, l := range s.Lists {
		if l.Suspended {
			p.loud("the list %s is suspended since %s: %s", shown(l.Zone), moment(l.Since), shown(l.Reason))
		}
	}
	for _, n := range s.DNS.Servers {
		if n.Down {
			p.loud("the resolver %s is down: %s", shown(n.Address), shown(n.LastError))
		}
	}
}

// verdicts prints counts by action and by the check or rule that decided: of the verdicts, then of the dry run.
func (p *statusPage) verdicts(v *control.Verdicts) {
	for _, dryRun := range []bool{false, true} {
		total, actions, by := uint64(0), map[string]uint64{}, map[string]uint64{}
		for _, c := range v.Counts {
			if c.DryRun != dryRun {
				continue
			}
			total += c.Count
			actions[c.Action] += c.Count
			if c.By != "" {
				by[c.Action+" by "+c.By] += c.Count
			}
		}
		label := "verdicts"
		if dryRun {
			label = "dry run"
		}
		if total > 0 || !dryRun {
			p.line(label, "%s", cmp.Or(tally(actions, 9), "none yet"))
		}
		if len(by) > 0 {
			p.line("", "%s", tally(by, 6))
		}
	}
	if v.Held > 0 {
		p.line("held", "%s until reject_at_stage", many(v.Held, "refusal"))
	}
}

func (p *statusPage) dns(d *control.DNS) {
	if d.Questions > 0 {
		p.line("dns", "%s, %d%% from the cache (%s, %s)", many(d.Questions, "lookup"), 100*d.Hits/d.Questions,
			many(uint64(d.CacheEntries), "answer"), size(d.CacheBytes))
	}
	for _, n := range d.Servers {
		if n.Tries == 0 {
			continue
		}
		s := fmt.Sprintf("%s: %s", shown(n.Address), many(n.Tries, "attempt"))
		if n.Failed > 0 {
			s += fmt.Sprintf(", %s failed", grouped(n.Failed))
			if n.FailedAt != nil {
				s += fmt.Sprintf(", last at %s: %s", moment(*n.FailedAt), shown(n.LastError))
			}
		}
		p.line("", "%s", s)
	}
	if failed := tally(d.Failures, 9); failed != "" {
		p.line("", "failures: %s", failed)
	}
}

// lists prints the answers of each list.
func (p *statusPage) lists(all []control.List) {
	label := "lists"
	for _, l := range all {
		text := fmt.Sprintf("%s: %s listed of %s", shown(l.Zone), grouped(l.Listed), many(l.Listed+l.NotListed, "answer"))
		if l.Errors+l.Failed > 0 {
			text += fmt.Sprintf(", %s, %s failed", many(l.Errors, "error"), grouped(l.Failed))
		}
		p.line(label, "%s", text)
		label = ""
	}
}

// state prints the stored records.
func (p *statusPage) state(s *control.State) {
	if s.Store == "" { // a service of another version
		return
	}
	counts := map[string]uint64{}
	for kind, n := range s.Records {
		counts[kind] = uint64(max(n, 0))
	}
	text := shown(s.Store) + ": " + cmp.Or(tally(counts, 9), "no records yet")
	if s.Bytes > 0 {
		text += ", " + size(uint64(s.Bytes))
	}
	if s.Failed > 0 {
		text += fmt.Sprintf(", %s failed", many(s.Failed, "operation"))
	}
	p.line("state", "%s", text)
}

// tally words counts, the highest first and at most so many of them.
func tally(counts map[string]uint64, most int) string {
	var names, parts []string
	for name, n := range counts {
		if n > 0 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	for i, name := range names {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(names)-most))
			break
		}
		parts = append(parts, grouped(counts[name])+" "+shown(name))
	}
	return strings.Join(parts, ", ")
}

// many is a number with its noun.
func many(n uint64, noun string) string {
	switch stem, y := strings.CutSuffix(noun, "y"); {
	case n == 1:
	case y:
		noun = stem + "ies"
	case strings.HasSuffix(noun, "s"):
		noun += "es"
	default:
		noun += "s"
	}
	return grouped(n) + " " + noun
}

// grouped writes a number as 12,345.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func size(bytes uint64) string {
	switch {
	case bytes < 1<<10:
		return fmt.Sprintf("%d bytes", bytes)
	case bytes < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/(1<<10))
	case bytes < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}

// moment is a time in the local time zone.
func moment(t time.Time) string { return t.Local().Format(time.DateTime) }

// age is a duration in its two largest units: "3d4h", "4h5m", "5m6s".
func age(d time.Duration) string {
	d = max(d.Truncate(time.Second), 0)
	day := 24 * time.Hour
	switch {
	case d >= day:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return d.String()
}

// modeOf words the mode of a configuration, and where it is another.
func modeOf(c control.Config) string {
	if len(c.EnforcedIn) == 0 {
		return shown(c.Mode)
	}
	return shown(c.Mode) + " (enforce in " + shown(strings.Join(c.EnforcedIn, ", ")) + ")"
}
