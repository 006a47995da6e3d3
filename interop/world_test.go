package interop

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/dns"
)

// dnsServers are the DNS of the tests: an authoritative server that has the only zone, and a resolver that asks it.
type dnsServers struct {
	nsd      netip.AddrPort
	resolver netip.AddrPort
}

func startDNS(l *lab) (*dnsServers, error) {
	w := &dnsServers{}
	var err error
	if w.nsd, err = startNSD(l); err != nil {
		return nil, err
	}
	if w.resolver, err = l.freePort(); err != nil {
		return nil, err
	}
	_, err = w.startUnbound(l, w.resolver, nil)
	return w, err
}

func startNSD(l *lab) (netip.AddrPort, error) {
	addr, err := l.freePort()
	if err != nil {
		return addr, err
	}
	dir, err := l.sub("nsd")
	if err != nil {
		return addr, err
	}
	zone, err := os.ReadFile("testdata/world.zone")
	if err != nil {
		return addr, err
	}
	lists, err := os.ReadFile("testdata/blocklists.zone")
	if err != nil {
		return addr, err
	}
	var more strings.Builder // nsd has no $GENERATE
	more.Write(lists)
	for i := range 149 {
		fmt.Fprintf(&more, "150.2.0.192.in-addr.arpa. PTR vhost%d.many.example.\n", i+1)
	}
	if err := writeFile(filepath.Join(dir, "world.zone"), string(zone)+more.String()); err != nil {
		return addr, err
	}
	conf := filepath.Join(dir, "nsd.conf")
	if err := render(conf, "testdata/nsd.conf", map[string]any{"Nsd": addr, "Dir": dir}); err != nil {
		return addr, err
	}
	p, err := startProgram("nsd", "-d", "-c", conf)
	if err != nil {
		return addr, err
	}
	return addr, answers(p, addr)
}

// startUnbound starts a resolver. What is at or below a name in evil is asked of that server.
func (w *dnsServers) startUnbound(l *lab, listen netip.AddrPort, evil map[string]netip.AddrPort) (*process, error) {
	dir, err := l.sub(fmt.Sprintf("unbound-%d", listen.Port()))
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "unbound.conf")
	settings := map[string]any{"Listen": listen, "Nsd": w.nsd, "Evil": evil, "Dir": dir}
	if err := render(conf, "testdata/unbound.conf", settings); err != nil {
		return nil, err
	}
	p, err := startProgram("unbound", "-d", "-p", "-c", conf)
	if err != nil {
		return nil, err
	}
	return p, answers(p, listen)
}

// answers waits until a DNS server knows the good mail server.
func answers(p *process, server netip.AddrPort) error {
	r, err := dns.New(dns.Config{Servers: []netip.AddrPort{server}, Timeout: 200 * time.Millisecond, Attempts: 1, FailTTL: time.Nanosecond})
	if err != nil {
		return err
	}
	defer r.Close()
	err = eventually(func() bool {
		a := r.Ask(context.Background(), helogate.Question{Kind: helogate.A, Name: "mail.example.com"})
		return a.Status == helogate.OK || !p.alive()
	})
	if err != nil || !p.alive() {
		return fmt.Errorf("%s does not answer at %s: %s", p.name, server, p.out.String())
	}
	return nil
}

func startProgram(name string, args ...string) (*process, error) {
	path, err := lookPath(name)
	if err != nil {
		return nil, err
	}
	return start(name, exec.Command(path, args...))
}

// render writes a file from a template.
func render(to, from string, settings any) error {
	t, err := template.New(filepath.Base(from)).Option("missingkey=error").ParseFiles(from)
	if err != nil {
		return err
	}
	var b strings.Builder
	if err := t.Execute(&b, settings); err != nil {
		return err
	}
	return writeFile(to, b.String())
}
