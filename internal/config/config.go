// Package config reads the configuration file: parsing, documentation and errors, and nothing else. What the settings
// mean is for others: package internal/policy makes a policy of them, and reports what is wrong at its place in the
// file by [Config.Errorf].
//
// The file is TOML, and all of it is optional. It is read strictly, since an ignored typo would leave an administrator
// without a filter: a setting that is unknown, given twice, of a wrong type or out of bounds is an error, which names
// and shows the line and says what was probably meant. All errors are reported at once, in the order of the file.
// Environment variables override the file, through the same decoder.
//
// The comments of the types below are the manual. docs/config.md is generated from them, [Default] and [Example]; a
// test fails when they drift apart.
package config

import (
	_ "embed" // the example
	"io/fs"
	"log/slog"
	"net/netip"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

//go:generate go test -run TestPage -update .

// Example is a whole configuration file in which every setting occurs.
//
//go:embed example.toml
var Example string

// Config is a configuration that was checked, with the defaults filled in. The tags of its fields say how they are
// written: toml is the key, is the type of value (see valueTypes), min and max its bounds, single that one value need
// not be a list, unset the default in words where it is no value.
type Config struct {
	// `enforce` applies verdicts to the mail. `shadow` only logs them: every check and rule is a dry run.
	Mode Mode `toml:"mode" is:"mode"`
	// Your own names and addresses. No other client may use them in HELO.
	Own Own `toml:"own"`
	// How clients are judged.
	Policy Policy `toml:"policy"`
	// Clients and mail that are accepted whatever the policy says. Every setting of an entry must match; of a list one
	// value is enough. Each entry needs at least one of `address`, `name`, `helo`, `sender` and `recipient`.
	Exempt []Exempt `toml:"exempt" unset:"no exemptions"`
	// Mailing lists and relays that forward the mail of others, and must not be judged for it by their own handshake.
	// Each entry needs `address` or `name`; if it has both, both must match.
	Forwarder []Forwarder `toml:"forwarder" unset:"no forwarders"`
	// List files for rules, by the name that a rule uses: `client in list("relays")`. A file has one address, network,
	// name, `.suffix` or mail address a line, and comments after `#`. A reload reads it again.
	Lists map[string]string `toml:"lists" is:"lists" unset:"none"`
	// Your own rules, in the order of evaluation. See [rules](rules.md).
	Rule []Rule `toml:"rule" unset:"no rules"`
	// Blocklists of client addresses in DNS (RFC 5782). None is built in.
	DNSBL []List `toml:"dnsbl" unset:"none"`
	// Blocklists of domains.
	RHSBL []List `toml:"rhsbl" unset:"none"`
	// Allowlists.
	DNSWL []List `toml:"dnswl" unset:"none"`
	// How lists are monitored. A list that fails, lists every address, or suddenly lists many more than usual is
	// suspended: it is not used until it works again. See [blocklists](blocklists.md).
	Blocklists Blocklists `toml:"blocklists"`
	// [Greylisting](greylist.md). The action `greylist` of a check or rule, and `policy.greylist_at`, choose the
	// clients; `greylist = "greylist"` in `[policy.checks]` greylists every client.
	Greylist Greylist `toml:"greylist"`
	// [Callouts](callout.md): helogate asks the mail hosts of the sender's domain whether the sender's address exists.
	// Off while `domains` is empty.
	Callout Callout `toml:"callout"`
	// When a client counts as [hammering](hammering.md): it was rejected again and again. The check `hammering` in
	// `[policy.checks]` says what happens then; every preset has `ignore`.
	Hammering Hammering `toml:"hammering"`
	// Where [state](state.md) is kept: the greylist, clients that are deferred for DNS failures, results of callouts.
	State State `toml:"state"`
	// Where MTAs connect. No two may overlap.
	Listen []Listen `toml:"listen"`
	// DNS lookups, and how long answers are cached.
	DNS DNS `toml:"dns"`
	// Header fields for accepted messages, where the protocol of the listener can add them. For a dry run they say
	// what would have happened.
	Headers Headers `toml:"headers"`
	// Clients that `helogate trust` accepts for a while, such as after POP before SMTP.
	Trust Trust `toml:"trust"`
	// The socket of `helogate reload`, `status`, `trust` and `exempt list`, and automatic reload.
	Control Control `toml:"control"`
	// What the service logs.
	Log Log `toml:"log"`

	origin origin
}

// Mode says whether verdicts are applied.
type Mode string

// The modes.
const (
	Shadow  Mode = "shadow"  // a dry run: verdicts are logged, and nothing happens to the mail
	Enforce Mode = "enforce" // verdicts are applied
)

// Own is what belongs to your site.
type Own struct {
	// Your domains and hosts, with everything below them.
	Names []string `toml:"names" is:"domain" unset:"none"`
	// Your addresses.
	Addresses []netip.Addr `toml:"addresses" is:"address" unset:"none"`
	// Your networks. Clients in them are never judged. An address alone is a network of one.
	Networks []netip.Prefix `toml:"networks" is:"network" unset:"none"`
}

// Policy says how clients are judged.
type Policy struct {
	// The actions to start from: `lenient`, `rfc`, `strict`, `balanced` or `hardline`. `[policy.checks]` changes
	// single checks.
	Preset string `toml:"preset" is:"preset"`
	// The earliest stage at which a client is refused. Before `rcpt` the recipient is not known, nor whether the client
	// will authenticate.
	RejectAtStage helogate.Stage `toml:"reject_at_stage" is:"stage"`
	// The score from which a client is greylisted; 0 is never.
	GreylistAt *int `toml:"greylist_at" is:"points" unset:"that of the preset"`
	// The score from which a client is rejected; 0 is never.
	RejectAt *int `toml:"reject_at" is:"points" unset:"that of the preset"`
	// A web page for senders whose mail was refused; replies name it. `{id}` in it is the id of the verdict.
	URL string `toml:"url" is:"url" unset:"none"`
	// HELO names that no client may use: a name, `.example.invalid` for all names below a domain, or a regular
	// expression between slashes. With `!` before it, what does *not* match is refused.
	BadHelo []check.HeloPattern `toml:"bad_helo" is:"pattern" unset:"none"`
	// Files with more patterns, one a line.
	BadHeloFiles []string `toml:"bad_helo_files" is:"path" unset:"none"`
	// Domains that impostors use as HELO name, such as banks and mail providers, in addition to the built-in ones.
	Impersonated []string `toml:"impersonated" is:"domain" unset:"none"`
	// What differs from the preset: the name of a check and an action. An action alone is for the outcome `fail`; a
	// table has an action for each outcome that it names. Actions: `ignore`, `note`, `score N`, `score -N`,
	// `greylist`, `defer`, `reject`, `drop` and `accept`; with `would` before it, the action is a dry run. Outcomes:
	// `none`, `neutral`, `pass`, `softfail`, `fail`, `temperror` and `permerror`.
	Checks Checks `toml:"checks" is:"checks" unset:"as in the preset"`
	// The order of the checks that can refuse, cheapest first: names of checks, `rules` for your own rules, `spf` for
	// both SPF checks. They are evaluated after the checks that accept and before the rest. The reply has the first
	// reason. An expensive check cannot stand before a cheaper one.
	Order []string `toml:"order" is:"order" unset:"rules, then as in docs/checks.md"`
	// Your own texts for replies: the name of a check or rule, `score`, `defer` (for DNS failures) or `greylist`, and
	// the text. Placeholders: `{why}` is what was found, `{fix}` the remedy, `{client}` the address, `{helo}` the HELO
	// name, `{sender}` and `{recipient}` the envelope, `{check}` the check or rule, `{retry}` the wait of a greylisted
	// client, and `{id}` the verdict's id, which is appended where the text lacks it. Braces have no other use.
	Replies map[string]string `toml:"replies" is:"replies" unset:"the built-in texts"`
	// The end of every reply, after the URL, such as a telephone number; 120 characters at most. It may have the same
	// placeholders.
	Footer string `toml:"footer" is:"footer" unset:"none"`
	// Policies for some recipients. The first that matches is used, at RCPT, where the recipient is known. Settings
	// that it lacks are those of the listener and of `[policy]`.
	For []For `toml:"for" unset:"one policy for all recipients"`
}

// Checks has the effects of outcomes, by the name of the check.
type Checks map[string]map[helogate.Outcome]helogate.Effect

// For is a policy for some recipients.
type For struct {
	// An address, a domain, or `.example.org` for all domains below it.
	Recipient []check.MailboxPattern `toml:"recipient" is:"recipient" single:"yes" unset:"must be given"`
	// Their preset.
	Preset string `toml:"preset" is:"preset" unset:"that of the listener"`
	// Their mode.
	Mode Mode `toml:"mode" is:"mode" unset:"that of the listener"`
	// What differs from the preset, `[policy.checks]` and the checks of the listener.
	Checks Checks `toml:"checks" is:"checks" unset:"those of the listener"`
}

// Rule is a rule of the administrator's.
type Rule struct {
	// The name, for log and replies. It must differ from those of other rules and of checks.
	Name string `toml:"name" is:"rule name" unset:"must be given"`
	// When the rule matches, in CEL.
	When string `toml:"when" is:"expression" unset:"must be given"`
	// The action when it matches; with `would` before it, a dry run.
	Then helogate.Effect `toml:"then" is:"action" unset:"must be given"`
	// The reason, for the reply and the log. It has no placeholders.
	Note string `toml:"note" is:"note" unset:"the name"`
}

// Forwarder is a host that forwards the mail of others.
type Forwarder struct {
	// Its address or network.
	Address []netip.Prefix `toml:"address" is:"network" single:"yes" unset:"any"`
	// Its PTR name, as in `[[exempt]]`.
	Name []check.NamePattern `toml:"name" is:"name" single:"yes" unset:"any"`
	// Whether to judge its mail by the client that it had the mail from, where the listener shows that client. You
	// trust the forwarder to name it truly. It needs `address`, and excludes `name`.
	Origin bool `toml:"origin" is:"switch" unset:"false, which accepts its mail"`
	// The reason, for the log and for later readers.
	Comment string `toml:"comment" is:"text" unset:"none"`
	// When the entry ends, as in `[[exempt]]`.
	Until time.Time `toml:"until" is:"until" unset:"never"`
}

// Headers says what is added to the header of a message.
type Headers struct {
	// `Authentication-Results` (RFC 8601) with `iprev`, and with SPF where it was checked.
	AuthenticationResults bool `toml:"authentication_results" is:"switch"`
	// `X-Helogate`: the verdict's id, the action, the score, and the checks that failed.
	XHelogate bool `toml:"x_helogate" is:"switch"`
	// `X-HELO`: the HELO name.
	XHelo bool `toml:"x_helo" is:"switch"`
	// `X-Helo-Check`, in the words of the qmail-spp plugin helodnscheck, for HELO names that do not resolve to the
	// client.
	XHeloCheck bool `toml:"x_helo_check" is:"switch"`
	// The authserv-id in `Authentication-Results`: the name of your mail system.
	Name string `toml:"name" is:"host" unset:"the name of this host"`
}

// Trust says where trusted clients are kept.
type Trust struct {
	// A file that keeps trusted clients over a restart.
	File string `toml:"file" is:"path" unset:"none, so a restart forgets them"`
}

// Control is the control socket, and how the service learns of a new configuration.
type Control struct {
	// Every user with write permission can trust clients. See [control](control.md).
	Socket string `toml:"socket" is:"control socket" unset:"/run/helogate/control.sock for root, helogate.sock in $XDG_RUNTIME_DIR for others"`
	// The permissions of the socket.
	Permissions fs.FileMode `toml:"permissions" is:"permissions" unset:"none, since there is no socket"`
	// Whether to reload when the configuration file, or a file that it names, changes.
	Watch bool `toml:"watch" is:"switch"`
}

// Exempt is an entry of the allowlist. All fields that are given must match, one value of each. Until is the first
// instant after it, the zero time if it never ends.
type Exempt struct {
	// The client's address or network.
	Address []netip.Prefix `toml:"address" is:"network" single:"yes" unset:"any"`
	// The client's PTR name, which must be forward-confirmed. `.example.org` is all names below it.
	Name []check.NamePattern `toml:"name" is:"name" single:"yes" unset:"any"`
	// The HELO name, in the same forms. A client can send any name, so combine it with another setting.
	Helo []check.NamePattern `toml:"helo" is:"helo" single:"yes" unset:"any"`
	// The envelope sender: an address, a domain, `.example.org` for all domains below it, or `<>` for the null sender
	// of bounces. A client can send any address here, too.
	Sender []check.MailboxPattern `toml:"sender" is:"mailbox" single:"yes" unset:"any"`
	// The envelope recipient, in the same forms but `<>`. It gets all its mail, spam included.
	Recipient []check.MailboxPattern `toml:"recipient" is:"recipient" single:"yes" unset:"any"`
	// The reason, for the log and for later readers.
	Comment string `toml:"comment" is:"text" unset:"none"`
	// When the entry ends, without quotes: a date, whose whole day in local time is still exempt, or a date and time.
	Until time.Time `toml:"until" is:"until" unset:"never"`
}

// Listen is a listener.
type Listen struct {
	// The protocol of the MTA.
	Protocol string `toml:"protocol" is:"protocol" unset:"must be given"`
	// An address with a port, or a unix socket as `unix:/path` or `/path`. Port 0 is any free port.
	Address Endpoint `toml:"address" is:"endpoint" unset:"must be given"`
	// The permissions of a unix socket.
	Permissions fs.FileMode `toml:"permissions" is:"permissions" unset:"\"0660\" for a unix socket"`
	// Its preset.
	Preset string `toml:"preset" is:"preset" unset:"that of [policy]"`
	// Its mode.
	Mode Mode `toml:"mode" is:"mode" unset:"that above the first table"`
	// What differs from its preset and from `[policy.checks]`.
	Checks Checks `toml:"checks" is:"checks" unset:"those of [policy.checks]"`
	// Of `protocol = "nginx"`, for the `[[listen]]` above. You can also write `nginx.backend = "…"` there.
	Nginx ListenNginx `toml:"nginx"`
	// Of `protocol = "http"`, for the `[[listen]]` above. You can also write `http.token_file = "…"` there.
	HTTP ListenHTTP `toml:"http"`
}

// ListenNginx is what nginx alone needs.
type ListenNginx struct {
	// The mail server, with its port, to which nginx passes accepted clients.
	Backend netip.AddrPort `toml:"backend" is:"backend" unset:"must be given"`
}

// ListenHTTP is what HTTP alone needs.
type ListenHTTP struct {
	// A file with the token that clients of the API must send, at least 16 characters.
	TokenFile string `toml:"token_file" is:"path" unset:"none; required unless the address is a unix socket"`
}

// Endpoint is where a listener listens, as net.Listen takes it.
type Endpoint struct {
	Network string // "tcp" or "unix"
	Address string // "127.0.0.1:10040", "/run/helogate/policy.sock"
}

// DNS is how DNS is asked.
type DNS struct {
	// The resolvers, in the order in which they are tried. The default port is 53.
	Servers []netip.AddrPort `toml:"servers" is:"server" unset:"those of /etc/resolv.conf"`
	// Resolvers on other hosts whose AD bit, "proved by DNSSEC", is believed. The network to them must be as
	// trustworthy as they are.
	Trusted []netip.Addr `toml:"trusted" is:"address" unset:"none"`
	// How long to wait for one resolver before the next is tried.
	Timeout time.Duration `toml:"timeout" is:"duration" min:"10ms" max:"1m"`
	// How long all lookups of a judgement may take together. A lookup that is unanswered by then is a temporary
	// failure. helogate then waits for its own [state](state.md) for up to two seconds more.
	Budget time.Duration `toml:"budget" is:"duration" min:"100ms" max:"5m"`
	// The memory for cached answers.
	CacheSize Size `toml:"cache_size" is:"size" min:"1MiB" max:"1TiB"`
	// The longest time that an answer is cached, whatever its TTL.
	MaxTTL time.Duration `toml:"max_ttl" is:"duration" min:"1s" max:"30d"`
	// How long a DNS failure is cached.
	FailureTTL time.Duration `toml:"failure_ttl" is:"duration" min:"1s" max:"1h"`
	// The longest time that a client is deferred for DNS failures. See [failure grace](failure-grace.md).
	FailureGrace time.Duration `toml:"failure_grace" is:"duration" min:"1m" max:"30d"`
}

// Log is what the service logs.
type Log struct {
	// `text` for people, `json` for programs.
	Format LogFormat `toml:"format" is:"log format"`
	// The lowest level that is logged: `debug`, `info`, `warn` or `error`.
	Level slog.Level `toml:"level" is:"log level"`
}

// LogFormat is how a line of the log is written.
type LogFormat string

// The formats of the log.
const (
	Text LogFormat = "text"
	JSON LogFormat = "json"
)

// socketMode is the default mode of a unix socket: the MTA is in our group.
const socketMode fs.FileMode = 0o660

// Default returns what an empty file means.
func Default() *Config {
	return &Config{
		Mode:   Shadow,
		Policy: Policy{Preset: "balanced", RejectAtStage: helogate.Rcpt},
		Listen: []Listen{{Protocol: "postfix", Address: Endpoint{"tcp", "127.0.0.1:10040"}}},
		DNS: DNS{
			Timeout:      2 * time.Second,
			Budget:       8 * time.Second,
			CacheSize:    64 << 20,
			MaxTTL:       24 * time.Hour,
			FailureTTL:   30 * time.Second,
			FailureGrace: 4 * time.Hour,
		},
		Blocklists: Blocklists{
			TestEvery: 10 * time.Minute, Timeout: 3 * time.Second,
			BreakerWindow: 10 * time.Minute, BreakerAnswers: 100, BreakerRise: 50, BreakerShare: 95,
		},
		Greylist: Greylist{
			Delay: 5 * time.Minute, Window: 24 * time.Hour, Pass: 36 * 24 * time.Hour, AutoPass: 5,
			Sender: check.WholeAddress, Recipient: check.WholeAddress,
		},
		Callout:   Callout{Timeout: 20 * time.Second, PerMX: 2, PerDomainHour: 10, Concurrent: 20, PerMinute: 60},
		Hammering: Hammering{Tries: 30, Within: 10 * time.Minute},
		State: State{
			Store: SQLite, Timeout: 500 * time.Millisecond, CommitInterval: 500 * time.Millisecond,
			Redis: Redis{Prefix: "helogate:"},
		},
		Control: Control{Permissions: 0o600},
		Log:     Log{Format: Text, Level: slog.LevelInfo},
	}
}
