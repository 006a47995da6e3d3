package protocol

import (
	"strings"
	"sync"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/bounded"
	"github.com/helogate/helogate/internal/header"
	"github.com/helogate/helogate/internal/response"
)

// prepended knows which fields have been given for which message. Postfix takes one field an answer, and keeps it for the
// message whatever becomes of the recipient that it asked about; so each question about a message, for its second recipient
// or at DATA, is answered with the next field, and no field is given twice. Where recipients have different policies,
// the field is that of the recipient whose question it answers.
//
// Postfix names the message by its "instance", in which there are process, microsecond and a number. It may ask about one
// over several connections, for each way of naming the service in main.cf has its own; so the whole listener remembers. It
// remembers a number of fields and not a time: there is no hurry, and a message is over long before they are forgotten.
type prepended struct {
	once  sync.Once
	given *bounded.Map[prependedField, struct{}]
}

type prependedField struct{ instance, name string }

const (
	maxPrepended = 100_000 // fields, some 20 MB
	maxInstance  = 128     // bytes; Postfix's have some 30
)

// next returns the first field that the message has not been given, and takes it for given.
func (p *prepended) next(instance []byte, fields []header.Field) (header.Field, bool) {
	if len(instance) == 0 || len(instance) > maxInstance {
		return header.Field{}, false // what is asked next might be about the same message
	}
	p.once.Do(func() { p.given = bounded.New[prependedField, struct{}](maxPrepended, 0) })
	message := string(instance)
	for _, f := range fields {
		if !isField(f) {
			continue
		}
		first := false
		p.given.Use(prependedField{message, f.Name}, time.Time{}, func(_ *struct{}, made bool) { first = made })
		if first {
			return f, true
		}
	}
	return header.Field{}, false
}

// prepend returns the field that is to answer the question.
func (p *Postfix) prepend(a *attributes, r response.Response) (header.Field, bool) {
	if len(r.Headers) == 0 || !a.takesPrepend() {
		return header.Field{}, false
	}
	switch r.Action {
	case helogate.Continue, helogate.Accept:
		return p.prepended.next(a.instance, r.Headers)
	}
	return header.Field{}, false
}

// takesPrepend reports whether Postfix takes PREPEND for an answer now (access(5)), and all that is known was judged.
// Before MAIL there is no message, and at END-OF-MESSAGE its header has been written. At MAIL Postfix has no name for the
// message yet. A question that is about an earlier stage, says its policy_context, leaves the field to the one at RCPT.
func (a *attributes) takesPrepend() bool {
	switch string(a.protocolState) {
	case "RCPT", "DATA", "BDAT":
		return a.stage() == a.reached()
	}
	return false
}

// isField reports whether a name is one of RFC 5322 section 2.2 and a value has something in it: Postfix warns of what is
// no header, and adds nothing.
func isField(f header.Field) bool {
	for i := range len(f.Name) {
		if c := f.Name[i]; c <= ' ' || c > '~' || c == ':' {
			return false
		}
	}
	return f.Name != "" && len(f.Name) <= maxFieldName && strings.Trim(f.Value, " ") != ""
}

const maxFieldName = 76

// appendPrepend words the answer. The value is the attacker's text in part, and a line end let through here would let him
// write our next answer, or the message's header.
func appendPrepend(b []byte, f header.Field) []byte {
	b = append(b, "action=PREPEND "...)
	b = append(b, f.Name...)
	b = append(b, ": "...)
	b = append(b, oneLine(f.Value, header.MaxField-len(f.Name)-len(": "))...)
	return append(b, "\n\n"...)
}
