// Package helogate judges an SMTP client by its HELO/EHLO name, its envelope and its DNS, before a message is accepted:
// is it a mail server, or a hijacked desktop that pretends to be one?
//
// The idea is facts + answers -> verdict:
//
//   - [Facts] are what the client has shown so far: its address, HELO name, sender and recipient.
//   - A [Check] judges one property. It is a pure function of a [Case]: the facts, and the answers to its [Question]s.
//   - A [Policy] is a list of checks and the [Effect] of each outcome.
//   - [Policy.Judge] runs the checks with the answers that an [Asker] has at hand, asks for the missing ones in parallel, and
//     runs the checks again. The last run is the [Verdict].
//
// So a verdict is repeatable: the same facts and answers give the same bytes, whatever the timing was. [Verdict.Asked]
// and the JSON of a [Record] have all that a replay needs.
//
// A mail server in Go embeds the judge with packages check (the checks and presets) and dns (a caching resolver). It
// keeps a
// [Session] for each connection, which says when a refusal is replied; examples/gosmtp is a whole backend. The daemon
// cmd/helogate puts the judge in front of other mail servers.
//
// Where to begin reading: check/rdns.go is a check, case.go is what it sees, judge.go runs the checks, reading.go
// applies the policy to their outcomes, and replytext.go words the reply.
//
// Stability: packages helogate, check, check/legacy, dns and hostname are the public API; before v1 a minor version may
// change it. These do not change, since logs and stores have them: the words of [Stage], [Outcome], [Action], [Kind]
// and
// [Status], the JSON of a [Record], to which keys may be added, and the ID of a verdict. The ID of a policy changes when a
// version changes the presets. [Case.Memo], [Case.Pending], [Case.WantsReason] and [Case.AddrText] save time in the
// checks of this module and are the most likely to change.
package helogate

import (
	"net/netip"
	"time"
)

// Stage is how far an SMTP dialogue has come. Facts of one stage are known at all later ones.
type Stage uint16

// The stages in their order.
const (
	Connect Stage = iota // the client's address
	Helo                 // and its HELO or EHLO
	Mail                 // and the envelope sender
	Rcpt                 // and a recipient
)

var stages = words{"connect", "helo", "mail", "rcpt"}

// String returns "connect", "helo", "mail" or "rcpt".
func (s Stage) String() string { return stages.name(int(s), "stage") }

// ParseStage is the inverse of String.
func ParseStage(s string) (Stage, error) { i, err := stages.parse(s, "stage"); return Stage(i), err }

// MarshalText returns String.
func (s Stage) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what ParseStage does.
func (s *Stage) UnmarshalText(b []byte) (err error) { *s, err = ParseStage(string(b)); return err }

// Facts are what the client has shown so far. They are plain data, for records and replays. All but Time, Server and
// Session come from the client: do not trust them, and do not print them as they are.
type Facts struct {
	Stage     Stage
	Time      time.Time      // the only clock a check may read
	Client    netip.Addr     // unmapped: ::ffff:192.0.2.1 is 192.0.2.1
	Server    netip.AddrPort // where the client connected to; zero if unknown
	Verb      string         // "HELO" or "EHLO"; "" if unknown
	Helo      string         // its argument: the bytes as sent, not normalised
	Sender    string         // without <>; from Mail on "" is the null sender (RFC 5321 section 4.5.5)
	Recipient string         // without <>
	Auth      string         // authenticated login or verified client certificate, "" if none
	Earlier   []string       // earlier HELOs of the connection, each as verb, space, argument: "EHLO mx.example.org"
	Session   string         // the listener's name for the connection; no check reads it
	Origin    Origin         // where a forwarder says that it has the mail from; zero if the listener does not know
}

// An Origin is the client that a forwarder has the mail from, as the forwarder says. Policy.ByOrigin says which
// forwarders to believe.
type Origin struct {
	Client netip.Addr
	Helo   string
}
