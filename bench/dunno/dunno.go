// Package dunno is a policy server that does nothing: it answers action=DUNNO to every request of Postfix's policy
// delegation protocol, and of a request it looks only for the empty line that ends it. It is the ceiling to which helogate
// is compared: what the machine, the kernel and the load generator leave to a server that judges.
package dunno

import (
	"bytes"
	"io"
	"net"
)

var answer = []byte("action=DUNNO\n\n")

// Serve answers who connects to l until l closes, and returns why it did.
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

// serve counts empty lines and writes an answer for each.
func serve(c io.ReadWriter) {
	buf := make([]byte, 16<<10)
	lineEnded := false // whether what was read last was an LF
	for {
		n, err := c.Read(buf)
		for b := buf[:n]; len(b) > 0; {
			end := 0
			if !lineEnded || b[0] != '\n' {
				at := bytes.Index(b, []byte("\n\n"))
				if at < 0 {
					lineEnded = b[len(b)-1] == '\n'
					break
				}
				end = at + 1
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
			b, lineEnded = b[end+1:], false
		}
		if err != nil {
			return
		}
	}
}
