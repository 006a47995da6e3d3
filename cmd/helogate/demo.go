package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/daemon"
	"github.com/helogate/helogate/internal/engine"
	"github.com/helogate/helogate/internal/policy"
	"github.com/jedib0t/go-pretty/v6/text"
)

type demoCmd struct {
	Stay bool `help:"Keep the service running until it is interrupted, for requests of your own."`
}

// Run starts the service of serve with a built-in DNS zone, sends it requests as Postfix does, and prints the verdicts.
func (cmd demoCmd) Run(env *env) error {
	c, err := config.Parse("demo", []byte(demoConfig), daemon.Known(nil))
	if err != nil {
		return err
	}
	c.Listen[0].Address.Address = "127.0.0.1:0"
	zone := helogate.MustZone(demoZone)
	log := io.Discard
	if cmd.Stay {
		log = env.stderr
	}
	policies, err := daemon.Policies(c)
	if err != nil {
		return err
	}
	records := make(chan *helogate.Record, 1)
	done := make(chan struct{}) // closed after the last client of the demonstration: later verdicts are in the log
	d, err := daemon.Open(env.ctx, daemon.Options{
		Load: func() (*config.Config, error) { return c, nil }, Version: version(), Log: log, DNS: zone,
		Observers: []engine.Observer{{Name: "demo", Reasons: true, Queue: 1, Seen: func(e *engine.Event) {
			select {
			case records <- e.Record():
			case <-done:
			}
		}}},
	})
	if err != nil {
		return err
	}
	d.Serve()
	defer func() { _ = d.Close(context.Background()) }()
	s := demonstration{env: env, screen: screenOf(env), policies: policies.Listeners[0], zone: zone, records: records}
	err = s.run(d.Addrs()[0])
	close(done)
	if err != nil || !cmd.Stay {
		return err
	}
	fmt.Fprintf(env.stdout, "The service keeps running on %[1]s, with this DNS zone; Ctrl-C stops it. Ask it as Postfix does:\n\n"+
		"  printf 'request=smtpd_access_policy\\nprotocol_state=RCPT\\nclient_address=211.58.35.214\\nhelo_name=208.247.131.9\\n\\n' | nc -q 1 %s\n\n",
		d.Addrs()[0], strings.Replace(d.Addrs()[0].String(), ":", " ", 1))
	<-env.ctx.Done()
	return nil
}

// A demonstration asks the service about clients, and prints the verdicts.
type demonstration struct {
	env *env
	screen
	policies *policy.ListenerPolicies
	zone     helogate.Asker
	records  <-chan *helogate.Record
}

// run asks about every client.
func (d *demonstration) run(addr net.Addr) error {
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	answers := textproto.NewReader(bufio.NewReader(conn))
	for i, c := range demoClients {
		fmt.Fprintf(conn, "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=%s\nclient_address=%s\nclient_port=%d\n"+
			"server_address=208.247.131.9\nserver_port=25\nhelo_name=%s\nsender=%s\nrecipient=%s\n\n", c.protocol, c.address, 40000+i, c.helo, c.from, c.to)
		answer, err := answers.ReadLine()
		if err == nil {
			_, err = answers.ReadLine() // the empty line
		}
		if err != nil {
			return fmt.Errorf("asking for %s: %w", c.address, err)
		}
		if err := d.print(i+1, c.title, answer, <-d.records, c.want); err != nil {
			return err
		}
	}
	return nil
}

// print prints a verdict below its title. A verdict that is not the expected one is an error.
func (d *demonstration) print(number int, title, answer string, r *helogate.Record, want string) error {
	p := d.policies.Of(r.Recipient).Policy
	page := verdictPage{screen: d.screen, Record: r, policy: p, answer: answer,
		changes: newWhatIf(d.env.ctx, p, r, byMemory(nothingRemembered{}, d.zone)).changes()}
	heading := d.hang(fmt.Sprintf("%d. ", number), d.words(title, text.Bold))
	if _, err := fmt.Fprintf(d.env.stdout, "%s%s\n", heading, page.print()); err != nil {
		return err
	}
	if got := strings.TrimSpace(r.Action.String() + " " + r.By); got != want {
		return fmt.Errorf("%s: %s, where %s was expected; please report this", r.Client, got, want)
	}
	return nil
}
