package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/helogate/helogate/internal/config"
)

type serveCmd struct {
	configFlag
}

// Run serves until a signal ends it: SIGTERM and SIGINT after what is in flight is answered. SIGHUP reads the
// configuration again.
func (cmd serveCmd) Run(w *world) error {
	c, err := cmd.load(w)
	if err != nil {
		return err
	}
	limitMemory(w, c)
	resolver, err := resolverOf(c)
	if err != nil {
		return configError{err}
	}
	defer resolver.Close()
	log, flush := logTo(w.stderr, c)
	defer flush()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP) // before anybody can know of us: else it would end us
	defer signal.Stop(hup)
	s, err := openService(w, c, resolver, log, nil)
	if err != nil {
		return err
	}
	r, err := cmd.supervise(w, s, resolver)
	if err != nil {
		_ = s.end(c)
		return err
	}
	s.serve()
	fmt.Fprint(w.stdout, mainCF(c, s.addrs))
	for {
		select {
		case <-hup:
			_ = r.reload("signal") // it is in the log, and in the status
		case err := <-s.failed:
			log.Error("a door ended", "error", err)
			r.close()
			_ = s.end(c)
			return err
		case <-w.ctx.Done():
			log.Info("stopping")
			w.stop()
			r.close()
			return s.end(c)
		}
	}
}

// end closes the service, whose supervisor has ended, when every judgement has had its time.
func (s *service) end(c *config.Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.DNS.Budget+2*time.Second)
	defer cancel()
	return s.close(ctx)
}

// limitMemory tells the garbage collector how much there may be: room for the cache, and for all else, whatever the flood.
// Below that, memory is there to be used: a small heap that is cleaned all the time costs a tenth of the speed. GOMEMLIMIT
// and GOGC in the environment say it better.
func limitMemory(w *world, c *config.Config) {
	set := func(name string) bool {
		return slices.ContainsFunc(w.environ, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	}
	if !set("GOMEMLIMIT") {
		debug.SetMemoryLimit(int64(c.DNS.CacheSize)*3/2 + 128<<20)
	}
	if !set("GOGC") {
		debug.SetGCPercent(400)
	}
}

// mainCF is what to put into Postfix's main.cf for the doors of a configuration, which listen at addrs.
func mainCF(c *config.Config, addrs []net.Addr) string {
	var b strings.Builder
	b.WriteString("# For Postfix's main.cf: helogate behind what costs no lookup, so that only recipients that exist are judged for.\n" +
		"# If helogate is down, mail flows: the default action is DUNNO.\n" +
		"smtpd_recipient_restrictions =\n    permit_mynetworks, permit_sasl_authenticated,\n" +
		"    reject_unauth_destination, reject_unlisted_recipient,\n")
	fmt.Fprintf(&b, "    check_policy_service %s\n", postfixName(addrs[0]))
	b.WriteString("smtpd_policy_service_default_action = DUNNO\n")
	fmt.Fprintf(&b, "smtpd_policy_service_timeout = %ds\n", int((c.DNS.Budget+5*time.Second)/time.Second))
	for i := 1; i < len(addrs); i++ {
		fmt.Fprintf(&b, "# or, for another smtpd, the door with preset %s: check_policy_service %s\n", presetOf(c, i), postfixName(addrs[i]))
	}
	if c.Mode != config.Enforce {
		b.WriteString("# This is shadow mode: verdicts are logged, and nothing happens to the mail. mode = \"enforce\" changes that.\n")
	}
	return b.String()
}

// presetOf names the preset of a door.
func presetOf(c *config.Config, door int) string {
	if p := c.Listen[door].Preset; p != "" {
		return p
	}
	return c.Policy.Preset
}

// queueDirectory is Postfix's, in which Debian's smtpd is shut: there it names sockets from here.
const queueDirectory = "/var/spool/postfix/"

// postfixName names a door as Postfix does.
func postfixName(addr net.Addr) string {
	if addr.Network() == "unix" {
		return "unix:" + strings.TrimPrefix(addr.String(), queueDirectory)
	}
	return "inet:" + addr.String()
}
