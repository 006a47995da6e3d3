package spf

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/presentation"
	"github.com/helogate/helogate/internal/printable"
)

const version = "v=spf1"

// A record is an SPF record, read for one client (RFC 7208 section 12). It lacks terms about other addresses, and
// terms after one that matches without a question: the outcome does not depend on them.
type record struct {
	asking   [maxTerms + 1]term // the terms that ask DNS; one more than allowed, to detect an error
	asks     int                // the number of terms in asking
	end      term               // the term that matches without a question; its text is "" if there is none
	redirect string             // domain-spec; "": none
	exp      string             // domain-spec; "": none
}

// A term is a directive: a mechanism with its qualifier.
type term struct {
	text         string       // as published
	target       string       // domain-spec; "": the domain of the record
	network      netip.Prefix // of ip4 and ip6
	bits4, bits6 int          // prefix lengths
	kind         kind
	qualifier    byte // + - ~ ?
}

type kind byte

const (
	termAll kind = iota
	termNetwork
	termInclude
	termA
	termMX
	termPTR
	termExists
)

func (t *term) outcome() helogate.Outcome {
	switch t.qualifier {
	case '-':
		return helogate.Fail
	case '~':
		return helogate.SoftFail
	case '?':
		return helogate.Neutral
	}
	return helogate.Pass
}

// isRecord reports whether a text is an SPF record: the version, followed by the end or a space (RFC 7208 section
// 4.5).
func isRecord(text string) bool {
	return len(text) >= len(version) && strings.EqualFold(text[:len(version)], version) &&
		(len(text) == len(version) || text[len(version)] == ' ')
}

func hasRecord(texts []string) bool { return slices.ContainsFunc(texts, isRecord) }

// selectRecord returns the SPF record among the texts of a name (RFC 7208 section 4.5), "" if none is one.
func selectRecord(texts []string) (record string, err error) {
	for _, t := range texts {
		switch {
		case !isRecord(t):
		case record != "":
			return "", errors.New("has more than one SPF record")
		default:
			record = t
		}
	}
	return record, nil
}

// read reads a record, as strictly as RFC 7208 section 4.6 requires: any error anywhere is a permerror.
func (rec *record) read(text string, client netip.Addr) error {
	text = presentation.Unescape(text)
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' {
			return fmt.Errorf("octet %d is %#02x, which is not printable ASCII", i+1, c)
		}
	}
	for rest := text[len(version):]; rest != ""; {
		var field string
		if field, rest, _ = strings.Cut(rest, " "); field == "" {
			continue
		}
		if err := rec.add(field, client); err != nil {
			return fmt.Errorf("%s: %w", quoted(field), err)
		}
	}
	return nil
}

func (rec *record) add(field string, client netip.Addr) error {
	if name, value, is := modifier(field); is {
		return rec.addModifier(name, value)
	}
	var t term
	if err := t.parse(field); err != nil || rec.end.text != "" {
		return err
	}
	switch {
	case t.kind == termAll, t.kind == termNetwork && t.network.Contains(client):
		rec.end = t
	case t.kind != termNetwork && rec.asks < len(rec.asking):
		rec.asking[rec.asks] = t
		rec.asks++
	}
	return nil
}

// modifier splits "redirect=example.org". A field with "=" after a name is a modifier, known or not.
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

// addModifier notes redirect and exp, each of which may occur once in a record (section 6). It ignores others.
func (rec *record) addModifier(name, value string) error {
	var into *string
	switch {
	case strings.EqualFold(name, "redirect"):
		into = &rec.redirect
	case strings.EqualFold(name, "exp"):
		into = &rec.exp
	default:
		return checkMacros(value, inExplanation)
	}
	if *into != "" {
		return errors.New("it occurs twice")
	}
	*into = value
	return checkDomainSpec(value)
}

// parse parses a directive into a zero term.
func (t *term) parse(field string) error {
	t.text, t.qualifier, t.bits4, t.bits6 = field, '+', 32, 128
	switch field[0] {
	case '+', '-', '~', '?':
		t.qualifier, field = field[0], field[1:]
	}
	end := 0
	for end < len(field) && field[end] != ':' && field[end] != '/' {
		end++
	}
	return t.parseMechanism(field[:end], field[end:])
}

// parseMechanism parses the text after the name of a mechanism: nothing, or text that begins with ":" or "/".
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

func (t *term) parseTarget(arg string) error {
	if arg == "" || arg[0] != ':' {
		return errors.New("a colon and a domain are missing")
	}
	t.target = arg[1:]
	return checkDomainSpec(t.target)
}

// parseBits removes a dual-cidr-length from the end. A "/" without a number after it may be part of a name.
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

// parseLength parses a prefix length, without leading zeros.
func parseLength(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n > most || !isNumber(s) || len(s) > 1 && s[0] == '0' {
		return 0, fmt.Errorf("/%s is not a prefix length: 0 to %d", quoted(s), most)
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
		return fmt.Errorf("%s is not an %s address", quoted(address), family)
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

// quoted cuts what an error quotes from a record.
func quoted(s string) string { return printable.Cut(s, 60) }
