package main

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/protocol"
)

// The hint for a listener has its address in the notation of its MTA, and none for another MTA.
func TestHints(t *testing.T) {
	tcp := net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:10041"))
	unix := &net.UnixAddr{Net: "unix", Name: "/run/helogate/judge.sock"}
	queued := &net.UnixAddr{Net: "unix", Name: "/var/spool/postfix/helogate/policy"}
	for _, c := range []struct {
		protocol string
		at       net.Addr
		want     string
	}{
		{"postfix", tcp, "\n    check_policy_service inet:127.0.0.1:10041\n"},
		{"postfix", tcp, "\n# A unix socket is faster than TCP"},
		{"postfix", unix, "\n    check_policy_service unix:/run/helogate/judge.sock\n"},
		{"postfix", unix, "\n# If smtpd runs in a chroot, as on Debian, the socket must be below queue_directory, usually /var/spool/postfix/,\n"},
		{"postfix", queued, "\n    check_policy_service unix:helogate/policy\nsmtpd_policy_service_default_action = DUNNO\nsmtpd_policy_service_timeout = 13s\n"},
		{"milter", tcp, "\nsmtpd_milters = inet:127.0.0.1:10041\n"},
		{"milter", queued, "\nsmtpd_milters = unix:helogate/policy\n"},
		{"exim", tcp, "\nHELOGATE_SOCKET = inet:127.0.0.1:10041\n"},
		{"exim", unix, "\nHELOGATE_SOCKET = /run/helogate/judge.sock\n"},
		{"nginx", tcp, "\nauth_http 127.0.0.1:10041/;\n"},
		{"nginx", unix, "\nauth_http unix:/run/helogate/judge.sock:/;\n"},
		{"http", tcp, "curl http://127.0.0.1:10041/v1/health\n"},
		{"http", unix, "curl --unix-socket /run/helogate/judge.sock http://helogate/v1/health\n"},
	} {
		conf := config.Default()
		conf.Mode = config.Enforce
		conf.Listen = []config.Listen{{Protocol: c.protocol}}
		got := hints(conf, []net.Addr{c.at})
		if !strings.Contains(got, c.want) || strings.Contains(got, "smtpd_recipient_restrictions") != (c.protocol == "postfix") {
			t.Errorf("%s at %s:\n%s", c.protocol, c.at, got)
		}
	}
	for _, p := range protocol.Protocols() {
		conf := config.Default()
		conf.Listen = []config.Listen{{Protocol: p}}
		if got := hints(conf, []net.Addr{tcp}); strings.Count(got, "\n") < 2 || !strings.Contains(got, "shadow mode") {
			t.Errorf("%s: %q", p, got)
		}
	}
}
