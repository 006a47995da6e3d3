package main

import (
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/helogate/helogate/internal/config"
)

// hints words what to add to the configuration of the MTAs for each listener. addrs are the addresses of the listeners.
func hints(c *config.Config, addrs []net.Addr) string {
	var b strings.Builder
	first := true // listener for policy delegation
	for i, l := range c.Listen {
		at := addrs[i]
		switch {
		case l.Protocol != "postfix":
			b.WriteString(hint(c, l.Protocol, at))
		case first:
			b.WriteString(mainCF(c, at))
			first = false
		default:
			fmt.Fprintf(&b, "# For another smtpd, the listener with preset %s: check_policy_service %s\n", presetOf(c, i), postfixName(at))
		}
	}
	if c.Mode != config.Enforce {
		b.WriteString(shadowHint(c))
	}
	return b.String()
}

// shadowHint says what shadow mode does, and which tables enforce all the same.
func shadowHint(c *config.Config) string {
	if tables := c.EnforcedIn(); tables != nil {
		return "# helogate is in shadow mode, except " + strings.Join(tables, ", ") + ", where it enforces its verdicts.\n"
	}
	return "# helogate is in shadow mode: verdicts are logged, and mail is not touched. " +
		"To enforce them, set mode = \"enforce\".\n"
}

// mainCF words what to add to main.cf of Postfix for the first listener of the policy delegation protocol.
func mainCF(c *config.Config, at net.Addr) string {
	return fmt.Sprintf(`# Add this to main.cf of Postfix. helogate comes after the restrictions that need no lookup, so it evaluates only
# clients with recipients that exist. If helogate is down, mail is accepted: the default action is DUNNO.
smtpd_recipient_restrictions =
    permit_mynetworks, permit_sasl_authenticated,
    reject_unauth_destination, reject_unlisted_recipient,
    check_policy_service %s
smtpd_policy_service_default_action = DUNNO
smtpd_policy_service_timeout = %ds
`, postfixName(at), timeoutOf(c)) + aboutSocket(at)
}

// timeoutOf returns how many seconds an MTA should wait for a verdict. It is more than the DNS budget, so helogate
// answers first.
func timeoutOf(c *config.Config) int { return int((c.DNS.Budget + 5*time.Second) / time.Second) }

// hint words what to add to which configuration for a listener of another protocol.
func hint(c *config.Config, protocol string, at net.Addr) string {
	switch protocol {
	case "milter":
		return fmt.Sprintf("# Add this to main.cf of Postfix (docs/milter.md). For Sendmail, see docs/sendmail.md.\n"+
			"smtpd_milters = %s\nmilter_default_action = accept\nmilter_command_timeout = %ds\n", postfixName(at), timeoutOf(c)) + aboutSocket(at)
	case "exim":
		where := at.String()
		if at.Network() != "unix" {
			where = "inet:" + where
		}
		return fmt.Sprintf("# Add this to the Exim configuration, before the ACLs of docs/exim.md.\nHELOGATE_SOCKET = %s\n", where)
	case "nginx":
		where := at.String()
		if at.Network() == "unix" {
			where = "unix:" + where + ":"
		}
		return fmt.Sprintf("# Add this to mail { … } of nginx (docs/nginx.md).\nauth_http %s/;\nauth_http_timeout %ds;\n", where, timeoutOf(c))
	case "http":
		if at.Network() == "unix" {
			return fmt.Sprintf("# Test the HTTP API (docs/http.md): curl --unix-socket %s http://helogate/v1/health\n", at)
		}
		return fmt.Sprintf("# Test the HTTP API (docs/http.md): curl http://%s/v1/health\n", at)
	}
	return ""
}

// presetOf returns the preset of a listener.
func presetOf(c *config.Config, listener int) string {
	if p := c.Listen[listener].Preset; p != "" {
		return p
	}
	return c.Policy.Preset
}

// queueDirectory is the default of Postfix, and the chroot of smtpd on Debian. main.cf can name sockets below it by a
// relative path, with and without a chroot.
const queueDirectory = "/var/spool/postfix/"

// aboutSocket words a disadvantage of an address for Postfix, "" if there is none.
func aboutSocket(at net.Addr) string {
	switch {
	case at.Network() != "unix":
		return "# A unix socket is faster than TCP; see docs/postfix.md.\n"
	case !strings.HasPrefix(at.String(), queueDirectory):
		return "# If smtpd runs in a chroot, as on Debian, the socket must be below queue_directory, usually " + queueDirectory + ",\n" +
			"# and main.cf must have its path relative to that directory. `postconf queue_directory` prints it.\n"
	}
	return ""
}

// postfixName is an address in the notation of main.cf.
func postfixName(addr net.Addr) string {
	if addr.Network() == "unix" {
		return "unix:" + strings.TrimPrefix(addr.String(), queueDirectory)
	}
	return "inet:" + addr.String()
}
