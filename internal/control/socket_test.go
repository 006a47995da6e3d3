package control

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestDefaultSocket(t *testing.T) {
	environ := []string{"A=b", "XDG_RUNTIME_DIR=/run/user/1000"}
	want := "/run/user/1000/helogate.sock"
	none := ""
	if os.Geteuid() == 0 {
		want, none = systemSocket, systemSocket
	}
	for _, c := range []struct {
		setting string
		environ []string
		want    string
	}{
		{"", environ, want},
		{"", nil, none},
		{"", []string{"XDG_RUNTIME_DIR=relative"}, none},
		{"none", environ, ""},
		{"/srv/sock", environ, "/srv/sock"},
	} {
		if got := Socket(c.setting, c.environ); got != c.want {
			t.Errorf("%q: %q, want %q", c.setting, got, c.want)
		}
	}
}

func TestListen(t *testing.T) {
	path := socketPath(t)
	for _, mode := range []fs.FileMode{0o600, 0o660} {
		l, err := Listen(path, mode)
		if err != nil {
			t.Fatal(err)
		}
		if is, err := os.Lstat(path); err != nil || is.Mode() != fs.ModeSocket|mode {
			t.Errorf("%s, %v", is.Mode(), err)
		}
		if _, err := Listen(path, mode); err == nil || !strings.Contains(err.Error(), "is another helogate running?") {
			t.Errorf("a second one: %v", err)
		}
		l.Close()
	}
	if _, err := Listen(filepath.Join(filepath.Dir(path), "none", "sock"), 0o600); err == nil || !strings.Contains(err.Error(), "there is no directory") {
		t.Errorf("no directory: %v", err)
	}
}

// A user other than root without the default directory gets it; no other directory is created.
func TestListenMakesTheDefaultDirectory(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("for root it is one of the system's")
	}
	dir := filepath.Join(filepath.Dir(socketPath(t)), "run")
	t.Setenv("XDG_RUNTIME_DIR", dir)
	l, err := Listen(DefaultSocket(os.Environ()), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if is, err := os.Stat(dir); err != nil || is.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", is, err)
	}
}

// stale leaves a socket behind, as a crash does.
func stale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

// Client and server refuse a socket that another user may have put there.
func TestOwners(t *testing.T) {
	const other = 54321
	for _, c := range []struct {
		name               string
		dirMode            fs.FileMode
		dirOwner, ownerUID int
		want               string // "" is none
	}{
		{"a stale one of this user", 0o700, 0, 0, ""},
		{"of another user", 0o755, 0, other, "belongs to user number 54321, not to root, the user root or the owner of its directory"},
		{"of the directory's owner", 0o755, other, other, ""},
		{"of neither", 0o755, other, other + 1, "belongs to user number 54322"},
		{"a directory that all can write to", 0o777, 0, 0, "every user can write to the directory"},
		{"like /tmp", 0o777 | fs.ModeSticky, 0, 0, ""},
		{"of another user, in one like /tmp", 0o777 | fs.ModeSticky, 0, other, "belongs to user number 54321"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give files away")
			}
			path := socketPath(t)
			stale(t, path)
			for p, uid := range map[string]int{filepath.Dir(path): c.dirOwner, path: c.ownerUID} {
				if err := os.Chown(p, uid, -1); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(filepath.Dir(path), c.dirMode); err != nil {
				t.Fatal(err)
			}
			_, err := Dial(path, "")
			check := func(side string, err error) {
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%s: %v, want %q", side, err, c.want)
				}
			}
			check("client", err)
			l, err := Listen(path, 0o600)
			check("server", err)
			if err == nil {
				l.Close()
			}
		})
	}
}

// The owner of the file decides, not that of the directory alone.
func TestOwnerOfSocket(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	s, _ := aServer(t)
	path := serve(t, s)
	if err := os.Chown(path, 54321, -1); err != nil { // the file's owner is wrong, though root listens
		t.Fatal(err)
	}
	if _, err := Dial(path, ""); err == nil {
		t.Error("the file belongs to another user")
	}
	if err := os.Chown(path, 0, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := dial(t, path).Status(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestUnreachable(t *testing.T) {
	path := socketPath(t)
	const not = "helogate is not running, or not with the control socket "
	_, err := Dial(path, "")
	if ErrorKindOf(err) != Unreachable || err.Error() != not+path+" (--socket or --config names another)" {
		t.Errorf("no socket: %v", err)
	}
	if _, err := Dial(filepath.Join(path, "none"), ""); ErrorKindOf(err) != Unreachable {
		t.Errorf("no directory: %v", err)
	}
	if _, err := Dial("", ""); ErrorKindOf(err) != Unreachable || !strings.Contains(err.Error(), "--socket") {
		t.Errorf("no path: %v", err)
	}
	stale(t, path)
	if _, err := dial(t, path).Status(t.Context()); ErrorKindOf(err) != Unreachable || !strings.HasPrefix(err.Error(), not) {
		t.Errorf("a stale one: %v", err)
	}
	os.Remove(path)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(path, ""); ErrorKindOf(err) != Incompatible || !strings.Contains(err.Error(), "is not a socket") {
		t.Errorf("a file: %v", err)
	}
	for _, e := range []error{syscall.EACCES, syscall.EPERM} {
		err := unreachable("/run/x", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", e)})
		if ErrorKindOf(err) != Unreachable || !strings.Contains(err.Error(), "you may not write to the control socket /run/x") || errors.Is(err, e) {
			t.Errorf("%v", err)
		}
	}
}
