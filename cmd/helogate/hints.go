package main

import (
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/helogate/helogate/internal/config"
)

// hints are what to put into the configuration of the MTAs for the listeners of ours, which listen at addrs.
func hints(c *config.Config, addrs []net.Addr) string {
	var b strings.Builder
	asked := false // by policy delegation
	for i, l := range c.Listen {
		at := addrs[i]
		switch {
		case l.Protocol != "postfix":
			b.WriteString(hint(c, l.Protocol, at))
		case asked:
			fmt.Fprintf(&b, "# or, for another smtpd, the listener with preset %s: check_policy_service %s\n", presetOf(c, i), postfixName(at))
		default:
			b.WriteString(mainCF(c, at))
			asked = true
		}
	}
	if c.Mode != config.Enforce {
		b.WriteString("# This is shadow mode: verdicts are logged, and nothing happens to the mail. mode = \"enforce\" changes that.\n")
	}
	return b.String()
}

// mainCF is what to put into Postfix's main.cf for the first listener that it asks by policy delegation.
func mainCF(c *config.Config, at net.Addr) string {
	return fmt.Sprintf(`# For Postfix's main.cf: helogate behind what costs no lookup, so that only recipients that exist are judged for.
# If helogate is down, mail flows: the default action is DUNNO.
smtpd_recipient_restrictions =
    permit_mynetworks, permit_sasl_authenticated,
    reject_unauth_destination, reject_unlisted_recipient,
    check_policy_service %s
smtpd_policy_service_default_action = DUNNO
smtpd_policy_service_timeout = %ds
`, postfixName(at), patienceOf(c)) + aboutSocket(at)
}

// patienceOf is how many seconds an MTA is to wait for a verdict: longer than that takes, so that ours comes first.
func patienceOf(c *config.Config) int { return int((c.DNS.Budget + 5*time.Second) / time.Second) }

// hint is what to put where for another listener.
func hint(c *config.Config, protocol string, at net.Addr) string {
	switch protocol {
	case "milter":
		return fmt.Sprintf("# For Postfix's main.cf, where helogate is a milter (docs/milter.md); for Sendmail see docs/sendmail.md.\n"+
			"smtpd_milters = %s\nmilter_default_action = accept\nmilter_command_timeout = %ds\n", postfixName(at), patienceOf(c)) + aboutSocket(at)
	case "exim":
		where := at.String()
		if at.Network() != "unix" {
			where = "inet:" + where
		}
		return fmt.Sprintf("# For Exim, before its ACLs, which docs/exim.md has.\nHELOGATE_SOCKET = %s\n", where)
	case "nginx":
		where := at.String()
		if at.Network() == "unix" {
			where = "unix:" + where + ":"
		}
		return fmt.Sprintf("# For nginx, in mail { … } (docs/nginx.md).\nauth_http %s/;\nauth_http_timeout %ds;\n", where, patienceOf(c))
	case "http":
		if at.Network() == "unix" {
			return fmt.Sprintf("# Over HTTP (docs/http.md): curl --unix-socket %s http://helogate/v1/health\n", at)
		}
		return fmt.Sprintf("# Over HTTP (docs/http.md): curl http://%s/v1/health\n", at)
	}
	return ""
}

// presetOf names the preset of a listener.
func presetOf(c *config.Config, listener int) string {
	if p := c.Listen[listener].Preset; p != "" {
		return p
	}
	return c.Policy.Preset
}

// queueDirectory is Postfix's, in which Debian's smtpd is shut. Sockets below it are named from there, chroot or not.
const queueDirectory = "/var/spool/postfix/"

// aboutSocket says what is amiss with where Postfix is to ask, "" if nothing is.
func aboutSocket(at net.Addr) string {
	switch {
	case at.Network() != "unix":
		return "# A unix socket costs Postfix and helogate less than TCP: docs/postfix.md.\n"
	case !strings.HasPrefix(at.String(), queueDirectory):
		return "# An smtpd in a chroot, as Debian has it, sees no socket but those below its queue_directory, usually\n" +
			"# " + queueDirectory + ", and its main.cf names them from there: postconf queue_directory.\n"
	}
	return ""
}

// postfixName names a listener as Postfix does.
func postfixName(addr net.Addr) string {
	if addr.Network() == "unix" {
		return "unix:" + strings.TrimPrefix(addr.String(), queueDirectory)
	}
	return "inet:" + addr.String()
}
