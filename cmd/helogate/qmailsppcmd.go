package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/daemon"
	"github.com/helogate/helogate/internal/engine"
	"github.com/helogate/helogate/internal/policy"
	"github.com/helogate/helogate/internal/qmailspp"
)

// qmailSppCmd is what --help knows of helogate qmail-spp. main does not come so far: see asPlugin.
type qmailSppCmd struct{}

// Run does what the plugin does.
func (qmailSppCmd) Run(env *env) error {
	return status(plugin("helogate", env.stdout, env.stderr, env.environ))
}

// asPlugin reports whether the program was started as the plugin of qmail-smtpd: by the name of one, since qmail gives no
// arguments, or with the one that says so. Parsing a command line takes time, and a plugin runs for each command.
func asPlugin(args []string) bool {
	if len(args) == 2 && args[1] == "qmail-spp" {
		return true
	}
	return len(args) == 1 && slices.Contains(qmailspp.Names, filepath.Base(args[0]))
}

// plugin runs helogate qmail-spp by the name that it was started by, and returns the exit status.
func plugin(name string, stdout, stderr io.Writer, environ []string) int {
	signal.Ignore(syscall.SIGPIPE) // to be ended by it would be a crash to qmail
	a := &alone{stderr: stderr, environ: environ}
	defer a.close()
	p := qmailspp.Program{Name: name, Environ: environ, Stdout: stdout, Stderr: stderr, Alone: a.judge}
	return p.Run()
}

// alone judges one client where no service does.
type alone struct {
	stderr  io.Writer
	environ []string
	ends    []func()
}

// systemConfig is the configuration that is read where HELOGATE_CONFIG names none, if there is one.
const systemConfig = "/etc/helogate/helogate.toml"

// judge judges by the configuration, as a listener of the protocol http would, with an engine that lives for one question. It
// remembers nothing, and asks nobody who does. Where letters decide, no more of the policy is judged by than it takes to know
// whom it lets in.
func (a *alone) judge(ctx context.Context, f helogate.Facts, letters bool) (qmailspp.Answer, helogate.Asker, error) {
	c, err := a.load()
	if err != nil {
		return qmailspp.Answer{}, nil, err
	}
	if letters {
		onlyLetsIn(c)
	}
	policies, err := daemon.Policies(c)
	if err != nil {
		return qmailspp.Answer{}, nil, err
	}
	resolver, err := daemon.Resolver(c)
	if err != nil {
		return qmailspp.Answer{}, nil, err
	}
	log := daemon.NewLog(a.stderr, c)
	a.ends = append(a.ends, log.Close, func() { resolver.Close() })
	listener := policies.General
	for i, l := range c.Listen {
		if l.Protocol == "http" {
			listener = policies.Listeners[i]
			break
		}
	}
	return ruleAlone(ctx, f, c, listener, resolver, log), resolver, nil
}

// onlyLetsIn takes out of a configuration what refuses, as far as it costs anything; nobody is told what is left of it.
func onlyLetsIn(c *config.Config) {
	c.Policy = config.Policy{Preset: "lenient", RejectAtStage: helogate.Rcpt}
	c.Rule, c.DNSBL, c.RHSBL, c.DNSWL, c.Listen, c.Callout.Domains = nil, nil, nil, nil, nil, nil
	c.Log.Level = max(c.Log.Level, slog.LevelWarn)
}

func ruleAlone(ctx context.Context, f helogate.Facts, c *config.Config, listener *policy.ListenerPolicies, resolver helogate.Asker, log *daemon.Log) qmailspp.Answer {
	e := engine.New(engine.Config{
		Ask: withoutMemory(resolver), Log: log.Logger, Budget: c.DNS.Budget,
		Observers: append(log.Verdicts(nil), engine.PrivateWarning(log.Logger)),
	})
	r := e.Endpoint(engine.Listener{Protocol: "qmail-spp"}, daemon.Rules(c, listener)).JudgeWhole(ctx, f)
	out := qmailspp.Answer{Action: r.Action, Reply: r.Reply, Record: r.Record}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, qmailspp.Field(h))
	}
	return out
}

func (a *alone) close() {
	for _, end := range a.ends {
		end()
	}
}

// load reads the configuration. The variables that are this program's own are no settings.
func (a *alone) load() (*config.Config, error) {
	path, environ := "", slices.DeleteFunc(slices.Clone(a.environ), func(v string) bool {
		return strings.HasPrefix(v, qmailspp.SocketVariable+"=") || strings.HasPrefix(v, "HELOGATE_SPP_")
	})
	if _, err := os.Stat(systemConfig); err == nil {
		path = systemConfig
	}
	for _, v := range environ {
		if file, is := strings.CutPrefix(v, "HELOGATE_CONFIG="); is && file != "" {
			path = file
			break
		}
	}
	return configFlag{Config: path}.load(&env{environ: environ})
}

// withoutMemory answers what only a service can know: that nobody is trusted, hammers, or was deferred. Of a greylist and a
// callout it says that they cannot be asked: without a memory, who is greylisted would be so for good.
func withoutMemory(resolver helogate.Asker) helogate.Asker {
	nothing := fixed{Status: helogate.NXDomain}
	unasked := fixed{Status: helogate.TempFail, Note: "no helogate runs that remembers it"}
	return helogate.ByKind{
		helogate.Trust: nothing, helogate.Hammering: nothing, helogate.Suspended: nothing, helogate.Deferred: nothing,
		helogate.Greylisted: unasked, helogate.Callout: unasked, helogate.AnyKind: resolver,
	}
}

// fixed is a helogate.Asker with one answer.
type fixed helogate.Answer

// Known gives it.
func (a fixed) Known(helogate.Question) (*helogate.Answer, bool) {
	is := helogate.Answer(a)
	return &is, true
}

// Ask gives it.
func (a fixed) Ask(_ context.Context, q helogate.Question) *helogate.Answer {
	is, _ := a.Known(q)
	return is
}
