package qmailspp

import (
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/helodnscheck"
)

// A client is what the environment says.
type client struct {
	facts    helogate.Facts
	letters  *helodnscheck.Letters // nil where the configuration decides
	strange  string                // letters that are none
	relay    bool                  // it may relay: RELAYCLIENT
	exempted bool                  // nothing is judged: NOHELODNSCHECK is set, or the program goes by helodnscheck's name and has no letters
	headers  bool                  // this is the moment for them: no recipient of this message was taken yet
	socket   string                // "" is none
	timeout  time.Duration
}

// maxText is what is judged of a text of the client's, in bytes: nothing that is right is so long, and in JSON, every
// byte escaped, all of it fits what the daemon reads.
const maxText = 1024

// readClient reads the environment, or says why nothing can be judged.
func readClient(name string, environ []string) (*client, string) {
	env := variables(environ)
	addr, err := netip.ParseAddr(env["TCPREMOTEIP"])
	if err != nil {
		if _, set := env["TCPREMOTEIP"]; set {
			return nil, "TCPREMOTEIP is no address"
		}
		return nil, "TCPREMOTEIP not set"
	}
	stage, ok := sectionOf(name, env)
	if !ok {
		return nil, "nothing is judged in this section of control/smtpplugins"
	}
	c := &client{timeout: timeoutOf(env), socket: DefaultSocket}
	c.facts = helogate.Facts{
		Stage: stage, Client: addr.WithZone("").Unmap(), Server: endpoint(env["TCPLOCALIP"], env["TCPLOCALPORT"]),
		Auth: text(env["SMTPAUTHUSER"]), Session: session(env),
	}
	// qmail takes nothing out of the environment: what is of a later stage is of an earlier message.
	if stage >= helogate.Helo {
		c.facts.Helo = text(env["SMTPHELOHOST"])
	}
	if stage >= helogate.Mail {
		c.facts.Sender = text(env["SMTPMAILFROM"])
	}
	if stage >= helogate.Rcpt {
		c.facts.Recipient = text(env["SMTPRCPTTO"])
		// Once a message, at this point: what is added earlier is dropped at RSET and after the first message.
		c.headers = env["SMTPRCPTCOUNT"] == "" || env["SMTPRCPTCOUNT"] == "0"
	}
	if s := env[SocketVariable]; s == NoSocket || env[AloneVariable] != "" {
		c.socket = ""
	} else if s != "" {
		c.socket = strings.TrimPrefix(s, "unix:")
	}
	_, c.relay = env["RELAYCLIENT"]
	_, c.exempted = env["NOHELODNSCHECK"]
	c.readLetters(name, env)
	return c, ""
}

// readLetters reads HELO_DNS_CHECK. If it is not set, helodnscheck does nothing, and neither does this program under
// that name: users leave it unset on submission ports. Under its own name it uses the configuration.
func (c *client) readLetters(name string, env map[string]string) {
	flags, set := env["HELO_DNS_CHECK"]
	if !set {
		c.exempted = c.exempted || isOriginal(name)
		return
	}
	flags, c.strange = helodnscheck.Known(flags)
	t, err := helodnscheck.Read(flags, "")
	if err != nil { // letters of both generations: read them as the later one does
		t, _ = helodnscheck.Read(flags, helodnscheck.Later)
	}
	c.letters = &t
}

// exempt reports whether the client is accepted whatever it sends: it may relay, or the administrator exempted it.
func (c *client) exempt() bool {
	return c.exempted || c.relay && (c.letters == nil || c.letters.Relay)
}

// variables are those of an environment; of two with one name the first counts, as in C.
func variables(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, v := range environ {
		if name, value, ok := strings.Cut(v, "="); ok {
			if _, twice := env[name]; !twice {
				env[name] = value
			}
		}
	}
	return env
}

func text(s string) string { return s[:min(len(s), maxText)] }

// endpoint returns one end of a connection; zero if it is not known completely.
func endpoint(ip, port string) netip.AddrPort {
	a, err := netip.ParseAddr(ip)
	n, bad := strconv.ParseUint(port, 10, 16)
	if err != nil || bad != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.WithZone("").Unmap(), uint16(n))
}

// session names the connection by its ends and by qmail-smtpd's process, which serves all of its commands, but not the
// next client with the same port. Without the ends there is no name, so that the HELO names of an earlier client do not
// count against this one.
func session(env map[string]string) string {
	from := endpoint(env["TCPREMOTEIP"], env["TCPREMOTEPORT"])
	if !from.IsValid() {
		return ""
	}
	s := "qmail-spp " + from.String()
	if to := endpoint(env["TCPLOCALIP"], env["TCPLOCALPORT"]); to.IsValid() {
		s += " " + to.String()
	}
	return s + " " + strconv.Itoa(os.Getppid())
}

// timeoutOf is how long all may take.
func timeoutOf(env map[string]string) time.Duration {
	if ms, err := strconv.ParseUint(env[AloneVariable], 10, 32); err == nil {
		return min(time.Duration(ms)*time.Millisecond, mostTimeout)
	}
	d, err := time.ParseDuration(env[TimeoutVariable])
	if err != nil || d <= 0 {
		return defaultTimeout
	}
	return min(max(d, leastTimeout), mostTimeout)
}
