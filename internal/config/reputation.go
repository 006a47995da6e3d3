package config

import (
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// List is a list in DNS, of clients or of domains.
type List struct {
	// The zone, such as `bl.example`. It must be one whose operator lets you ask.
	Zone string `toml:"zone" is:"host" unset:"must be given"`
	// What log, status and replies call it. Two lists of one zone need a name each.
	Name string `toml:"name" is:"list name" unset:"the zone"`
	// The answers that count: an address, a range `127.0.0.2-127.0.0.11`, a network `127.0.1.0/24`, or a mask `&0.0.0.8`, of
	// which one bit is enough. Every other answer is none: lists say many things, and some of them are errors.
	Codes []check.Code `toml:"codes" is:"codes" single:"yes" unset:"must be given"`
	// What it is asked about: `client` is the address, `helo` and `ptr` are the client's names, `sender` is the domain of the
	// envelope sender.
	Ask []check.Asked `toml:"ask" is:"asked" single:"yes" unset:"the client; of [[rhsbl]] the sender"`
	// What is done with who is listed: an action. It holds before what `[policy.checks]` says of the family; what a listener or
	// `[[policy.for]]` says of it holds before this.
	Then helogate.Effect `toml:"then" is:"action" unset:"that of the family, dnsbl, rhsbl or dnswl, in [policy.checks] or the preset"`
	// Whether the list has the test entries of RFC 5782 section 5, and is held to them.
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

// Blocklists is how lists are watched.
type Blocklists struct {
	// How often each list is tested.
	TestEvery time.Duration `toml:"test_every" is:"duration" min:"10s" max:"1d"`
	// How long one is waited for; what it does not answer by then is a temporary failure, from which nothing follows.
	Timeout time.Duration `toml:"timeout" is:"duration" min:"50ms" max:"1m"`
	// Over which time the share of those who are listed is looked at.
	BreakerWindow time.Duration `toml:"breaker_window" is:"duration" min:"1m" max:"1d"`
	// How many answers there must be in it.
	BreakerAnswers int `toml:"breaker_answers" is:"number" min:"10" max:"1000000"`
	// By how many points of a hundred the share may rise above what is usual for the list, before it is set aside; 0 is by
	// any.
	BreakerRise int `toml:"breaker_rise" is:"number" min:"0" max:"100"`
	// The share, in a hundred, from which a list is set aside whatever is usual; 0 is never.
	BreakerShare int `toml:"breaker_share" is:"number" min:"0" max:"100"`
}

// Greylist is how greylisting is done.
type Greylist struct {
	// How long a first attempt waits: a retry passes from then on.
	Delay time.Duration `toml:"delay" is:"duration" min:"1ms" max:"1d"`
	// How long after the first attempt a retry may come. Who comes later begins anew.
	Window time.Duration `toml:"window" is:"duration" min:"1m" max:"30d"`
	// How long, after the last time, it passes without waiting.
	Pass time.Duration `toml:"pass" is:"duration" min:"1m" max:"365d"`
	// After how many attempts that were retried a client passes at once, whatever it sends; 0 is never.
	AutoPass int `toml:"auto_pass" is:"number" min:"0" max:"1000"`
	// What of the sender tells two attempts apart: the `address`, the `domain`, or `nothing`.
	Sender check.Part `toml:"sender" is:"part"`
	// What of the recipient does.
	Recipient check.Part `toml:"recipient" is:"part"`
	// Who is never greylisted, though judged; as many `[[greylist.exempt]]` as needed, each as `[[exempt]]`.
	Exempt []Exempt `toml:"exempt" unset:"nobody"`
}

// Callout is how senders' own mail hosts are asked.
type Callout struct {
	// Whose senders are asked about: a domain, `.example.org` for all below, or `*` for every domain. The action is that of
	// `callout` and `callout-postmaster` in `[policy.checks]`, which is `ignore` in every preset.
	Domains []check.NamePattern `toml:"domains" is:"callout domain" unset:"none: no callouts"`
	// What we say in EHLO: a name that is ours in DNS, both ways.
	Helo string `toml:"helo" is:"host" unset:"the name of this host"`
	// How long one callout may take, over all mail hosts.
	Timeout time.Duration `toml:"timeout" is:"duration" min:"1s" max:"5m"`
	// How many connections to one mail host there are at a time.
	PerMX int `toml:"per_mx" is:"number" min:"1" max:"100"`
	// How many callouts an hour one domain gets.
	PerDomainHour int `toml:"per_domain_hour" is:"number" min:"1" max:"1000"`
	// How many there are at a time, to all hosts together.
	Concurrent int `toml:"concurrent" is:"number" min:"1" max:"10000"`
	// How many begin in a minute, to all hosts together.
	PerMinute int `toml:"per_minute" is:"number" min:"1" max:"1000"`
}

// Hammering is when a client hammers.
type Hammering struct {
	// How many rejections make it so.
	Tries int `toml:"tries" is:"number" min:"2" max:"100000"`
	// Within what time.
	Within time.Duration `toml:"within" is:"duration" min:"10s" max:"1d"`
}

// State is where is kept what must be remembered.
type State struct {
	// The kind of store: `sqlite`, a file of this host; `redis`, shared by several hosts; `memory`, which a restart empties.
	Store Store `toml:"store" is:"store"`
	// The file, of the store `sqlite`.
	File string `toml:"file" is:"path" unset:"state.db in $STATE_DIRECTORY, or in /var/lib/helogate for root, or in ~/.local/state/helogate"`
	// The longest that a judgement waits for the store. Where it does not answer, nobody is greylisted for it.
	Timeout time.Duration `toml:"timeout" is:"duration" min:"10ms" max:"1m"`
	// How often what is new is written out, of the store `sqlite`: so much may be lost when the machine fails.
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
	// The servers, as `host:port`: one; some of a cluster's; or the sentinels that know the master.
	Servers []string `toml:"servers" is:"host and port" unset:"none; the store redis needs one"`
	// Whether they are a cluster.
	Cluster bool `toml:"cluster" is:"switch"`
	// The name of the master, where the servers are sentinels.
	Master string `toml:"master" is:"text" unset:"the servers are no sentinels"`
	// The user, where the server has several.
	Username string `toml:"username" is:"text" unset:"the default user"`
	// A file with the password.
	PasswordFile string `toml:"password_file" is:"path" unset:"no password"`
	// The number of the database; a cluster has 0 alone.
	Database int `toml:"database" is:"number" min:"0" max:"65535"`
	// Whether the connection is encrypted (TLS), and the server's certificate checked.
	TLS bool `toml:"tls" is:"switch"`
	// What the name of every key begins with.
	Prefix string `toml:"prefix" is:"text"`
}

// Words of policy.order that are no names of checks.
const (
	OrderRules = "rules"
	OrderSPF   = "spf"
)
