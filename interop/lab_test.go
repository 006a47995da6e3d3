package interop

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A lab is what all tests share.
type lab struct {
	dir      string     // all that is written is below it
	host     netip.Addr // all that listens is on it: a loopback address of this run, where hardly anybody else is
	helogate string     // the binary
	dns      *dnsServers
	postfix  *postfix
}

func TestMain(m *testing.M) {
	if os.Getenv("HELOGATE_INTEROP") == "no" { // they are run by themselves
		sayAloud("HELOGATE_INTEROP is no")
		os.Exit(0)
	}
	if missing := missingPeers(); missing != "" && os.Getenv("HELOGATE_INTEROP") != "require" {
		sayAloud(missing)
	}
	code := m.Run()
	running.stop()
	if shared.dir != "" {
		os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

// sayAloud says that nothing is tested here. The go command hides what a passing package says when it is given more
// than one, but for this line of the testing package's, which it shows as "[no tests to run]"; a person at a terminal
// reads why.
func sayAloud(why string) {
	fmt.Println("testing: warning: no tests to run")
	text := "interop: ALL TESTS SKIPPED: " + why + "\n"
	fmt.Fprint(os.Stderr, text)
	if tty, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil {
		fmt.Fprint(tty, text)
		tty.Close()
	}
}

var shared struct {
	once sync.Once
	dir  string // there may be one though there is no lab
	lab  *lab
	err  error
}

// theLab returns the lab, built for the first test that asks. Without the peers it skips the test.
func theLab(t *testing.T) *lab {
	t.Helper()
	if testing.Short() && os.Getenv("HELOGATE_INTEROP") != "require" {
		t.Skip("starts Postfix, nsd and unbound: not with -short")
	}
	if missing := missingPeers(); missing != "" {
		isMissing(t, missing)
	}
	shared.once.Do(func() { shared.lab, shared.err = newLab() })
	if err := shared.err; err != nil {
		shared.err = errors.New("the lab could not be built, as the first test says")
		t.Fatal(err)
	}
	return shared.lab
}

// missingPeers says what is missing, and what to do; "" if nothing is.
func missingPeers() string {
	var missing []string
	for _, program := range []string{"postfix", "postconf", "nsd", "unbound", "swaks"} {
		if _, err := lookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	if len(missing) > 0 {
		return fmt.Sprintf("no %s here: apt-get install postfix nsd unbound swaks", strings.Join(missing, ", "))
	}
	if os.Getuid() != 0 {
		return "Postfix starts as root alone: run the tests of interop as root"
	}
	return ""
}

// lookPath also looks where root's programs are, which are not in the PATH of every user.
func lookPath(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", program))
}

func newLab() (*lab, error) {
	dir, err := os.MkdirTemp("", "helogate-interop-")
	if err != nil {
		return nil, err
	}
	shared.dir = dir
	l := &lab{dir: dir, host: loopback(), helogate: filepath.Join(dir, "helogate")}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err // Postfix's daemons have users of their own
	}
	build := exec.Command("go", "build", "-o", l.helogate, "../cmd/helogate")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", build, err, out)
	}
	if l.dns, err = startDNS(l); err != nil {
		return nil, fmt.Errorf("the DNS servers: %w", err)
	}
	if l.postfix, err = startPostfix(l); err != nil {
		return nil, fmt.Errorf("postfix: %w", err)
	}
	return l, nil
}

// loopback draws an address from 127.0.0.0/8.
func loopback() netip.Addr {
	var b [3]byte
	rand.Read(b[:])
	return netip.AddrFrom4([4]byte{127, 128 | b[0], b[1], 2 + b[2]%250})
}

// sub makes a directory.
func (l *lab) sub(name string) (string, error) {
	dir := filepath.Join(l.dir, name)
	return dir, os.MkdirAll(dir, 0o755)
}

var ports struct {
	mu   sync.Mutex
	used map[uint16]bool
}

// freePort finds a port that is free for TCP and UDP, and gives none twice.
func (l *lab) freePort() (netip.AddrPort, error) {
	ports.mu.Lock()
	defer ports.mu.Unlock()
	if ports.used == nil {
		ports.used = map[uint16]bool{}
	}
	for range 50 {
		tcp, err := net.Listen("tcp", netip.AddrPortFrom(l.host, 0).String())
		if err != nil {
			return netip.AddrPort{}, err
		}
		addr := tcp.Addr().(*net.TCPAddr).AddrPort()
		udp, err := net.ListenPacket("udp", addr.String())
		tcp.Close()
		if err != nil {
			continue
		}
		udp.Close()
		if !ports.used[addr.Port()] {
			ports.used[addr.Port()] = true
			return addr, nil
		}
	}
	return netip.AddrPort{}, errors.New("no port is free on " + l.host.String())
}

// mustPort is freePort for a test.
func (l *lab) mustPort(t *testing.T) netip.AddrPort {
	t.Helper()
	addr, err := l.freePort()
	must(t, err)
	return addr
}
