package spf

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/helogate/helogate/internal/presentation"
)

const version = "v=spf1"

// A record is an SPF record, read (RFC 7208 section 12).
type record struct {
	terms    []term
	redirect macros // nil: none
	exp      macros // nil: none
}

// A term is a directive: a mechanism with its qualifier.
type term struct {
	text         string // as it was published
	qualifier    byte   // + - ~ ?
	kind         kind
	target       macros       // nil: the domain whose record it is
	network      netip.Prefix // of ip4 and ip6
	bits4, bits6 int          // of a and mx: how much of an address counts
}

type kind int

const (
	termAll kind = iota
	termNetwork
	termInclude
	termA
	termMX
	termPTR
	termExists
)

// engineWord is the mechanism that the engine knows. That of ptr is not: the engine would go on after a failure of DNS.
func (k kind) engineWord() string {
	switch k {
	case termInclude:
		return "include"
	case termA:
		return "a"
	case termMX:
		return "mx"
	}
	return "exists"
}

// covers reports whether an address, as text, is the client's as far as it counts.
func (t *term) covers(address string, client netip.Addr) bool {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Is4() != client.Is4() {
		return false
	}
	bits := t.bits6
	if a.Is4() {
		bits = t.bits4
	}
	p, err := a.Prefix(bits)
	return err == nil && p.Contains(client)
}

// isRecord reports whether a text is an SPF record: the version, and its end or a space (RFC 7208 section 4.5).
func isRecord(text string) bool {
	return len(text) >= len(version) && strings.EqualFold(text[:len(version)], version) &&
		(len(text) == len(version) || text[len(version)] == ' ')
}

func hasRecord(texts []string) bool { return slices.ContainsFunc(texts, isRecord) }

// selectRecord reads the SPF record among the texts of a name (RFC 7208 section 4.5), nil if none is one.
func selectRecord(texts []string) (*record, error) {
	found := -1
	for i, t := range texts {
		if !isRecord(t) {
			continue
		}
		if found >= 0 {
			return nil, errors.New("there is more than one")
		}
		found = i
	}
	if found < 0 {
		return nil, nil
	}
	return parse(texts[found])
}

// parse reads a record, as strictly as RFC 7208 section 4.6 asks for: any error anywhere is a permerror.
func parse(text string) (*record, error) {
	text = presentation.Unescape(text)
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' {
			return nil, fmt.Errorf("octet %d is %#02x, which is no printable ASCII", i+1, c)
		}
	}
	rec := &record{terms: make([]term, 0, min(strings.Count(text, " "), 32))}
	for field := range strings.SplitSeq(text[len(version):], " ") {
		if field == "" {
			continue
		}
		if err := rec.add(field); err != nil {
			return nil, fmt.Errorf("%s: %w", clip(field), err)
		}
	}
	return rec, nil
}

func (rec *record) add(field string) error {
	if name, value, is := modifier(field); is {
		return rec.addModifier(name, value)
	}
	t, err := parseDirective(field)
	if err == nil {
		rec.terms = append(rec.terms, t)
	}
	return err
}

// modifier takes "redirect=example.org" apart. What has a "=" after a name is one, known or not.
func modifier(field string) (name, value string, is bool) {
	for i := range len(field) {
		c := field[i]
		switch {
		case c == '=' && i > 0:
			return field[:i], field[i+1:], true
		case isAlpha(c) || i > 0 && (isDigit(c) || c == '-' || c == '_' || c == '.'):
		default:
			return "", "", false
		}
	}
	return "", "", false
}

// addModifier notes redirect and exp, each of which may stand in a record once (section 6). Others say nothing to us.
func (rec *record) addModifier(name, value string) error {
	var into *macros
	switch {
	case strings.EqualFold(name, "redirect"):
		into = &rec.redirect
	case strings.EqualFold(name, "exp"):
		into = &rec.exp
	default:
		_, err := parseMacros(value, inExplanation)
		return err
	}
	if *into != nil {
		return errors.New("it stands there twice")
	}
	m, err := parseDomainSpec(value)
	*into = m
	return err
}

func parseDirective(field string) (term, error) {
	t := term{text: field, qualifier: '+', bits4: 32, bits6: 128}
	if strings.IndexByte("+-~?", field[0]) >= 0 {
		t.qualifier, field = field[0], field[1:]
	}
	name, arg := field, ""
	if i := strings.IndexAny(field, ":/"); i >= 0 {
		name, arg = field[:i], field[i:]
	}
	err := t.parseMechanism(name, arg)
	return t, err
}

// parseMechanism reads what follows a mechanism's name: nothing, or what begins with ":" or "/".
func (t *term) parseMechanism(name, arg string) (err error) {
	switch strings.ToLower(name) {
	case "all":
		if t.kind = termAll; arg != "" {
			err = errors.New("nothing may follow all")
		}
	case "include":
		t.kind = termInclude
		err = t.parseTarget(arg)
	case "exists":
		t.kind = termExists
		err = t.parseTarget(arg)
	case "ptr":
		if t.kind = termPTR; arg != "" {
			err = t.parseTarget(arg)
		}
	case "a", "mx":
		if t.kind = termA; len(name) == 2 {
			t.kind = termMX
		}
		if arg, err = t.parseBits(arg); err == nil && arg != "" {
			err = t.parseTarget(arg)
		}
	case "ip4", "ip6":
		t.kind = termNetwork
		err = t.parseNetwork(arg, name[2] == '4')
	default:
		err = errors.New("there is no such mechanism")
	}
	return err
}

func (t *term) parseTarget(arg string) (err error) {
	if arg == "" || arg[0] != ':' {
		return errors.New("a colon and a domain are missing")
	}
	t.target, err = parseDomainSpec(arg[1:])
	return err
}

// parseBits takes a dual-cidr-length off the end. A "/" that no number follows may be part of a name.
func (t *term) parseBits(arg string) (rest string, err error) {
	if i := strings.LastIndex(arg, "//"); i >= 0 && isNumber(arg[i+2:]) {
		if t.bits6, err = parseLength(arg[i+2:], 128); err != nil {
			return "", err
		}
		arg = arg[:i]
	}
	if i := strings.LastIndexByte(arg, '/'); i >= 0 && isNumber(arg[i+1:]) {
		if t.bits4, err = parseLength(arg[i+1:], 32); err != nil {
			return "", err
		}
		arg = arg[:i]
	}
	return arg, nil
}

// parseLength reads the length of a prefix: no zeros ahead.
func parseLength(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n > most || !isNumber(s) || len(s) > 1 && s[0] == '0' {
		return 0, fmt.Errorf("/%s is no length of a prefix: 0 to %d", clip(s), most)
	}
	return n, nil
}

func (t *term) parseNetwork(arg string, is4 bool) error {
	most, family := 128, "IPv6"
	if is4 {
		most, family = 32, "IPv4"
	}
	if arg == "" || arg[0] != ':' {
		return fmt.Errorf("a colon and an %s address are missing", family)
	}
	address, length, cut := strings.Cut(arg[1:], "/")
	a, err := netip.ParseAddr(address)
	if err != nil || a.Is4() != is4 || a.Zone() != "" {
		return fmt.Errorf("%s is no %s address", clip(address), family)
	}
	bits := most
	if cut {
		if bits, err = parseLength(length, most); err != nil {
			return err
		}
	}
	t.network = netip.PrefixFrom(a, bits)
	return nil
}

func isNumber(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// clip cuts what is quoted from a record.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
