package listen

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func listen(t *testing.T, address string, mode fs.FileMode) net.Listener {
	t.Helper()
	l, err := On(address, mode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestListenTCP(t *testing.T) {
	l := listen(t, "127.0.0.1:0", 0)
	_, err := On(l.Addr().String(), 0)
	if err == nil || !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("a second listener: %v", err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	want := "listen on " + l.Addr().String() + ": address already in use: is another helogate running? (ss -ltnp 'sport = :" +
		port + "' shows who it is)"
	if err.Error() != want {
		t.Errorf("got %q,\nwant %q", err, want)
	}
}

func TestListenUnix(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077)) // which would keep 0666 from being what it says
	for _, prefix := range []string{"", "unix:"} {
		for _, mode := range []fs.FileMode{0o600, 0o660, 0o666} {
			path := filepath.Join(t.TempDir(), "policy")
			l := listen(t, prefix+path, mode)
			is, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			if is.Mode() != fs.ModeSocket|mode {
				t.Errorf("%s %o: mode is %s", prefix, mode, is.Mode())
			}
			if l.Addr().String() != path {
				t.Errorf("address is %s, want %s", l.Addr(), path)
			}
			accepted := make(chan error, 1)
			go func() {
				c, err := l.Accept()
				if err == nil {
					err = c.Close()
				}
				accepted <- err
			}()
			c, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			if err := <-accepted; err != nil {
				t.Error(err)
			}
			l.Close()
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("after Close: %v", err)
			}
		}
	}
}

// stale leaves a socket file behind, as a crash does.
func stale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestListenReplacesStaleSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy")
	stale(t, path)
	listen(t, path, 0o600)
}

func TestListenSparesTheLiving(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy")
	first := listen(t, path, 0o600)
	_, err := On(path, 0o600)
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "is another helogate running?") {
		t.Fatalf("a second listener: %v", err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal("the first does not answer any more:", err)
	}
	c.Close()
	first.Close()
}

// Of many that start at once where a crash left its socket, one wins, and it is reachable.
func TestListenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy")
	stale(t, path)
	var wg sync.WaitGroup
	won := make(chan net.Listener, 20)
	for range cap(won) {
		wg.Go(func() {
			l, err := On(path, 0o600)
			if err == nil {
				won <- l
			} else if !errors.Is(err, syscall.EADDRINUSE) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("%d listen", len(won))
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	(<-won).Close()
}

// The file is another's once it was replaced: closing leaves it alone.
func TestListenClosesOnlyItsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy")
	first := listen(t, path, 0o600)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	listen(t, path, 0o600)
	first.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
}

func TestListenErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	datagram := filepath.Join(dir, "datagram")
	d, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: datagram, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for address, want := range map[string]string{
		"":                                   `want an address and port as in "127.0.0.1:10040"`,
		"10040":                              `want an address and port as in "127.0.0.1:10040"`,
		"127.0.0.1":                          `want an address and port as in "127.0.0.1:10040"`,
		"policy.sock":                        `want an address and port as in "127.0.0.1:10040"`,
		"unix:policy":                        `a unix socket is given by its absolute path, as in "unix:/run/helogate/policy"`,
		"unix:":                              `a unix socket is given by its absolute path`,
		"192.0.2.1:0":                        "this machine has no such address",
		"[::1]:99999":                        "invalid port",
		file:                                 "there is a file that is no socket: remove it, or choose another path",
		datagram:                             "whether a process listens on it",
		filepath.Join(dir, "no/such/policy"): "there is no directory " + filepath.Join(dir, "no/such"),
		filepath.Join(dir, strings.Repeat("long", 27)): "the system takes 107 at most for a unix socket",
	} {
		l, err := On(address, 0o600)
		if err == nil {
			l.Close()
			t.Errorf("%q: no error", address)
			continue
		}
		if !strings.HasPrefix(err.Error(), "listen on "+address+": ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v\nwant %s", address, err, want)
		}
	}
	if b, err := os.ReadFile(file); string(b) != "precious" {
		t.Errorf("the file was touched: %q, %v", b, err)
	}
}
