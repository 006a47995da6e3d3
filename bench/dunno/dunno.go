// Package dunno is a policy server that does nothing: it answers action=DUNNO to every request of Postfix's policy
// delegation protocol, a goroutine a connection, one Read and one Write a request, and of a request it looks at the
// last two bytes. It is the ceiling to which helogate is compared: what the machine, the kernel, Go's scheduler and the
// load generator leave to a server that judges.
package dunno

import (
	"bytes"
	"io"
	"net"
)

var (
	answer     = []byte("action=DUNNO\n\n")
	requestEnd = []byte("\n\n")
)

// Serve answers each connection to l until l closes, and returns the error of Accept.
func Serve(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			serve(c)
		}()
	}
}

// serve answers what ends as a request does. A request is in flight at a time, so that is one.
func serve(c io.ReadWriter) {
	buf := make([]byte, 16<<10)
	for have := 0; have < len(buf); {
		n, err := c.Read(buf[have:])
		have += n
		if bytes.HasSuffix(buf[:have], requestEnd) {
			if _, err := c.Write(answer); err != nil {
				return
			}
			have = 0
		}
		if err != nil {
			return
		}
	}
}
