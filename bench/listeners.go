package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"time"

	"github.com/d--j/go-milter"
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/bench/load"
	"github.com/helogate/helogate/internal/testdns"
)

const (
	milterShare  = 0.5  // of what a server reaches that does nothing
	httpShare    = 0.35 // the same, for an answer without evidence
	openSessions = 2000
	openGoal     = 100 << 20 // bytes of RAM with so many open
	pluginGoal   = 10 * time.Millisecond
)

// listeners measures the protocols that are not Postfix's, each beside a server that does nothing.
func listeners(ctx context.Context, l *lab) ([]row, error) {
	w := newWorld(warmClients)
	zone, err := w.zone()
	if err != nil {
		return nil, err
	}
	server, err := testdns.Start(zone)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	d := listenerLab{lab: l, mails: w.mails}
	if err := d.serve(ctx, server.Addr()); err != nil {
		return nil, err
	}
	defer d.helogate.stop()
	open, err := d.open() // first, for what comes later leaves a heap that is larger than the sessions need
	if err != nil {
		return nil, fmt.Errorf("%w; helogate says: %s", err, d.helogate.tail())
	}
	rows := []row{open}
	for _, listener := range []struct {
		what, protocol string
		at             string
		goal           float64
		session        func(address string) func() (func(int) error, func(), error)
	}{
		{"milter sessions on a unix socket, a connection each, 32 at once, warm", "milter", d.milter, milterShare, d.milterSession},
		{"HTTP judgements on a unix socket, without evidence, 32 connections, warm", "http", d.http, httpShare, d.httpSession},
	} {
		found, err := d.compare(ctx, listener.what, listener.protocol, listener.at, listener.goal, listener.session)
		rows = append(rows, found...)
		if err != nil {
			return rows, fmt.Errorf("%s: %w; helogate says: %s", listener.what, err, d.helogate.tail())
		}
	}
	plugin, err := d.runPlugin(ctx)
	return append(rows, plugin), err
}

// A listenerLab is a helogate with a listener of each kind.
type listenerLab struct {
	*lab
	mails    []load.Mail
	helogate *process
	milter   string // the path of a unix socket
	http     string // another
}

func (d *listenerLab) serve(ctx context.Context, dns netip.AddrPort) (err error) {
	d.milter, d.http = d.dir+"/milter.sock", d.dir+"/judge.sock"
	d.helogate, _, err = d.serveSettings(ctx, dns, fmt.Sprintf(`[state]
store = "memory"

[[listen]]
protocol = "milter"
address  = "unix:%s"

[[listen]]
protocol = "http"
address  = "unix:%s"
`, d.milter, d.http))
	if err == nil {
		err = d.helogate.accepts(ctx, "unix", d.milter)
	}
	return err
}

// compare measures helogate and a server that does nothing.
func (d *listenerLab) compare(ctx context.Context, what, protocol, at string, goal float64,
	session func(string) func() (func(int) error, func(), error)) ([]row, error) {
	nothing, err := d.serveNothing(ctx, protocol, "unix:"+d.dir+"/"+protocol+"-nothing.sock")
	if err != nil {
		return nil, err
	}
	defer nothing.stop()
	run := func(address string) func(context.Context, time.Duration) (measured, error) {
		return func(ctx context.Context, each time.Duration) (measured, error) {
			r, err := load.Sessions{Duration: each, Begin: session(address)}.Do(ctx)
			return measured{r.PerSecond(), r.Done, r.String()}, err
		}
	}
	return (&duel{
		lab: d.lab, what: what, nothing: "the same, a server that does nothing", goal: goal,
		ours: rival{process: d.helogate, run: run(at)}, theirs: rival{process: nothing.process, run: run(nothing.address)},
	}).fight(ctx)
}

// milterSession is one connection of an MTA for each: connect, HELO, MAIL, RCPT, and what refuses ends it.
func (d *listenerLab) milterSession(address string) func() (func(int) error, func(), error) {
	return func() (func(int) error, func(), error) {
		client := milter.NewClient("unix", address)
		return func(n int) error {
			s, err := client.Session(milter.NewMacroBag())
			if err != nil {
				return err
			}
			defer s.Close()
			return greetAndMail(s, d.mails[n%len(d.mails)])
		}, nil, nil
	}
}

func greetAndMail(s *milter.ClientSession, m load.Mail) error {
	family := milter.FamilyInet
	if m.Client.Addr().Is6() {
		family = milter.FamilyInet6
	}
	for _, step := range []func() (*milter.Action, error){
		func() (*milter.Action, error) {
			return s.Conn("unknown", family, m.Client.Port(), m.Client.Addr().String())
		},
		func() (*milter.Action, error) { return s.Helo(m.Helo) },
		func() (*milter.Action, error) { return s.Mail(m.Sender, "") },
		func() (*milter.Action, error) { return s.Rcpt(m.Recipient, "") },
	} {
		act, err := step()
		if err != nil {
			return err
		}
		if act.StopProcessing() {
			return nil
		}
	}
	return nil
}

// httpSession is a judgement at RCPT for each, over one connection for all of a worker's.
func (d *listenerLab) httpSession(address string) func() (func(int) error, func(), error) {
	requests := make([][]byte, len(d.mails))
	for i, m := range d.mails {
		requests[i] = httpRequest(m)
	}
	return func() (func(int) error, func(), error) {
		c, err := net.Dial("unix", address)
		if err != nil {
			return nil, nil, err
		}
		in := bufio.NewReader(c)
		return func(n int) error {
			if _, err := c.Write(requests[n%len(requests)]); err != nil {
				return err
			}
			answer, err := http.ReadResponse(in, nil)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err == nil && (answer.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"now":{`))) {
				err = fmt.Errorf("%s: %s", answer.Status, body)
			}
			return err
		}, func() { c.Close() }, nil
	}
}

// httpRequest is what a plugin of an MTA sends.
func httpRequest(m load.Mail) []byte {
	f := factsOf(m)
	f.Time = time.Time{}
	record := (&helogate.Record{Facts: f}).AppendJSON(nil)
	_, facts, _ := bytes.Cut(record, []byte(`"facts":`))
	end := bytes.Index(facts, []byte(`},"action"`))
	facts = facts[:end+1]
	return fmt.Appendf(nil, "POST /v1/judge?evidence=no HTTP/1.1\r\nHost: helogate\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(facts), facts)
}

// open is the memory of helogate with many milter sessions that have come to RCPT and stay.
func (d *listenerLab) open() (r row, err error) {
	r = row{what: fmt.Sprintf("memory with %s milter sessions open", thousands(openSessions)), goal: fmt.Sprintf("< %d MiB", openGoal>>20)}
	client := milter.NewClient("unix", d.milter)
	for i := range openSessions {
		s, err := client.Session(milter.NewMacroBag())
		if err != nil {
			return r, fmt.Errorf("session %d: %w", i, err)
		}
		defer s.Close()
		if err := greetAndMail(s, d.mails[i%len(d.mails)]); err != nil {
			return r, fmt.Errorf("session %d: %w", i, err)
		}
	}
	now, err := d.helogate.resident()
	if err != nil {
		r.figure, r.skipped = "skipped: "+err.Error(), true
		return r, nil
	}
	r.figure, r.met = fmt.Sprintf("%d MiB", now>>20), now < openGoal
	r.note("VmRSS of helogate serve, each session at RCPT")
	return r, nil
}

// runPlugin is how long the plugin of qmail-spp takes from its start to its end, each time for another client.
func (d *listenerLab) runPlugin(ctx context.Context) (row, error) {
	const runs = 100
	r := row{what: "the plugin of qmail-spp from start to end, helogate serving", goal: "< " + pluginGoal.String()}
	var took []float64
	for n := range runs {
		m := d.mails[n%len(d.mails)]
		cmd := exec.CommandContext(ctx, d.plugin)
		cmd.Env = []string{
			"HELOGATE_SOCKET=" + d.http, "TCPREMOTEIP=" + m.Client.Addr().String(), "SMTPHELOHOST=" + m.Helo,
			"SMTPMAILFROM=" + m.Sender, "SMTPRCPTTO=" + m.Recipient,
		}
		began := time.Now()
		out, err := cmd.Output()
		if err != nil {
			return r, fmt.Errorf("the plugin: %w: %s", err, out)
		}
		took = append(took, time.Since(began).Seconds())
	}
	middle := time.Duration(median(took) * float64(time.Second))
	r.figure, r.met = shown(middle), middle < pluginGoal
	r.note("median of %d, with the start of a process", runs)
	return r, nil
}
