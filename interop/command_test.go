package interop

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/helogate/helogate/internal/control"
)

// toDaemon are the flags of commands that talk to the daemon, which is found though the configuration may be wrong.
func (d *daemon) toDaemon(args ...string) []string { return append(args, "--socket", d.control) }

// command runs helogate with the daemon's configuration, and returns what it prints and its exit status.
func (d *daemon) command(args ...string) (stdout, stderr string, exit int) {
	d.t.Helper()
	cmd := exec.Command(d.binary, append(args, "--config", d.config)...)
	cmd.Env = cleanEnv()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		d.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// run is command for what must go well.
func (d *daemon) run(args ...string) (stdout string) {
	d.t.Helper()
	stdout, stderr, exit := d.command(args...)
	if exit != 0 || stderr != "" {
		d.t.Fatalf("helogate %s: exit %d: %s%s", strings.Join(args, " "), exit, stderr, stdout)
	}
	return stdout
}

// reload puts another configuration into force.
func (d *daemon) reload(config string) {
	d.t.Helper()
	d.write(config)
	d.run("reload")
	d.reloads++
}

// status is what helogate status --json says.
func (d *daemon) status() (s control.Status) {
	d.t.Helper()
	must(d.t, json.Unmarshal([]byte(d.run(d.toDaemon("status", "--json")...)), &s))
	return s
}

// inJSON is a configuration with the log for programs: what verdicts reads.
func inJSON(config string) string { return config + "log.format = \"json\"\n" }

// A verdict is a line of the log.
type verdict struct {
	Msg                           string
	Client, Helo, From, To, Stage string
	Action, By                    string
	Would, WouldBy, Policy        string
	Held                          bool
}

// decided is the action, or in a dry run the action that it would take: "reject by rdns".
func (v *verdict) decided() string {
	action, by := v.Action, v.By
	if v.Would != "" {
		action, by = v.Would, v.WouldBy
	}
	if by == "" {
		return action
	}
	return action + " by " + by
}

// asked is what a verdict is about.
func (v *verdict) asked() string {
	return strings.Join([]string{v.Stage, v.Client, v.Helo, "<" + v.From + ">", "<" + v.To + ">"}, " ")
}

// verdicts returns those that were logged since it was called last, or since the start. A reload stands behind them in
// the log, for it writes what it has after a while.
func (d *daemon) verdicts() (all []verdict) {
	d.t.Helper()
	d.run("reload")
	d.reloads++
	must(d.t, eventually(func() bool { return strings.Count(d.out.String(), `"msg":"reloaded"`) >= d.reloads }))
	text := d.out.String()
	all = verdictsIn(d.t, text[d.read:])
	d.read = len(text)
	return all
}

// verdictsIn are those of a log in JSON.
func verdictsIn(t *testing.T, log string) (all []verdict) {
	t.Helper()
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "{") {
			continue
		}
		var one struct {
			verdict
			WouldBy string `json:"would_by"`
		}
		must(t, json.Unmarshal([]byte(line), &one))
		if one.Msg == "verdict" && one.Client != "127.0.0.1" { // before XCLIENT it is us
			one.verdict.WouldBy = one.WouldBy
			all = append(all, one.verdict)
		}
	}
	return all
}
