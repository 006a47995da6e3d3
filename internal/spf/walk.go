package spf

import (
	"errors"
	"fmt"

	"github.com/helogate/helogate"
)

// A walk is one evaluation: of the record of the identity's domain, and of the records that it includes or redirects
// to.
type walk struct {
	ask        Asker
	id         Identity
	found      Result // Domain, Term and exp are those of the deciding record, never of an included one
	terms      int    // that asked DNS
	voids      int    // void lookups
	nameless   bool   // the missing PTR name was counted
	explaining bool   // the outcome is known, and no failure changes it
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
	errPending   = errors.New("not answered yet")
	errNoMatch   = errors.New("the term matches nothing")
)

// evaluate tries the terms of the record among the texts of a name, in their order (RFC 7208 section 4.6.2). The
// outcome is None if no text is a record. While an answer is pending, a term that depends on it does not match.
func (w *walk) evaluate(at name, texts []string, included bool) (helogate.Outcome, error) {
	var rec record
	text, err := selectRecord(texts)
	switch {
	case err != nil:
		return helogate.None, fmt.Errorf("%s %w", at.raw, err)
	case text == "":
		return helogate.None, nil
	}
	if err := rec.read(text, w.id.Client); err != nil {
		return helogate.None, fmt.Errorf("in the record of %s, %w", at.raw, err)
	}
	if !included {
		w.found.Domain, w.found.exp = at.raw, rec.exp
	}
	for i := range rec.asks {
		hit, err := w.matches(&rec.asking[i], at)
		switch {
		case err == errPending || err == errNoMatch:
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

// redirect evaluates the record that replaces one without a match (RFC 7208 section 6.1).
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

// follow evaluates the record that include or redirect names. A missing record is a permerror (sections 5.2 and 6.1).
func (w *walk) follow(spec string, at name, included bool) (helogate.Outcome, error) {
	next, err := w.target(spec, at)
	if err != nil {
		return helogate.None, err
	}
	if next.question == "" {
		return helogate.None, errors.New("the target of include or redirect is not a valid domain name")
	}
	var texts []string
	if next.isMultiLabel() { // else check_host() returns none (section 4.3)
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

// void counts a void lookup, whose term does not match.
func (w *walk) void() (hit bool, err error) {
	if w.voids++; w.voids > maxVoids {
		return false, errors.New("more than 2 void lookups")
	}
	return false, nil
}

// values returns the values of an answer on which the outcome depends, none for nodata and nxdomain. The error is
// errPending or errTemporary.
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

// failure returns the error of a tempfail on which the outcome depends.
func (w *walk) failure(kind helogate.Kind, name string) error {
	if w.ask.Pending() {
		return errPending
	}
	if !w.explaining {
		w.ask.Values(kind, name)
	}
	return errTemporary
}
