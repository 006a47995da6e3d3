package interop

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take that is waited for. It is long, for a busy machine; no test waits for all of
// it unless something is wrong.
const patience = 15 * time.Second

// A process is a program that the tests started. It is the leader of its process group.
type process struct {
	name string
	cmd  *exec.Cmd
	out  output
	done chan struct{} // closed when it has ended
	err  error         // how; read it after done

	leash io.Closer // where the program does not end with us by itself: closing it ends the program
}

// start starts a program in the foreground. It ends with the tests, whatever becomes of them.
func start(name string, cmd *exec.Cmd) (*process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL // should the tests be killed before they can stop it
	return run(&process{name: name, cmd: cmd})
}

func run(p *process) (*process, error) {
	p.done = make(chan struct{})
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.WaitDelay = time.Second // for children of its that hold the pipe open
	if err := spawn(p.cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	running.add(p)
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// startLeashed starts a program that changes its user, and so gets no signal when the test dies: a shell waits for it
// instead.
func startLeashed(name, program string, args ...string) (*process, error) {
	script := []string{"-c", `"$@" & read -r nothing; kill $!; wait $!`, name, program}
	cmd := exec.Command("/bin/sh", append(script, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return run(&process{name: name, cmd: cmd, leash: leash})
}

// spawn starts commands from one thread that never ends: Pdeathsig means the death of the thread
// (golang.org/issue/27505).
func spawn(cmd *exec.Cmd) error {
	spawner.Do(func() {
		go func() {
			runtime.LockOSThread()
			for c := range toSpawn {
				spawned <- c.Start()
			}
		}()
	})
	spawnMu.Lock()
	defer spawnMu.Unlock()
	toSpawn <- cmd
	return <-spawned
}

var (
	spawner sync.Once
	spawnMu sync.Mutex
	toSpawn = make(chan *exec.Cmd)
	spawned = make(chan error)
)

// alive reports whether it runs.
func (p *process) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *process) signal(s syscall.Signal) {
	if p.alive() {
		p.cmd.Process.Signal(s)
	}
}

// wait waits for its end, and is an error if that does not come.
func (p *process) wait() error {
	select {
	case <-p.done:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s does not end", p.name)
	}
}

// stop ends it, gently at first, and its children with it.
func (p *process) stop() {
	if p.leash != nil {
		p.leash.Close()
	} else {
		p.signal(syscall.SIGCONT) // should a test have frozen it
		p.signal(syscall.SIGTERM)
	}
	p.wait()
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	p.wait()
	running.remove(p)
}

// running are the processes that have not been stopped.
var running processes

type processes struct {
	mu  sync.Mutex
	all []*process
}

func (ps *processes) add(p *process) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.all = append(ps.all, p)
}

func (ps *processes) remove(p *process) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.all = slices.DeleteFunc(ps.all, func(q *process) bool { return q == p })
}

// stop stops all, the last first.
func (ps *processes) stop() {
	ps.mu.Lock()
	all := slices.Clone(ps.all)
	ps.mu.Unlock()
	for _, p := range slices.Backward(all) {
		p.stop()
	}
}

// An output is what a program has said so far.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// hasLine reports whether a line holds all the words.
func hasLine(text string, words ...string) bool {
	for line := range strings.Lines(text) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			return true
		}
	}
	return false
}

// eventually polls until ok.
func eventually(ok func() bool) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if ok() {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("waited in vain")
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func writeFile(name, text string) error { return os.WriteFile(name, []byte(text), 0o644) }
