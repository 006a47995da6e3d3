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

// qmailSppCmd is helogate qmail-spp in --help. Usually main does not parse its command line: see asPlugin.
type qmailSppCmd struct{}

// Run runs the plugin.
func (qmailSppCmd) Run(env *env) error {
	return status(plugin("helogate", env.stdout, env.stderr, env.environ))
}

// asPlugin reports whether the program was started as a plugin of qmail-smtpd: by the name of a plugin, because qmail
// gives no arguments, or with the single argument qmail-spp. To parse a command line takes time, and a plugin runs for
// each SMTP command.
func asPlugin(args []string) bool {
	if len(args) == 2 && args[1] == "qmail-spp" {
		return true
	}
	return len(args) == 1 && slices.Contains(qmailspp.Names, filepath.Base(args[0]))
}

// plugin runs helogate qmail-spp and returns the exit status. name is the one that it was started by.
func plugin(name string, stdout, stderr io.Writer, environ []string) int {
	signal.Ignore(syscall.SIGPIPE) // qmail would take the signal for a crash
	a := &alone{stderr: stderr, environ: environ}
	defer a.close()
	p := qmailspp.Program{Name: name, Environ: environ, Stdout: stdout, Stderr: stderr, Alone: a.judge}
	return p.Run()
}

// alone evaluates one client without a service.
type alone struct {
	stderr  io.Writer
	environ []string
	ends    []func()
}

// systemConfig is the configuration if HELOGATE_CONFIG names none and the file exists.
const systemConfig = "/etc/helogate/helogate.toml"

// judge evaluates a client by the configuration, as a listener of the protocol http would, with an engine for one
// request. It has no stored state. If letters decide, it evaluates only the rules that can accept the client.
func (a *alone) judge(ctx context.Context, f helogate.Facts, letters bool) (qmailspp.Answer, helogate.Asker, error) {
	c, err := a.load()
	if err != nil {
		return qmailspp.Answer{}, nil, err
	}
	if letters {
		onlyAccepts(c)
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
	return judgeAlone(ctx, f, c, listener, resolver, log), resolver, nil
}

// onlyAccepts removes from a configuration the checks and rules that refuse and need lookups. What is left may refuse,
// which the caller ignores.
func onlyAccepts(c *config.Config) {
	c.Policy = config.Policy{Preset: "lenient", RejectAtStage: helogate.Rcpt}
	c.Rule, c.DNSBL, c.RHSBL, c.DNSWL, c.Listen, c.Callout.Domains = nil, nil, nil, nil, nil, nil
	c.Log.Level = max(c.Log.Level, slog.LevelWarn)
}

func judgeAlone(ctx context.Context, f helogate.Facts, c *config.Config, listener *policy.ListenerPolicies, resolver helogate.Asker, log *daemon.Log) qmailspp.Answer {
	e := engine.New(engine.Config{
		Ask: withoutState(resolver), Log: log.Logger, Budget: c.DNS.Budget,
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

// load reads the configuration. The variables of the plugin itself are no settings.
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

// withoutState answers the questions that need stored state: no client is trusted, hammers or was deferred. Greylisting
// and callouts fail for the moment: without stored state, a greylisted client would be greylisted at each retry.
func withoutState(resolver helogate.Asker) helogate.Asker {
	nothing := fixed{Status: helogate.NXDomain}
	unknown := fixed{Status: helogate.TempFail, Note: "no helogate service runs, which would know"}
	return helogate.ByKind{
		helogate.Trust: nothing, helogate.Hammering: nothing, helogate.Suspended: nothing, helogate.Deferred: nothing,
		helogate.Greylisted: unknown, helogate.Callout: unknown, helogate.AnyKind: resolver,
	}
}

// fixed is a helogate.Asker with one answer.
type fixed helogate.Answer

// Known returns it.
func (a fixed) Known(helogate.Question) (*helogate.Answer, bool) {
	is := helogate.Answer(a)
	return &is, true
}

// Ask returns it.
func (a fixed) Ask(_ context.Context, q helogate.Question) *helogate.Answer {
	is, _ := a.Known(q)
	return is
}
