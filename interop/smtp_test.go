package interop

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"time"
)

// A client speaks SMTP, a line at a time.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

// dial connects and reads the banner.
func dial(addr netip.AddrPort) (*client, string, error) {
	c, err := call(addr)
	if err != nil {
		return nil, "", err
	}
	banner, err := c.reply()
	return c, banner, err
}

// call connects.
func call(addr netip.AddrPort) (*client, error) {
	conn, err := net.DialTimeout("tcp", addr.String(), patience)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(2 * patience))
	return &client{conn, bufio.NewReader(conn)}, nil
}

// say sends a line and returns the reply: its last line, for what Postfix can do is not of interest.
func (c *client) say(line string) (string, error) {
	if _, err := fmt.Fprintf(c.conn, "%s\r\n", line); err != nil {
		return closed, nil
	}
	return c.reply()
}

const closed = "(closed)"

// reply reads one. That the server has closed the connection is one, too.
func (c *client) reply() (string, error) {
	for {
		line, err := c.in.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return closed, nil
		}
		if err != nil {
			return line, fmt.Errorf("the reply %q: %w", line, err)
		}
		if len(line) < 4 || line[3] != '-' {
			return anonymous(strings.TrimRight(line, "\r\n")), nil
		}
	}
}

func (c *client) close() { c.conn.Close() }

var verdictID = regexp.MustCompile(`\[[0-9a-z]{13}\]`)

// anonymous replaces the verdict's id, which is another each time, for it stands for the time too.
func anonymous(reply string) string { return verdictID.ReplaceAllString(reply, "[ID]") }

// say is a dialogue in which only the last reply is of interest. The client is as after "client" in a file of
// dialogues. Should it come to no last reply, what came instead is returned, in parentheses.
func (s *service) say(from string, lines ...string) string {
	c, reply, err := dial(s.SMTP)
	if err != nil {
		return fmt.Sprintf("(%v)", err)
	}
	defer c.close()
	for _, line := range append([]string{xclient(from)}, lines...) {
		if !fits(reply, "") {
			return fmt.Sprintf("(%s, before %s)", reply, line)
		}
		if reply, err = c.say(line); err != nil {
			return fmt.Sprintf("(%v)", err)
		}
	}
	return reply
}

// rcpt is the reply to RCPT of a client with a HELO name. The mail is from example.com, which is in order.
func (s *service) rcpt(from, helo string) string {
	return s.say(from, "EHLO "+helo, "MAIL FROM:<jane@example.com>", "RCPT TO:<bob@example.net>")
}

// xclient makes Postfix take us for another client. No name is given: helogate looks up for itself.
func xclient(from string) string {
	address, more, _ := strings.Cut(from, " ")
	if strings.Contains(address, ":") {
		address = "IPV6:" + address
	}
	return strings.TrimSpace("XCLIENT ADDR=" + address + " " + more)
}
