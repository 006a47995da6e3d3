package spf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/helogate/helogate"
)

// matches reports whether a term that asks DNS, in the record of a name, matches the client (RFC 7208 section 5).
func (w *walk) matches(t *term, at name) (hit bool, err error) {
	if err := w.count(); err != nil {
		return false, err
	}
	if t.kind == termInclude {
		o, err := w.follow(t.target, at, true)
		return err == nil && o == helogate.Pass, err
	}
	if t.target != "" {
		at, err = w.target(t.target, at)
	}
	switch {
	case err != nil:
		return false, err
	case at.question == "": // like a name that does not exist
		return w.void()
	}
	switch t.kind {
	case termMX:
		return w.matchesMX(t, at)
	case termPTR:
		return w.matchesPTR(t, at)
	case termExists:
		return w.matchesExists(at)
	}
	return w.matchesA(t, at)
}

// matchesA asks for addresses of the client's family only (section 5.3).
func (w *walk) matchesA(t *term, at name) (bool, error) {
	values, err := w.values(w.family(), at.question)
	if err == nil && len(values) == 0 {
		return w.void()
	}
	return w.covers(t, values), err
}

// matchesExists asks for an A record, whatever the client's family (section 5.7).
func (w *walk) matchesExists(at name) (bool, error) {
	values, err := w.values(helogate.A, at.question)
	if err == nil && len(values) == 0 {
		return w.void()
	}
	return err == nil, err
}

// matchesMX asks for the addresses of all mail hosts in parallel (section 5.4). A failure for one host does not
// matter if another host matches.
func (w *walk) matchesMX(t *term, at name) (bool, error) {
	hosts, err := w.values(helogate.MX, at.question)
	switch {
	case err != nil:
		return false, err
	case len(hosts) == 0:
		return w.void()
	case len(hosts) > maxHosts:
		return false, fmt.Errorf("%s has more than 10 MX records", at.raw)
	}
	hit, failed := false, ""
	for _, v := range hosts {
		_, host, _ := strings.Cut(v, " ")
		if host == "." || host == "" { // the null MX (RFC 7505)
			continue
		}
		a := w.ask.Ask(w.family(), host)
		if a.Status == helogate.TempFail && failed == "" {
			failed = host
		}
		hit = hit || w.covers(t, a.Values)
	}
	if failed != "" && !hit {
		return false, w.failure(w.family(), failed)
	}
	return hit, nil
}

// matchesPTR reports whether a PTR name of the client below a domain resolves back to it (section 5.5). It asks about
// no other names. A client without a PTR name counts as a void lookup once, because it is one question. RFC 7208
// ignores a DNS failure here; but then a failure could lead to a fail, which must not happen.
func (w *walk) matchesPTR(t *term, at name) (bool, error) {
	names, err := w.clientNames()
	switch {
	case err != nil || w.nameless:
		return false, err
	case len(names) == 0:
		w.nameless = true
		return w.void()
	}
	hit, failed := false, ""
	for _, n := range names {
		if !under(n, at.question) {
			continue
		}
		a := w.ask.Ask(w.family(), n)
		if a.Status == helogate.TempFail {
			failed = n
		}
		hit = hit || w.covers(t, a.Values)
	}
	if failed != "" && !hit {
		return false, w.failure(w.family(), failed)
	}
	return hit, nil
}

// clientNames returns the PTR names of the client that are used, not confirmed yet.
func (w *walk) clientNames() ([]string, error) {
	names, err := w.values(helogate.PTR, w.ask.ClientText())
	return names[:min(len(names), maxNames)], err
}

// family returns the kind of address record for the client's family.
func (w *walk) family() helogate.Kind {
	if w.id.Client.Is4() {
		return helogate.A
	}
	return helogate.AAAA
}

// covers reports whether one of the addresses, of the client's family, equals the client's, up to the prefix length
// of the term.
func (w *walk) covers(t *term, values []string) bool {
	bits := t.bits6
	if w.id.Client.Is4() {
		bits = t.bits4
	}
	if bits == w.id.Client.BitLen() {
		return slices.Contains(values, w.ask.ClientText())
	}
	network := netip.PrefixFrom(w.id.Client, bits)
	return slices.ContainsFunc(values, func(v string) bool {
		a, err := netip.ParseAddr(v)
		return err == nil && network.Contains(a)
	})
}
