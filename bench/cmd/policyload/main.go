// Command policyload measures a policy server of Postfix's delegation protocol, or is one to compare with.
//
//	policyload -serve dunno 127.0.0.1:10041      answer DUNNO, and do nothing else: the ceiling
//	policyload -serve milter 127.0.0.1:10041     the same as a milter, or, with http, over HTTP
//	policyload -serve listener 127.0.0.1:10042       helogate's listener, with a judge that passes everything
//	policyload -d 10s 127.0.0.1:10040            ask about one client for ten seconds
//	policyload -clients 1000 -warm 127.0.0.1:10040           about a thousand that were asked about before
//	policyload -clients 10000 -n 10000 127.0.0.1:10040       about ten thousand clients, once each
//
// Addresses are those of a [[listen]] of helogate: a unix socket is "unix:" and its path.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/bench/dunno"
	"github.com/helogate/helogate/bench/load"
	"github.com/helogate/helogate/internal/listen"
	"github.com/helogate/helogate/internal/protocol"
	"github.com/helogate/helogate/internal/response"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "policyload:", err)
		os.Exit(1)
	}
}

type options struct {
	connections, requests, clients int
	duration                       time.Duration
	first, domain                  string
	warm                           bool
	address                        string
}

func run(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("policyload", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: policyload [flags] address\n       policyload -serve dunno|listener|milter|http address")
		flags.PrintDefaults()
	}
	serve := flags.String("serve", "", "be a server, `dunno`, listener, milter or http, instead of asking one")
	flags.IntVar(&o.connections, "c", 32, "connections, each with one request in flight")
	flags.DurationVar(&o.duration, "d", 10*time.Second, "end after this time; with -n, 0 unless given")
	flags.IntVar(&o.requests, "n", 0, "end after so many requests")
	flags.IntVar(&o.clients, "clients", 1, "how many clients are asked about, in turn")
	flags.StringVar(&o.first, "first", "198.18.0.1", "the first client's `address`; the others follow")
	flags.StringVar(&o.domain, "domain", "example.org", "the clients are c0, c1, … of this `domain`")
	flags.BoolVar(&o.warm, "warm", false, "ask about each client once before measuring")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return fmt.Errorf("want one address, not %d", flags.NArg())
	}
	o.address = flags.Arg(0)
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if given["n"] && !given["d"] {
		o.duration = 0
	}
	if given["serve"] {
		return answer(ctx, *serve, o.address)
	}
	return measure(ctx, o)
}

func measure(ctx context.Context, o options) error {
	first, err := netip.ParseAddr(o.first)
	if err != nil {
		return fmt.Errorf("-first: %w", err)
	}
	if o.clients < 1 {
		return fmt.Errorf("-clients %d: want one at least", o.clients)
	}
	r := load.Run{
		Network: "tcp", Address: o.address, Connections: o.connections, Requests: o.requests, Duration: o.duration,
		Next: load.Cycle(load.Clients(o.clients, first, o.domain)),
	}
	if path, ok := strings.CutPrefix(o.address, "unix:"); ok || strings.HasPrefix(path, "/") {
		r.Network, r.Address = "unix", path
	}
	if o.warm {
		before := r
		before.Requests, before.Duration = o.clients, 0
		if _, err := before.Do(ctx); err != nil {
			return fmt.Errorf("before measuring: %w", err)
		}
	}
	result, err := r.Do(ctx)
	if err != nil {
		return err
	}
	fmt.Println(result.String())
	return nil
}

func answer(ctx context.Context, what, address string) error {
	l, err := listen.On(address, 0o600)
	if err != nil {
		return err
	}
	switch what {
	case "dunno":
		context.AfterFunc(ctx, func() { l.Close() })
		if err := dunno.Serve(l); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	case "milter", "http":
		context.AfterFunc(ctx, func() { l.Close() })
		if what == "milter" {
			return dunno.ServeMilter(l)
		}
		return dunno.ServeHTTP(l)
	case "listener":
		p := &protocol.Server{Protocol: &protocol.Postfix{}, Judge: pass, Log: slog.Default()}
		context.AfterFunc(ctx, func() { p.Shutdown(context.Background()) })
		return p.Serve(l)
	}
	l.Close()
	return fmt.Errorf("-serve %s: want dunno, listener, milter or http", what)
}

func pass(context.Context, helogate.Facts) response.Response {
	return response.Response{Action: helogate.Continue}
}
