package config

import (
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// List is a list in DNS, of clients or of domains.
type List struct {
	// The zone, such as `bl.example`. Its operator must permit your queries.
	Zone string `toml:"zone" is:"host" unset:"must be given"`
	// The name of the list in log, status and replies. Two lists with one zone need different names.
	Name string `toml:"name" is:"list name" unset:"the zone"`
	// The answers that count as listed: an address, a range `127.0.0.2-127.0.0.11`, a network `127.0.1.0/24`, or a
	// mask `&0.0.0.8`, of which one bit is enough. Other answers do not count.
	Codes []check.Code `toml:"codes" is:"codes" single:"yes" unset:"must be given"`
	// What is looked up: `client` is the address, `helo` the HELO name, `ptr` the PTR names, `sender` the domain of
	// the envelope sender.
	Ask []check.Asked `toml:"ask" is:"asked" single:"yes" unset:"client; of [[rhsbl]] sender"`
	// The action when the list has an entry. It overrides what `[policy.checks]` has for the family; a listener's
	// checks or `[[policy.for]]` override it.
	Then helogate.Effect `toml:"then" is:"action" unset:"that of the family, dnsbl, rhsbl or dnswl, in [policy.checks] or the preset"`
	// Whether the list has the test entries of RFC 5782 section 5, and is tested by them.
	Test *bool `toml:"test" is:"switch" unset:"true"`
}

// ListsOf returns the lists of a family: check.DNSBL, check.RHSBL or check.DNSWL.
func (c *Config) ListsOf(family string) []List {
	switch family {
	case check.DNSBL:
		return c.DNSBL
	case check.RHSBL:
		return c.RHSBL
	}
	return c.DNSWL
}

// Check returns the list as package check has it.
func (l *List) Check(family string) check.List {
	return check.List{Family: family, Name: l.Name, Zone: l.Zone, Codes: l.Codes, Ask: l.Ask, Watched: true}
}

// Blocklists is how lists are monitored.
type Blocklists struct {
	// How often each list is tested.
	TestEvery time.Duration `toml:"test_every" is:"duration" min:"10s" max:"1d"`
	// How long to wait for a list. An answer that is missing by then is a temporary failure, which has no consequence.
	Timeout time.Duration `toml:"timeout" is:"duration" min:"50ms" max:"1m"`
	// The time over which the share of listed clients is measured.
	BreakerWindow time.Duration `toml:"breaker_window" is:"duration" min:"1m" max:"1d"`
	// The least number of answers in that time.
	BreakerAnswers int `toml:"breaker_answers" is:"number" min:"10" max:"1000000"`
	// By how many percentage points the share may rise above the usual before the list is suspended; 0 is none.
	BreakerRise int `toml:"breaker_rise" is:"number" min:"0" max:"100"`
	// The share, in percent, from which a list is suspended whatever is usual; 0 is never.
	BreakerShare int `toml:"breaker_share" is:"number" min:"0" max:"100"`
}

// Greylist is how greylisting is done.
type Greylist struct {
	// How long a client must wait. A retry passes from then on.
	Delay time.Duration `toml:"delay" is:"duration" min:"1ms" max:"1d"`
	// How long after the first attempt a retry may come. A later one counts as a first attempt.
	Window time.Duration `toml:"window" is:"duration" min:"1m" max:"30d"`
	// How long after its last mail a client passes without waiting.
	Pass time.Duration `toml:"pass" is:"duration" min:"1m" max:"365d"`
	// After how many retried attempts a client passes at once, whatever it sends; 0 is never.
	AutoPass int `toml:"auto_pass" is:"number" min:"0" max:"1000"`
	// The part of the sender that two attempts must have in common: the `address`, the `domain`, or `nothing`.
	Sender check.Part `toml:"sender" is:"part"`
	// The same for the recipient.
	Recipient check.Part `toml:"recipient" is:"part"`
	// Clients and mail that are judged, but never greylisted.
	Exempt []Exempt `toml:"exempt" unset:"none"`
}

// Callout is how the mail hosts of senders' domains are asked.
type Callout struct {
	// The sender domains to verify: a domain, `.example.org` for all below it, or `*` for every domain. The checks
	// `callout` and `callout-postmaster` in `[policy.checks]` say what happens then; every preset has `ignore`.
	Domains []check.NamePattern `toml:"domains" is:"callout domain" unset:"none: no callouts"`
	// The EHLO name of callouts: a name whose A record and PTR record match.
	Helo string `toml:"helo" is:"host" unset:"the name of this host"`
	// How long one callout may take, over all mail hosts.
	Timeout time.Duration `toml:"timeout" is:"duration" min:"1s" max:"5m"`
	// The most connections to one mail host at a time.
	PerMX int `toml:"per_mx" is:"number" min:"1" max:"100"`
	// The most callouts to one domain in an hour.
	PerDomainHour int `toml:"per_domain_hour" is:"number" min:"1" max:"1000"`
	// The most callouts at a time.
	Concurrent int `toml:"concurrent" is:"number" min:"1" max:"10000"`
	// The most callouts that begin in a minute.
	PerMinute int `toml:"per_minute" is:"number" min:"1" max:"1000"`
}

// Hammering is when a client counts as hammering.
type Hammering struct {
	// How many rejections it takes.
	Tries int `toml:"tries" is:"number" min:"2" max:"100000"`
	// Within what time.
	Within time.Duration `toml:"within" is:"duration" min:"10s" max:"1d"`
}

// State is where state is kept.
type State struct {
	// The store: `sqlite`, a file on this host; `redis`, shared by several hosts; `memory`, which a restart empties.
	Store Store `toml:"store" is:"store"`
	// The file of the store `sqlite`.
	File string `toml:"file" is:"path" unset:"state.db in $STATE_DIRECTORY, or in /var/lib/helogate for root, or in ~/.local/state/helogate"`
	// How long a judgement waits for the store. If it does not answer, no client is greylisted because of that.
	Timeout time.Duration `toml:"timeout" is:"duration" min:"10ms" max:"1m"`
	// How often the store `sqlite` writes to disk. If the machine fails, so much is lost.
	CommitInterval time.Duration `toml:"commit_interval" is:"duration" min:"10ms" max:"1m"`
	// The Redis servers.
	Redis Redis `toml:"redis"`
}

// Store is a kind of store.
type Store string

// The stores.
const (
	SQLite      Store = "sqlite"
	RedisServer Store = "redis"
	Memory      Store = "memory"
)

// Redis is the store `redis`.
type Redis struct {
	// The servers, as `host:port`: one server; some servers of a cluster; or the sentinels that know the master.
	Servers []string `toml:"servers" is:"host and port" unset:"none; the store redis needs one"`
	// Whether the servers are a cluster.
	Cluster bool `toml:"cluster" is:"switch"`
	// The name of the master, where the servers are sentinels.
	Master string `toml:"master" is:"text" unset:"none: the servers are not sentinels"`
	// The user, where the server has several.
	Username string `toml:"username" is:"text" unset:"the default user"`
	// A file with the password.
	PasswordFile string `toml:"password_file" is:"path" unset:"no password"`
	// The number of the database; a cluster has only 0.
	Database int `toml:"database" is:"number" min:"0" max:"65535"`
	// Whether to connect by TLS and verify the server's certificate.
	TLS bool `toml:"tls" is:"switch"`
	// The prefix of every key.
	Prefix string `toml:"prefix" is:"text"`
}

// Words of policy.order that are not names of checks.
const (
	OrderRules = "rules"
	OrderSPF   = "spf"
)
