package interop

import (
	"os/exec"
	"strings"
	"testing"
)

// helogate check prints the reply that Postfix sends to its client. Its exit status is the action.
func TestCheckAgrees(t *testing.T) {
	l := theLab(t)
	d := l.serve(t, enforce("rfc", l.dns.resolver), at(l.postfix.policy))
	for _, c := range []struct {
		client, helo string
		exit         int
	}{
		{"192.0.2.25", "mail.example.com", 0},
		{"203.0.113.200", "localhost", 0},
		{"192.0.2.60", "lone.example.com", 1},
		{"192.0.2.25", "yq3H9cDKgS", 1},
		{"192.0.2.25", "mx.example.net", 1},
		{"203.0.113.40", "mail.example.com", 75},
	} {
		cmd := exec.Command(l.helogate, "check", "--config", d.config, "--from", "jane@example.com", "--rcpt", "bob@example.net", c.client, c.helo)
		cmd.Env = cleanEnv()
		out, _ := cmd.CombinedOutput()
		if exit := cmd.ProcessState.ExitCode(); exit != c.exit {
			t.Errorf("%s %s: exit %d, not %d:\n%s", c.client, c.helo, exit, c.exit, out)
		}
		reply := l.postfix.services["main"].rcpt(c.client, c.helo)
		if c.exit == 0 {
			if reply != "250 2.1.5 Ok" {
				t.Errorf("%s %s: %s, and helogate check accepts it:\n%s", c.client, c.helo, reply, out)
			}
			continue
		}
		_, why, _ := strings.Cut(reply, " rejected: ")
		why, _, _ = strings.Cut(why, " [ID]")
		if why == "" || !strings.Contains(strings.Join(strings.Fields(string(out)), " "), why) {
			t.Errorf("%s %s: %s, and helogate check says\n%s", c.client, c.helo, reply, out)
		}
	}
}
