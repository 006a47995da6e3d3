package dns

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	wire "github.com/miekg/dns"
)

// A failure is why one server gave no answer. Metrics count its kind.
type failure struct {
	kind failureKind
	text string // "%" stands for the server
}

type failureKind int

const (
	timeoutFailure failureKind = iota
	servfailFailure
	refusedFailure
	rcodeOther
	unreachableFailure
	senselessFailure
	lameFailure
	panicFailure
	failureKinds
)

var failureNames = [failureKinds]string{"timeout", "servfail", "refused", "other_rcode", "unreachable", "senseless", "lame", "panic"}

var (
	noAnswer  = &failure{timeoutFailure, ""} // note lists these servers together
	senseless = &failure{senselessFailure, "senseless reply from %"}
	lame      = &failure{lameFailure, "% only refers to other servers"}
	cutOnTCP  = &failure{senselessFailure, "truncated reply over TCP from %"}
)

// deliberate reports whether the failure is a considered reply of the server. The server is not asked again then: it
// would reply the same, and twice the load does not help a server in trouble.
func (f *failure) deliberate() bool {
	switch f.kind {
	case servfailFailure, refusedFailure, rcodeOther, lameFailure:
		return true
	}
	return false
}

// rcodeFailure is a reply that is neither positive nor negative.
func rcodeFailure(rcode int) *failure {
	kind := rcodeOther
	switch rcode {
	case wire.RcodeServerFailure:
		kind = servfailFailure
	case wire.RcodeRefused:
		kind = refusedFailure
	}
	name, known := wire.RcodeToString[rcode]
	if !known {
		name = "rcode " + strconv.Itoa(rcode)
	}
	return &failure{kind, strings.ToLower(name) + " from %"}
}

// netFailure is an error of the network.
func netFailure(err error) *failure {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return noAnswer
	}
	var errno syscall.Errno
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return &failure{unreachableFailure, "connection refused by %"}
	case errors.As(err, &errno):
		return &failure{unreachableFailure, "cannot ask %: " + errno.Error()}
	}
	return &failure{unreachableFailure, "cannot ask %: connection lost"}
}

// failures are the last failure of each server, in the order of the servers; nil where a server was not asked.
type failures []*failure

// note describes the failures of all servers for people: "servfail from 127.0.0.1:53, no answer from 192.0.2.53:53 in
// time".
func (fs failures) note(servers []*server) string {
	var silent, parts []string
	for i, f := range fs {
		switch {
		case f == nil:
		case f.kind == timeoutFailure:
			silent = append(silent, servers[i].name)
		default:
			parts = append(parts, strings.ReplaceAll(f.text, "%", servers[i].name))
		}
	}
	if len(silent) > 0 {
		parts = append(parts, "no answer from "+strings.Join(silent, ", ")+" in time")
	}
	if len(parts) == 0 { // no server was asked
		return notInTime.Note
	}
	return strings.Join(parts, ", ")
}

// counts are the counters in Stats, except those of the cache.
type counts struct {
	misses, coalesced, sent, tcp, mismatched atomic.Uint64
	failed                                   [failureKinds]atomic.Uint64
}

func (c *counts) fail(f *failure) { c.failed[f.kind].Add(1) }
