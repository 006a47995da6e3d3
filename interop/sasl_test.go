package interop

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// startSASL starts what Postfix asks whether a password is right, by the protocol of Dovecot's auth. There is one:
// jane's. It ends with the tests.
func startSASL(host netip.Addr) (netip.AddrPort, error) {
	listener, err := net.Listen("tcp", netip.AddrPortFrom(host, 0).String())
	if err != nil {
		return netip.AddrPort{}, err
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveSASL(conn)
		}
	}()
	return listener.Addr().(*net.TCPAddr).AddrPort(), nil
}

func serveSASL(conn net.Conn) {
	defer conn.Close()
	fmt.Fprintf(conn, "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t%032x\nDONE\n", 1)
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		words := strings.Split(lines.Text(), "\t")
		if words[0] != "AUTH" || len(words) < 3 {
			continue
		}
		_, response, _ := strings.Cut(lines.Text(), "\tresp=")
		if password, _ := base64.StdEncoding.DecodeString(response); string(password) == "\x00jane\x00secret" {
			fmt.Fprintf(conn, "OK\t%s\tuser=jane\n", words[1])
		} else {
			fmt.Fprintf(conn, "FAIL\t%s\tuser=jane\n", words[1])
		}
	}
}
