package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/helogate/helogate/internal/listen"
	"github.com/helogate/helogate/internal/printable"
)

// None is the setting for no control socket.
const None = "none"

// systemSocket is the default control socket of a service that root runs.
const systemSocket = "/run/helogate/control.sock"

// Socket returns the path of the control socket by the setting control.socket: the setting itself, the default for "",
// and "" for None.
func Socket(setting string, environ []string) string {
	switch setting {
	case "":
		return DefaultSocket(environ)
	case None:
		return ""
	}
	return setting
}

// DefaultSocket returns the path of the default control socket: /run/helogate/control.sock for root, helogate.sock in
// $XDG_RUNTIME_DIR for other users, "" if that is not set.
func DefaultSocket(environ []string) string {
	if os.Geteuid() == 0 {
		return systemSocket
	}
	for _, v := range environ {
		if dir, ok := strings.CutPrefix(v, "XDG_RUNTIME_DIR="); ok && filepath.IsAbs(dir) {
			return filepath.Join(dir, "helogate.sock")
		}
	}
	return ""
}

// Listen opens a control socket with the given permissions. It creates the directory of the default path, and no other.
// It replaces a socket that a crash left behind. A directory in which other users could replace the socket is an error.
func Listen(path string, mode fs.FileMode) (net.Listener, error) {
	if path == DefaultSocket(os.Environ()) {
		if err := makeDir(filepath.Dir(path)); err != nil {
			return nil, fmt.Errorf("control socket: %w", err)
		}
	}
	if err := trustworthy(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l, err := listen.On(path, mode)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return l, nil
}

// makeDir creates a directory. Other users may enter that of root, because a group may have access to the socket.
func makeDir(dir string) error {
	mode := fs.FileMode(0o700)
	if dir == filepath.Dir(systemSocket) {
		mode = 0o755
	}
	err := os.Mkdir(dir, mode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		err = os.Chmod(dir, mode) // whatever the umask is
	}
	return err
}

// trustworthy returns an error if another user may have put the socket there. Its owner must be root, the user of this
// process or the owner of its directory, and no other user may be able to replace it. If the directory is good and has
// no socket, the error is fs.ErrNotExist.
func trustworthy(path string) error {
	dir := filepath.Dir(path)
	is, err := os.Stat(dir)
	if err != nil {
		return err
	}
	uid, ok := owner(is)
	if !ok {
		return nil
	}
	sticky := is.Mode()&fs.ModeSticky != 0
	if is.Mode().Perm()&0o002 != 0 && !sticky {
		return fmt.Errorf("every user can write to the directory %s (mode %04o), and could replace the socket: chmod o-w it, or choose another path",
			dir, is.Mode().Perm())
	}
	if is, err = os.Lstat(path); err != nil {
		return err
	}
	if is.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is not a socket (%s): remove it, or choose another path", path, is.Mode())
	}
	if is, _ := owner(is); !mayOwn(is, uid) {
		return fmt.Errorf("the socket %s belongs to %s, not to root, %s or the owner of its directory: remove it, or choose another path",
			path, userName(is), userName(uint32(os.Geteuid())))
	}
	return nil
}

func owner(is fs.FileInfo) (uint32, bool) {
	st, ok := is.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return st.Uid, true
}

// mayOwn reports whether a user may own a socket in a directory with this owner.
func mayOwn(uid, dirOwner uint32) bool {
	return uid == 0 || uid == uint32(os.Geteuid()) || uid == dirOwner
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return "the user " + printable.Text(u.Username, 100)
	}
	return "user number " + id
}
