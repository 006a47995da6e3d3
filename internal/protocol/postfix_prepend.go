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

// prepended remembers which fields have been given for which message. Postfix takes one field per answer, and keeps it
// for the message whatever becomes of the recipient. So each question about a message, for its second recipient or at
// DATA, is answered with the next field, and no field is given twice. Where recipients have different policies, the
// field is that of the recipient whose question it answers.
//
// Postfix identifies the message by its "instance", of process, microsecond and a number. It may ask about one message
// over several connections, since each way to name the service in main.cf has its own; so the memory is shared by the
// listener. It is limited by a number of fields and not by time: a message is over long before its fields are dropped.
type prepended struct {
	once  sync.Once
	given *bounded.Map[prependedField, struct{}]
}

type prependedField struct{ instance, name string }

const (
	maxPrepended = 100_000 // fields, some 20 MB
	maxInstance  = 128     // bytes; Postfix's have some 30
)

// next returns the first field that was not given for the message, and marks it as given.
func (p *prepended) next(instance []byte, fields []header.Field) (header.Field, bool) {
	if len(instance) == 0 || len(instance) > maxInstance {
		return header.Field{}, false // the next question might be about the same message
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

// prepend returns the field to answer the question with.
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

// takesPrepend reports whether Postfix accepts PREPEND now (access(5)), and everything known was judged. Before MAIL
// there is no message, at END-OF-MESSAGE its header has been written, and at MAIL Postfix has no instance for it yet. A
// question about an earlier stage, by its policy_context, leaves the field to the one at RCPT.
func (a *attributes) takesPrepend() bool {
	switch string(a.protocolState) {
	case "RCPT", "DATA", "BDAT":
		return a.stage() == a.reached()
	}
	return false
}

// isField reports whether a name is one of RFC 5322 section 2.2 and a value has something in it: Postfix warns of what
// is no header, and adds nothing.
func isField(f header.Field) bool {
	for i := range len(f.Name) {
		if c := f.Name[i]; c <= ' ' || c > '~' || c == ':' {
			return false
		}
	}
	return f.Name != "" && len(f.Name) <= maxFieldName && strings.Trim(f.Value, " ") != ""
}

const maxFieldName = 76

// appendPrepend appends the answer. Part of the value is text of the client: a line end in it would let the client
// write the next answer, or the message's header.
func appendPrepend(b []byte, f header.Field) []byte {
	b = append(b, "action=PREPEND "...)
	b = append(b, f.Name...)
	b = append(b, ": "...)
	b = append(b, oneLine(f.Value, header.MaxField-len(f.Name)-len(": "))...)
	return append(b, "\n\n"...)
}
