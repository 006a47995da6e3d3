package spf

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/presentation"
)

// Explain returns the explanation that the domain publishes for clients that fail, "" if there is none (RFC 7208
// section 6.2). It takes the arguments of Check. The text is the domain's, with text of the client in it: any octets,
// at most maxExpansion. Explain asks DNS; a failure does not change the outcome.
func (res Result) Explain(ask Asker, id Identity) string {
	if res.exp == "" {
		return ""
	}
	w := newWalk(ask, id)
	w.explaining = true
	at, err := w.target(res.exp, name{raw: res.Domain})
	if err != nil || at.question == "" {
		return ""
	}
	a := ask.Ask(helogate.TXT, at.question)
	if a.Status != helogate.OK || len(a.Values) != 1 {
		return ""
	}
	text := presentation.Unescape(a.Values[0])
	if checkMacros(text, inExplanation) != nil {
		return ""
	}
	text, err = w.expand(text, res.Domain, inExplanation)
	if err != nil {
		return ""
	}
	return text
}
