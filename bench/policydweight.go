package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
)

const (
	peerName        = "policyd-weight"
	peerConnections = 32
)

// policydWeight asks about the same clients at policyd-weight, a policy server of the same purpose.
//
// Its lists are switched off, DNSBL and RHSBL, since helogate asks none. Its log goes to syslog(3), which is cheap
// where no process listens, as on a machine without a syslog daemon; with the sockets of Perl it would wait for one.
// Each of its children serves one connection, so that it has as many as there are connections. Its cache is empty and
// stays on.
func (c *coldLab) policydWeight(ctx context.Context) (row, error) {
	r := row{what: "the same, " + peerName}
	if program(peerName) == "" {
		r.figure, r.skipped = "skipped: apt-get install "+peerName, true
		return r, nil
	}
	run, err := c.once(ctx, peerConnections, c.servePolicydWeight)
	if err != nil {
		return r, fmt.Errorf("%s: %w", peerName, err)
	}
	r.figure = perSecond(run.PerSecond())
	r.note("same clients, unbound and nsd, %d connections, one run; DNSBL and RHSBL switched off, no syslog daemon; %s",
		peerConnections, run.String())
	return r, nil
}

// servePolicydWeight starts it in the foreground, with all its files in the lab.
func (l *lab) servePolicydWeight(ctx context.Context, dns netip.AddrPort) (*process, netip.AddrPort, error) {
	addr, err := freePort()
	if err != nil {
		return nil, addr, err
	}
	dir := filepath.Join(l.dir, peerName)
	if err := os.RemoveAll(dir); err != nil { // with what it remembers
		return nil, addr, err
	}
	owner, err := peerUser("polw")
	if err != nil {
		return nil, addr, err
	}
	config, err := l.write(peerName+"/conf", fmt.Sprintf(`
$USER = "%s";
$GROUP = "%s";
$LOCKPATH = "%[3]s/run/";
$SPATH = "%[3]s/run/cache.sock";
$PIDFILE = "%[3]s/pid";
$BIND_ADDRESS = "%[4]s";
$TCP_PORT = %[5]d;
$NS = "%[6]s";
@dnsbl_score = ();
@rhsbl_score = ();
$syslog_socktype = "native";
`, owner.user, owner.group, dir, addr.Addr(), addr.Port(), dns.Addr()))
	if err != nil {
		return nil, addr, err
	}
	// The port of the name server is nothing that its configuration knows; Net::DNS takes it from the environment.
	p, err := l.start(peerName+"/log", "/usr/bin/env", fmt.Sprintf("RES_OPTIONS=port:%d", dns.Port()),
		program(peerName), "start", "-D", "-f", config)
	if err != nil {
		return nil, addr, err
	}
	return p, addr, p.listens(ctx, addr)
}

type account struct{ user, group string }

// peerUser is the user that a peer runs as: its own, which its package makes, or the user of bench if that is not root.
func peerUser(own string) (account, error) {
	if os.Geteuid() == 0 {
		return account{own, own}, nil
	}
	u, err := user.Current()
	if err != nil {
		return account{}, err
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		return account{}, err
	}
	return account{u.Username, g.Name}, nil
}
