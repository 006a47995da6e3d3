package helogate

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"
)

// A Record is a verdict with its facts: all that a log or a replay needs.
type Record struct {
	Facts
	Verdict
}

const recordVersion = 2

// AppendJSON appends the record as one JSON object, version 2, without a final newline. The form is stable: keys may be
// added, none is removed or changes its meaning.
//
// What the client sent may have any bytes, which JSON strings cannot. A text that is not UTF-8 has U+FFFD for each
// invalid byte, and a second key with all of it, such as "helo_base64" for "helo". "dry_run" is there if it differs
// from the decision. Finding.Reply is not part of a record: the reply is.
func (r *Record) AppendJSON(b []byte) []byte {
	b = append(b, `{"version":2,"id":`...)
	b = appendString(b, r.ID)
	if r.Policy != "" {
		b = appendString(append(b, `,"policy":`...), r.Policy)
	}
	b = append(b, `,"facts":`...)
	b = r.Facts.appendJSON(b)
	b = append(b, ',')
	b = r.Decision.appendJSON(b)
	if r.DryRun != r.Decision {
		b = append(b, `,"dry_run":{`...)
		b = r.DryRun.appendJSON(b)
		b = append(b, '}')
	}
	b = append(b, `,"reply":`...)
	b = r.Reply.appendJSON(b)
	b = append(b, `,"would":`...)
	b = appendStrings(b, r.Would)
	b = append(b, `,"findings":[`...)
	for i := range r.Findings {
		if i > 0 {
			b = append(b, ',')
		}
		b = r.Findings[i].appendJSON(b)
	}
	b = append(b, `],"asked":[`...)
	for i := range r.Asked {
		if i > 0 {
			b = append(b, ',')
		}
		b = r.Asked[i].appendJSON(b)
	}
	return append(b, `]}`...)
}

func (f *Facts) appendJSON(b []byte) []byte {
	b = append(b, `{"stage":`...)
	b = appendString(b, f.Stage.String())
	if !f.Time.IsZero() {
		b = append(b, `,"time":"`...)
		b = append(f.Time.AppendFormat(b, time.RFC3339Nano), '"')
	}
	b = append(b, `,"client":"`...)
	if f.Client.IsValid() {
		b = f.Client.WithZone("").AppendTo(b)
	}
	b = append(b, '"')
	if f.Server.IsValid() {
		b = append(b, `,"server":"`...)
		b = append(netip.AddrPortFrom(f.Server.Addr().WithZone(""), f.Server.Port()).AppendTo(b), '"')
	}
	b = appendRaw(b, "verb", f.Verb)
	b = appendRaw(b, "helo", f.Helo)
	b = appendRaw(b, "sender", f.Sender)
	b = appendRaw(b, "recipient", f.Recipient)
	b = appendRaw(b, "auth", f.Auth)
	if len(f.Earlier) > 0 {
		b = append(b, `,"earlier":`...)
		b = appendStrings(b, f.Earlier)
		for _, s := range f.Earlier {
			if !utf8.ValidString(s) {
				b = appendBase64s(append(b, `,"earlier_base64":`...), f.Earlier)
				break
			}
		}
	}
	if f.Session != "" {
		b = appendRaw(b, "session", f.Session)
	}
	if f.Origin.Client.IsValid() {
		b = append(b, `,"origin":{"client":"`...)
		b = append(f.Origin.Client.WithZone("").AppendTo(b), '"')
		b = append(appendRaw(b, "helo", f.Origin.Helo), '}')
	}
	return append(b, '}')
}

func (d *Decision) appendJSON(b []byte) []byte {
	b = append(b, `"action":`...)
	b = appendString(b, d.Action.String())
	b = append(b, `,"by":`...)
	b = appendString(b, d.By)
	b = append(b, `,"score":`...)
	b = strconv.AppendInt(b, int64(d.Score), 10)
	b = append(b, `,"max_score":`...)
	return strconv.AppendInt(b, int64(d.MaxScore), 10)
}

func (r *Reply) appendJSON(b []byte) []byte {
	if r.Code == 0 {
		return append(b, "null"...)
	}
	b = append(b, `{"code":`...)
	b = strconv.AppendInt(b, int64(r.Code), 10)
	b = append(b, `,"enhanced":`...)
	b = appendString(b, r.Enhanced)
	b = append(b, `,"text":`...)
	return append(appendString(b, r.Text), '}')
}

func (f *Finding) appendJSON(b []byte) []byte {
	b = append(b, `{"check":`...)
	b = appendString(b, f.Check)
	b = append(b, `,"outcome":`...)
	b = appendString(b, f.Outcome.String())
	b = append(b, `,"effect":`...)
	b = appendString(b, f.Effect.String())
	b = append(b, `,"why":`...)
	b = appendString(b, f.Why)
	if f.Code != "" {
		b = append(b, `,"code":`...)
		b = appendString(b, f.Code)
	}
	if f.Entry != 0 {
		b = strconv.AppendInt(append(b, `,"entry":`...), int64(f.Entry), 10)
	}
	if f.Ref != "" {
		b = appendString(append(b, `,"ref":`...), f.Ref)
	}
	if f.Retry != 0 {
		b = strconv.AppendInt(append(b, `,"retry_ms":`...), f.Retry.Milliseconds(), 10)
	}
	return append(b, '}')
}

func (qa *QA) appendJSON(b []byte) []byte {
	b = append(b, `{"kind":`...)
	b = appendString(b, qa.Kind.String())
	b = appendRaw(b, "name", qa.Name)
	b = append(b, `,"status":`...)
	b = appendString(b, qa.Status.String())
	b = append(b, `,"values":`...)
	b = appendStrings(b, qa.Values)
	b = append(b, `,"ttl_seconds":`...)
	b = strconv.AppendInt(b, int64(qa.TTL/time.Second), 10)
	b = append(b, `,"authentic":`...)
	b = strconv.AppendBool(b, qa.Authentic)
	b = append(b, `,"note":`...)
	return append(appendString(b, qa.Note), '}')
}

// appendRaw appends a key with text that a client sent, and a second key in base64 if it is not UTF-8.
func appendRaw(b []byte, key, s string) []byte {
	b = append(append(append(b, `,"`...), key...), `":`...)
	b = appendString(b, s)
	if !utf8.ValidString(s) {
		b = append(append(append(b, `,"`...), key...), `_base64":"`...)
		b = append(base64.StdEncoding.AppendEncode(b, []byte(s)), '"')
	}
	return b
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

func appendBase64s(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(base64.StdEncoding.AppendEncode(append(b, '"'), []byte(s)), '"')
	}
	return append(b, ']')
}

// appendString appends s as a JSON string (RFC 8259 section 7). It also escapes DEL and what could end a script
// element.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(s[i:])
			if r <= 0xffff && (r == utf8.RuneError || r < 0xa0 || r >= 0x200b && r <= 0x206f || r == 0xfeff) {
				b = append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15]) // C1, and bidirectional controls
			} else {
				b = append(b, s[i:i+n]...)
			}
			i += n
			continue
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c == 0x7f || c == '<' || c == '>' || c == '&':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
		i++
	}
	return append(b, '"')
}

// MarshalJSON is AppendJSON.
func (r *Record) MarshalJSON() ([]byte, error) { return r.AppendJSON(nil), nil }

// recordJSON is the form in which a record is read.
type recordJSON struct {
	Version int    `json:"version"`
	ID      string `json:"id"`
	Policy  string `json:"policy"`
	Facts   struct {
		Stage     Stage    `json:"stage"`
		Time      string   `json:"time"`
		Client    string   `json:"client"`
		Server    string   `json:"server"`
		Verb      string   `json:"verb"`
		Helo      string   `json:"helo"`
		Sender    string   `json:"sender"`
		Recipient string   `json:"recipient"`
		Auth      string   `json:"auth"`
		Session   string   `json:"session"`
		Earlier   []string `json:"earlier"`

		VerbRaw      []byte   `json:"verb_base64"`
		HeloRaw      []byte   `json:"helo_base64"`
		SenderRaw    []byte   `json:"sender_base64"`
		RecipientRaw []byte   `json:"recipient_base64"`
		AuthRaw      []byte   `json:"auth_base64"`
		SessionRaw   []byte   `json:"session_base64"`
		EarlierRaw   [][]byte `json:"earlier_base64"`

		Origin struct {
			Client  string `json:"client"`
			Helo    string `json:"helo"`
			HeloRaw []byte `json:"helo_base64"`
		} `json:"origin"`
	} `json:"facts"`
	decisionJSON
	DryRun *decisionJSON `json:"dry_run"`
	Reply  *struct {
		Code     int    `json:"code"`
		Enhanced string `json:"enhanced"`
		Text     string `json:"text"`
	} `json:"reply"`
	Would    []string `json:"would"`
	Findings []struct {
		Check   string  `json:"check"`
		Outcome Outcome `json:"outcome"`
		Effect  Effect  `json:"effect"`
		Why     string  `json:"why"`
		Code    string  `json:"code"`
		Entry   int     `json:"entry"`
		Ref     string  `json:"ref"`
		Retry   int64   `json:"retry_ms"`
	} `json:"findings"`
	Asked []struct {
		Kind      Kind     `json:"kind"`
		Name      string   `json:"name"`
		NameRaw   []byte   `json:"name_base64"`
		Status    Status   `json:"status"`
		Values    []string `json:"values"`
		TTL       int64    `json:"ttl_seconds"`
		Authentic bool     `json:"authentic"`
		Note      string   `json:"note"`
	} `json:"asked"`
}

type decisionJSON struct {
	Action   Action `json:"action"`
	By       string `json:"by"`
	Score    int    `json:"score"`
	MaxScore int    `json:"max_score"`
}

func (d decisionJSON) decision() Decision { return Decision(d) }

// UnmarshalJSON reads what AppendJSON writes. Judging the facts of the record on its evidence gives the same verdict.
// An unknown version is an error.
func (r *Record) UnmarshalJSON(b []byte) error {
	var in recordJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("a verdict's record: %w", err)
	}
	if in.Version != recordVersion {
		return fmt.Errorf("a verdict's record is of version %d; this program reads version %d", in.Version, recordVersion)
	}
	*r = Record{Verdict: Verdict{ID: in.ID, Policy: in.Policy, Decision: in.decision(), Would: in.Would}}
	r.DryRun = r.Decision
	if in.DryRun != nil {
		r.DryRun = in.DryRun.decision()
	}
	if in.Reply != nil {
		r.Reply = Reply(*in.Reply)
	}
	for _, f := range in.Findings {
		r.Findings = append(r.Findings, Finding{
			Check: f.Check, Outcome: f.Outcome, Effect: f.Effect, Why: f.Why, Code: f.Code, Entry: f.Entry, Ref: f.Ref,
			Retry: time.Duration(f.Retry) * time.Millisecond,
		})
	}
	for _, a := range in.Asked {
		r.Asked = append(r.Asked, QA{Question{a.Kind, either(a.NameRaw, a.Name)}, &Answer{
			Status: a.Status, Values: a.Values, TTL: time.Duration(a.TTL) * time.Second, Authentic: a.Authentic, Note: a.Note,
		}})
	}
	return r.readFacts(&in)
}

func (r *Record) readFacts(in *recordJSON) (err error) {
	f := &in.Facts
	r.Facts = Facts{
		Stage: f.Stage, Verb: either(f.VerbRaw, f.Verb), Helo: either(f.HeloRaw, f.Helo), Sender: either(f.SenderRaw, f.Sender),
		Recipient: either(f.RecipientRaw, f.Recipient), Auth: either(f.AuthRaw, f.Auth), Session: either(f.SessionRaw, f.Session),
		Earlier: f.Earlier,
	}
	for i, raw := range f.EarlierRaw {
		if i < len(r.Earlier) {
			r.Earlier[i] = string(raw)
		}
	}
	if f.Time != "" {
		if r.Time, err = time.Parse(time.RFC3339Nano, f.Time); err != nil {
			return fmt.Errorf("a verdict's record, facts.time: %w", err)
		}
	}
	if f.Client != "" {
		if r.Client, err = netip.ParseAddr(f.Client); err != nil {
			return fmt.Errorf("a verdict's record, facts.client: %w", err)
		}
	}
	if f.Origin.Client != "" {
		r.Origin.Helo = either(f.Origin.HeloRaw, f.Origin.Helo)
		if r.Origin.Client, err = netip.ParseAddr(f.Origin.Client); err != nil {
			return fmt.Errorf("a verdict's record, facts.origin.client: %w", err)
		}
	}
	if f.Server != "" {
		if r.Server, err = netip.ParseAddrPort(f.Server); err != nil {
			return fmt.Errorf("a verdict's record, facts.server: %w", err)
		}
	}
	return nil
}

func either(raw []byte, text string) string {
	if raw != nil {
		return string(raw)
	}
	return text
}
