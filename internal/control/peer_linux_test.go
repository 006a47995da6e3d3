package control

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// The owner of the file is right and another user listens: the socket was replaced.
func TestPeer(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	path := socketPath(t)
	if err := os.Chmod(filepath.Dir(path), 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	l, err := listenAs(54321, path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Chown(path, 0, -1); err != nil {
		t.Fatal(err)
	}
	_, err = dial(t, path).Status(t.Context())
	if ErrorKindOf(err) != Incompatible || !strings.Contains(err.Error(), "user number 54321 listens on "+path+", but only root, ") {
		t.Errorf("%v (%s)", err, ErrorKindOf(err))
	}
}

// listenAs listens as another user: a thread changes to that user, listens, and ends.
func listenAs(uid uintptr, path string) (l net.Listener, err error) {
	done := make(chan bool)
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, uid, uid, uid); errno != 0 {
			err = errno
			return
		}
		l, err = net.Listen("unix", path)
	}()
	<-done
	return l, err
}
