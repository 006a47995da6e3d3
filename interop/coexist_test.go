package interop

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestCoexist runs Postfix with what docs/coexist.md shows: helogate beside a content filter that is down, behind
// another greylist, and behind postscreen.
func TestCoexist(t *testing.T) {
	l := theLab(t)
	const bad, good = "550 5.7.25 ", "250 2.1.5 "

	t.Run("order", func(t *testing.T) {
		p := l.coexisting(t, page(t, "order.main.cf"), "")
		d := l.serve(t, enforce("rfc", l.dns.resolver), "address = \"unix:"+p.socket+"\"")
		s := p.services["main"]
		if got := s.rcpt("192.0.2.60", "lone.example.com"); !strings.HasPrefix(got, bad) {
			t.Errorf("%s, not %s", got, bad)
		}
		if got := s.tries(mail); !strings.HasPrefix(got, good) {
			t.Errorf("%s, not %s", got, good)
		}
		d.stop()
		if got := s.rcpt("192.0.2.60", "lone.example.com"); !strings.HasPrefix(got, good) {
			t.Errorf("without helogate: %s, not %s", got, good)
		}
	})

	// A client that both greylists defer is seen by both in its first attempt.
	t.Run("postgrey", func(t *testing.T) {
		asked, address := otherGreylist(t)
		p := l.coexisting(t, strings.ReplaceAll(page(t, "postgrey.main.cf"), "127.0.0.1:10023", address), "")
		d := l.serve(t, l.greylisting("balanced", "5m")+greylistAll, "address = \"unix:"+p.socket+"\"")
		p.services["main"].see(t, "both", mail, waits)
		if n := asked.Load(); n != 1 {
			t.Errorf("the other greylist was asked %d times", n)
		}
		d.stop()
		p.services["main"].see(t, "the other greylist alone", mail, "450 4.7.1 <bob@example.net>: Recipient address rejected: Greylisted")
	})

	t.Run("postscreen", func(t *testing.T) {
		p := l.coexisting(t, page(t, "postscreen.main.cf")+"postscreen_greet_wait = 1s\npostscreen_greet_banner =\n"+page(t, "order.main.cf"), page(t, "postscreen.master.cf"))
		l.serve(t, enforce("rfc", l.dns.resolver), "address = \"unix:"+p.socket+"\"")
		if got := p.services["main"].rcpt("192.0.2.60", "lone.example.com"); !strings.HasPrefix(got, bad) {
			t.Errorf("%s, not %s", got, bad)
		}
		if log := p.log(); !strings.Contains(log, "postfix/postscreen") {
			t.Errorf("postscreen has not seen the client:\n%s", log)
		}
	})
}

// page is a file that docs/coexist.md shows.
func page(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/coexist/" + file)
	must(t, err)
	return string(text)
}

// coexisting starts a Postfix, in a chroot, with these lines in main.cf. The lines for master.cf take the place of its
// smtpd.
func (l *lab) coexisting(t *testing.T, mainCF, masterCF string) *postfix {
	t.Helper()
	name := "coexist-" + filepath.Base(t.Name())
	dir, err := l.sub(name)
	must(t, err)
	etc, err := l.sub(name + "/etc")
	must(t, err)
	programs, err := postfixPrograms()
	must(t, err)
	p := &postfix{maillog: filepath.Join(dir, "maillog"), socket: filepath.Join(dir, "queue/helogate/policy"), owner: programs["mail_owner"],
		services: map[string]*service{"main": {Name: "main", SMTP: l.mustPort(t), MaxUse: 1, Chroot: true}}}
	services := []*service{p.services["main"]}
	if masterCF != "" {
		services = nil
	}
	settings := map[string]any{"Dir": dir, "Programs": programs, "Services": services, "Printed": mainCF}
	for _, file := range []string{"main.cf", "master.cf"} {
		must(t, render(filepath.Join(etc, file), "testdata/"+file, settings))
	}
	if masterCF != "" {
		f, err := os.OpenFile(filepath.Join(etc, "master.cf"), os.O_APPEND|os.O_WRONLY, 0)
		must(t, err)
		_, err = f.WriteString(strings.Replace(masterCF, "smtp ", p.services["main"].SMTP.String()+" ", 1))
		must(t, err)
		must(t, f.Close())
	}
	must(t, p.start(dir, etc, programs))
	p.makeSocketDirectory(t, "root")
	p.logOnFailure(t)
	return p
}

// otherGreylist is a policy server that answers as postgrey does to a new client, and counts the questions.
func otherGreylist(t *testing.T) (asked *atomic.Int64, address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	asked = new(atomic.Int64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for in := bufio.NewReader(c); ; {
					line, err := in.ReadString('\n')
					if err != nil {
						return
					}
					if line == "\n" {
						asked.Add(1)
						c.Write([]byte("action=DEFER_IF_PERMIT Greylisted\n\n"))
					}
				}
			}()
		}
	}()
	return asked, l.Addr().String()
}
