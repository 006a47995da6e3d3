package interop

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// commitEvery is how often what is new is written out here.
const commitEvery = 100 * time.Millisecond

// keeping serves with a file for what is remembered, beside the configuration.
func (l *lab) keeping(t *testing.T, config string) *daemon {
	t.Helper()
	d := l.prepare(t, "", at(l.postfix.policy))
	d.keepIn(d.beside("state.db"))
	d.write(config)
	d.start(l)
	return d
}

// keepIn has it remember in a file.
func (d *daemon) keepIn(file string) {
	d.state = fmt.Sprintf("state.store = \"sqlite\"\nstate.commit_interval = %q\nstate.file = %q\n", commitEvery, file)
}

// beside is the path of a file in the directory of the configuration.
func (d *daemon) beside(name string) string { return filepath.Join(filepath.Dir(d.config), name) }

// remembered are the records of an export, in order. So many are waited for, since they are written after a while.
func (d *daemon) remembered(n int) (lines []string) {
	d.t.Helper()
	err := eventually(func() bool {
		stdout, stderr, exit := d.command("state", "export")
		if exit != 0 || !strings.HasPrefix(stdout, `{"helogate":"state","version":1,`) {
			d.t.Fatalf("exit %d: %s%s", exit, stderr, stdout)
		}
		lines = strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")[1:]
		return len(lines) >= n
	})
	if err != nil || len(lines) != n {
		d.t.Fatalf("%d records are remembered, not %d", len(lines), n)
	}
	slices.Sort(lines)
	return lines
}

// kill ends it as a crash does.
func (d *daemon) kill() {
	d.t.Helper()
	d.signal(syscall.SIGKILL)
	must(d.t, d.wait())
	running.remove(d.process)
}

// It is killed while it writes. Whatever was answered as greylisted before the last commit interval is there again when
// it is back, and passes.
func TestStateSurvivesKill(t *testing.T) {
	l := theLab(t)
	quiet := func(delay string) string {
		config := strings.Replace(l.greylisting("balanced", delay), "auto_pass = 2", "auto_pass = 0", 1)
		return "log.level = \"warn\"\n" + config
	}
	d := l.keeping(t, quiet("5m"))
	const writers, long = 4, 5 * time.Second / 4
	answered := make([][]time.Time, writers)
	var all sync.WaitGroup
	began := time.Now()
	for i := range writers {
		all.Go(func() { answered[i] = triesUntilKilled(t, l.postfix.policy, i) })
	}
	must(t, eventually(func() bool { return time.Since(began) > long }))
	killed := time.Now() // or a moment later
	d.kill()
	all.Wait()

	d.write(quiet(moveTime))
	d.start(l)
	c, err := askPolicy(l.postfix.policy)
	must(t, err)
	defer c.Close()
	written := killed.Add(-commitEvery - 375*time.Millisecond) // with what a loaded machine needs to write it
	before, after, lost := 0, 0, 0
	for i, times := range answered {
		for n, at := range times {
			got, err := c.ask(nth(i, n).asked())
			must(t, err)
			switch must := at.Before(written); {
			case got == dunno && must:
				before++
			case got == dunno:
				after++
			case must:
				t.Errorf("answered %s before it was killed, and forgotten: %s", killed.Sub(at), got)
			default:
				lost++
			}
		}
	}
	t.Logf("of the answers before the last interval %d are remembered, of those within it %d, and %d are not", before, after, lost)
	if before < 500 || t.Failed() {
		t.Errorf("%d answers, so this is no test", before)
	}
	if got, err := c.ask(nth(writers, 0).asked()); err != nil || !strings.HasPrefix(got, toldToWait) {
		t.Errorf("a client without a record: %s, %v", got, err)
	}
}

// nth is the n-th attempt of a writer.
func nth(writer, n int) attempt { return jane.sender(fmt.Sprintf("jane%d.%d@example.com", writer, n)) }

// triesUntilKilled makes first attempts, and returns when each was answered that was. They are too few to fill a batch,
// which would be written before its time.
func triesUntilKilled(t *testing.T, listener netip.AddrPort, writer int) (answered []time.Time) {
	c, err := askPolicy(listener)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer c.Close()
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	for n := 0; ; n++ {
		<-pace.C
		got, err := c.ask(nth(writer, n).asked())
		if err != nil {
			return answered
		}
		if !strings.HasPrefix(got, toldToWait) {
			t.Errorf("a first attempt: %s", got)
			return answered
		}
		answered = append(answered, time.Now())
	}
}

// What is remembered outlives a restart, and goes into another file while the service runs.
func TestStateMoves(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	d := l.keeping(t, l.greylisting("balanced", "5m"))
	main := l.postfix.services["main"]
	main.see(t, "the first attempt", jane, waits)
	d.stop() // at once: what is not written yet is written now
	d.write(l.greylisting("balanced", moveTime))
	d.start(l)
	main.see(t, "the retry, after a restart", jane, passes)
	all := d.remembered(2)
	theirsAlone(t, d.beside("state.db"))

	other := l.prepare(t, "", at(l.postfix.policy))
	other.keepIn(other.beside("other.db"))
	other.write(l.greylisting("balanced", "5m"))
	stdout, _, _ := d.command("state", "export")
	file := d.beside("state.jsonl")
	must(t, writeFile(file, stdout))
	for range 2 { // twice is once
		if stdout, stderr, exit := other.command("state", "import", file); exit != 0 || stderr != "imported 2 records; left out 0 expired records\n" {
			t.Fatalf("import: exit %d: %s%s", exit, stderr, stdout)
		}
	}
	theirsAlone(t, other.beside("other.db"))
	if got := other.remembered(2); !slices.Equal(got, all) {
		t.Errorf("imported: %s\nnot %s", got, all)
	}
	d.stop()
	other.start(l)
	main.see(t, "what has come again elsewhere", jane, passes)
	main.see(t, "what has not", joe, waits)
	other.imports("greylist", fmt.Sprintf("198.51.100.0/24 %s %s", joe.from, joe.to), time.Hour)
	main.see(t, "first seen an hour ago, as imported", joe, passes)
}

// imports gives it a record that began some time ago. Where a test cannot move the time, it moves what is remembered.
func (d *daemon) imports(kind, key string, ago time.Duration) {
	d.t.Helper()
	at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339Nano) }
	file := d.beside("imported.jsonl")
	must(d.t, writeFile(file, "{\"helogate\":\"state\",\"version\":1}\n"+
		fmt.Sprintf("{\"kind\":%q,\"key\":%q,\"first\":%q,\"count\":1,\"expires\":%q}\n", kind, key, at(-ago), at(time.Hour))))
	if _, stderr, exit := d.command("state", "import", file); exit != 0 || stderr != "imported 1 record; left out 0 expired records\n" {
		d.t.Fatalf("import: exit %d: %s", exit, stderr)
	}
}

// theirsAlone checks that no other user can read or write a file and the files that SQLite puts beside it.
func theirsAlone(t *testing.T, file string) {
	t.Helper()
	all, err := filepath.Glob(file + "*")
	must(t, err)
	if len(all) == 0 {
		t.Errorf("there is no %s", file)
	}
	for _, one := range all {
		if is, err := os.Stat(one); err != nil && !errors.Is(err, fs.ErrNotExist) || err == nil && is.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", one, is.Mode(), err)
		}
	}
}

// Where the configuration names no file, it is where systemd wants it, also for a user other than root.
func TestStateDirectory(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	must(t, os.Chown(dir, int(uidOf(t, "nobody")), -1))
	d := l.prepare(t, "", at(l.postfix.policy))
	d.state = "state.store = \"sqlite\"\n"
	d.env = []string{"STATE_DIRECTORY=" + dir}
	d.as = &syscall.Credential{Uid: uidOf(t, "nobody"), Gid: uidOf(t, "nobody"), NoSetGroups: true}
	d.write(l.greylisting("balanced", "5m"))
	d.start(l)
	l.postfix.services["main"].see(t, "the first attempt", jane, waits)
	d.stop()
	theirsAlone(t, filepath.Join(dir, "state.db"))
	d.write(l.greylisting("balanced", moveTime))
	d.start(l)
	l.postfix.services["main"].see(t, "the retry, after a restart", jane, passes)

	homeless := exec.Command(d.binary, "state", "import", "-", "--config", d.config)
	homeless.Env = []string{"PATH=/nowhere"}
	homeless.SysProcAttr = &syscall.SysProcAttr{Credential: d.as}
	out, _ := homeless.CombinedOutput()
	if homeless.ProcessState.ExitCode() != 78 || !strings.Contains(string(out), "there is no default path, because $HOME is not set: give one") {
		t.Errorf("an import into nowhere: %s: %s", homeless.ProcessState, out)
	}
}
