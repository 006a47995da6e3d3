package interop

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// isMissing ends a test for want of something on this machine: it is skipped, or has failed where nothing may be
// skipped.
func isMissing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("HELOGATE_INTEROP") == "require" {
		t.Fatal(why)
	}
	t.Skip("SKIPPED, NOT PASSED: " + why)
}

// noNamespace ends it for want of a network of its own.
func noNamespace(t *testing.T, err error) {
	t.Helper()
	isMissing(t, fmt.Sprintf("no network namespace: %v: this needs iproute2 (apt-get install iproute2), and in a container CAP_SYS_ADMIN and CAP_NET_ADMIN", err))
}

// peerRoot is where .ci/peer-NAME has unpacked a program that is not installed. Without it there is no test.
func peerRoot(t *testing.T, name, program string) string {
	t.Helper()
	root := os.Getenv("HELOGATE_PEERS")
	if root == "" {
		root = "/opt/helogate-peers"
	}
	root = filepath.Join(root, name)
	if _, err := os.Stat(filepath.Join(root, program)); err != nil {
		isMissing(t, fmt.Sprintf("no %s here: .ci/peer-%[1]s unpacks it", name))
	}
	return root
}

// libraries is where an unpacked program finds those of its own.
func libraries(root string) string {
	dirs, _ := filepath.Glob(root + "/*/*-linux-gnu")
	more, _ := filepath.Glob(root + "/usr/lib/*-linux-gnu")
	return strings.Join(append(append(dirs, more...), root+"/usr/lib"), ":")
}

// posing begins a session as another client, as a proxy announces it, and returns the banner.
func posing(t testing.TB, server netip.AddrPort, from string, port int) (*client, string) {
	c, err := call(server)
	if err != nil {
		t.Error(err)
		return nil, ""
	}
	family, to := "TCP4", "198.51.100.1"
	if strings.Contains(from, ":") {
		family, to = "TCP6", "2001:db8:1::1"
	}
	return c, c.send(fmt.Sprintf("PROXY %s %s %s %d 25", family, from, to, port))
}

// send sends a line and returns the whole reply in one line: Exim breaks a long one, and repeats the codes.
func (c *client) send(line string) string {
	if _, err := fmt.Fprintf(c.conn, "%s\r\n", line); err != nil {
		return closed
	}
	var whole string
	for {
		line, err := c.in.ReadString('\n')
		if err != nil || len(line) < 4 {
			return strings.TrimSpace(whole + " " + closed)
		}
		line = strings.TrimRight(line, "\r\n")
		text := line[4:]
		if whole == "" {
			whole = line[:3] + " " + text
		} else {
			word, after, _ := strings.Cut(text, " ")
			if strings.Count(word, ".") == 2 && strings.HasPrefix(whole[4:], word+" ") {
				text = after
			}
			whole += " " + text
		}
		if line[3] != '-' {
			return anonymous(whole)
		}
	}
}

// replyTo is the last reply of a dialogue.
func replyTo(t testing.TB, server netip.AddrPort, from string, lines ...string) (reply string) {
	c, reply := posing(t, server, from, 40000)
	if c == nil {
		return ""
	}
	defer c.close()
	for _, line := range lines {
		reply = c.send(line)
	}
	return reply
}

const (
	mailFromJane = "MAIL FROM:<jane@example.com>"
	rcptToBob    = "RCPT TO:<bob@example.net>"

	noPTROf60 = "550 5.7.25 192.0.2.60 has no PTR record; ask your provider for a PTR record with your server's host name that resolves back to this address [ID] Questions: postmaster@example.net"
	noDNSOf40 = "450 4.7.25 Temporary DNS failure, please try again later: no answer for PTR of 203.0.113.40 [ID]"
)

// janesLogin is hers.
var janesLogin = "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00jane\x00secret"))

// A flood is 500 sessions at once.
type flood struct {
	every        int    // of how many clients one is in order; the others have no PTR
	hangsUp      bool   // the MTA closes after the reply that helogate is down, and passes accepted clients to another
	passes, down string // the replies to them
}

// manySessions runs a flood, and stops helogate when some have had their answer: before it all are as far as MAIL.
// Whoever is asked for afterwards gets the reply that it is down.
func manySessions(t *testing.T, server netip.AddrPort, d *daemon, f flood) {
	t.Helper()
	const n = 500
	var ready, answered, done sync.WaitGroup
	begin, stopped := make(chan struct{}), make(chan struct{})
	var replied atomic.Int64
	ready.Add(n)
	answered.Add(n)
	for i := range n {
		done.Go(func() {
			from, helo, want := "192.0.2.60", "lone.example.com", noPTROf60
			if i%f.every == 0 {
				from, helo, want = "192.0.2.25", "mail.example.com", f.passes
			}
			connect := func(port int) (c *client, reply string) {
				c, _ = posing(t, server, from, port)
				c.send("EHLO " + helo)
				return c, c.send(mailFromJane)
			}
			c, reply := connect(20000 + i)
			ready.Done()
			<-begin
			got := c.send(rcptToBob)
			if !fits(reply, "") || got != want && got != f.down {
				t.Errorf("session %d: %s, after %s", i, got, reply)
			}
			if f.hangsUp && got != noPTROf60 {
				c.close()
			}
			replied.Add(1)
			answered.Done()
			<-stopped
			if f.hangsUp && got != noPTROf60 {
				c, _ = connect(30000 + i)
			}
			if got := c.send(rcptToBob); got != f.down {
				t.Errorf("session %d, without helogate: %s", i, got)
			}
			c.close()
		})
	}
	ready.Wait()
	close(begin)
	must(t, eventually(func() bool { return replied.Load() > n/10 }))
	d.signal(syscall.SIGTERM)
	answered.Wait()
	must(t, d.wait())
	close(stopped)
	done.Wait()
	if d.err != nil {
		t.Errorf("helogate ended with %v", d.err)
	}
}

// noRecipient is a reply at a stage at which no recipient is known: it does not say where to ask.
func noRecipient(reply string) string {
	reply, _, _ = strings.Cut(reply, " Questions: ")
	return reply
}
