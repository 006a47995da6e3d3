// Package config reads the configuration file: parsing, documentation and errors, and nothing else. What the settings
// lead to is for others to say; package internal/policy makes a policy of them, and reports what it finds at the place
// in the file by [Config.Errorf].
//
// The file is TOML, and all of it is optional. It is read strictly, for a setting that is misspelt and passed over is a
// filter that its administrator believes in and does not have: what is unknown, given twice, of a wrong type or out of
// bounds is an error that names the line, shows it, and says what was probably meant. All that can be found is reported
// at once, in the order of the file. Variables of the environment override the file through the same decoder.
//
// The comments of the types below are the manual: docs/config.md is made of them, of [Default], and of the settings in
// [Example]; a test fails when one of these drifts.
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
// written: toml is the key, is the kind of value (see leaves), min and max its bounds, single that one value need not be
// a list, unset what holds where nothing is given.
type Config struct {
	// Whether verdicts are carried out (`enforce`) or only written down (`shadow`). In shadow every line of the policy
	// is on trial: the mail flows as if helogate were not there, and the journal says what would have happened.
	Mode Mode `toml:"mode" is:"mode"`
	// What is ours: nobody else may say that he is it.
	Own Own `toml:"own"`
	// What is made of a client.
	Policy Policy `toml:"policy"`
	// Who is let in whatever the policy says; as many `[[exempt]]` as needed. In one of them every setting that is given
	// must match, of a list one entry; at least one of `address`, `name`, `helo`, `sender` and `recipient` is required.
	Exempt []Exempt `toml:"exempt" unset:"nobody is exempt"`
	// Mailing lists and relays that pass on the mail of others, and must not be judged for it by their own handshake; as
	// many `[[forwarder]]` as needed. At least one of `address` and `name` is required; if both are given, both must match.
	Forwarder []Forwarder `toml:"forwarder" unset:"nobody is a forwarder"`
	// Lists in files, by the names that rules call them by: `client in list("relays")`. A file has a line for each
	// address, network, name, `.suffix` or mail address, and comments after `#`. It is read again on reload.
	Lists map[string]string `toml:"lists" is:"lists" unset:"none"`
	// Rules of your own, in their order; as many `[[rule]]` as needed. docs/rules.md says how they are written.
	Rule []Rule `toml:"rule" unset:"no rules"`
	// Lists of addresses that send what nobody wants, in DNS (RFC 5782); as many `[[dnsbl]]` as needed. None is built in.
	DNSBL []List `toml:"dnsbl" unset:"none"`
	// Lists of domains of that kind; as many `[[rhsbl]]` as needed.
	RHSBL []List `toml:"rhsbl" unset:"none"`
	// Lists of those who are known to be good; as many `[[dnswl]]` as needed.
	DNSWL []List `toml:"dnswl" unset:"none"`
	// How the lists are watched: one that fails, lists the world, or suddenly lists many more than usual is set aside.
	Blocklists Blocklists `toml:"blocklists"`
	// How the suspicious, or everybody, are let prove that they retry. Who is greylisted is said by the action `greylist` of a
	// check or a rule, and by `policy.greylist_at`; `greylist = "greylist"` in `[policy.checks]` greylists everybody.
	Greylist Greylist `toml:"greylist"`
	// How the mail hosts of a sender's domain are asked whether the address exists. Off unless `domains` names some.
	Callout Callout `toml:"callout"`
	// When a client is one that hammers: it was rejected again and again. What is done then is said by `hammering` in
	// `[policy.checks]`, which is `ignore` in every preset.
	Hammering Hammering `toml:"hammering"`
	// Where is kept what must be remembered: who is greylisted, who is deferred since when, what callouts found.
	State State `toml:"state"`
	// Where MTAs ask; as many `[[listen]]` as needed. No two may overlap.
	Listen []Listen `toml:"listen"`
	// How DNS is asked, and what is remembered of it.
	DNS DNS `toml:"dns"`
	// What is added to the header of a message that is let in, by listeners that can; what is off is not added. It says what
	// would have happened, where a policy is on trial.
	Headers Headers `toml:"headers"`
	// Who is let in for a while by `helogate trust`: after POP before SMTP, say.
	Trust Trust `toml:"trust"`
	// The socket by which `helogate reload`, `status`, `trust` and `exempt list` talk to the service, and how the service
	// learns of a new configuration.
	Control Control `toml:"control"`
	// What the service says about itself.
	Log Log `toml:"log"`

	origin origin
}

// Mode says whether verdicts are carried out.
type Mode string

// The modes.
const (
	Shadow  Mode = "shadow"  // judged and written down; nothing happens to the mail
	Enforce Mode = "enforce" // carried out
)

// Own is what belongs to us.
type Own struct {
	// Our domains and hosts, with everything below them. A stranger who greets with one of these names lies.
	Names []string `toml:"names" is:"domain" unset:"none"`
	// Our addresses. A stranger who greets with one of them lies.
	Addresses []netip.Addr `toml:"addresses" is:"address" unset:"none"`
	// Our networks: clients in them are never judged. A bare address is a network of one.
	Networks []netip.Prefix `toml:"networks" is:"network" unset:"none"`
}

// Policy is what is made of a client.
type Policy struct {
	// The set of actions to start from: `lenient`, `rfc`, `strict`, `balanced` or `hardline`. `[policy.checks]` says what
	// differs from it.
	Preset string `toml:"preset" is:"preset"`
	// The earliest stage of the dialogue at which a client is told no: `connect`, `helo`, `mail` or `rcpt`. Before `rcpt`
	// nobody knows yet for whom the mail is, or whether the client will authenticate.
	RejectAtStage helogate.Stage `toml:"reject_at_stage" is:"stage"`
	// The score from which a client is greylisted; 0 is never.
	GreylistAt *int `toml:"greylist_at" is:"points" unset:"that of the preset"`
	// The score from which a client is rejected; 0 is never.
	RejectAt *int `toml:"reject_at" is:"points" unset:"that of the preset"`
	// A page for people whose mail was refused, named in the replies. `{id}` in it stands for the id of the verdict.
	URL string `toml:"url" is:"url" unset:"none"`
	// Names that no client may greet with: a name, `.example.invalid` for all below a domain, a regular expression
	// between slashes; `!` before one turns it round: whatever it does not match is refused.
	BadHelo []check.HeloPattern `toml:"bad_helo" is:"pattern" unset:"none"`
	// Files with more of them, a line each.
	BadHeloFiles []string `toml:"bad_helo_files" is:"path" unset:"none"`
	// Domains that others like to greet with, such as banks and mail providers, beyond those that helogate knows.
	Impersonated []string `toml:"impersonated" is:"domain" unset:"none"`
	// What differs from the preset: the name of a check, and what to do. Alone, an action speaks of the outcome `fail`; a
	// table gives one to each outcome that it names. The actions are `ignore`, `note`, `score N`, `score -N`,
	// `greylist`, `defer`, `reject`, `drop` and `accept`, with `would` before it for a trial; the outcomes are `none`,
	// `neutral`, `pass`, `softfail`, `fail`, `temperror` and `permerror`.
	Checks Checks `toml:"checks" is:"checks" unset:"as in the preset"`
	// The order of what may refuse, cheapest first: names of checks, `rules` for your own, `spf` for both of its checks. What
	// is named comes first, behind what lets in; the rest follows in its own order. Of several that refuse, the client reads
	// of the first. Nothing can stand before what is cheaper: what is dear is asked only while nothing is decided.
	Order []string `toml:"order" is:"order" unset:"rules, then as in docs/checks.md"`
	// What clients read, in place of our own words: the name of a check or of a rule, `score`, `defer` (for what
	// DNS did not answer) or `greylist`, and the text. `{why}` in it is what was found, `{fix}` the remedy, `{client}` the address, `{helo}` what it said, `{sender}`
	// and `{recipient}` the envelope, `{check}` the name, `{retry}` how long who is greylisted has to wait, and `{id}` the verdict's, which is added where the text lacks it.
	// Braces can stand for nothing else.
	Replies map[string]string `toml:"replies" is:"replies" unset:"our own words"`
	// The end of every reply, after the page: a telephone number, say; 120 characters at most. The same placeholders stand
	// for the same.
	Footer string `toml:"footer" is:"footer" unset:"none"`
	// Policies for some recipients; as many `[[policy.for]]` as needed. The first that matches holds; what it does not
	// name is as for everybody. They are heard at RCPT, where the recipient is known.
	For []For `toml:"for" unset:"one policy for all"`
}

// Checks says what outcomes of checks, by their names, do.
type Checks map[string]map[helogate.Outcome]helogate.Effect

// For is a policy for some recipients.
type For struct {
	// Whose: an address, a domain, or `.example.org` for all domains below.
	Recipient []check.MailboxPattern `toml:"recipient" is:"recipient" single:"yes" unset:"must be given"`
	// The preset of these recipients.
	Preset string `toml:"preset" is:"preset" unset:"that of the listener"`
	// Whether verdicts are carried out for these recipients.
	Mode Mode `toml:"mode" is:"mode" unset:"that of the listener"`
	// What differs for these recipients from the preset, from `[policy.checks]` and from the listener's own.
	Checks Checks `toml:"checks" is:"checks" unset:"as for everybody"`
}

// Rule is a rule of the administrator's.
type Rule struct {
	// Its name: in log, journal, and replies where there is no note. No two rules, and no rule and check, share one.
	Name string `toml:"name" is:"rule name" unset:"must be given"`
	// When it holds: an expression in CEL.
	When string `toml:"when" is:"expression" unset:"must be given"`
	// What is done when it holds: an action, with `would` before it for a trial.
	Then helogate.Effect `toml:"then" is:"action" unset:"must be given"`
	// What the client reads of it if it is refused, and the log says. It is said as it is, without placeholders.
	Note string `toml:"note" is:"note" unset:"the name"`
}

// Forwarder is a host that passes on the mail of others.
type Forwarder struct {
	// Its address, or a network that it is in.
	Address []netip.Prefix `toml:"address" is:"network" single:"yes" unset:"any"`
	// Its name in DNS, confirmed by its address. `.example.org` is all names below.
	Name []check.NamePattern `toml:"name" is:"name" single:"yes" unset:"any"`
	// Whether its mail is judged by the client that it says it has it from, where the listener shows one. The forwarder is
	// believed in this. It needs `address`, and no `name`.
	Origin bool `toml:"origin" is:"switch" unset:"false: its mail is let in"`
	// Why, for whoever wonders in ten years.
	Comment string `toml:"comment" is:"text" unset:"none"`
	// When this ends, as with `[[exempt]]`.
	Until time.Time `toml:"until" is:"until" unset:"never"`
}

// Headers says what is added to the header of a message.
type Headers struct {
	// `Authentication-Results` (RFC 8601) with `iprev`, and SPF where it was asked.
	AuthenticationResults bool `toml:"authentication_results" is:"switch"`
	// `X-Helogate`: the verdict's id, the action, the score, and which checks failed.
	XHelogate bool `toml:"x_helogate" is:"switch"`
	// `X-HELO`: what the client said.
	XHelo bool `toml:"x_helo" is:"switch"`
	// `X-Helo-Check`, in the words of the qmail-spp plugin helodnscheck, for HELO names that do not resolve to the client.
	XHeloCheck bool `toml:"x_helo_check" is:"switch"`
	// Who says so in Authentication-Results (its authserv-id): the name of your mail system.
	Name string `toml:"name" is:"host" unset:"the name of this host"`
}

// Trust says where it is kept who is let in for a while.
type Trust struct {
	// A file that keeps it over a restart.
	File string `toml:"file" is:"path" unset:"none: a restart forgets it"`
}

// Control is how the service is talked to.
type Control struct {
	// A unix socket, by its path, or `none`. Whoever may write to it may trust clients.
	Socket string `toml:"socket" is:"control socket" unset:"/run/helogate/control.sock for root, helogate.sock in $XDG_RUNTIME_DIR for others"`
	// The permissions of the socket, in octal digits.
	Permissions fs.FileMode `toml:"permissions" is:"permissions" unset:"there is no socket"`
	// Whether a change of the configuration file, or of a file that it names, is put into force without being told.
	Watch bool `toml:"watch" is:"switch"`
}

// Exempt says who is let in whatever the policy says. All fields that are given must match, of each one entry.
type Exempt struct {
	// The client's address, or a network that it is in.
	Address []netip.Prefix `toml:"address" is:"network" single:"yes" unset:"any"`
	// The client's name in DNS, confirmed by its address: anybody can claim any name. `.example.org` is all names below.
	Name []check.NamePattern `toml:"name" is:"name" single:"yes" unset:"any"`
	// What the client says in HELO or EHLO. It may say anything, so let this not stand alone. `.example.org` is all names
	// below.
	Helo []check.NamePattern `toml:"helo" is:"helo" single:"yes" unset:"any"`
	// The envelope sender: an address, a domain, or `.example.org` for all domains below; `<>` is the null sender of
	// bounces. Anybody can claim it, too.
	Sender []check.MailboxPattern `toml:"sender" is:"mailbox" single:"yes" unset:"any"`
	// The envelope recipient, in the same way. To let a mailbox have all its mail, spam and all, name it here.
	Recipient []check.MailboxPattern `toml:"recipient" is:"recipient" single:"yes" unset:"any"`
	// Why, for whoever wonders in ten years.
	Comment string `toml:"comment" is:"text" unset:"none"`
	// When this ends: a date, which is exempt to its last second in local time, or a date and time. Not in quotes.
	// In Go it is the first instant that is no longer exempt, and the zero time where it never ends.
	Until time.Time `toml:"until" is:"until" unset:"never"`
}

// Listen is a listener.
type Listen struct {
	// How the MTA asks.
	Protocol string `toml:"protocol" is:"protocol" unset:"must be given"`
	// Where: an address with a port, or a unix socket as `unix:/path` or `/path`. Port 0 is any that is free.
	Address Endpoint `toml:"address" is:"endpoint" unset:"must be given"`
	// The permissions of a unix socket, in octal digits.
	Permissions fs.FileMode `toml:"permissions" is:"permissions" unset:"\"0660\" for a unix socket"`
	// The preset of this listener, where it is not that of `[policy]`: a backup MX, say.
	Preset string `toml:"preset" is:"preset" unset:"that of [policy]"`
	// Whether this listener's verdicts are carried out.
	Mode Mode `toml:"mode" is:"mode" unset:"as above the first table"`
	// What differs at this listener from its preset and from `[policy.checks]`.
	Checks Checks `toml:"checks" is:"checks" unset:"as everywhere"`
	// What `protocol = "nginx"` alone has. It belongs to the `[[listen]]` above; `nginx.backend = "…"` there says the same.
	Nginx ListenNginx `toml:"nginx"`
	// What `protocol = "http"` alone has. It belongs to the `[[listen]]` above; `http.token_file = "…"` there says the same.
	HTTP ListenHTTP `toml:"http"`
}

// ListenNginx is what only nginx needs to know.
type ListenNginx struct {
	// The mail server to which nginx is to pass clients that may go on, with its port.
	Backend netip.AddrPort `toml:"backend" is:"backend" unset:"must be given"`
}

// ListenHTTP is what only HTTP needs to know.
type ListenHTTP struct {
	// A file with the token that whoever asks is to show, at least 16 characters.
	TokenFile string `toml:"token_file" is:"path" unset:"none; there must be one where it listens at an address"`
}

// Endpoint is where a listener listens, as net.Listen takes it.
type Endpoint struct {
	Network string // "tcp" or "unix"
	Address string // "127.0.0.1:10040", "/run/helogate/policy.sock"
}

// DNS is how DNS is asked.
type DNS struct {
	// The resolvers, in the order in which they are tried; the port is 53 where it is left out.
	Servers []netip.AddrPort `toml:"servers" is:"server" unset:"those of /etc/resolv.conf"`
	// Resolvers, not on this machine, that are believed when they say that DNSSEC has proved an answer (the AD bit). The
	// network between here and there must be as trustworthy as they are.
	Trusted []netip.Addr `toml:"trusted" is:"address" unset:"none"`
	// How long one resolver is waited for before the next is tried.
	Timeout time.Duration `toml:"timeout" is:"duration" min:"10ms" max:"1m"`
	// How long all lookups of a judgement may take together; what is not answered by then is a temporary failure.
	// What helogate remembers itself (greylist, patience) is then waited for up to two seconds more.
	Budget time.Duration `toml:"budget" is:"duration" min:"100ms" max:"5m"`
	// The memory that answers may take.
	CacheSize Size `toml:"cache_size" is:"size" min:"1MiB" max:"1TiB"`
	// The longest that an answer is kept, whatever it says itself.
	MaxTTL time.Duration `toml:"max_ttl" is:"duration" min:"1s" max:"30d"`
	// How long a failure of DNS is remembered, so that fifty recipients do not wait for it fifty times.
	FailureTTL time.Duration `toml:"failure_ttl" is:"duration" min:"1s" max:"1h"`
	// How long a client's network and name are deferred for failures of DNS, all in all; then such a failure is a note.
	FailureGrace time.Duration `toml:"failure_grace" is:"duration" min:"1m" max:"30d"`
}

// Log is what the service says about itself.
type Log struct {
	// `text`, for people, or `json`, for programs.
	Format LogFormat `toml:"format" is:"log format"`
	// The least that is worth a line: `debug`, `info`, `warn` or `error`.
	Level slog.Level `toml:"level" is:"log level"`
}

// LogFormat is how a line of the log is written.
type LogFormat string

// The formats of the log.
const (
	Text LogFormat = "text"
	JSON LogFormat = "json"
)

// socketMode is the mode of a unix socket where none is given: the MTA shares our group.
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
