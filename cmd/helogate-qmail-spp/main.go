// Command helogate-qmail-spp replaces the qmail-spp plugin helodnscheck. It is helogate qmail-spp without the parts
// that are slow to start: it asks the running service, and if none runs, it executes helogate qmail-spp, which must be
// in the same directory, /usr/local/bin or /usr/bin. docs/qmail-spp.md describes the setup.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/qmailspp"
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // qmail would take the signal for a crash
	p := qmailspp.Program{Name: os.Args[0], Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr, Alone: become}
	os.Exit(p.Run())
}

// become replaces this program by helogate qmail-spp, which evaluates the client itself in the time that is left. It
// returns only if there is no such program.
func become(ctx context.Context, _ helogate.Facts, _ bool) (qmailspp.Answer, helogate.Asker, error) {
	left := int64(1)
	if end, ok := ctx.Deadline(); ok {
		left = max(left, time.Until(end).Milliseconds())
	}
	environ := append(without(os.Environ(), qmailspp.AloneVariable), qmailspp.AloneVariable+"="+strconv.FormatInt(left, 10))
	err := errors.New("no service runs, and the program helogate is not found")
	for _, path := range places() {
		if e := syscall.Exec(path, []string{os.Args[0], "qmail-spp"}, environ); e != syscall.ENOENT {
			err = &os.PathError{Op: "start", Path: path, Err: e}
		}
	}
	return qmailspp.Answer{}, nil, err
}

// places are the paths at which helogate may be.
func places() []string {
	out := []string{"/usr/local/bin/helogate", "/usr/bin/helogate"}
	if self, err := os.Executable(); err == nil {
		out = append([]string{filepath.Join(filepath.Dir(self), "helogate")}, out...)
	}
	return out
}

func without(environ []string, name string) (out []string) {
	for _, v := range environ {
		if !strings.HasPrefix(v, name+"=") {
			out = append(out, v)
		}
	}
	return out
}
