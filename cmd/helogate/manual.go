package main

// The manual of each command: what --help and docs/cli.md say beside summary, arguments and flags. A test runs the
// examples.

// Meanings of exit statuses that several commands share.
const (
	usageMeaning   = "The command line is wrong."
	failedMeaning  = "The command failed; standard error says why."
	configMeaning  = "The configuration is wrong or cannot be read."
	noServiceFound = "The service does not run, cannot be reached, or failed to do it; standard error says why."
)

// exitStatuses are those of all commands. The page of each command says which it can end with.
var exitStatuses = []exit{
	{exitOK, "Success; of a command that answers a question: yes."},
	{exitRejected, "No: the client is rejected, not exempt, or not trusted."},
	{exitUsage, usageMeaning},
	{exitFailed, failedMeaning},
	{exitDeferred, "Not now: the client is deferred or greylisted, or DNS fails."},
	{exitConfig, configMeaning},
}

// exits lists exit statuses: 0 and 64, and those that are given.
func exits(success string, more ...exit) []exit {
	all := []exit{{exitOK, success}}
	i := 0
	for ; i < len(more) && more[i].code < exitUsage; i++ {
		all = append(all, more[i])
	}
	all = append(all, exit{exitUsage, usageMeaning})
	return append(all, more[i:]...)
}

var (
	failed    = exit{exitFailed, failedMeaning}
	badConfig = exit{exitConfig, configMeaning}
	noService = exit{exitFailed, noServiceFound}
)

// manual has the page of each command by its path.
var manual = map[string]page{
	"demo": {
		about: "It starts the real service with a built-in DNS zone, sends requests as Postfix does, and prints " +
			"each reply and verdict.",
		examples: []example{
			{"helogate demo", "Show the verdicts on the sample clients."},
			{"helogate demo --stay", "Keep the service running afterwards, for requests of your own; Ctrl-C stops it."},
		},
		exits: exits("Every verdict is the expected one.", exit{exitFailed, "A verdict is not the expected one, " +
			"or the service cannot start."}),
		see: []string{"helogate init", "helogate check", "docs/first-day.md"},
	},
	"init": {
		about: "The configuration is in shadow mode: verdicts are logged and the mail is not touched. The " +
			"command then prints the next steps.",
		examples: []example{
			{"helogate init", "Write helogate.toml into the current directory."},
			{"helogate init --postconf none --output -", "Print a configuration without running postconf."},
		},
		exits: exits("The file is written.", exit{exitFailed, "The file exists already or cannot be written."}),
		see:   []string{"helogate import postfix", "helogate config check", "docs/first-day.md"},
	},
	"config check": {
		about: "It does what the service does at its start: it reads all files that the configuration names and " +
			"builds every policy. " +
			"Warnings go to standard error and do not change the exit status.",
		examples: []example{
			{"helogate config check --config helogate.toml", "Check a file before you reload it."},
			{
				"HELOGATE_MODE=enforce helogate config check --config helogate.toml",
				"Check it with a setting from the environment, which overrides the file.",
			},
		},
		exits: exits("The configuration is right.", failed, badConfig),
		see:   []string{"helogate config show", "helogate reload", "docs/config.md"},
	},
	"config show": {
		about: "Without --policy, --for and --listener it prints the whole configuration as TOML, with defaults " +
			"and the source of each value. " +
			"With one of them it prints a policy: its checks and rules in the order of evaluation.",
		examples: []example{
			{
				"helogate config show --config helogate.toml",
				"Print all settings with the line of the file that each comes from.",
			},
			{
				"helogate config show --config helogate.toml --for bob@example.net",
				"Print the policy for one recipient.",
			},
		},
		exits: exits("The configuration or policy is printed.", failed, badConfig),
		see:   []string{"helogate config check", "docs/config.md", "docs/verdicts.md"},
	},
	"serve": {
		about: "At its start it prints on standard output what to add to the configuration of each mail server. " +
			"SIGHUP reloads the configuration; " +
			"SIGTERM and SIGINT stop the service when pending requests are answered.",
		examples: []example{
			{"helogate serve --config helogate.toml", "Run the service with a configuration file."},
			{
				"HELOGATE_POLICY__PRESET=strict helogate serve",
				"Run it without a file: with the defaults and another preset.",
			},
		},
		exits: exits("A signal stopped the service.", exit{exitFailed, "The service cannot start, because an " +
			"address is in use for example, or a listener failed."}, badConfig),
		see: []string{"helogate reload", "helogate status", "docs/postfix.md", "docs/config.md"},
	},
	"check": {
		about: `The client is evaluated as with mode = "enforce", whatever the configuration says. ` +
			"Write -- before a HELO name that begins with a hyphen.",
		examples: []example{
			{"helogate check 192.0.2.1 mx.example.org", "Evaluate a client by its address and HELO name."},
			{
				"helogate check 192.0.2.1 mx.example.org --from jane@example.org --rcpt bob@example.net",
				"Evaluate it with sender and recipient, as at RCPT.",
			},
		},
		exits: exits("The client is accepted.", exit{exitRejected, "The client is rejected."}, failed,
			exit{exitDeferred, "The client is deferred or greylisted."}, badConfig),
		see: []string{"helogate exempt why", "helogate config show", "docs/verdicts.md", "docs/checks.md"},
	},
	"exempt list": {
		about: "The counts begin at the start of the service.",
		examples: []example{
			{"helogate exempt list", "Print an entry a line."},
			{"helogate exempt list --json", "Print the entries as JSON, for programs."},
		},
		exits: exits("The entries are printed.", noService, badConfig),
		see:   []string{"helogate exempt why", "docs/control.md", "docs/config.md"},
	},
	"exempt why": {
		about: "For each rule that can exempt the client it prints whether it does, and why. It needs no " +
			"running service, " +
			"but only the service knows which addresses are trusted for a limited time.",
		examples: []example{
			{"helogate exempt why 192.0.2.1 mx.example.org", "Show what exempts a client."},
			{
				"helogate exempt why 192.0.2.1 mx.example.org --config helogate.toml --rcpt bob@example.net",
				"Show what exempts it from the policy for one recipient.",
			},
		},
		exits: exits("The client is exempt.", exit{exitRejected, "The client is not exempt."}, failed,
			exit{exitDeferred, "It is not known, because a DNS lookup failed."}, badConfig),
		see: []string{"helogate exempt list", "helogate check", "docs/control.md"},
	},
	"names": {
		about: "It reads a name a line, or a name, a tab and its address, and prints the class, the name and " +
			"the reason. It makes no lookup.",
		examples: []example{
			{"helogate names names.txt", "Classify the names in a file."},
			{
				"echo host-192-0-2-99.dyn.example.net | helogate names --explain",
				"Classify one name, with the reason in any case.",
			},
		},
		exits: exits("All names are classified.", exit{exitFailed, "A line is wrong, or the file cannot be " +
			"read; all other lines are classified."}),
		see: []string{"helogate check", "docs/names.md"},
	},
	"status": {
		about: "It prints problems first, then the configuration, listeners, verdicts, DNS, DNS lists and " +
			"stored state since the start of the service.",
		examples: []example{
			{"helogate status", "Print a page for people."},
			{"helogate status --json", "Print all values as JSON, for programs."},
		},
		exits: exits("The service answers, whatever its state.", noService, badConfig),
		see:   []string{"helogate reload", "docs/control.md"},
	},
	"reload": {
		about: "The policies, their lists, rules and exemptions change; pending requests end with the old ones. " +
			"If the configuration is wrong, " +
			"its errors are printed and nothing changes.",
		examples: []example{
			{"helogate reload", "Reload the service at the default control socket."},
			{
				"helogate config check --config helogate.toml && helogate reload --config helogate.toml",
				"Check first, then reload the service of that configuration.",
			},
		},
		exits: exits("The configuration is reloaded; settings that need a restart are named.", noService,
			exit{exitConfig, "The configuration is wrong; the old one stays in effect."}),
		see: []string{"helogate config check", "helogate status", "docs/control.md"},
	},
	"trust add": {
		about: "The check trusted accepts the address until then, whatever other checks find. An end that is " +
			"later already stays.",
		examples: []example{
			{"helogate trust add 192.0.2.1 --for 30m", "Accept an address for half an hour."},
			{
				`helogate trust add 2001:db8::1 --for 7d --comment "new office"`,
				"Accept it for a week, with a comment for the log.",
			},
		},
		exits: exits("The address is trusted.", noService, badConfig),
		see:   []string{"helogate trust list", "helogate trust remove", "docs/control.md"},
	},
	"trust list": {
		examples: []example{
			{"helogate trust list", "Print an address a line."},
			{"helogate trust list --json", "Print the addresses as JSON, for programs."},
		},
		exits: exits("The addresses are printed; there may be none.", noService, badConfig),
		see:   []string{"helogate trust add", "docs/control.md"},
	},
	"trust remove": {
		about: "The address is evaluated again as any other.",
		examples: []example{
			{"helogate trust remove 192.0.2.1", "End the trust in an address."},
			{
				"helogate trust remove 2001:db8::1 && helogate trust add 2001:db8::1 --for 10m",
				"Shorten it: remove the address and add it again.",
			},
		},
		exits: exits("The address is no longer trusted.", exit{exitRejected, "The address was not trusted."}, noService,
			badConfig),
		see: []string{"helogate trust list", "docs/control.md"},
	},
	"state export": {
		about: "That is greylisting and all else that is stored. The service may run meanwhile.",
		examples: []example{
			{"helogate state export --config helogate.toml >state.jsonl", "Back up the state."},
			{"helogate state export --config helogate.toml | wc -l", "Count the records; the first line is a heading."},
		},
		exits: exits("All records are printed.", failed, exit{exitConfig, "The configuration is wrong, there is " +
			"no state, or state.store is memory."}),
		see: []string{"helogate state import", "docs/state.md"},
	},
	"state import": {
		about: "Records that have expired are left out. The service may run meanwhile.",
		examples: []example{
			{"helogate state import state.jsonl --config helogate.toml", "Restore a backup."},
			{
				"helogate state export --config old.toml | helogate state import - --config helogate.toml",
				"Move the state to another store.",
			},
		},
		exits: exits("All records are imported.", exit{exitFailed, "A line is wrong or the store failed; " +
			"standard error says how many records were imported before."},
			exit{exitConfig, "The configuration is wrong, or state.store is memory."}),
		see: []string{"helogate state export", "docs/state.md"},
	},
	"version": {
		about: "Commit and date are known if the program was built in a checkout of its repository.",
		examples: []example{
			{"helogate version", "Print all that is known of the build."},
			{"helogate version | head -n 1", "Print the version alone."},
		},
		exits: exits("The version is printed."),
		see:   []string{"helogate status"},
	},
	"import helodnscheck": {
		about: importAbout,
		examples: []example{
			{
				"helogate import helodnscheck --flags PLRIV --moreipme moreipme >helogate.toml",
				"Convert the letters and the file control/moreipme.",
			},
			{
				"helogate import helodnscheck --flags GNLR --generation later",
				"Read the letters as those of the later generation.",
			},
		},
		exits: importExits,
		see:   []string{"helogate qmail-spp", "helogate config check", "docs/import.md"},
	},
	"import qpsmtpd": {
		about: importAbout,
		examples: []example{
			{"helogate import qpsmtpd plugins >helogate.toml", "Convert the plugin's line in config/plugins."},
			{"helogate import qpsmtpd plugins --badhelo badhelo", "Name the file of HELO names to reject."},
		},
		exits: importExits,
		see:   []string{"helogate config check", "docs/import.md"},
	},
	"import wcsap": {
		about: importAbout,
		examples: []example{
			{"helogate import wcsap filter.txt >helogate.toml", "Convert a file of filter rules."},
			{"helogate import wcsap - <filter.txt", "Read the rules from standard input."},
		},
		exits: importExits,
		see:   []string{"helogate config check", "docs/import.md"},
	},
	"import postfix": {
		about: "It takes your names, addresses and networks from main.cf and says which restrictions helogate " +
			"has as well. " + importAbout,
		examples: []example{
			{"helogate import postfix >helogate.toml", "Convert the configuration of the Postfix on this host."},
			{"helogate import postfix --file main.txt", "Convert what postconf -n printed on another host."},
		},
		exits: importExits,
		see:   []string{"helogate init", "docs/import.md", "docs/postfix.md"},
	},
	"opensmtpd": {
		about: "OpenSMTPD starts it by a line of smtpd.conf: filter \"helogate\" proc-exec " +
			"\"/usr/local/bin/helogate opensmtpd\". It talks to smtpd " +
			"on standard input and output, and ignores the listeners of the configuration.",
		examples: []example{
			{"helogate opensmtpd --config helogate.toml", "Run as the filter with a configuration file."},
			{"echo 'config|ready' | helogate opensmtpd", "Show what the filter registers for, without smtpd."},
		},
		exits: exits("Standard input is at its end: smtpd has stopped.", failed, badConfig),
		see:   []string{"helogate status", "helogate config check", "docs/opensmtpd.md"},
	},
	"qmail-spp": {
		about: "It evaluates the client that the environment names and prints commands for qmail-smtpd. It asks " +
			"the running service; if there is none, " +
			"it evaluates the client itself. It does not stop mail when something fails.",
		examples: []example{
			{
				"TCPREMOTEIP=192.0.2.1 SMTPHELOHOST=mx.example.org helogate qmail-spp",
				"Evaluate a client at HELO by the configuration.",
			},
			{
				"TCPREMOTEIP=192.0.2.1 SMTPHELOHOST=localhost HELO_DNS_CHECK=P helogate qmail-spp",
				"Evaluate it by the letters of helodnscheck.",
			},
		},
		exits: exits("In any case: another status would be a crash for qmail-smtpd."),
		see:   []string{"helogate import helodnscheck", "docs/qmail-spp.md"},
	},
}

const importAbout = "It prints a configuration on standard output. What it cannot convert is named on standard " +
	"error and in comments of the configuration."

var importExits = exits("The configuration is printed, even if parts are not converted.", failed,
	exit{exitConfig, "The other tool's file is wrong or cannot be read."})
