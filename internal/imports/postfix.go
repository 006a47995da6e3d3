package imports

import (
	"errors"
	"path"
	"regexp"
	"strings"

	"github.com/helogate/helogate/check"
)

// Postfix is what a Postfix says of itself.
type Postfix struct {
	Set      string // what `postconf -n` prints: what main.cf sets
	Defaults string // what `postconf` prints of [PostfixDefaults], defaults and computed values included; "" if it was not asked
}

// PostfixDefaults are the parameters whose defaults matter, since Postfix works them out on its host.
var PostfixDefaults = []string{"inet_interfaces", "mydestination", "mydomain", "myhostname", "mynetworks", "mynetworks_style", "proxy_interfaces",
	"queue_directory"}

// Import makes a first configuration of it: the local names and networks, and, as comments, which of its restrictions
// helogate has. Text in which nothing is set is an error.
func (p Postfix) Import() (*Result, error) {
	main, err := p.read()
	if err != nil {
		return nil, err
	}
	d := &doc{}
	d.say("A first configuration, made by helogate from `postconf -n`; see docs/import.md.")
	d.gap()
	d.set("mode", quote("shadow"), `a dry run; "enforce" applies verdicts`)
	d.ownOf(main)
	d.table("[policy]")
	d.set("preset", quote(check.DefaultPreset), "")
	d.restrictions(main)
	d.listener(main)
	return d.result(), nil
}

func (p Postfix) read() (*postconf, error) {
	main := &postconf{set: readPostconf(p.Set), defaults: readPostconf(p.Defaults)}
	if len(main.set)+len(main.defaults) == 0 {
		return nil, errors.New("no settings: give the output of `postconf -n`, lines of name = value")
	}
	return main, nil
}

// tcpAddress is where Postfix asks over TCP.
const tcpAddress = "127.0.0.1:10040"

// listener writes where Postfix asks: on a unix socket that it reaches from its chroot, which costs both sides less
// than TCP. main is nil where there is no Postfix, and with it no place for one; a main.cf that asks over TCP already
// is not to be changed.
func (d *doc) listener(main *postconf) {
	d.table("[[listen]]")
	d.set("protocol", quote("postfix"), "`helogate serve` prints the lines for main.cf")
	if main == nil || main.has(tcpAddress) {
		d.set("address", quote(tcpAddress), "")
		return
	}
	dir := main.queueDirectory() + "/helogate"
	d.set("address", quote("unix:"+dir+"/policy"), "")
	d.say("helogate owns its directory, and files in it get Postfix's group:")
	d.say("    install -d -o helogate -g postfix -m 2750 %s", dir)
	d.say("If that is not possible: address = %s", quote(tcpAddress))
}

// has reports whether main.cf has a text anywhere.
func (p *postconf) has(text string) bool {
	for _, v := range p.set {
		if strings.Contains(v.value, text) {
			return true
		}
	}
	return false
}

// queueDirectory is where Postfix has its queue, and where its smtpd is shut in on Debian. One in which a socket might
// have no name is not believed.
func (p *postconf) queueDirectory() string {
	if dir, _, err := p.values("queue_directory"); err == nil && len(dir) == 1 && plainDirectory.MatchString(dir[0]) {
		return path.Clean(dir[0])
	}
	return "/var/spool/postfix"
}

var plainDirectory = regexp.MustCompile(`^/[A-Za-z0-9._/-]{1,60}$`)

// Initial makes the configuration to begin with, with all that one mostly wants as examples. p is nil where there is no
// Postfix to ask.
func Initial(p *Postfix) (*Result, error) {
	d, main := &doc{}, (*postconf)(nil)
	if p != nil {
		var err error
		if main, err = p.read(); err != nil {
			return nil, err
		}
	}
	d.say("The configuration of helogate. All of it is optional; docs/config.md has all settings. A line that begins with # and no " +
		"blank is an example: adapt it, and remove the #.")
	d.gap()
	d.set("mode", quote("shadow"), "a dry run: verdicts are only logged")
	d.say(`"enforce" applies the verdicts. Read the log for a week first.`)
	if main != nil {
		d.ownOf(main)
	} else {
		d.ownExamples()
	}
	d.table("[policy]")
	d.set("preset", quote(check.DefaultPreset), "lenient, rfc, strict, balanced or hardline: docs/checks.md")
	d.example("url", quote("https://example.net/why/{id}"), "a page for senders whose mail was refused")
	if main != nil {
		d.restrictions(main)
	} else {
		d.table("#[policy.checks]")
		d.say("What differs from the preset.")
		d.example("fcrdns", quote("would reject"), "a dry run")
	}
	d.examples()
	d.listener(main)
	d.table("[dns]")
	d.example("servers", `["127.0.0.1:53"]`, "best on this host; default: those of /etc/resolv.conf")
	return d.result(), nil
}

func (d *doc) ownExamples() {
	d.table("[own]")
	d.example("names", `["example.net"]`, "your domains, with everything below; no other client may use them")
	d.example("addresses", `["192.0.2.25"]`, "your addresses; helogate knows the one that the client connected to")
	d.example("networks", `["192.0.2.0/24"]`, "your networks: never judged")
}

// examples are tables that one mostly wants one day.
func (d *doc) examples() {
	d.gap()
	d.say("Clients that are accepted whatever the policy says: one table each.")
	d.b.WriteString("#[[exempt]]\n")
	d.example("address", quote("198.51.100.0/24"), "")
	d.example("comment", quote("credit union, DNS broken for a decade"), "")
	d.example("until", "2099-12-31", "")
	d.gap()
	d.say("Your own rules: docs/rules.md.")
	d.b.WriteString("#[[rule]]\n")
	d.example("name", quote("our old name"), "")
	d.example("when", quote(`helo.text.lowerAscii().contains("example.com") && client != ip("192.0.2.25")`), "")
	d.example("then", quote("would reject"), "")
}
