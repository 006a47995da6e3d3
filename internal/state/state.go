// Package state stores what must outlive a connection: greylisted attempts and retries, clients that are deferred for
// DNS failures and since when, and the results of callouts. It keeps [Record]s by bucket and key in a [Store]: embedded
// (SQLite), shared by a fleet of MX hosts (Redis), or in memory only.
//
// Records expire: a store does not return an expired record, and removes it in passing. The caller passes the time, so
// that nothing here has a clock.
package state

import (
	"context"
	"iter"
	"strings"
	"time"
)

// Kind is what a record is about.
type Bucket string

// The kinds.
const (
	Greylist Bucket = "greylist" // who tried to send what; see Store.Attempt
	Returned Bucket = "returned" // a client, and how many of its attempts have passed the greylist
	Deferred Bucket = "deferred" // a client's network and name, and since when it is deferred for failures of DNS
	Callout  Bucket = "callout"  // an address or a domain, and what its mail hosts say
)

// Kinds lists them all.
var Buckets = []Bucket{Greylist, Returned, Deferred, Callout}

// A Record is what is remembered of a key. Times are kept to the millisecond, in UTC; a zero time is none.
type Record struct {
	Bucket  Bucket
	Key     string    // any bytes, at most MaxKey of them
	First   time.Time // when it began
	Last    time.Time // when it was noted last
	Passed  time.Time // of Greylist: since when it passes; zero while it waits
	Count   int64     // how often it was noted
	Value   string    // of Callout: what was found
	Expires time.Time // the first instant at which it is over
}

// MaxKey is how long a key may be; Key makes a longer one short.
const MaxKey = 512

// Times are the rules of a greylist.
type Times struct {
	Delay    time.Duration // how long an attempt waits before a retry passes
	Window   time.Duration // and how long after the first a retry may come
	Pass     time.Duration // how long after the last it passes without waiting
	AutoPass int           // how many attempts a client must have retried before it passes without delay; 0 is never
}

// aDay is how often it is noted that a client still sends: each time would be a write for each message of the largest.
const aDay = 24 * time.Hour

// renew is how old the last note of a client that passes at once may be, before another is made.
func (t Times) renew() time.Duration { return min(aDay, t.Pass/2) }

// Client is the client that an attempt is of: the first word of its key.
func Client(key string) string {
	client, _, _ := strings.Cut(key, " ")
	return client
}

// A Store keeps records. It is safe for concurrent use, by several processes, too, but for one in memory.
//
// Every method ends when its context does, with an error; whether what it was to write is then written is not known.
type Store interface {
	// Attempt notes an attempt to send, and returns the record that decides about it, all in one step: of two that make
	// the first attempt at once, both get the same record.
	//
	// A client (see Client) whose record of kind Returned has a Count of AutoPass or more passes at once: that record
	// is the answer, and no other changes. It is noted, as by Note with Pass, where its Last is more than a day ago, or
	// more than half of Pass if that is less.
	//
	// Otherwise the answer is the record of kind Greylist of the key. Where none is there or it is over, one begins:
	// First and Last are now, Count is 1, and it ends after Window. A later attempt adds to Count and sets Last. The
	// first that comes Delay or more after First sets Passed, and is noted for the client, as by Note of Returned with
	// Pass, unless AutoPass is 0. From then on the record ends Pass after the last attempt.
	Attempt(ctx context.Context, key string, now time.Time, t Times) (Record, error)
	// Note adds one to the record of a key, whose end is then keep from now; where none is there or it is over, one
	// begins.
	Note(ctx context.Context, bucket Bucket, key string, now time.Time, keep time.Duration) (Record, error)
	// Get returns the record of a key, if there is one and it is not over.
	Get(ctx context.Context, bucket Bucket, key string, now time.Time) (r Record, found bool, err error)
	// Put keeps a record in place of what is there of its key.
	Put(ctx context.Context, r Record) error
	// All yields every record that is not over, in no order, for an export; the last pair may have an error.
	All(ctx context.Context, now time.Time) iter.Seq2[Record, error]
	// Stats says how the store is.
	Stats(ctx context.Context, now time.Time) (Stats, error)
	// Close writes what is not written yet, and ends the use of the store.
	Close() error
}

// Stats is how a store is.
type Stats struct {
	Records map[Bucket]int64 // number of records, expired ones not yet removed included; nil where counting is expensive
	Bytes   int64            // that they take, on disk or in memory; -1 if unknown
}
