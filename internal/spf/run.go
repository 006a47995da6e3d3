package spf

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/helogate/helogate"
)

// A run is one evaluation. For the engine it is the DNS.
type run struct {
	ask        Asker
	id         Identity
	client     string // id.Client as text
	targets    []target
	room       [16]target
	top        top
	looked     string // the name of the last TXT or MX that was asked for, "" if no such name can exist
	nameless   bool   // it was counted that the client has no name
	explaining bool   // the outcome is found, and no failure changes it any more
}

// A target is what a term asks about; the engine knows it by its token.
type target struct {
	at       name  // whose record the term stands in; of the first target, the name itself
	term     *term // nil for the first and for redirect
	redirect macros
	included bool // the record is an included one
}

// top is how far the record that decides has come, not counting what it includes.
type top struct {
	at     name
	record *record
	end    *term // the term that matches without a question
	asked  *term // the last that was asked about
}

// token is what the engine has for a name.
func token(i int) string { return "#" + strconv.Itoa(i) }

// nowhere is a token of nothing.
const nowhere = "#"

var (
	errNotFound  = &net.DNSError{Err: "there is none", IsNotFound: true}
	errTemporary = &net.DNSError{Err: "DNS does not answer", IsTemporary: true}
	errWaiting   = errors.New("not answered yet")

	ip4Hit, ip6Hit = []net.IPAddr{{IP: net.IPv4(127, 0, 0, 2)}}, []net.IPAddr{{IP: net.IPv6loopback}}
)

// target is what a token stands for.
func (r *run) target(token string) *target {
	i, err := strconv.Atoi(strings.TrimPrefix(token, "#"))
	if err != nil || i >= len(r.targets) {
		return nil
	}
	t := &r.targets[i]
	if !t.included && t.term != nil {
		r.top.asked = t.term
	}
	return t
}

// values are those of an answer that the outcome rests on. The error is errWaiting, errTemporary or errNotFound.
func (r *run) values(kind helogate.Kind, name string) ([]string, error) {
	a := r.ask.Ask(kind, name)
	switch a.Status {
	case helogate.OK:
		return a.Values, nil
	case helogate.TempFail:
		return nil, r.failure(kind, name)
	}
	return nil, errNotFound
}

// failure is what becomes of a tempfail that the outcome rests on.
func (r *run) failure(kind helogate.Kind, name string) error {
	if r.ask.Waiting() {
		return errWaiting
	}
	if !r.explaining {
		r.ask.Values(kind, name)
	}
	return errTemporary
}

// name is what a target is about.
func (r *run) name(t *target) (name, error) {
	switch {
	case t.term != nil && t.term.target != nil:
		return r.expandName(t.term.target, t.at)
	case t.redirect != nil:
		return r.expandName(t.redirect, t.at)
	}
	return t.at, nil
}

// LookupTXT returns the SPF record of a name, for the engine. An error that is none of DNS is a permerror.
func (r *run) LookupTXT(_ context.Context, token string) ([]string, error) {
	t := r.target(token)
	if t == nil {
		return nil, errNotFound
	}
	included := t.included || t.term != nil
	at, err := r.name(t)
	var texts []string
	if r.looked = at.raw; err == nil {
		texts, err = r.values(helogate.TXT, at.question)
	}
	if err == errWaiting {
		return []string{"v=spf1 ?all"}, nil // no match, if it is included
	}
	if err != nil {
		return nil, err
	}
	rec, err := selectRecord(texts)
	if err != nil {
		return nil, fmt.Errorf("in the record of %s, %w", at.raw, err)
	}
	if rec == nil {
		return nil, nil
	}
	return []string{r.rewrite(rec, at, included)}, nil
}

// LookupMX returns the MX of a name, for the engine: one in place of all, that has the addresses of all.
func (r *run) LookupMX(_ context.Context, token string) ([]*net.MX, error) {
	t := r.target(token)
	at, err := r.name(t)
	if err != nil {
		return unlessWaiting([]*net.MX{{Host: nowhere}}, err)
	}
	r.looked = at.raw
	values, err := r.values(helogate.MX, at.question)
	if err != nil {
		return unlessWaiting([]*net.MX{{Host: nowhere}}, err)
	}
	if len(values) > maxHosts {
		return slices.Repeat([]*net.MX{{Host: nowhere}}, len(values)), nil
	}
	if err := r.askHosts(t, values); err != nil {
		return nil, err
	}
	return []*net.MX{{Host: token}}, nil
}

// unlessWaiting is the error, or, while we wait, what matches nothing and is not counted as a void lookup.
func unlessWaiting[T any](noMatch T, err error) (T, error) {
	if err == errWaiting {
		return noMatch, nil
	}
	var none T
	return none, err
}

// LookupAddr is not asked for: ptr is given to the engine as exists.
func (r *run) LookupAddr(context.Context, string) ([]string, error) { return nil, errNotFound }

// LookupIPAddr returns addresses for the engine: of the client's family for a and mx (RFC 7208 section 5.3), of IPv4 for
// exists whatever the client has (section 5.7). That of ptr is any of IPv4 if it matches.
func (r *run) LookupIPAddr(_ context.Context, token string) ([]net.IPAddr, error) {
	t := r.target(token)
	if t == nil {
		return nil, errNotFound
	}
	noMatch := ip6Hit
	if t.term.kind == termA && !r.id.Client.Is4() {
		noMatch = ip4Hit
	}
	at, err := r.name(t)
	if err != nil {
		return unlessWaiting(noMatch, err)
	}
	kind := r.family()
	switch t.term.kind {
	case termMX:
		values, err := r.values(helogate.MX, at.question)
		return r.addressesOf(values), err
	case termPTR:
		return r.ptr(at)
	case termExists:
		kind = helogate.A
	}
	values, err := r.values(kind, at.question)
	if err != nil {
		return unlessWaiting(noMatch, err)
	}
	return appendAddresses(nil, values), nil
}

func (r *run) family() helogate.Kind {
	if r.id.Client.Is4() {
		return helogate.A
	}
	return helogate.AAAA
}

// host is that of an MX's value. That of a null MX is none (RFC 7505).
func host(value string) (name string, is bool) {
	_, name, _ = strings.Cut(value, " ")
	return name, name != "." && name != ""
}

// askHosts asks for the addresses of all mail hosts side by side. A failure of one is no matter if another matches.
func (r *run) askHosts(t *target, values []string) error {
	kind, failed, matches := r.family(), "", false
	for _, v := range values {
		name, is := host(v)
		if !is {
			continue
		}
		a := r.ask.Ask(kind, name)
		if a.Status == helogate.TempFail && failed == "" {
			failed = name
		}
		matches = matches || slices.ContainsFunc(a.Values, func(v string) bool { return t.term.covers(v, r.id.Client) })
	}
	if failed == "" || matches {
		return nil
	}
	_, err := unlessWaiting(0, r.failure(kind, failed))
	return err
}

// addressesOf are the addresses of mail hosts that answered.
func (r *run) addressesOf(values []string) (out []net.IPAddr) {
	kind := r.family()
	for _, v := range values {
		if name, is := host(v); is {
			out = appendAddresses(out, r.ask.Ask(kind, name).Values)
		}
	}
	return out
}

func appendAddresses(out []net.IPAddr, values []string) []net.IPAddr {
	out = slices.Grow(out, len(values))
	for _, v := range values {
		if a, err := netip.ParseAddr(v); err == nil {
			out = append(out, net.IPAddr{IP: a.AsSlice()})
		}
	}
	return out
}

// ptr matches if a name of the client's in the target's domain leads back to it (RFC 7208 section 5.5). Other names need
// not be asked about. That the client has no name counts as a void lookup, once: it is one question.
func (r *run) ptr(at name) ([]net.IPAddr, error) {
	names, err := r.names()
	if err == errNotFound && r.nameless {
		return ip6Hit, nil
	}
	if err != nil {
		r.nameless = err == errNotFound
		return unlessWaiting(ip6Hit, err)
	}
	in := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !under(n, at.question) })
	confirmed, failed := r.confirmed(in)
	switch {
	case len(confirmed) > 0:
		return ip4Hit, nil
	case failed != "":
		return unlessWaiting(ip6Hit, r.failure(r.family(), failed))
	}
	return ip6Hit, nil
}

// names are those of the client's address that are looked at.
func (r *run) names() ([]string, error) {
	names, err := r.values(helogate.PTR, r.client)
	return names[:min(len(names), maxNames)], err
}

// confirmed are the names that lead back to the client, and one of which that is not known. RFC 7208 would pass over a
// failure; but then it could lead to a fail, and no failure of DNS may.
func (r *run) confirmed(names []string) (out []string, failed string) {
	kind := r.family()
	for _, n := range names {
		switch a := r.ask.Ask(kind, n); {
		case a.Status == helogate.TempFail:
			failed = n
		case slices.Contains(a.Values, r.client):
			out = append(out, n)
		}
	}
	return out, failed
}
