package control

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// checkPeer returns an error if the user that listens on the socket may not own it. The socket could have been replaced
// since its file was checked.
func checkPeer(c *net.UnixConn, path string) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var peer *syscall.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		peer, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return err
	}
	if failed != nil {
		return os.NewSyscallError("getsockopt", failed)
	}
	is, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	if dir, ok := owner(is); ok && !mayOwn(peer.Uid, dir) {
		return fmt.Errorf("%s listens on %s, but only root, %s or the owner of its directory may: it is not helogate",
			userName(peer.Uid), path, userName(uint32(os.Geteuid())))
	}
	return nil
}
