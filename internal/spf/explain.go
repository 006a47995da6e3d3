package spf

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/presentation"
)

// Explain returns what the domain wants said to who failed, "" if it has nothing to say (RFC 7208 section 6.2). It is a
// stranger's text, with what the client said in it: any octets, of any length. It asks DNS, and a failure of that is no
// doubt of the outcome.
func (r Result) Explain() string {
	if r.run == nil || r.run.top.record == nil || r.run.top.record.exp == nil {
		return ""
	}
	run := r.run
	run.explaining = true
	at, err := run.expandName(run.top.record.exp, run.top.at)
	if err != nil {
		return ""
	}
	a := run.ask.Ask(helogate.TXT, at.question)
	if a.Status != helogate.OK || len(a.Values) != 1 {
		return ""
	}
	m, err := parseMacros(presentation.Unescape(a.Values[0]), inExplanation)
	if err != nil {
		return ""
	}
	text, err := run.expand(m, run.top.at.raw)
	if err != nil {
		return ""
	}
	return text
}
