// Package helogate judges an SMTP client by what it says in HELO/EHLO and by what DNS says about it, before a message
// is accepted: is this a real mail server, or a hijacked desktop that says it is one?
//
// The one idea is facts + answers -> verdict. [Facts] is what the client has shown so far. A [Check] is a pure function
// of a [Case]: the facts, and the answers to its [Question]s. A [Policy] is a list of checks with what their outcomes
// mean. [Policy.Judge] tries the checks with the answers that an [Asker] has at hand, asks side by side for those that
// are missing, and tries again; the last try is the [Verdict]. It is repeatable: the same facts and answers give the
// same bytes, whatever the timing was, today or from the journal.
//
// A Go mail server embeds the judge with packages check (the checks and presets) and dns (a caching resolver): a [Session]
// for each connection judges its stages and says which refusals are replied now; examples/gosmtp is a whole backend. The
// daemon cmd/helogate puts the judge in front of an MTA.
//
// Stability: packages helogate, check, check/legacy, dns and hostname are the public API; before v1 a minor version may
// change it. These stay as they are, for logs, journals and stores hold them: the words of [Stage], [Outcome], [Do], [Kind]
// and [Status], the JSON of a [Record], to which keys may be added, and the ID of a verdict. The ID of a policy changes when
// a version changes the presets. [Case.Memo], [Case.Waiting], [Case.Worded] and [Case.AddrText] save time in the checks of
// this module and are the likeliest to change.
package helogate

import (
	"net/netip"
	"time"
)

// Stage is how far an SMTP dialogue has come; what is shown at one stage is known at all later ones.
type Stage uint16

// The stages in their order.
const (
	Connect Stage = iota // the client's address
	Helo                 // and its HELO or EHLO
	Mail                 // and the reverse-path
	Rcpt                 // and a recipient
)

var stages = words{"connect", "helo", "mail", "rcpt"}

// String returns "connect", "helo", "mail" or "rcpt".
func (s Stage) String() string { return stages.name(int(s), "stage") }

// ParseStage is the inverse of String.
func ParseStage(s string) (Stage, error) { i, err := stages.parse(s, "stage"); return Stage(i), err }

// MarshalText returns what String does.
func (s Stage) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes what ParseStage does.
func (s *Stage) UnmarshalText(b []byte) (err error) { *s, err = ParseStage(string(b)); return err }

// Facts is what the client has shown so far: plain data, journaled and replayed as is. All of it but Time, Server and
// Session comes from the client, and is not to be trusted or printed as it stands.
type Facts struct {
	Stage     Stage
	Time      time.Time      // the only clock a check may read
	Client    netip.Addr     // unmapped: ::ffff:192.0.2.1 is 192.0.2.1
	Server    netip.AddrPort // where the client connected to; zero if unknown
	Verb      string         // "HELO" or "EHLO"; "" if unknown
	Helo      string         // its argument: the bytes as sent, judged before anything normalises them
	Sender    string         // without <>; from Mail on "" is the null reverse-path (RFC 5321 section 4.5.5)
	Recipient string         // without <>
	Auth      string         // authenticated login or verified client certificate, "" if none
	Earlier   []string       // greetings given before this one in the connection: verb, space, argument: "EHLO mx.example.org"
	Session   string         // the listener's own name for the connection; for people, no check reads it
	Origin    Origin         // whom the client says that it has the mail from; zero where the listener shows nobody
}

// An Origin is whom a forwarder says that it has the mail from. It counts for those that Policy.ByOrigin believes.
type Origin struct {
	Client netip.Addr
	Helo   string
}
