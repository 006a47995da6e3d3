package interop

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A postfix is a private instance with a number of smtpds, which differ in the listener that they ask, and when.
type postfix struct {
	maillog   string
	policy    netip.AddrPort // where most of its smtpds ask
	presets   map[string]netip.AddrPort
	listeners map[string]netip.AddrPort // where the smtpds "first", "backup" and "watched" ask
	sasl      netip.AddrPort            // where the smtpd "stages" asks whether a password is right
	socket    string                    // the path of a unix socket, where the smtpd "socket" asks, in a chroot
	owner     string                    // the user that its daemons run as
	services  map[string]*service
}

// A service is an smtpd on a port of its own.
type service struct {
	Name    string
	SMTP    netip.AddrPort
	Options []string // what differs from main.cf
	Chroot  bool     // it sees nothing but the queue directory, as Debian's does

	// How many clients a process of it serves. Each keeps its connection to helogate open, and when that has gone waits
	// for a second. Most tests have a helogate of their own at the same address, and so want a new process for each
	// client.
	MaxUse int
}

// presets are those of helogate, the mildest first.
var presets = []string{"lenient", "rfc", "strict", "balanced", "hardline"}

func startPostfix(l *lab) (*postfix, error) {
	dir, err := l.sub("postfix")
	if err != nil {
		return nil, err
	}
	p := &postfix{
		maillog: filepath.Join(dir, "maillog"), socket: filepath.Join(dir, "queue/helogate/policy"),
		presets: map[string]netip.AddrPort{}, listeners: map[string]netip.AddrPort{}, services: map[string]*service{},
	}
	if p.policy, err = l.freePort(); err != nil {
		return nil, err
	}
	services, err := p.plan(l)
	if err != nil {
		return nil, err
	}
	printed, err := l.printedMainCF(p.policy)
	if err != nil {
		return nil, err
	}
	programs, err := postfixPrograms()
	if err != nil {
		return nil, err
	}
	p.owner = programs["mail_owner"]
	etc, err := l.sub("postfix/etc")
	if err != nil {
		return nil, err
	}
	settings := map[string]any{
		"Dir": dir, "Programs": programs, "Services": services, "Printed": printed,
	}
	for _, file := range []string{"main.cf", "master.cf"} {
		if err := render(filepath.Join(etc, file), "testdata/"+file, settings); err != nil {
			return nil, err
		}
	}
	return p, p.start(dir, etc, programs)
}

// start runs Postfix's master in the foreground, without its start script, which wants to send it to the background.
func (p *postfix) start(dir, etc string, programs map[string]string) error {
	for _, sub := range []string{"queue", "data"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	if out, err := exec.Command("chown", programs["mail_owner"], filepath.Join(dir, "data")).CombinedOutput(); err != nil {
		return fmt.Errorf("chown: %w: %s", err, out)
	}
	script, err := lookPath("postfix")
	if err != nil {
		return err
	}
	if out, err := exec.Command(script, "-c", etc, "check").CombinedOutput(); err != nil { // makes the queue directories
		return fmt.Errorf("postfix check: %w: %s%s", err, out, p.log())
	}
	master, err := startLeashed("postfix", filepath.Join(programs["daemon_directory"], "master"), "-c", etc, "-d")
	if err != nil {
		return err
	}
	err = eventually(func() bool { return !master.alive() || p.answers("main") })
	if err != nil || !master.alive() {
		return fmt.Errorf("no banner: %s%s", master.out.String(), p.log())
	}
	return nil
}

// plan makes the smtpds: one for each preset, and one for each way to ask.
func (p *postfix) plan(l *lab) ([]*service, error) {
	var all []*service
	add := func(name string, options ...string) error {
		addr, err := l.freePort()
		s := &service{Name: name, SMTP: addr, Options: options, MaxUse: 1}
		p.services[name] = s
		all = append(all, s)
		return err
	}
	for _, preset := range presets {
		addr, err := l.freePort()
		if err != nil {
			return nil, err
		}
		p.presets[preset] = addr
		if err := add(preset, "smtpd_recipient_restrictions = reject_unauth_destination, "+ask(addr, "")); err != nil {
			return nil, err
		}
	}
	for _, listener := range []string{"first", "backup", "watched"} {
		addr, err := l.freePort()
		if err != nil {
			return nil, err
		}
		p.listeners[listener] = addr
		if err := add(listener, "smtpd_recipient_restrictions = reject_unauth_destination, "+ask(addr, "")); err != nil {
			return nil, err
		}
	}
	var err error
	if p.sasl, err = startSASL(l.host); err != nil {
		return nil, err
	}
	stages := []string{
		"smtpd_client_restrictions = " + ask(p.policy, "connect"),
		"smtpd_helo_restrictions = " + ask(p.policy, "helo"),
		"smtpd_sender_restrictions = " + ask(p.policy, "mail"),
		"smtpd_recipient_restrictions = reject_unlisted_recipient, " + ask(p.policy, "rcpt"),
	}
	socket := "check_policy_service { unix:helogate/policy, default_action=DUNNO }"
	errs := []error{
		add("main"), // what helogate serve said, to the letter
		add("kept"), // the same
		add("stages", append(stages, "smtpd_delay_reject = no", "smtpd_sasl_auth_enable = yes", "smtpd_sasl_type = dovecot",
			"smtpd_sasl_path = inet:"+p.sasl.String())...),
		add("everybody", append(stages, "smtpd_delay_reject = no", "relay_recipient_maps = static:x")...),
		add("delayed", stages...), // Postfix's default: all is asked at RCPT
		add("before", "smtpd_relay_restrictions =", "smtpd_recipient_restrictions = "+ask(p.policy, "")+", reject_unauth_destination"),
		add("proxied", "smtpd_upstream_proxy_protocol = haproxy", "smtpd_recipient_restrictions = reject_unauth_destination, "+ask(p.policy, "")),
		add("socket", "smtpd_recipient_restrictions = reject_unauth_destination, "+socket),
	}
	p.services["socket"].Chroot = true
	for _, name := range append([]string{"kept"}, presets...) {
		p.services[name].MaxUse = 100
	}
	return all, errors.Join(errs...)
}

// ask is the restriction that asks helogate.
func ask(addr netip.AddrPort, context string) string {
	if context != "" {
		context = ", policy_context=" + context
	}
	return fmt.Sprintf("check_policy_service { inet:%s, default_action=DUNNO%s }", addr, context)
}

// postfixPrograms asks Postfix where its programs are, and whose.
func postfixPrograms() (map[string]string, error) {
	postconf, err := lookPath("postconf")
	if err != nil {
		return nil, err
	}
	out, err := exec.Command(postconf, "-d", "command_directory", "daemon_directory", "meta_directory", "shlib_directory",
		"mail_owner", "setgid_group").Output()
	if err != nil {
		return nil, fmt.Errorf("postconf -d: %w", err)
	}
	programs := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		programs[name] = value
	}
	return programs, nil
}

// answers reports whether an smtpd sends its banner.
func (p *postfix) answers(name string) bool {
	c, err := net.DialTimeout("tcp", p.services[name].SMTP.String(), time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	line, _ := bufio.NewReader(c).ReadString('\n')
	fmt.Fprint(c, "QUIT\r\n")
	return strings.HasPrefix(line, "220 ")
}

func (p *postfix) log() string {
	b, _ := os.ReadFile(p.maillog)
	return string(b)
}

// logOnFailure marks Postfix's log, and shows what is new there if the test fails.
func (p *postfix) logOnFailure(t *testing.T) {
	mark := len(p.log())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Postfix's log:\n%s", p.log()[mark:])
		}
	})
}
