package helogate

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Zone is a literal DNS: an Asker for tests, demonstrations and examples.
type Zone struct {
	records map[Question]*Answer
	delays  map[Question]time.Duration
	names   map[string]bool
}

// NewZone reads a zone, a record a line: an owner, a kind, a value.
//
//	192.0.2.1        PTR   mx.example.org
//	mx.example.org   A     192.0.2.1
//	mx.example.org   A     192.0.2.2
//	example.org      MX    10 mx.example.org
//	_x._tcp.test     SRV   10 0 25 mx.example.org
//	www.example.org  CNAME mx.example.org
//	slow.example.org A     after=50ms 192.0.2.3
//	down.example.org A     tempfail
//
// A value of tempfail is a failure. With after=50ms, an answer is never at hand, and Ask takes that long. A name
// without records is nxdomain, and one without records of a kind is nodata for it. Aliases are followed as a resolver
// does. Empty lines and what follows # are ignored. The owner * of a GREYLIST or DEFERRED answers for every other name.
func NewZone(text string) (*Zone, error) {
	z := &Zone{records: map[Question]*Answer{}, delays: map[Question]time.Duration{}, names: map[string]bool{}}
	n := 0
	for l := range strings.Lines(text) {
		n++
		l, _, _ = strings.Cut(l, "#")
		if err := z.add(strings.Fields(l)); err != nil {
			return nil, fmt.Errorf("zone, line %d: %w: %s", n, err, strings.TrimSpace(l))
		}
	}
	for q, a := range z.records {
		sortValues(q.Kind, a.Values)
		if q.Kind != CNAME && z.records[Question{CNAME, q.Name}] != nil {
			return nil, fmt.Errorf("zone: %s is an alias, and an alias has nothing else (RFC 1034 section 3.6.2)", q.Name)
		}
	}
	return z, nil
}

// failure is the value of a record whose lookup fails.
const failure = "tempfail"

// MustZone is NewZone for a literal in the program. It panics on an error.
func MustZone(text string) *Zone {
	z, err := NewZone(text)
	if err != nil {
		panic(err)
	}
	return z
}

func (z *Zone) add(f []string) error {
	if len(f) == 0 {
		return nil
	}
	if len(f) < 3 {
		return fmt.Errorf("a record is an owner, a kind and a value")
	}
	kind, err := ParseKind(f[1])
	if err != nil {
		return err
	}
	if as := kind.traits().as; as != AnyKind {
		return fmt.Errorf("a %s is written as the %s that it asks for", kind, as)
	}
	q := Question{kind, strings.ToLower(strings.TrimSuffix(f[0], "."))}
	if kind.traits().owners == addresses {
		a, err := netip.ParseAddr(f[0])
		if err != nil {
			return fmt.Errorf("the owner of a %s is written as an address", q.Kind)
		}
		q.Name = a.String()
	}
	z.names[q.Name] = true
	if d, ok := strings.CutPrefix(f[2], "after="); ok {
		delay, err := time.ParseDuration(d)
		if err != nil {
			return err
		}
		z.delays[q] = delay
		f = f[1:]
	}
	a := z.records[q]
	if a == nil {
		a = &Answer{Status: OK, TTL: 5 * time.Minute}
		z.records[q] = a
	}
	value := strings.Join(f[2:], " ")
	if q.Kind == SRV && value != failure && value != "" {
		if _, _, ok := priorityAndWeight(value); !ok {
			return fmt.Errorf("an SRV is a priority, a weight, a port and a target")
		}
	}
	if value == failure {
		*a = Answer{Status: TempFail, Note: "the zone says so"}
	} else if a.Status == OK && value != "" {
		a.Values = append(a.Values, canonicalValue(q.Kind, value))
	}
	return nil
}

func canonicalValue(k Kind, v string) string {
	switch k {
	case A, AAAA:
		if a, err := netip.ParseAddr(v); err == nil {
			return a.String()
		}
	case PTR, MX, CNAME, SRV:
		if !strings.HasSuffix(v, " .") {
			v = strings.TrimSuffix(v, ".")
		}
		return strings.ToLower(v)
	}
	return v
}

// priorityAndWeight reads the value of an SRV. It is ok if all four fields are there.
func priorityAndWeight(v string) (priority, weight uint64, ok bool) {
	f := strings.Fields(v)
	if len(f) != 4 {
		return 0, 0, false
	}
	priority, first := strconv.ParseUint(f[0], 10, 16)
	weight, second := strconv.ParseUint(f[1], 10, 16)
	_, third := strconv.ParseUint(f[2], 10, 16)
	return priority, weight, first == nil && second == nil && third == nil
}

// sortValues puts values into the canonical order: addresses, MX and SRV by number, the rest by text.
func sortValues(k Kind, values []string) {
	slices.SortFunc(values, func(x, y string) int {
		switch k {
		case A, AAAA:
			a, _ := netip.ParseAddr(x)
			b, _ := netip.ParseAddr(y)
			return a.Compare(b)
		case MX:
			a, _, _ := strings.Cut(x, " ")
			b, _, _ := strings.Cut(y, " ")
			m, _ := strconv.Atoi(a)
			n, _ := strconv.Atoi(b)
			return cmp.Or(cmp.Compare(m, n), cmp.Compare(x, y))
		case SRV: // as MX, and of one priority the greatest weight first
			m, v, _ := priorityAndWeight(x)
			n, w, _ := priorityAndWeight(y)
			return cmp.Or(cmp.Compare(m, n), cmp.Compare(w, v), cmp.Compare(x, y))
		}
		return cmp.Compare(x, y)
	})
}

// Known returns an answer without a delay.
func (z *Zone) Known(q Question) (*Answer, bool) {
	q = asWritten(q)
	if z.delays[q] > 0 {
		return nil, false
	}
	return z.lookup(q), true
}

// Ask returns an answer, after its delay if it has one.
func (z *Zone) Ask(ctx context.Context, q Question) *Answer {
	q = asWritten(q)
	if d := z.delays[q]; d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return &Answer{Status: TempFail, Note: noTime}
		}
	}
	return z.lookup(q)
}

// asWritten returns a question with the kind that its record has in a zone.
func asWritten(q Question) Question {
	if as := q.Kind.traits().as; as != AnyKind {
		q.Kind = as
	}
	return q
}

func (z *Zone) lookup(q Question) *Answer {
	if a := z.records[q]; a != nil {
		if len(a.Values) == 0 && a.Status == OK {
			return &Answer{Status: NoData, TTL: a.TTL}
		}
		return a
	}
	if a := z.records[Question{q.Kind, "*"}]; a != nil && q.Kind.traits().owners == anyName {
		return a
	}
	seen, note := map[string]bool{}, ""
	for at := q; ; {
		alias := z.records[Question{CNAME, at.Name}]
		switch {
		case seen[at.Name]:
			return &Answer{Status: TempFail, Note: "cname loop at " + at.Name}
		case q.Kind == CNAME || alias == nil:
			return z.end(at, note)
		case alias.Status != OK:
			return alias
		}
		seen[at.Name] = true
		at.Name = alias.Values[0]
		note = "alias of " + at.Name
	}
}

// end returns the answer at the end of a chain of aliases.
func (z *Zone) end(q Question, note string) *Answer {
	a := z.records[q]
	switch {
	case a != nil && note != "":
		b := *a
		b.Note = strings.TrimPrefix(note+", "+b.Note, ", ")
		b.Note = strings.TrimSuffix(b.Note, ", ")
		return &b
	case a != nil:
		return a
	case z.names[q.Name]:
		return &Answer{Status: NoData, TTL: time.Minute, Note: note}
	}
	return &Answer{Status: NXDomain, TTL: time.Minute, Note: note}
}
