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
	"github.com/jedib0t/go-pretty/v6/text"
)

type demoCmd struct {
	Stay bool `help:"Leave the service up, to be asked by hand, until it is interrupted."`
}

// Run starts the service of serve on a literal DNS, poses clients over the real protocol, and prints what became of them.
func (cmd demoCmd) Run(env *env) error {
	c, err := config.Parse("demo", []byte(demoConfig), daemon.Known(nil))
	if err != nil {
		return err
	}
	c.Listen[0].Address.Address = "127.0.0.1:0"
	log := io.Discard
	if cmd.Stay {
		log = env.stderr
	}
	seen := make(chan *helogate.Record, 1)
	posing := make(chan struct{}) // closed when the clients have been: who asks by hand is shown by the log
	d, err := daemon.Open(env.ctx, daemon.Options{
		Load: func() (*config.Config, error) { return c, nil }, Version: version(), Log: log, DNS: helogate.MustZone(demoZone),
		Observers: []engine.Observer{{Name: "demo", Reasons: true, Queue: 1, Seen: func(e *engine.Event) {
			select {
			case seen <- e.Record():
			case <-posing:
			}
		}}},
	})
	if err != nil {
		return err
	}
	d.Serve()
	defer func() { _ = d.Close(context.Background()) }()
	err = pose(env, d.Addrs()[0], seen)
	close(posing)
	if err != nil || !cmd.Stay {
		return err
	}
	fmt.Fprintf(env.stdout, "The service stays up on %[1]s, with this DNS; end it with Ctrl-C. Ask it as Postfix does:\n\n"+
		"  printf 'request=smtpd_access_policy\\nprotocol_state=RCPT\\nclient_address=211.58.35.214\\nhelo_name=208.247.131.9\\n\\n' | nc -q 1 %s\n\n",
		d.Addrs()[0], strings.Replace(d.Addrs()[0].String(), ":", " ", 1))
	<-env.ctx.Done()
	return nil
}

// pose asks for every client, and prints what was answered and why.
func pose(env *env, addr net.Addr, seen <-chan *helogate.Record) error {
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	answers := textproto.NewReader(bufio.NewReader(conn))
	p := painter(inColour(env))
	for i, cl := range demoClients {
		verb := "ESMTP"
		if cl.verb == "HELO" {
			verb = "SMTP"
		}
		fmt.Fprintf(conn, "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=%s\nclient_address=%s\nclient_port=%d\n"+
			"server_address=208.247.131.9\nserver_port=25\nhelo_name=%s\nsender=%s\nrecipient=%s\n\n", verb, cl.address, 40000+i, cl.helo, cl.from, cl.to)
		answer, err := answers.ReadLine()
		if err == nil {
			_, err = answers.ReadLine()
		}
		if err != nil {
			return fmt.Errorf("asking for %s: %w", cl.address, err)
		}
		r := <-seen
		fmt.Fprintf(env.stdout, "%s\n", p.paint(fmt.Sprintf("%d. %s", i+1, cl.story), text.Bold))
		fmt.Fprintf(env.stdout, "  Postfix is told: %s\n\n", answer)
		r.Findings = telling(r.Findings)
		if r.Action.Refuses() {
			r.Reply = helogate.Reply{} // has just been shown
		}
		if err := printVerdict(env.stdout, r, bool(p)); err != nil {
			return err
		}
		fmt.Fprintln(env.stdout)
		if got := r.Action.String() + " " + r.By; got != cl.want {
			return fmt.Errorf("%s: %s, where %s was expected; please report this", cl.address, got, cl.want)
		}
	}
	return nil
}

// telling leaves out the findings that say nothing.
func telling(found []helogate.Finding) (out []helogate.Finding) {
	for _, f := range found {
		if f.Outcome != helogate.None && (f.Outcome != helogate.Pass || weight(&f) != "") {
			out = append(out, f)
		}
	}
	return out
}
