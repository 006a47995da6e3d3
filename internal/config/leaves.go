package config

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// valueType is a type of value, by the name in a field's tag "is".
type valueType struct {
	what  string // for the page, and after "must be": "a duration"
	kinds []kind // the TOML types it may have; text if none is named
	free  bool   // any text is valid, even if it begins with a bracket
	parse func(*decoder, *node, field) (any, error)
	table func(*decoder, *node, reflect.Value) // in place of parse, for a table whose keys the administrator chooses
}

func (l *valueType) takes(k kind) bool {
	return slices.Contains(l.kinds, k) || len(l.kinds) == 0 && k == text
}

// The types of tables whose keys the administrator chooses.
var checksTable, listsTable, repliesTable *valueType

var valueTypes map[string]*valueType

func init() { // a literal would be an initialization cycle through the decoder
	checksTable = &valueType{what: "a table of actions", kinds: []kind{table}, table: (*decoder).checks}
	listsTable = &valueType{what: "a table of names and paths of files", kinds: []kind{table}, table: (*decoder).lists}
	repliesTable = &valueType{what: "a table of names and texts", kinds: []kind{table}, table: (*decoder).replies}
	valueTypes = map[string]*valueType{
		"action":         of("an action", parseAction),
		"address":        of("an IP address", parseAddress),
		"asked":          of("client, helo, ptr or sender", words("a query", check.AskClient, check.AskHelo, check.AskPTR, check.AskSender)),
		"callout domain": of("a domain name", parseCalloutDomain),
		"checks":         checksTable,
		"backend":        of("an address with a port", parseBackend),
		"codes":          anything("an answer such as 127.0.0.2", parseCode),
		"control socket": of("the path of a unix socket, or none", parseControl),
		"domain":         of("a domain name", parseDomain),
		"duration":       {what: `a duration such as "5s" or "1h30m"`, parse: duration},
		"expression":     anything("an expression", parseExpression),
		"footer":         anything("a line of text", parseFooter),
		"endpoint":       of("an address with a port, or a unix socket", ParseEndpoint),
		"helo":           of("a HELO name", parseHelo),
		"host and port":  of("a host and a port", parseHostPort),
		"list name":      of("a name", parseListName),
		"lists":          listsTable,
		"host":           of("a host name", parseHost),
		"log format":     of("text or json", words("a log format", Text, JSON)),
		"log level":      of("a log level such as info", parseLevel),
		"mailbox":        of("a mail address or a domain", parseMailbox),
		"mode":           of(`"shadow" or "enforce"`, parseMode),
		"name":           of("a host name", parseName),
		"network":        of("an IP address or a network", parseNetwork),
		"note":           anything("a line of text", parseNote),
		"number":         {what: "a number", kinds: []kind{integer}, parse: number},
		"order":          {what: "the name of a check, rules or spf", parse: known("a check", func(o Options) []string { return slices.Concat(o.Checks, []string{OrderRules, OrderSPF}) })},
		"part":           of("address, domain or nothing", words("a part", check.WholeAddress, check.DomainOnly, check.Nothing)),
		"path":           of("the full path of a file", parsePath),
		"pattern":        of("a name or pattern", parsePattern),
		"permissions":    of(`octal digits such as "0660"`, parsePermissions),
		"points":         {what: "a number from 0 to 1000", kinds: []kind{integer}, parse: points},
		"preset":         {what: "the name of a preset", parse: known("a preset", func(o Options) []string { return o.Presets })},
		"protocol":       {what: "the name of a protocol", parse: known("a protocol", func(o Options) []string { return o.Protocols })},
		"recipient":      of("a mail address or a domain", parseRecipient),
		"replies":        repliesTable,
		"reply":          anything("a line of text", parseReply),
		"rule name":      of("a name", parseRuleName),
		"server":         of("the address of a DNS server", parseServer),
		"size":           {what: `a size such as "64MiB", or a number of bytes`, kinds: []kind{text, integer}, parse: size},
		"stage":          of("connect, helo, mail or rcpt", parseStage),
		"store":          of("sqlite, redis or memory", words("a store", SQLite, RedisServer, Memory)),
		"switch":         {what: "true or false", kinds: []kind{boolean}, parse: func(_ *decoder, n *node, _ field) (any, error) { return n.text == "true", nil }},
		"text":           anything("text", func(s string) (string, error) { return s, nil }),
		"until":          {what: "a date such as 2027-06-30", kinds: []kind{date, dateTime, localDT}, parse: (*decoder).until},
		"url":            of("a URL such as https://example.net/help", parseURL),
	}
}

// of returns the type of a value that parse reads from a text.
func of[T any](what string, parse func(string) (T, error)) *valueType {
	return &valueType{what: what, parse: func(_ *decoder, n *node, _ field) (any, error) { return parse(n.text) }}
}

// anything is of, where any text is valid.
func anything[T any](what string, parse func(string) (T, error)) *valueType {
	l := of(what, parse)
	l.free = true
	return l
}

// known reads one of the words in Options.
func known(noun string, list func(Options) []string) func(*decoder, *node, field) (any, error) {
	return func(d *decoder, n *node, _ field) (any, error) { return n.text, oneOf(noun, n.text, list(d.opt)) }
}

// words reads one of a fixed set of words.
func words[T ~string](noun string, all ...T) func(string) (T, error) {
	return func(s string) (T, error) {
		list := make([]string, len(all))
		for i, w := range all {
			list[i] = string(w)
		}
		return T(s), oneOf(noun, s, list)
	}
}

var anyMode = words("a mode", Shadow, Enforce)

// parseMode reads a mode of verdicts. In most other programs mode is the permissions of a socket.
func parseMode(s string) (Mode, error) {
	if permissions.MatchString(s) {
		return "", errPermissions(s)
	}
	return anyMode(s)
}

func errPermissions(s string) error {
	return fmt.Errorf("the mode is shadow or enforce, not the permissions of a unix socket: did you mean permissions = \"%04[1]s\"?", s)
}

var stages = []string{"connect", "helo", "mail", "rcpt"}

func parseStage(s string) (helogate.Stage, error) {
	if err := oneOf("a stage", s, stages); err != nil {
		return 0, err
	}
	return helogate.ParseStage(s)
}

func parseLevel(s string) (l slog.Level, err error) {
	if err := oneOf("a log level", s, []string{"debug", "info", "warn", "error"}); err != nil {
		return 0, err
	}
	return l, l.UnmarshalText([]byte(s))
}

func points(_ *decoder, n *node, _ field) (any, error) {
	i, err := strconv.ParseInt(n.text, 0, 64)
	if err != nil || i < 0 || i > 1000 {
		return nil, fmt.Errorf("%s is out of bounds: use a number from 0 to 1000, where 0 is never", cut(n.text, 80))
	}
	return int(i), nil
}

// number reads a number within the bounds of its field.
func number(_ *decoder, n *node, f field) (any, error) {
	i, err := strconv.Atoi(n.text)
	least, _ := strconv.Atoi(f.min)
	most, _ := strconv.Atoi(f.max)
	if err != nil || i < least || i > most {
		return nil, fmt.Errorf("%s is out of bounds: use a number from %s to %s", cut(n.text, 80), f.min, f.max)
	}
	return i, nil
}

func duration(_ *decoder, n *node, f field) (any, error) {
	v, err := ParseDuration(n.text)
	if err != nil {
		return nil, err
	}
	least, _ := ParseDuration(f.min)
	most, _ := ParseDuration(f.max)
	if v < least || v > most {
		return nil, fmt.Errorf("%s is out of bounds: use %s to %s", quoted(n.text), f.min, f.max)
	}
	return v, nil
}

func size(_ *decoder, n *node, f field) (any, error) {
	v, err := ParseSize(n.text)
	if n.kind == integer {
		var i int64
		i, err = strconv.ParseInt(n.text, 0, 64)
		if v = Size(i); err != nil {
			err = fmt.Errorf("the number %s is too large", cut(n.text, 80))
		}
	}
	if err != nil {
		return nil, err
	}
	least, _ := ParseSize(f.min)
	most, _ := ParseSize(f.max)
	if v < least || v > most {
		return nil, fmt.Errorf("%s is out of bounds: use %s to %s", cut(n.text, 80), f.min, f.max)
	}
	return v, nil
}
