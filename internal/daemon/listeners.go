package daemon

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"

	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/engine"
	"github.com/helogate/helogate/internal/listen"
	"github.com/helogate/helogate/internal/policy"
	"github.com/helogate/helogate/internal/protocol"
)

// A listener is where MTAs ask, and what answers them.
type listener struct {
	net.Listener
	protocol string
	endpoint *engine.Endpoint
	server   *protocol.Server
}

// openListeners opens all listeners of the configuration.
func (d *Daemon) openListeners(policies *policy.Policies) error {
	for i, is := range d.config.Listen {
		socket, err := d.listen(is)
		if err != nil {
			return err
		}
		d.onClose(func(context.Context) error { _ = socket.Close(); return nil }) // of a daemon that never served
		l := &listener{Listener: socket, protocol: is.Protocol}
		at := engine.Listener{Protocol: is.Protocol, Address: socket.Addr().String()}
		l.endpoint = d.engine.Endpoint(at, Rules(d.config, policies.Listeners[i]))
		if l.server, err = d.newServer(i, l.endpoint); err != nil {
			return err
		}
		d.listeners = append(d.listeners, l)
	}
	return nil
}

// listen opens the socket of a listener; that of smtpd is the standard input and output.
func (d *Daemon) listen(is config.Listen) (net.Listener, error) {
	if is.Protocol == openSMTPD {
		return protocol.Stdio(d.Stdin, d.Stdout), nil
	}
	return listen.On(is.Address.String(), is.Permissions)
}

// newServer makes the server of a listener. At OpenSMTPD, messages pass through helogate only if there are fields to
// add.
func (d *Daemon) newServer(i int, endpoint *engine.Endpoint) (*protocol.Server, error) {
	c := d.config
	token, err := tokenOf(c, i)
	return &protocol.Server{Judge: endpoint.Judge, Whole: endpoint.JudgeWhole, Log: d.log.Logger, Protocol: protocol.New(c.Listen[i].Protocol, protocol.Settings{
		Name: resultsName(c), Headers: addsHeaders(c), Backend: c.Listen[i].Nginx.Backend, Token: token, Version: d.Version,
	})}, err
}

const leastToken = 16 // characters

// tokenOf reads the token of a listener, "" where it has none. White space around it does not count.
func tokenOf(c *config.Config, i int) (string, error) {
	file := c.Listen[i].HTTP.TokenFile
	if file == "" {
		return "", nil
	}
	setting := fmt.Sprintf("listen[%d].http.token_file", i)
	b, err := os.ReadFile(file)
	if err != nil {
		return "", ConfigError{c.Errorf(setting, "%w", err)}
	}
	b = bytes.TrimSpace(b)
	if len(b) < leastToken || bytes.ContainsAny(b, " \t\r\n") {
		return "", ConfigError{c.Errorf(setting, "%s is to have a token of at least %d characters in one line, and nothing else: "+
			"head -c 24 /dev/urandom | base64 makes one", file, leastToken)}
	}
	return string(b), nil
}
