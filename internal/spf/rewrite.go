package spf

import "strconv"

// rewrite puts a record into the words that the engine gets. Terms that need no question are decided here: those of other
// addresses than the client's are left out, and behind the one that matches nothing is read any more.
func (r *run) rewrite(rec *record, at name, included bool) string {
	if !included {
		r.top = top{at: at, record: rec}
	}
	b := append(make([]byte, 0, 64), version...)
	asking := 0
	for i := range rec.terms {
		t := &rec.terms[i]
		switch t.kind {
		case termAll:
			return r.end(b, t, included)
		case termNetwork:
			if t.network.Contains(r.id.Client) {
				return r.end(b, t, included)
			}
		default:
			if asking++; asking > maxTerms+1 {
				return string(b) // the engine ends before it is here
			}
			b = r.appendTerm(b, t, at, included)
		}
	}
	if rec.redirect != nil {
		b = append(b, " redirect="...)
		b = r.appendToken(b, target{at: at, redirect: rec.redirect, included: included})
	}
	return string(b)
}

// end writes the term that ends the record. In an included one it is not written as all: see run.matched.
func (r *run) end(b []byte, t *term, included bool) string {
	b = append(b, ' ', t.qualifier)
	switch {
	case !included:
		r.top.end = t
		b = append(b, "all"...)
	case r.id.Client.Is4():
		b = append(append(b, "ip4:"...), r.client...)
	default:
		b = append(append(b, "ip6:"...), r.client...)
	}
	return string(b)
}

func (r *run) appendTerm(b []byte, t *term, at name, included bool) []byte {
	b = append(b, ' ', t.qualifier)
	b = append(b, t.kind.engineWord()...)
	b = r.appendToken(append(b, ':'), target{at: at, term: t, included: included})
	switch {
	case r.id.Client.Is4() && t.bits4 < 32:
		b = strconv.AppendInt(append(b, '/'), int64(t.bits4), 10)
	case !r.id.Client.Is4() && t.bits6 < 128:
		b = strconv.AppendInt(append(b, "//"...), int64(t.bits6), 10)
	}
	return b
}

func (r *run) appendToken(b []byte, t target) []byte {
	b = strconv.AppendInt(append(b, '#'), int64(len(r.targets)), 10)
	r.targets = append(r.targets, t)
	return b
}
