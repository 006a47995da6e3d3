package control

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// checkPeer is an error for a connection to somebody who may not have the socket: it could have been exchanged since its
// file was looked at.
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
		return fmt.Errorf("it is %s who listens on %s, not root, %s or the owner of its directory: that is not helogate",
			userName(peer.Uid), path, userName(uint32(os.Geteuid())))
	}
	return nil
}
