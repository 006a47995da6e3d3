package control

import (
	"time"

	"github.com/helogate/helogate/dns"
	"github.com/helogate/helogate/internal/blocklist"
)

// Status is the state of the service. The keys of its JSON are stable: docs/control.md lists them, and programs read
// them.
type Status struct {
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"` // of the start
	Now     time.Time `json:"now"`

	Config    Config     `json:"config"`
	Listeners []Listener `json:"listeners"`
	Verdicts  Verdicts   `json:"verdicts"`
	DNS       DNS        `json:"dns"`

	State     State      `json:"state"`
	Lists     []List     `json:"lists"` // in the order of their zones
	Callouts  *Callouts  `json:"callouts,omitempty"`
	Observers []Observer `json:"observers"` // in the order in which they receive a verdict

	Trusted     int    `json:"trusted"`      // addresses
	Sessions    int    `json:"sessions"`     // connections whose facts are in memory
	Panics      uint64 `json:"panics"`       // of checks and lookups, each a bug
	LogLost     uint64 `json:"log_lost"`     // lines of log that were dropped because their reader is too slow
	Goroutines  int    `json:"goroutines"`   // of the process
	MemoryBytes uint64 `json:"memory_bytes"` // that the process has from the system
}

// Config is the configuration in effect, and whether it is what the file says.
type Config struct {
	File   string    `json:"file"`   // "" is none: the defaults, and the environment
	Loaded time.Time `json:"loaded"` // when the configuration in effect was read
	Mode   string    `json:"mode"`
	// EnforcedIn are the tables that enforce although Mode is shadow: "policy.for[0]".
	EnforcedIn []string `json:"enforced_in,omitempty"`
	Preset     string   `json:"preset"`
	Watch      bool     `json:"watch"`            // a change of the files is reloaded automatically
	Reload     *Reload  `json:"reload,omitempty"` // the last attempt; nil if there was none
	// Restart names the settings of the configuration that differ from those at the start and take a restart.
	Restart []string `json:"restart,omitempty"`
}

// Reload is an attempt to read the configuration again.
type Reload struct {
	At    time.Time `json:"at"`
	By    string    `json:"by"`              // "signal", "command" or "watch"
	Error string    `json:"error,omitempty"` // whole; with one, the old configuration stays in effect
}

// Listener is a listener.
type Listener struct {
	Protocol    string `json:"protocol"`
	Address     string `json:"address"`
	Mode        string `json:"mode"`
	Preset      string `json:"preset"`
	Connections int    `json:"connections"` // open now
}

// Verdicts are counted since the start.
type Verdicts struct {
	Held   uint64  `json:"held"` // rejections and deferrals that were kept back until reject_at_stage
	Counts []Count `json:"counts"`
}

// Count is how often a verdict had an action.
type Count struct {
	Action string `json:"action"`       // accept, continue, reject, drop, defer, greylist
	By     string `json:"by,omitempty"` // the deciding check or rule, or "score"
	// DryRun marks what the verdict would have been with everything enforced. Where that differs from the verdict, the
	// client is counted twice.
	DryRun bool   `json:"dry_run,omitempty"`
	Count  uint64 `json:"count"`
}

// DNS is the state of the resolver, counted since the start but for InFlight, CacheEntries and CacheBytes.
type DNS struct {
	Questions     uint64            `json:"questions"`  // Hits and Misses
	Hits          uint64            `json:"hits"`       // answered by the cache
	Misses        uint64            `json:"misses"`     // not
	Coalesced     uint64            `json:"coalesced"`  // of the misses: the lookup was in flight already
	Sent          uint64            `json:"sent"`       // messages to servers
	TCP           uint64            `json:"tcp"`        // of these over TCP
	Mismatched    uint64            `json:"mismatched"` // messages that were no reply to a question
	Failures      map[string]uint64 `json:"failures"`   // of single attempts, by kind
	InFlight      int               `json:"in_flight"`  // lookups, now
	CacheEntries  int               `json:"cache_entries"`
	CacheBytes    uint64            `json:"cache_bytes"`
	Servers       []NameServer      `json:"servers"`                 // in the order of the configuration
	FailingSince  *time.Time        `json:"failing_since,omitempty"` // most lookups fail since then
	FailingReason string            `json:"failing_reason,omitempty"`
}

// Observer is a receiver of verdicts. All but Waiting is counted since the start.
type Observer struct {
	Name    string `json:"name"`
	Panics  uint64 `json:"panics"`  // each a bug
	Dropped uint64 `json:"dropped"` // verdicts that it did not receive because it is too slow
	Waiting int    `json:"waiting"` // verdicts that it is still to receive
}

// State is the state of the store.
type State struct {
	Store     string           `json:"store"`                // "sqlite", "redis" or "memory"
	DownSince *time.Time       `json:"down_since,omitempty"` // it does not answer since then
	LastError string           `json:"last_error,omitempty"`
	Failed    uint64           `json:"failed"`            // operations, including those that were not tried
	Records   map[string]int64 `json:"records,omitempty"` // by kind
	Bytes     int64            `json:"bytes,omitempty"`   // on disk or in memory
}

// List is the state of a DNS list.
type List = blocklist.ZoneState

// Callouts are counted since the start, but for InFlight.
type Callouts struct {
	Accepts     int64 `json:"accepts"`      // callouts whose server accepts the address
	Refuses     int64 `json:"refuses"`      // refuses it
	AcceptsAll  int64 `json:"accepts_all"`  // accepts any address of the domain
	RefusesNull int64 `json:"refuses_null"` // refuses the null sender
	Undecided   int64 `json:"undecided"`    // gives no clear answer
	Cached      int64 `json:"cached"`       // questions that took no callout
	Limited     int64 `json:"limited"`      // questions that were not answered because of a limit
	InFlight    int   `json:"in_flight"`
}

// NameServer is the state of a resolver.
type NameServer struct {
	Address   string     `json:"address"`
	Tries     uint64     `json:"tries"`
	Failed    uint64     `json:"failed"`
	Down      bool       `json:"down"` // its last answers failed; it is asked after the others
	FailedAt  *time.Time `json:"failed_at,omitempty"`
	LastError string     `json:"last_error,omitempty"`
}

// DNSOf returns the state of a resolver by its counts.
func DNSOf(s dns.Stats) DNS {
	d := DNS{
		Questions: s.Hits + s.Misses, Hits: s.Hits, Misses: s.Misses, Coalesced: s.Coalesced, Sent: s.Sent, TCP: s.TCP,
		Mismatched: s.Mismatched, Failures: s.Failures, InFlight: s.InFlight, CacheEntries: s.Entries, CacheBytes: s.Weight,
	}
	for _, server := range s.Servers {
		n := NameServer{
			Address: server.Server.String(), Tries: server.Tries, Failed: server.Failed, Down: server.Down, LastError: server.LastError,
		}
		if !server.LastFailure.IsZero() {
			n.FailedAt = &server.LastFailure
		}
		d.Servers = append(d.Servers, n)
	}
	return d
}

// Exemption is an entry of the configuration that exempts clients, or accepts what forwarders pass on.
type Exemption struct {
	Kind    string     `json:"kind"`              // "exempt" or "forwarder"
	Number  int        `json:"number"`            // among its kind in the file, from 1
	Ref     string     `json:"ref"`               // identifies it by its content, in verdicts too
	Names   string     `json:"names"`             // the clients, senders or recipients in it
	Comment string     `json:"comment,omitempty"` // the administrator's
	Until   *time.Time `json:"until,omitempty"`   // the first instant after its end
	Hits    uint64     `json:"hits"`              // since the start
	Last    *time.Time `json:"last,omitempty"`    // hit
}
