package spf

import (
	"errors"
	"fmt"

	"github.com/helogate/helogate"
)

// A walk is one evaluation, over the record of the identity's domain and what that includes or redirects to.
type walk struct {
	ask        Asker
	id         Identity
	found      Result // its Domain, Term and exp are those of the record that decides, never of an included one
	terms      int    // that asked DNS
	voids      int    // lookups that found nothing
	nameless   bool   // it was counted that the client has no name
	explaining bool   // the outcome is found, and no failure changes it any more
}

func newWalk(ask Asker, id Identity) walk {
	if id.Local == "" {
		id.Local = "postmaster"
	}
	return walk{ask: ask, id: id}
}

// Every other error is a permerror.
var (
	errTemporary = errors.New("DNS does not answer")
	errWaiting   = errors.New("not answered yet")
	errNoMatch   = errors.New("the term matches nothing")
)

// evaluate tries the terms of the record among the texts of a name, in their order (RFC 7208 section 4.6.2). The
// outcome is None if no text is a record. While an answer is awaited, a term that rests on it matches nothing.
func (w *walk) evaluate(at name, texts []string, included bool) (helogate.Outcome, error) {
	var rec record
	text, err := selectRecord(texts)
	if err == nil && text == "" {
		return helogate.None, nil
	}
	if err == nil {
		err = rec.read(text, w.id.Client)
	}
	if err != nil {
		return helogate.None, fmt.Errorf("in the record of %s, %w", at.raw, err)
	}
	if !included {
		w.found.Domain, w.found.exp = at.raw, rec.exp
	}
	for i := range rec.asks {
		hit, err := w.matches(&rec.asking[i], at)
		switch {
		case err == errWaiting || err == errNoMatch:
		case err != nil:
			return helogate.None, err
		case hit:
			return w.decide(&rec.asking[i], included), nil
		}
	}
	switch {
	case rec.end.text != "":
		return w.decide(&rec.end, included), nil
	case rec.redirect != "":
		return w.redirect(rec.redirect, at, included)
	}
	return helogate.Neutral, nil // section 4.7
}

// decide notes the term that matched.
func (w *walk) decide(t *term, included bool) helogate.Outcome {
	if !included {
		w.found.Term = t.text
	}
	return t.outcome()
}

// redirect evaluates the record that takes the place of one without a match (RFC 7208 section 6.1).
func (w *walk) redirect(spec string, at name, included bool) (helogate.Outcome, error) {
	if err := w.count(); err != nil {
		return helogate.None, err
	}
	o, err := w.follow(spec, at, included)
	if err == errNoMatch {
		return helogate.Neutral, nil // as if there were no redirect
	}
	return o, err
}

// follow evaluates the record that include or redirect names. That there is none is a permerror (sections 5.2 and 6.1).
func (w *walk) follow(spec string, at name, included bool) (helogate.Outcome, error) {
	next, err := w.target(spec, at)
	if err != nil {
		return helogate.None, err
	}
	if next.question == "" {
		return helogate.None, errors.New("a name that cannot exist is included, or redirected to")
	}
	var texts []string
	if next.isMultiLabel() { // else check_host() is none (section 4.3)
		if texts, err = w.values(helogate.TXT, next.question); err != nil {
			return helogate.None, err
		}
	}
	o, err := w.evaluate(next, texts, included)
	if err == nil && o == helogate.None {
		err = fmt.Errorf("%s has no SPF record", next.raw)
	}
	return o, err
}

// count counts a term that asks DNS.
func (w *walk) count() error {
	if w.terms++; w.terms > maxTerms {
		return errors.New("more than 10 terms ask DNS")
	}
	return nil
}

// void counts a lookup that found nothing, so that its term does not match.
func (w *walk) void() (hit bool, err error) {
	if w.voids++; w.voids > maxVoids {
		return false, errors.New("more than 2 lookups find nothing")
	}
	return false, nil
}

// values are those of an answer that the outcome rests on; of nodata and nxdomain there are none. The error is
// errWaiting or errTemporary.
func (w *walk) values(kind helogate.Kind, name string) ([]string, error) {
	a := w.ask.Ask(kind, name)
	switch a.Status {
	case helogate.OK:
		return a.Values, nil
	case helogate.TempFail:
		return nil, w.failure(kind, name)
	}
	return nil, nil
}

// failure is the error of a tempfail that the outcome rests on.
func (w *walk) failure(kind helogate.Kind, name string) error {
	if w.ask.Pending() {
		return errWaiting
	}
	if !w.explaining {
		w.ask.Values(kind, name)
	}
	return errTemporary
}
