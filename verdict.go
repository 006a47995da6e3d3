package helogate

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"sync"
)

// A Decision is what is done with a client, and which rule decides it.
type Decision struct {
	Action   Action // continue, accept, greylist, defer, reject or drop
	By       string // the deciding line, or "score"; "" for continue
	Score    int    // the lower end of the score: known for sure
	MaxScore int    // the upper end: temperrors may add as much
}

// A Verdict is the result of Policy.Judge: a function of facts and evidence.
type Verdict struct {
	ID     string // a hash of facts and evidence: the same judgement has the same ID
	Policy string // Policy.ID of the policy; "" if nothing was judged
	Decision
	DryRun Decision // the decision if dry-run actions were enforced; the same if there are none
	// Would lists the checks that refuse in a dry run, and "score" if the score decides DryRun with another action than
	// the real one. It is nil if DryRun does not refuse.
	Would    []string
	Reply    Reply     // zero if the client is not refused
	Findings []Finding // in policy order
	Asked    Evidence  // in order of first use
}

// would returns Verdict.Would, from the decision that is enforced and that of the dry run.
func would(found []Finding, real, dryRun Decision) (out []string) {
	if !dryRun.Action.Refuses() {
		return nil
	}
	for i := range found {
		if a := found[i].Effect; a.DryRun && a.Action.Refuses() {
			out = append(out, found[i].Check)
		}
	}
	if dryRun.By == ByScore && dryRun.Action != real.Action {
		out = append(out, ByScore)
	}
	return out
}

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

var idBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// verdictID returns the ID of a judgement: a hash of the facts, without Facts.Session, and of the answers, without TTLs
// and notes.
//
// What is hashed never changes. A fact that a later version adds is appended after the evidence, and only if it is
// present: its name after a colon, which no kind of question begins with, and its value. So a client without that fact
// keeps its ID.
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

// shortHash returns 64 bits of SHA-256 as 13 letters and digits, for replies, logs and URLs.
func shortHash(b []byte) string {
	sum := sha256.Sum256(b)
	var id [13]byte
	idEncoding.Encode(id[:], sum[:8])
	return string(id[:])
}
