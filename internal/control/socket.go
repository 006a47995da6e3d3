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

// None is the setting that wants no control socket.
const None = "none"

// systemSocket is where the control socket of a helogate of root's is.
const systemSocket = "/run/helogate/control.sock"

// Socket returns the path of the control socket that a setting means, "" for no socket: the setting itself, or what it
// stands for where it is "".
func Socket(setting string, environ []string) string {
	switch setting {
	case "":
		return DefaultSocket(environ)
	case None:
		return ""
	}
	return setting
}

// DefaultSocket returns where the control socket is where nothing says otherwise: /run/helogate/control.sock for root,
// helogate.sock in $XDG_RUNTIME_DIR for others, "" if there is neither.
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

// Listen opens a control socket with these permissions. It makes the directory of the default path, and of no other. A
// socket that a crash left behind is replaced, if it was ours; a directory in which others could exchange the socket is an
// error.
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

// makeDir makes a directory that others may enter if it is root's, for root's helogate may give a group the socket.
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

// trustworthy is an error for a socket that somebody may have put there who is not to be trusted: its owner must be root,
// we, or the owner of its directory, to whom the administrator gave it; and nobody else may be able to exchange it. A
// socket that is not there is fs.ErrNotExist, once its directory is found to be good.
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
		return fmt.Errorf("anybody may write to the directory %s (mode %04o), and could put another socket there: chmod o-w it, or choose another path",
			dir, is.Mode().Perm())
	}
	if is, err = os.Lstat(path); err != nil {
		return err
	}
	if is.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is no socket (%s): remove it, or choose another path", path, is.Mode())
	}
	if is, _ := owner(is); !mayOwn(is, uid) {
		return fmt.Errorf("the socket %s belongs to %s, not to root, %s or the owner of its directory: it is not helogate's, or not this one's; remove it, or choose another path",
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

// mayOwn reports whether a user may have the socket in a directory of another's.
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
