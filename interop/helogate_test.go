package interop

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// localConfig has the own names and addresses, and the exemptions, of every configuration here.
const localConfig = `
[own]
names     = ["example.net"]
addresses = ["198.51.100.1", "2001:db8:1::1"]
networks  = ["198.51.100.64/26"]

[[exempt]]
address = "203.0.113.200"
comment = "an old machine"

[[exempt]]
name = ".friend.example"
`

// A daemon is helogate serve.
type daemon struct {
	*process
	t       *testing.T
	binary  string
	config  string              // the file
	control string              // the control socket
	as      *syscall.Credential // the user that it runs as, root where nil
	env     []string            // settings in its environment
	always  string              // what every configuration of it ends with
	state   string              // the settings of what it remembers; the memory, where empty
	reloads int                 // number of reloads so far
	read    int                 // how much of its log verdicts has read
}

// serve starts a helogate with the configuration and localConfig, and stops it with the test.
func (l *lab) serve(t *testing.T, config string, listen ...string) *daemon {
	t.Helper()
	d := l.prepare(t, config, listen...)
	d.start(l)
	return d
}

// prepare writes the configuration.
func (l *lab) prepare(t *testing.T, config string, listen ...string) *daemon {
	t.Helper()
	dir, err := os.MkdirTemp(l.dir, "config-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755)) // t.TempDir is root's alone
	d := &daemon{t: t, binary: l.helogate, config: filepath.Join(dir, "helogate.toml"), control: filepath.Join(dir, "control.sock"), always: localConfig}
	for _, one := range listen {
		d.always += "\n[[listen]]\nprotocol = \"postfix\"\n" + one + "\n"
	}
	d.write(config)
	t.Cleanup(func() {
		if d.process == nil {
			return
		}
		d.stop()
		if t.Failed() {
			t.Logf("helogate said:\n%s", d.out.String())
		}
	})
	return d
}

// write writes a configuration. Its control socket is beside it: the test does not use that of the machine.
func (d *daemon) write(config string) {
	d.t.Helper()
	must(d.t, writeFile(d.config, fmt.Sprintf("control.socket = %q\n", d.control)+cmp.Or(d.state, "state.store = \"memory\"\n")+config+d.always))
}

// start starts it, and waits until it listens.
func (d *daemon) start(l *lab) {
	d.t.Helper()
	if d.as != nil {
		must(d.t, os.Chown(filepath.Dir(d.config), int(d.as.Uid), int(d.as.Gid))) // for the control socket
	}
	cmd := exec.Command(d.binary, "serve", "--config", d.config)
	cmd.Env = append(cleanEnv(), d.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.as}
	p, err := start("helogate", cmd)
	must(d.t, err)
	d.process = p
	// What to put into the MTAs' configuration is printed when all listeners are open, whatever the level of the log.
	printed := func() bool {
		return slices.ContainsFunc([]string{"smtpd_policy_service_timeout", "milter_command_timeout", "HELOGATE_SOCKET", "auth_http_timeout", "/v1/health"},
			func(hint string) bool { return hasLine(d.out.String(), hint) })
	}
	if err := eventually(func() bool { return printed() || !d.alive() }); err != nil || !printed() {
		d.t.Fatalf("helogate does not serve:\n%s", d.out.String())
	}
}

// waitFor waits until a line of the log holds all the words.
func (d *daemon) waitFor(words ...string) {
	d.t.Helper()
	err := eventually(func() bool { return hasLine(d.out.String(), words...) || !d.alive() })
	if err != nil || !hasLine(d.out.String(), words...) {
		d.t.Fatalf("helogate's log has no line with %q:\n%s", words, d.out.String())
	}
}

// cleanEnv is the environment without what would be settings to helogate.
func cleanEnv() (env []string) {
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "HELOGATE_") {
			env = append(env, v)
		}
	}
	return env
}

// at is the setting of a listener's address.
func at(addr fmt.Stringer) string { return fmt.Sprintf("address = %q", addr) }

// enforce is a configuration that carries out what a preset finds, by what a resolver says.
func enforce(preset string, resolver netip.AddrPort) string {
	return fmt.Sprintf("mode = \"enforce\"\npolicy.preset = %q\n", preset) + resolveAt(resolver)
}

// resolveAt names the resolver. It is waited for long: DNS is well, and the machine may be busy.
func resolveAt(resolver netip.AddrPort) string {
	return fmt.Sprintf("dns = { servers = [%q], timeout = \"5s\", budget = \"30s\", failure_ttl = \"1s\" }\n", resolver)
}

// impatient waits for DNS no longer than it must, where it is not well.
func impatient(config string) string {
	return strings.Replace(config, `timeout = "5s", budget = "30s"`, `timeout = "500ms", budget = "5s"`, 1)
}

// printedMainCF is what helogate serve says to put into main.cf for a listener at addr.
func (l *lab) printedMainCF(addr netip.AddrPort) (string, error) {
	config := filepath.Join(l.dir, "printed.toml")
	if err := writeFile(config, "control.socket = \"none\"\nstate.store = \"memory\"\n"+resolveAt(l.dns.resolver)+"[[listen]]\nprotocol = \"postfix\"\n"+at(addr)+"\n"); err != nil {
		return "", err
	}
	cmd := exec.Command(l.helogate, "serve", "--config", config)
	cmd.Env = cleanEnv()
	p, err := start("helogate", cmd)
	if err != nil {
		return "", err
	}
	defer p.stop()
	if err := eventually(func() bool { return hasLine(p.out.String(), "smtpd_policy_service_timeout = ") || !p.alive() }); err != nil || !p.alive() {
		return "", fmt.Errorf("helogate does not serve: %s", p.out.String())
	}
	var settings strings.Builder
	within := false
	for line := range strings.Lines(p.out.String()) {
		within = strings.HasPrefix(line, "smtpd_") || within && strings.HasPrefix(line, " ")
		if within {
			settings.WriteString(line)
		}
	}
	for _, want := range []string{"smtpd_recipient_restrictions", "reject_unauth_destination", "reject_unlisted_recipient",
		"check_policy_service inet:" + addr.String(), "smtpd_policy_service_default_action = DUNNO"} {
		if !strings.Contains(settings.String(), want) {
			return "", fmt.Errorf("helogate serve does not say %q: %s", want, p.out.String())
		}
	}
	return settings.String(), nil
}

// refuses reports whether no process listens at an address.
func refuses(addr netip.AddrPort) bool {
	c, err := net.Dial("tcp", addr.String())
	if err == nil {
		c.Close()
	}
	return err != nil
}
