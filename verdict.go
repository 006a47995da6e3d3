package helogate

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"sync"
)

// A Decision is what is done with a client, and why.
type Decision struct {
	Action   Action // continue, accept, greylist, defer, reject or drop
	By       string // the deciding line, or "score"; "" for continue
	Score    int    // what is known against the client, what can vouch for it taken off
	MaxScore int    // and what temperrors leave open: the other end of the interval
}

// A Verdict is what Policy.Judge finds: a function of facts and evidence.
type Verdict struct {
	ID     string // of facts and evidence: the same judgement has the same name
	Policy string // the policy that it was judged by: Policy.ID; "" where nothing was judged
	Decision
	DryRun   Decision  // what it were if the lines on trial were in force; the same if none is
	Would    []string  // lines on trial that would have refused, "score" for the sum; nil if Trial lets the client in
	Reply    Reply     // for the listener; zero if the client is let in
	Findings []Finding // in policy order
	Asked    Evidence  // in order of first use
}

// would names the lines on trial that refuse.
func would(found []Finding, real, trial Decision) (out []string) {
	if !trial.Action.Refuses() {
		return nil
	}
	for i := range found {
		if a := found[i].Effect; a.DryRun && a.Action.Refuses() {
			out = append(out, found[i].Check)
		}
	}
	if trial.By == ByScore && trial.Action != real.Action {
		out = append(out, ByScore)
	}
	return out
}

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

var idBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// verdictID names a judgement: a hash of the facts, without the listener's name for the session, and of what was answered,
// without TTLs and notes.
//
// An ID never changes its meaning: what is hashed today stays as it is. A fact that comes later is appended after the
// evidence, and only if it is present: its name with a colon before it, which no kind of question has, and its value. So a
// client without that fact keeps the ID that it has today.
func verdictID(f *Facts, asked Evidence) string {
	buf := idBuffers.Get().(*[]byte)
	b := (*buf)[:0]
	str := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	b = append(b, byte(f.Stage))
	b = binary.BigEndian.AppendUint64(b, uint64(f.Time.UnixNano()))
	b, _ = f.Client.AppendBinary(b)
	b, _ = f.Server.AppendBinary(b)
	for _, s := range [...]string{f.Verb, f.Helo, f.Sender, f.Recipient, f.Auth} {
		str(s)
	}
	b = binary.AppendUvarint(b, uint64(len(f.Earlier)))
	for _, s := range f.Earlier {
		str(s)
	}
	for i := range asked {
		str(asked[i].Kind.String())
		str(asked[i].Name)
		str(asked[i].Status.String())
		b = binary.AppendUvarint(b, uint64(len(asked[i].Values)))
		for _, v := range asked[i].Values {
			str(v)
		}
	}
	id := shortHash(b)
	*buf = b
	idBuffers.Put(buf)
	return id
}

// shortHash is 64 bits of SHA-256 as 13 letters and digits, fit for a reply, a log and a URL.
func shortHash(b []byte) string {
	sum := sha256.Sum256(b)
	var id [13]byte
	idEncoding.Encode(id[:], sum[:8])
	return string(id[:])
}
