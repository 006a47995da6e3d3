package spf

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/presentation"
)

// Explain returns what the domain wants said to a client that failed, "" if it has nothing to say (RFC 7208 section
// 6.2). It takes what Check took. The text is a stranger's, with what the client said in it: any octets, at most
// maxExpansion of them. It asks DNS, and a failure of that is no doubt of the outcome.
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
