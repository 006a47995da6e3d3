// Package listen opens the sockets that MTAs and the command line connect to, TCP or unix.
package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// backlog is how many connections may wait for Accept; the kernel lowers it to what the machine allows.
const backlog = 4096

// maxSocketPath is what fits a sockaddr_un of Linux (108 bytes with a final NUL), the longest of any system.
const maxSocketPath = 107

// On listens on a TCP address, "127.0.0.1:10040", or on a unix socket, "unix:/run/helogate/policy" or the absolute path
// alone. Its errors name the address and what to do.
//
// The file of a unix socket has the permissions in mode from the moment at which clients can connect. A file that a
// crash left behind is replaced, unless a process listens on it. Closing the listener removes the file.
func On(address string, mode fs.FileMode) (net.Listener, error) {
	path, isUnix := strings.CutPrefix(address, "unix:")
	var l net.Listener
	var err error
	switch {
	case isUnix && !filepath.IsAbs(path):
		err = errors.New(`a unix socket is given by its absolute path, as in "unix:/run/helogate/policy"`)
	case isUnix || filepath.IsAbs(path):
		l, err = listenUnix(filepath.Clean(path), mode)
	default:
		l, err = listenTCP(address)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}

func listenTCP(address string) (net.Listener, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, errors.New(`want an address and port as in "127.0.0.1:10040" or "[::1]:10040", or "unix:" and a path`)
	}
	l, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w: is another helogate running? (ss -ltnp 'sport = :%s' shows who it is)", syscall.EADDRINUSE, port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%w: this machine has no such address", syscall.EADDRNOTAVAIL)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%w: ports below 1024 are root's, or need CAP_NET_BIND_SERVICE", syscall.EACCES)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // what is around it repeats the address
	}
	return nil, err
}

// listenUnix does what net.Listen does, in steps: the permissions must be set after bind, which makes the file, and
// before listen, which admits clients.
func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("a path of %d bytes: the system takes %d at most for a unix socket", len(path), maxSocketPath)
	}
	unlock, err := lockDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := removeStale(path); err != nil {
		return nil, err
	}
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close() // net.FileListener works on a copy
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	l, err := openBound(f, path, mode)
	if err != nil {
		os.Remove(path)
		return nil, err
	}
	return l, nil
}

func openBound(f *os.File, path string, mode fs.FileMode) (net.Listener, error) {
	if err := os.Chmod(path, mode.Perm()); err != nil {
		return nil, err
	}
	is, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if err := syscall.Listen(int(f.Fd()), backlog); err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	return &unixListener{Listener: l, path: path, is: is}, nil
}

// lockDir keeps other helogate processes out of a directory while this one checks for a stale socket, replaces it and
// begins to listen.
func lockDir(dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no directory %s: make it, writable by the user that helogate runs as, and of the group of the mail server "+
			"that is to reach the socket, with mode 2750 (docs/postfix.md)", dir)
	}
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX); err != nil {
		d.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return func() { d.Close() }, nil // closing unlocks
}

// removeStale removes the socket at path if no process listens on it any more.
func removeStale(path string) error {
	is, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if is.Mode().Type() != fs.ModeSocket {
		return errors.New("there is a file that is no socket: remove it, or choose another path")
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		c.Close()
		return fmt.Errorf("%w: is another helogate running? (ss -lxp shows who it is)", syscall.EADDRINUSE)
	case errors.Is(err, syscall.ECONNREFUSED): // the one error that proves that no process listens
		return os.Remove(path)
	}
	return fmt.Errorf("a socket exists, and helogate cannot find out whether a process listens on it: %w", err)
}

// A unixListener removes its file when it is closed, if the file is still its own.
type unixListener struct {
	net.Listener
	path string
	is   fs.FileInfo
	once sync.Once
}

// Close removes the file first, so that no client finds it and is refused, and no process takes it for stale.
func (l *unixListener) Close() error {
	l.once.Do(func() {
		if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.is) {
			os.Remove(l.path)
		}
	})
	return l.Listener.Close()
}
