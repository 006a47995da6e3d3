// Package control is how the running service is talked to: HTTP/1.1 with JSON over a unix socket, server and client. Who
// may write to the socket may do all that there is; the permissions of its file say who that is.
package control

import (
	"errors"
	"time"

	"github.com/helogate/helogate"
)

// The requests, with what they take and give. The version of the protocol is in their paths.
const (
	pathStatus     = "/v1/status"     // GET: Status
	pathReload     = "/v1/reload"     // POST: Status
	pathTrust      = "/v1/trust"      // GET: []trust.Entry; POST trustRequest: trust.Entry; an address below it: GET trust.Entry, DELETE
	pathExemptions = "/v1/exemptions" // GET: []Exemption
	pathPeek       = "/v1/peek"       // POST peekRequest: peekAnswer
)

// peekRequest asks what the service knows, and leaves no trace in what it remembers. Names may hold any bytes.
type peekRequest struct {
	Kind helogate.Kind `json:"kind"`
	Name []byte        `json:"name"` // in base64
}

// peekAnswer is a helogate.Answer. Its values are of what the service remembers, and may hold any bytes.
type peekAnswer struct {
	Status helogate.Status `json:"status"`
	Values [][]byte        `json:"values"` // in base64
	Note   string          `json:"note,omitempty"`
}

// trustRequest asks for trust in an address.
type trustRequest struct {
	Address string `json:"address"`
	For     string `json:"for"` // "30m"
	Comment string `json:"comment,omitempty"`
}

// Kind says what sort of error it is.
type ErrorKind string

// The kinds of error.
const (
	Request   ErrorKind = "request"   // what was asked makes no sense
	Wrong     ErrorKind = "config"    // the configuration is wrong; the old one stays in force
	NotFound  ErrorKind = "not found" // there is no such thing
	Failed    ErrorKind = "failed"    // it could not be done
	NotThere  ErrorKind = "not there" // nobody listens, or may be talked to; the client's own
	Different ErrorKind = "different" // another version, or no helogate; the client's own
)

// An Error is what the service says went wrong, or the client.
type Error struct {
	Kind ErrorKind `json:"kind"`
	Text string    `json:"error"` // for people; of a configuration many lines
}

func (e *Error) Error() string { return e.Text }

// KindOf returns the kind of an error, "" if it is none of this package.
func ErrorKindOf(err error) ErrorKind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

const (
	// versionHeader tells either side which program it talks to.
	versionHeader = "Helogate-Version"
	maxRequest    = 16 << 10 // bytes
	maxHeader     = 16 << 10

	requestTime = 5 * time.Second // for a request to come, and for a short answer
	reloadTime  = time.Minute     // files that a configuration names may be large
)
