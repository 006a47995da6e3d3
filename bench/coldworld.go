package main

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	wire "github.com/miekg/dns"

	"github.com/helogate/helogate"
)

// sign is a name that is in every zone file, to see whether a server is up.
const sign = "sign.example"

// zoneFile is the world's DNS as a zone file of the root (RFC 1035 section 5): all of it in one zone, so that no
// question leaves the machine.
func (w *world) zoneFile() (string, error) {
	var b strings.Builder
	b.WriteString("$TTL 3600\n. SOA " + sign + ". root." + sign + ". 1 3600 600 86400 3600\n. NS " + sign + ".\n" + sign + ". A 127.0.0.1\n")
	for _, r := range w.records {
		owner, value := wire.Fqdn(r.owner), r.value
		switch r.kind {
		case helogate.PTR:
			var err error
			if owner, err = wire.ReverseAddr(r.owner); err != nil {
				return "", err
			}
			value = wire.Fqdn(value)
		case helogate.MX:
			value = wire.Fqdn(value)
		case helogate.TXT:
			value = strconv.Quote(value)
		}
		fmt.Fprintf(&b, "%s %s %s\n", owner, r.kind, value)
	}
	return b.String(), nil
}

// startNSD starts an authoritative server of the world.
func (l *lab) startNSD(ctx context.Context, w *world) (*process, netip.AddrPort, error) {
	addr, err := freePort()
	if err != nil {
		return nil, addr, err
	}
	zone, err := w.zoneFile()
	if err != nil {
		return nil, addr, err
	}
	file, err := l.write("nsd/world.zone", zone)
	if err != nil {
		return nil, addr, err
	}
	dir := filepath.Dir(file)
	// Rate limiting is off: all questions come from one resolver.
	config, err := l.write("nsd/nsd.conf", fmt.Sprintf(`server:
  ip-address: %[1]s@%[2]d
  port: %[2]d
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "%[3]s"
  pidfile: "%[3]s/nsd.pid"
  xfrdfile: "%[3]s/xfrd.state"
  zonelistfile: "%[3]s/zone.list"
  xfrdir: "%[3]s"
  database: ""
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: "."
  zonefile: "%[4]s"
`, addr.Addr(), addr.Port(), dir, file))
	if err != nil {
		return nil, addr, err
	}
	p, err := l.start("nsd/log", program("nsd"), "-d", "-c", config)
	if err != nil {
		return nil, addr, err
	}
	return p, addr, p.answers(ctx, addr, sign)
}

// unbound is a recursive server that knows nothing yet.
type unbound struct {
	*process
	addr   netip.AddrPort
	config string
}

// startUnbound starts one that asks nsd whatever it is asked.
func (l *lab) startUnbound(ctx context.Context, nsd netip.AddrPort) (*unbound, error) {
	addr, err := freePort()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(l.dir, "unbound")
	config, err := l.write("unbound/unbound.conf", fmt.Sprintf(`server:
  interface: %[1]s@%[2]d
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: "%[3]s"
  pidfile: "%[3]s/unbound.pid"
  use-syslog: no
  num-threads: 1
  module-config: "iterator"
  do-ip6: no
  do-not-query-localhost: no
  outgoing-interface: 127.0.0.1
  qname-minimisation: no
stub-zone:
  name: "."
  stub-addr: %[4]s@%[5]d
  stub-prime: no
remote-control:
  control-enable: yes
  control-interface: "%[3]s/control"
  control-use-cert: no
`, addr.Addr(), addr.Port(), dir, nsd.Addr(), nsd.Port()))
	if err != nil {
		return nil, err
	}
	p, err := l.start("unbound/log", program("unbound"), "-d", "-c", config)
	if err != nil {
		return nil, err
	}
	return &unbound{p, addr, config}, p.answers(ctx, addr, sign)
}

// questions is how many it was asked, and how many it had to ask nsd; zero if it does not say.
func (u *unbound) questions(ctx context.Context) (asked, missed int) {
	out, err := exec.CommandContext(ctx, program("unbound-control"), "-c", u.config, "stats_noreset").Output()
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		n, _ := strconv.Atoi(value)
		switch name {
		case "total.num.queries":
			asked = n
		case "total.num.cachemiss":
			missed = n
		}
	}
	return asked, missed
}

// program finds a program where servers are, which may not be in the PATH; "" if it is not installed.
func program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}
