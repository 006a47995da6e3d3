//go:build !linux

package control

import "net"

// checkPeer asks nothing where the system's way to ask is another: the file was looked at.
func checkPeer(*net.UnixConn, string) error { return nil }
