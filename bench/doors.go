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
	"os"
	"slices"
	"time"

	"github.com/d--j/go-milter"
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/bench/load"
	"github.com/helogate/helogate/internal/testdns"
)

const (
	doorShare    = 0.5 // of what a server on the same library reaches that does nothing
	openSessions = 2000
	openGoal     = 100 << 20 // bytes of RAM with so many open
)

// doors measures the doors that are on somebody's library, each beside a server on the same library that does nothing.
func doors(ctx context.Context, l *lab) ([]row, error) {
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
	d := doorLab{lab: l, mails: w.mails}
	if err := d.serve(ctx, server.Addr()); err != nil {
		return nil, err
	}
	defer d.helogate.stop()
	open, err := d.open() // first, for what comes later leaves a heap that is larger than the sessions need
	if err != nil {
		return nil, fmt.Errorf("%w; helogate says: %s", err, d.helogate.tail())
	}
	rows := []row{open}
	for _, door := range []struct {
		what, protocol string
		at             string
		session        func(address string) func() (func(int) error, func(), error)
	}{
		{"milter sessions, warm, 32 at once", "milter", d.milter.String(), d.milterSession},
		{"HTTP judgements, warm, 32 connections", "http", d.http, d.httpSession},
	} {
		found, err := d.compare(ctx, door.what, door.protocol, door.at, door.session)
		rows = append(rows, found...)
		if err != nil {
			return rows, fmt.Errorf("%s: %w; helogate says: %s", door.what, err, d.helogate.tail())
		}
	}
	return rows, nil
}

// A doorLab is a helogate with a door of each kind.
type doorLab struct {
	*lab
	mails    []load.Mail
	helogate *process
	milter   netip.AddrPort
	http     string // the path of a unix socket
}

func (d *doorLab) serve(ctx context.Context, dns netip.AddrPort) (err error) {
	if d.milter, err = freePort(); err != nil {
		return err
	}
	d.http = d.dir + "/judge.sock"
	d.helogate, _, err = d.serveSettings(ctx, dns, fmt.Sprintf(`[state]
store = "memory"

[[listen]]
protocol = "milter"
address  = "%s"

[[listen]]
protocol = "http"
address  = "unix:%s"
`, d.milter, d.http))
	if err == nil {
		err = d.helogate.listens(ctx, d.milter)
	}
	return err
}

// compare measures helogate and who does nothing in turns.
func (d *doorLab) compare(ctx context.Context, what, protocol, at string, session func(string) func() (func(int) error, func(), error)) ([]row, error) {
	rounds, each := 5, 3*time.Second
	if d.quick {
		rounds, each = 3, time.Second
	}
	idle, err := freePort()
	if err != nil {
		return nil, err
	}
	nothing, err := d.start(protocol+"-nothing.log", d.policyload, "-serve", protocol, idle.String())
	if err != nil {
		return nil, err
	}
	defer nothing.stop()
	if err := nothing.listens(ctx, idle); err != nil {
		return nil, err
	}
	var ours, theirs, shares []float64
	for i := range rounds + 1 {
		none, err := load.Sessions{Duration: each, Begin: session(idle.String())}.Do(ctx)
		if err != nil {
			return nil, fmt.Errorf("the server that does nothing: %w", err)
		}
		got, err := load.Sessions{Duration: each, Begin: session(at)}.Do(ctx)
		if err != nil {
			return nil, err
		}
		os.Truncate(d.helogate.log, 0)
		if i == 0 {
			continue // to warm up
		}
		d.say("  helogate %s\n  nothing  %s", got.String(), none.String())
		ours, theirs, shares = append(ours, got.PerSecond()), append(theirs, none.PerSecond()), append(shares, got.PerSecond()/none.PerSecond())
	}
	share := median(shares)
	return []row{
		{what: what, figure: perSecond(median(ours))},
		{what: "the same, a server on the same library that does nothing", figure: perSecond(median(theirs))},
		{what: "share of it", figure: fmt.Sprintf("%.2f", share), goal: fmt.Sprintf("≥ %.2f", doorShare), met: share >= doorShare, notes: []string{
			fmt.Sprintf("median of %d pairs of runs of %s: lowest %.2f, highest %.2f", rounds, each, slices.Min(shares), slices.Max(shares))}},
	}, nil
}

// milterSession is one connection of an MTA for each: connect, HELO, MAIL, RCPT, and what refuses ends it.
func (d *doorLab) milterSession(address string) func() (func(int) error, func(), error) {
	return func() (func(int) error, func(), error) {
		client := milter.NewClient("tcp", address)
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
func (d *doorLab) httpSession(address string) func() (func(int) error, func(), error) {
	network := "tcp"
	if address[0] == '/' {
		network = "unix"
	}
	requests := make([][]byte, len(d.mails))
	for i, m := range d.mails {
		requests[i] = httpRequest(m)
	}
	return func() (func(int) error, func(), error) {
		c, err := net.Dial(network, address)
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
	return fmt.Appendf(nil, "POST /v1/judge HTTP/1.1\r\nHost: helogate\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(facts), facts)
}

// open is the memory of helogate with many milter sessions that have come to RCPT and stay.
func (d *doorLab) open() (r row, err error) {
	r = row{what: fmt.Sprintf("memory with %s milter sessions open", thousands(openSessions)), goal: fmt.Sprintf("< %d MiB", openGoal>>20)}
	client := milter.NewClient("tcp", d.milter.String())
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
