// Package control is the control socket of the running service, server and client: HTTP/1.1 with JSON over a unix
// socket. A user that may write to the socket may send every request. The permissions of its file decide.
package control

import (
	"errors"
	"time"

	"github.com/helogate/helogate"
)

// The requests, with what they take and return. Their paths have the version of the protocol, which changes when a key
// of the JSON changes its name or meaning.
const (
	pathStatus     = "/v2/status"     // GET: Status
	pathReload     = "/v2/reload"     // POST: Status
	pathTrust      = "/v2/trust"      // GET: []trust.Entry; POST trustRequest: trust.Entry; below it, an address: GET, DELETE
	pathExemptions = "/v2/exemptions" // GET: []Exemption
	pathPeek       = "/v2/peek"       // POST peekRequest: peekAnswer
)

// peekRequest asks for what the service has stored, without a change of it. Names may hold any bytes.
type peekRequest struct {
	Kind helogate.Kind `json:"kind"`
	Name []byte        `json:"name"` // in base64
}

// peekAnswer is a helogate.Answer. Its values are stored records, and may hold any bytes.
type peekAnswer struct {
	Status helogate.Status `json:"status"`
	Values [][]byte        `json:"values"` // in base64
	Note   string          `json:"note,omitempty"`
}

// trustRequest asks to trust an address.
type trustRequest struct {
	Address string `json:"address"`
	For     string `json:"for"` // a duration with its unit, "30m"
	Comment string `json:"comment,omitempty"`
}

// ErrorKind is the kind of an Error.
type ErrorKind string

// The kinds of errors. Unreachable and Incompatible are errors of the client.
const (
	Request      ErrorKind = "request"      // the request is wrong
	BadConfig    ErrorKind = "config"       // the configuration is wrong; the old one stays in effect
	NotFound     ErrorKind = "not found"    // there is no such request, or no such entry
	Failed       ErrorKind = "failed"       // the request is right and failed
	Unreachable  ErrorKind = "unreachable"  // no service listens, or the user may not connect to it
	Incompatible ErrorKind = "incompatible" // the socket is unsafe, or its program is not this version of helogate
)

// An Error is an error of the service, or of the client.
type Error struct {
	Kind ErrorKind `json:"kind"`
	Text string    `json:"error"` // for people; an error of a configuration has many lines
}

func (e *Error) Error() string { return e.Text }

// ErrorKindOf returns the kind of an error, "" if it is not an Error.
func ErrorKindOf(err error) ErrorKind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

const (
	// versionHeader has the version of the program, in requests and in answers.
	versionHeader = "Helogate-Version"
	maxRequest    = 16 << 10 // bytes
	maxHeader     = 16 << 10

	requestTime = 5 * time.Second // to read a request, and for a short answer
	reloadTime  = time.Minute     // the files of a configuration may be large
)
