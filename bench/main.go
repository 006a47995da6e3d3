// Command bench measures helogate on this machine, and prints one table: what, figure, goal, met or not.
//
//	go run ./bench                       all of it, some fifteen minutes
//	go run ./bench --quick               shorter, and noisier
//	go run ./bench --only warm,latency   a part: warm, cold, latency, memory, listeners, greylist, greylist-size
//	go run ./bench --markdown            the table as Markdown
//
// helogate runs as its users run it, "helogate serve" in a process of its own, built from the tree that bench is in;
// the load comes from package bench/load over loopback. Nothing leaves the machine, and whatever was started is
// stopped. Figures of throughput are of the whole machine, generator included, so measure when it does nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A section measures one thing. It returns the rows that it has, with an error too.
type section struct {
	name string
	most time.Duration // that it may take
	run  func(context.Context, *lab) ([]row, error)
}

var sections = []section{
	{"warm", 5 * time.Minute, warm},
	{"cold", 10 * time.Minute, cold},
	{"latency", time.Minute, latency},
	{"memory", 15 * time.Minute, memory},
	{"listeners", 5 * time.Minute, listeners},
	{"greylist", 10 * time.Minute, greylisted},
	{"greylist-size", 15 * time.Minute, greylistSize},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "", "measure these alone, separated by commas: "+strings.Join(names(), ", "))
	markdown := flags.Bool("markdown", false, "print the table as Markdown")
	quick := flags.Bool("quick", false, "measure less, in less time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q: bench takes flags alone", flags.Arg(0))
	}
	wanted, err := choose(*only)
	if err != nil {
		return err
	}
	l, err := newLab(ctx, *quick)
	if err != nil {
		return err
	}
	defer l.close()
	rows, err := measure(ctx, l, wanted)
	print := plain
	if *markdown {
		print = asMarkdown
	}
	if len(rows) > 0 {
		fmt.Println(print(rows))
		fmt.Printf("%s/%s, %d CPUs, %s, %s\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(),
			time.Now().Format(time.DateOnly))
	}
	return err
}

// measure runs sections one after the other. One that fails does not keep the others from it.
func measure(ctx context.Context, l *lab, wanted []section) (rows []row, err error) {
	for _, s := range wanted {
		l.say("%s …", s.name)
		limited, cancel := context.WithTimeout(ctx, s.most)
		found, failed := s.run(limited, l)
		cancel()
		rows = append(rows, found...)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", s.name, failed))
		}
		if ctx.Err() != nil {
			return rows, errors.Join(err, context.Cause(ctx))
		}
	}
	return rows, err
}

func names() (out []string) {
	for _, s := range sections {
		out = append(out, s.name)
	}
	return out
}

// choose returns the sections that are named, in their own order; all where none is.
func choose(only string) (out []section, err error) {
	if only == "" {
		return sections, nil
	}
	wanted := strings.Split(only, ",")
	for _, name := range wanted {
		if !slices.Contains(names(), name) {
			return nil, fmt.Errorf("--only %s: there are %s", name, strings.Join(names(), ", "))
		}
	}
	for _, s := range sections {
		if slices.Contains(wanted, s.name) {
			out = append(out, s)
		}
	}
	return out, nil
}
