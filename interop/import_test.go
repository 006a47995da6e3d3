package interop

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What helogate makes of the Postfix here is a configuration that loads, serves, and has the own names and addresses.
func TestImportedConfigurationServes(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	dir, err := l.sub("imported")
	must(t, err)
	for name, args := range map[string][]string{"import": {"import", "postfix"}, "init": {"init", "--output", "-"}} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(l.helogate, args...)
			cmd.Env = append(cleanEnv(), "MAIL_CONFIG="+filepath.Join(filepath.Dir(l.postfix.maillog), "etc"))
			var said bytes.Buffer
			cmd.Stderr = &said
			printed, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s: %v: %s", args, err, said.String())
			}
			if !strings.Contains(string(printed), `"example.net"`) || !strings.Contains(string(printed), `"shadow"`) {
				t.Errorf("the domain that Postfix takes mail for is not an own domain, or not in shadow mode:\n%s", printed)
			}
			config := filepath.Join(dir, name+".toml")
			must(t, writeFile(config, string(printed)))
			check := exec.Command(l.helogate, "config", "check", "--config", config)
			check.Env = cleanEnv()
			if out, err := check.CombinedOutput(); err != nil {
				t.Fatalf("config check: %v: %s\n%s", err, out, printed)
			}
			d := l.prepare(t, "")
			d.config = config
			d.env = []string{"HELOGATE_LISTEN__0__ADDRESS=" + l.postfix.policy.String(), "HELOGATE_DNS__SERVERS=" + l.dns.resolver.String(),
				"HELOGATE_CONTROL__SOCKET=" + d.control, "HELOGATE_STATE__STORE=memory"}
			d.start(l)
			if got := l.postfix.services["main"].rcpt("192.0.2.25", "mx.example.net"); got != "250 2.1.5 Ok" {
				t.Errorf("in shadow mode: %s", got)
			}
			d.waitFor("client=192.0.2.25", "would=reject", "would_by=own-name")
		})
	}
}
