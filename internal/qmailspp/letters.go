package qmailspp

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/helodnscheck"
	"github.com/helogate/helogate/internal/printable"
)

// byLetters judges by HELO_DNS_CHECK. A client that the daemon's configuration accepts is accepted. For others the
// daemon's evidence is judged here, by the letters.
func (p *Program) byLetters(ctx context.Context, c *client) []byte {
	if c.strange != "" {
		p.log("HELO_DNS_CHECK has unknown letters: %s", c.strange)
	}
	if c.facts.Stage < helogate.Helo {
		return nil // they speak of HELO
	}
	if c.facts.Helo == "" {
		return p.deny(c, c.missing())
	}
	a, ask, err := p.judge(ctx, c)
	if err != nil {
		p.log("%s %s: %v: accepted without a verdict", c.facts.Stage, c.facts.Client, err)
		return nil
	}
	if c.acceptedByConfig(a.Record) {
		return nil
	}
	v, err := p.letters(ctx, c, a.Record, ask)
	if err != nil {
		p.log("HELO_DNS_CHECK: %v: accepted without a verdict", err)
		return nil
	}
	if ctx.Err() != nil && !v.Action.Refuses() {
		p.log("%s %s: not all was answered within %v: accepted without a verdict", c.facts.Stage, c.facts.Client, c.timeout)
	}
	return p.deny(c, v)
}

// missing is the verdict on a client without a HELO name: no check at HELO covers it, since in SMTP HELO may still
// come.
func (c *client) missing() helogate.Verdict {
	f := helogate.Finding{Check: check.HeloMissing.Name, Outcome: helogate.Fail, Effect: helogate.Effect{Action: helogate.Reject, DryRun: c.letters.Pass}}
	v := helogate.Verdict{Decision: helogate.Decision{Action: helogate.Reject, By: f.Check}, Findings: []helogate.Finding{f}}
	if c.letters.Pass {
		v.Action = helogate.Continue
	}
	return v
}

// acceptedByConfig reports whether the configuration accepts the client, dry run or not. Without R, helodnscheck judges
// its own network, too.
func (c *client) acceptedByConfig(r *helogate.Record) bool {
	return r != nil && r.DryRun.Action == helogate.Accept && (c.letters.Relay || r.DryRun.By != ownNetwork)
}

const ownNetwork = "own-network"

// letters judges by the letters. Questions that the daemon did not ask are asked here.
func (p *Program) letters(ctx context.Context, c *client, r *helogate.Record, ask helogate.Asker) (helogate.Verdict, error) {
	policy, err := lettersPolicy(*c.letters, p.moreIPMe(c))
	if err != nil {
		return helogate.Verdict{}, err
	}
	policy.Budget = c.timeout
	f, seen := c.facts, helogate.Overlay{helogate.Evidence{}}
	if f.Time = time.Now(); r != nil {
		seen[0] = r.Asked
	}
	if ask != nil {
		return policy.Judge(ctx, f, append(seen, ask)), nil
	}
	v := policy.Judge(ctx, f, seen)
	if !slices.ContainsFunc(v.Asked, func(qa helogate.QA) bool { return qa.Status == helogate.NotAsked }) {
		return v, nil
	}
	_, alone, err := p.alone(ctx, c)
	if err != nil {
		p.log("%v: judged by what the daemon has asked", err)
		return v, nil
	}
	return policy.Judge(ctx, f, append(seen, alone)), nil
}

// moreIPMe reads the own addresses, if the letters ask for them.
func (p *Program) moreIPMe(c *client) (own []netip.Prefix) {
	if !c.letters.Own {
		return nil
	}
	helodnscheck.MoreIPMe(readControl(variables(p.Environ), "control/moreipme", maxControl), func(n int, entry string, a netip.Prefix, err error) {
		if err != nil {
			p.log("control/moreipme, line %d: %s: %v", n, printable.Text(entry, 60), err)
			return
		}
		own = append(own, a)
	})
	return own
}

// lettersPolicy is the policy that helogate import helodnscheck writes down.
func lettersPolicy(t helodnscheck.Letters, own []netip.Prefix) (*helogate.Policy, error) {
	lines, _, err := check.Lines("lenient", check.Settings{Own: check.Own{Ranges: own}})
	if err != nil {
		return nil, err
	}
	byCheck := map[string]helodnscheck.Line{}
	for _, l := range t.Lines() {
		byCheck[l.Check] = l
	}
	var kept []helogate.Line
	for _, line := range lines {
		l, is := byCheck[line.Check.Name]
		if !is && line.On[helogate.Pass].Action != helogate.Accept {
			continue // what helodnscheck does not look at
		}
		on := maps.Clone(line.On)
		if l.Fail != "" {
			if on[helogate.Fail], err = helogate.ParseEffect(l.Fail); err != nil {
				return nil, err
			}
		}
		if l.Pass != "" {
			if on[helogate.Pass], err = helogate.ParseEffect(l.Pass); err != nil {
				return nil, err
			}
		}
		if l.DNS {
			on[helogate.TempError] = helogate.Effect{Action: helogate.Note}
		}
		kept = append(kept, helogate.Line{Check: line.Check, On: on})
	}
	return helogate.NewPolicy(helogate.Thresholds{}, kept...)
}

// deny words a verdict by letters as helodnscheck does: log line, header and refusal.
func (p *Program) deny(c *client, v helogate.Verdict) (out []byte) {
	t := c.letters
	if t.Debug {
		p.line(fmt.Sprintf("helo-dns-check: %s of HELO [%s] from [%s] by %q: %s", v.Action, c.helo(), c.facts.Client, v.By, why(v)))
	}
	found, fact := c.complaint(v, func(helogate.Finding) bool { return true })
	if found != "" && t.Log {
		p.line("helo-dns-check: " + fact)
	}
	switch v.Action {
	case helogate.Reject, helogate.Drop:
		denied, _ := c.complaint(v, func(f helogate.Finding) bool { return f.Effect == helogate.Effect{Action: helogate.Reject} })
		return appendLine(nil, hangUp, "553 sorry, "+c.words(denied)+" (#5.7.1)", maxReply)
	case helogate.Defer: // an allow rule could not be evaluated
		return Answer{Action: v.Action, Reply: v.Reply}.commands(c.facts.Stage, false)
	}
	// At HELO too, as helodnscheck does, for installations that list the plugin only there.
	if t.Header && (c.facts.Stage == helogate.Helo || c.headers) && inHeader(found) {
		out = appendLine(out, addHeader, "X-Helo-Check: "+fact, maxField)
	}
	return out
}

func why(v helogate.Verdict) string {
	for _, f := range v.Findings {
		if f.Check == v.By {
			return f.Why
		}
	}
	return ""
}

func (c *client) helo() string { return printable.Text(c.facts.Helo, 255) }

// order is helodnscheck's: of several things that are wrong, the first is spoken of.
var order = []string{"helo-missing", "helo-syntax", "forged-literal", "fqdn", "bare-address", "private-name", "helo-resolves",
	"own-identity", ownName, "helo-matches"}

const ownName = "own-name"

// complaint finds the first failed check that the letters cover, and helodnscheck's log text for it.
func (c *client) complaint(v helogate.Verdict, counts func(helogate.Finding) bool) (check, fact string) {
	for _, name := range order {
		for _, f := range v.Findings {
			if f.Check == name && f.Outcome == helogate.Fail && counts(f) {
				return name, c.fact(name)
			}
		}
	}
	return "", ""
}

// fact returns helodnscheck's log text, unchanged: scripts search for these lines.
func (c *client) fact(name string) string {
	switch name {
	case "helo-missing":
		return fmt.Sprintf("no HELO/EHLO hostname has been sent from [%s]", c.facts.Client)
	case "own-identity", ownName:
		return fmt.Sprintf("HELO [%s] is a local domain but IP [%s] is not a RELAYCLIENT", c.helo(), c.facts.Client)
	case "helo-matches":
		return fmt.Sprintf("HELO [%s] doesn't match IP [%s]", c.helo(), c.facts.Client)
	}
	return fmt.Sprintf("HELO [%s] from [%s] doesn't solve", c.helo(), c.facts.Client)
}

// inHeader reports whether the header speaks of a check: of names that lead nowhere, or elsewhere.
func inHeader(name string) bool {
	return name != "" && name != "helo-missing" && name != "own-identity" && name != ownName
}

// words returns helodnscheck's text for the reply.
func (c *client) words(name string) string {
	switch name {
	case "helo-missing":
		return "no HELO/EHLO hostname has been sent."
	case "helo-matches":
		return "HELO/EHLO command must provide FQDN that match your IP address."
	case ownName:
		return "HELO doesn't match IP"
	case "own-identity":
		if strings.HasPrefix(strings.ToLower(c.facts.Helo), "localhost") {
			return "localhost HELO/EHLO doesn't match IP"
		}
		return "HELO doesn't match IP"
	case "helo-syntax", "forged-literal", "fqdn", "bare-address":
		if c.letters.Generation == helodnscheck.Later {
			return "malformed HELO/EHLO hostname"
		}
	}
	return "invalid host name in HELO/EHLO command."
}
