package callout

import (
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/helogate/helogate"
)

// Over TCP, from host to host: the first hangs up, the second is asked, in the bytes that the script has.
func TestOverTCP(t *testing.T) {
	var wg sync.WaitGroup
	defer wg.Wait()
	first, err := net.Listen("tcp", "127.0.0.71:0")
	if err != nil {
		t.Fatal(err)
	}
	port := first.Addr().(*net.TCPAddr).AddrPort().Port()
	second, err := net.Listen("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.72"), port).String())
	if err != nil {
		t.Fatal(err)
	}
	for l, s := range map[net.Listener]script{
		first:  "close",
		second: rcpt("jane@example.org", "250 Ok") + another("550 5.1.1 no") + quits,
	} {
		defer l.Close()
		wg.Go(func() {
			conn, err := l.Accept()
			if err == nil {
				err = s.play(conn)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	c, err := New(Config{
		Helo: "mx.example.net", Port: port, AllowLoopback: true,
		DNS: helogate.MustZone("example.org MX 5 a.example\nexample.org MX 10 b.example\na.example A 127.0.0.71\nb.example A 127.0.0.72"),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.random = func() string { return "nobody" }
	if got := ask(t, c, "jane@example.org"); got != "accepts" {
		t.Error(got)
	}
	if got := c.Stats().Accepts; got != 1 {
		t.Errorf("%d callouts accepted", got)
	}
}
