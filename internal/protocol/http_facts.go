package protocol

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
)

// factsIn are the facts in a request: the "facts" of a verdict's JSON ([helogate.Record]), without those that the judge
// sets.
type factsIn struct {
	stage, client, server, verb, helo, sender, recipient, auth, session textField
	originClient, originHelo                                            textField
	origin                                                              bool // it came
}

// A textField is a text in a request, which may be there twice: as a JSON string, which cannot carry bytes that are not
// UTF-8, and in base64.
type textField struct {
	text           string
	present, exact bool // exact: in base64, which is what counts
}

// A factsField is a key of the facts, and where it belongs.
type factsField struct {
	name string
	of   func(*factsIn) *textField
}

var factsFields = withBase64(map[string]func(*factsIn) *textField{
	"stage":   func(in *factsIn) *textField { return &in.stage },
	"client":  func(in *factsIn) *textField { return &in.client },
	"server":  func(in *factsIn) *textField { return &in.server },
	"session": func(in *factsIn) *textField { return &in.session },
	// What follows is the client's text.
	"verb":        func(in *factsIn) *textField { return &in.verb },
	"helo":        func(in *factsIn) *textField { return &in.helo },
	"sender":      func(in *factsIn) *textField { return &in.sender },
	"recipient":   func(in *factsIn) *textField { return &in.recipient },
	"auth":        func(in *factsIn) *textField { return &in.auth },
	"origin.helo": func(in *factsIn) *textField { return &in.originHelo },

	"origin.client": func(in *factsIn) *textField { return &in.originClient },
}, "verb", "helo", "sender", "recipient", "auth", "origin.helo")

const inBase64 = "_base64"

func withBase64(fields map[string]func(*factsIn) *textField, texts ...string) map[string]factsField {
	all := map[string]factsField{}
	for name, of := range fields {
		all[name] = factsField{name, of}
	}
	for _, name := range texts {
		all[name+inBase64] = factsField{name + inBase64, fields[name]}
	}
	return all
}

// notAccepted are keys of a verdict's facts that a request must not have, and why.
var notAccepted = map[string]string{
	"time":           "the judge has its own clock",
	"earlier":        "the judge remembers it by the session",
	"earlier_base64": "the judge remembers it by the session",
}

// badFacts is what is wrong with a body: which field, "" if no single one, and what.
type badFacts struct{ field, problem string }

func (b badFacts) Error() string {
	if b.field == "" {
		return "the body " + b.problem
	}
	return b.field + " " + b.problem
}

const maxSession = 255 // bytes of a session's name, which is remembered; no MTA's is so long

// readFacts reads the facts of a client as JSON. It is strict with what the calling program says (unknown or repeated
// keys, types, addresses, the stage), and accepts any text of the client, since no text may prevent a verdict. Its
// error is badFacts.
//
// It parses the text itself, after checking that it is valid JSON: encoding/json accepts keys in any case, the last of
// two, and null for a string; and its decoder of tokens takes three times as long.
func readFacts(body []byte) (helogate.Facts, error) {
	if !json.Valid(body) {
		return helogate.Facts{}, noJSON(body)
	}
	var in factsIn
	if _, err := in.object(body, ""); err != nil {
		return helogate.Facts{}, err
	}
	return in.facts()
}

// noJSON says why a body is not JSON.
func noJSON(body []byte) error {
	var into any
	err := json.Unmarshal(body, &into)
	if strings.HasPrefix(err.Error(), "unexpected end") {
		return badFacts{"", "ends before its JSON object does"}
	}
	return badFacts{"", "is not JSON: " + printable.Text(err.Error(), 120)}
}

// object reads the members of the object at the start of b, the facts or with a prefix one within, and returns what
// follows it. All of b is JSON.
func (in *factsIn) object(b []byte, prefix string) ([]byte, error) {
	b = pastSpace(b)
	if b[0] != '{' {
		return nil, badFacts{strings.TrimSuffix(prefix, "."), "must be a JSON object"}
	}
	for b = pastSpace(b[1:]); b[0] != '}'; {
		key, rest := textAt(b)
		b = pastSpace(pastSpace(rest)[len(":"):])
		var err error
		if b, err = in.member(b, prefix, key); err != nil {
			return nil, err
		}
		if b = pastSpace(b); b[0] == ',' {
			b = pastSpace(b[1:])
		}
	}
	if prefix != "" && !in.originClient.present {
		return nil, badFacts{"origin.client", "is missing"}
	}
	return b[1:], nil
}

// member reads the value of a key at the start of b, and returns what follows it.
func (in *factsIn) member(b []byte, prefix string, key []byte) ([]byte, error) {
	if prefix == "" && b[0] == '"' {
		if f, known := factsFields[string(key)]; known && bytes.IndexByte(key, '.') < 0 {
			text, rest := textAt(b)
			return rest, f.of(in).take(f.name, text)
		}
	}
	name := prefix + string(key)
	where, known := factsFields[name]
	switch {
	case name == "origin" && in.origin:
		return nil, badFacts{name, "comes twice"}
	case name == "origin":
		in.origin = true
		return in.object(b, "origin.")
	case notAccepted[name] != "":
		return nil, badFacts{name, "must not be given: " + notAccepted[name]}
	case !known || bytes.IndexByte(key, '.') >= 0:
		return nil, badFacts{printable.Text(name, 80), "is not a known key"}
	case b[0] != '"':
		return nil, badFacts{name, "must be a JSON string"}
	}
	text, rest := textAt(b)
	return rest, where.of(in).take(name, text)
}

// textAt returns the text of the string at the start of b, which is JSON, and what follows it.
func textAt(b []byte) (text, rest []byte) {
	end, plain := 1, true
	for ; b[end] != '"'; end++ {
		if b[end] == '\\' {
			plain = false
			end++
		}
	}
	if raw := b[1:end]; plain && utf8.Valid(raw) {
		return raw, b[end+1:]
	}
	var s string
	if err := json.Unmarshal(b[:end+1], &s); err != nil {
		panic(err) // it is JSON
	}
	return []byte(s), b[end+1:]
}

func pastSpace(b []byte) []byte { return bytes.TrimLeft(b, " \t\r\n") }

// take keeps a text that came. Of one that came in base64 too, that counts, in whatever order they come.
func (g *textField) take(name string, text []byte) error {
	exact := strings.HasSuffix(name, inBase64)
	if exact && g.exact || !exact && g.present {
		return badFacts{name, "comes twice"}
	}
	if !exact {
		g.present = true
		if !g.exact {
			g.text = string(text)
		}
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return badFacts{name, "is not base64"}
	}
	g.exact, g.text = true, string(raw)
	return nil
}

// facts understands what came.
func (in *factsIn) facts() (f helogate.Facts, err error) {
	if !in.stage.present {
		return f, badFacts{"stage", "is missing"}
	}
	if f.Stage, err = helogate.ParseStage(in.stage.text); err != nil {
		return f, badFacts{"stage", "must be connect, helo, mail or rcpt, not " + quoted(in.stage.text)}
	}
	if !in.client.present {
		return f, badFacts{"client", "is missing"}
	}
	if f.Client, err = addressIn("client", in.client.text); err != nil {
		return f, err
	}
	if in.server.present {
		if f.Server, err = netip.ParseAddrPort(in.server.text); err != nil {
			return f, badFacts{"server", `must be an IP address with a port, as "192.0.2.1:25" or "[2001:db8::1]:25", not ` + quoted(in.server.text)}
		}
		f.Server = netip.AddrPortFrom(f.Server.Addr().WithZone("").Unmap(), f.Server.Port())
	}
	if in.originClient.present {
		if f.Origin.Client, err = addressIn("origin.client", in.originClient.text); err != nil {
			return f, err
		}
		f.Origin.Helo = in.originHelo.text
	}
	if len(in.session.text) > maxSession {
		return f, badFacts{"session", fmt.Sprintf("is longer than %d bytes", maxSession)}
	}
	f.Session, f.Auth = in.session.text, in.auth.text
	f.Verb, f.Helo, f.Sender, f.Recipient = asVerb(in.verb.text), in.helo.text, in.sender.text, in.recipient.text
	return f, in.known(f.Stage)
}

// known checks that a request has no facts that a client shows only at a later stage: the caller then means another
// stage, or another client.
func (in *factsIn) known(at helogate.Stage) error {
	for _, one := range []struct {
		field string
		from  helogate.Stage
		what  *textField
	}{
		{"verb", helogate.Helo, &in.verb},
		{"helo", helogate.Helo, &in.helo},
		{"sender", helogate.Mail, &in.sender},
		{"recipient", helogate.Rcpt, &in.recipient},
	} {
		if at < one.from && one.what.text != "" {
			return badFacts{one.field, "is not known yet at stage " + at.String()}
		}
	}
	return nil
}

func addressIn(field, text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, badFacts{field, "must be an IP address, not " + quoted(text)}
	}
	return a.WithZone("").Unmap(), nil
}

// asVerb is a verb as MTAs write it: clients may write it in any case.
func asVerb(text string) string {
	for _, verb := range []string{"EHLO", "HELO"} {
		if strings.EqualFold(text, verb) {
			return verb
		}
	}
	return text
}

func quoted(text string) string { return `"` + printable.Text(text, 80) + `"` }
