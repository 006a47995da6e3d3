package control

import (
	"time"

	"github.com/helogate/helogate/dns"
	"github.com/helogate/helogate/internal/blocklist"
)

// Status is how the service is. The words of its JSON are stable: docs/control.md lists them, and programs read them.
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
	Observers []Observer `json:"observers"` // in the order in which they are shown a verdict

	Trusted    int    `json:"trusted"`    // addresses
	Sessions   int    `json:"sessions"`   // connections that are remembered
	Panics     uint64 `json:"panics"`     // of checks, each a bug
	LogLost    uint64 `json:"log_lost"`   // lines of log, since what takes them is too slow
	Goroutines int    `json:"goroutines"` // of the process
	Memory     uint64 `json:"memory"`     // bytes that the process has from the system
}

// Config is what is in force, and whether that is what the file says.
type Config struct {
	File   string    `json:"file"`   // "" is none: the defaults, and the environment
	Loaded time.Time `json:"loaded"` // when what is in force was read
	Mode   string    `json:"mode"`
	Preset string    `json:"preset"`
	Watch  bool      `json:"watch"`            // a change of the files is put into force without being told
	Reload *Reload   `json:"reload,omitempty"` // the last attempt; nil if there was none
	// Restart names the settings of the configuration that differ from those at the start and take a restart.
	Restart []string `json:"restart,omitempty"`
}

// Reload is an attempt to read the configuration again.
type Reload struct {
	At    time.Time `json:"at"`
	By    string    `json:"by"`              // "signal", "command" or "watch"
	Error string    `json:"error,omitempty"` // whole; then what was in force stays
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
	Held   uint64  `json:"held"` // refusals that were not told at once, for the stage was too early
	Counts []Count `json:"counts"`
}

// Count is how often a verdict was of one kind.
type Count struct {
	Action string `json:"action"`          // accept, continue, reject, drop, defer, greylist
	By     string `json:"by,omitempty"`    // the deciding line, or "score"
	Would  bool   `json:"would,omitempty"` // what were decided if all on trial were in force, where that differs; beside the other
	Count  uint64 `json:"count"`
}

// DNS is how the resolver fares, counted since the start but for Flights, Entries and Bytes, which are of now.
type DNS struct {
	Questions  uint64            `json:"questions"`      // those that the cache answered, and those that it did not
	Hits       uint64            `json:"hits"`           // answered by the cache
	Misses     uint64            `json:"misses"`         // not
	Coalesced  uint64            `json:"coalesced"`      // of the misses: asked already for somebody else
	Sent       uint64            `json:"sent"`           // messages to servers
	TCP        uint64            `json:"tcp"`            // of these over TCP
	PassedOver uint64            `json:"passed_over"`    // messages that were no reply to what was asked
	Failures   map[string]uint64 `json:"failures"`       // of single tries, by kind
	Flights    int               `json:"flights"`        // questions on their way
	Entries    int               `json:"entries"`        // in the cache
	Bytes      uint64            `json:"bytes"`          // that they take
	Servers    []NameServer      `json:"servers"`        // in the order of the configuration
	Sick       *time.Time        `json:"sick,omitempty"` // since when most of what is asked is not answered; nobody is deferred for it then
	SickWhy    string            `json:"sick_why,omitempty"`
}

// Observer is one that is shown each verdict. It is counted since the start, but for Waiting.
type Observer struct {
	Name    string `json:"name"`
	Panics  uint64 `json:"panics"`  // each a bug
	Dropped uint64 `json:"dropped"` // verdicts that it was not shown, since it is too slow
	Waiting int    `json:"waiting"` // verdicts that it is still to be shown
}

// State is how what is remembered fares.
type State struct {
	Store   string           `json:"store"`             // "sqlite", "redis" or "memory"
	Down    *time.Time       `json:"down,omitempty"`    // since when it does not answer; nobody is greylisted then
	Error   string           `json:"error,omitempty"`   // the last
	Failed  uint64           `json:"failed"`            // operations, those that were not tried among them
	Records map[string]int64 `json:"records,omitempty"` // by kind
	Bytes   int64            `json:"bytes,omitempty"`   // that they take
}

// List is how a DNS list fares.
type List = blocklist.ZoneState

// Callouts are counted since the start, but for UnderWay.
type Callouts struct {
	Accepts     int64 `json:"accepts"`      // callouts that found this of the address
	Refuses     int64 `json:"refuses"`      //
	AcceptsAll  int64 `json:"accepts_all"`  // or of its domain
	RefusesNull int64 `json:"refuses_null"` //
	Undecided   int64 `json:"undecided"`    // that found nothing definite
	Remembered  int64 `json:"remembered"`   // questions that took no callout
	Limited     int64 `json:"limited"`      // questions that would have taken one beyond a limit
	UnderWay    int   `json:"under_way"`
}

// NameServer is how one server fares.
type NameServer struct {
	Address   string     `json:"address"`
	Tries     uint64     `json:"tries"`
	Failed    uint64     `json:"failed"`
	Down      bool       `json:"down"` // it has not answered lately, and is asked last
	FailedAt  *time.Time `json:"failed_at,omitempty"`
	LastError string     `json:"last_error,omitempty"`
}

// DNSOf words the counts of a resolver.
func DNSOf(s dns.Stats) DNS {
	d := DNS{
		Questions: s.Hits + s.Misses, Hits: s.Hits, Misses: s.Misses, Coalesced: s.Coalesced, Sent: s.Sent, TCP: s.TCP,
		PassedOver: s.PassedOver, Failures: s.Failures, Flights: s.Flights, Entries: s.Entries, Bytes: s.Weight,
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

// Exemption is an entry of the configuration that lets somebody in.
type Exemption struct {
	Kind    string     `json:"kind"`              // "exempt" or "forwarder"
	Number  int        `json:"number"`            // among its kind in the file, from 1
	Ref     string     `json:"ref"`               // names it by what it says, in verdicts too; it is the same when the file changes
	Names   string     `json:"names"`             // what it names
	Comment string     `json:"comment,omitempty"` // the administrator's
	Until   *time.Time `json:"until,omitempty"`   // the first instant at which it is over
	Hits    uint64     `json:"hits"`              // since the start
	Last    *time.Time `json:"last,omitempty"`    // hit
}
