package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"syscall"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/trust"
)

// A Client sends requests to the service on a control socket. Its errors are of type Error.
type Client struct {
	path    string
	version string // of this program
	http    http.Client
}

// Dial returns a client of the service on the socket at path. It is an error if there is no socket or if other users
// could have put it there. The version is that of this program; errors name it when the service has another one.
func Dial(path, version string) (*Client, error) {
	if path == "" {
		return nil, &Error{Unreachable, "there is no default control socket, because $XDG_RUNTIME_DIR is not set: give --socket or --config"}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, &Error{Failed, err.Error()}
	}
	if err := trustworthy(path); err != nil {
		return nil, unreachable(path, err)
	}
	c := &Client{path: path, version: version}
	c.http.Transport = &http.Transport{
		DisableKeepAlives:      true, // one request, and no goroutine stays
		MaxResponseHeaderBytes: maxHeader,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
			if err != nil {
				return nil, err
			}
			if err := checkPeer(conn.(*net.UnixConn), path); err != nil {
				conn.Close()
				return nil, &Error{Incompatible, err.Error()}
			}
			return conn, nil
		},
	}
	return c, nil
}

// unreachable words why there is no service to talk to.
func unreachable(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED):
		return &Error{Unreachable, fmt.Sprintf("helogate is not running, or not with the control socket %s (--socket or --config names another)", path)}
	case errors.Is(err, fs.ErrPermission):
		return &Error{Unreachable, fmt.Sprintf("you may not write to the control socket %s: run the command as root, or as a user that control.permissions in the configuration permits", path)}
	}
	return &Error{Incompatible, err.Error()}
}

// Status returns the state of the service.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	return s, c.do(ctx, requestTime, http.MethodGet, pathStatus, nil, &s)
}

// Reload makes the service read its configuration again, and returns the state after it. If the configuration is wrong,
// the error is of the kind BadConfig.
func (c *Client) Reload(ctx context.Context) (s Status, err error) {
	return s, c.do(ctx, reloadTime+requestTime, http.MethodPost, pathReload, nil, &s)
}

// Trusted returns the trusted addresses, sorted.
func (c *Client) Trusted(ctx context.Context) (all []trust.Entry, err error) {
	return all, c.do(ctx, requestTime, http.MethodGet, pathTrust, nil, &all)
}

// Trust trusts an address for a limited time, and returns the entry that it has then; see trust.Store.Add.
func (c *Client) Trust(ctx context.Context, addr netip.Addr, d time.Duration, comment string) (e trust.Entry, err error) {
	asked := trustRequest{Address: addr.String(), For: d.String(), Comment: comment}
	return e, c.do(ctx, requestTime, http.MethodPost, pathTrust, asked, &e)
}

// TrustOf returns the entry of an address. If it is not trusted, the error is of the kind NotFound.
func (c *Client) TrustOf(ctx context.Context, addr netip.Addr) (e trust.Entry, err error) {
	return e, c.do(ctx, requestTime, http.MethodGet, trustPath(addr), nil, &e)
}

func trustPath(a netip.Addr) string { return pathTrust + "/" + url.PathEscape(a.WithZone("").String()) }

// Untrust ends the trust in an address. If it was not trusted, the error is of the kind NotFound.
func (c *Client) Untrust(ctx context.Context, addr netip.Addr) error {
	return c.do(ctx, requestTime, http.MethodDelete, trustPath(addr), nil, nil)
}

// Exemptions returns the [[exempt]] and [[forwarder]] entries of the configuration, with their hits.
func (c *Client) Exemptions(ctx context.Context) (all []Exemption, err error) {
	return all, c.do(ctx, requestTime, http.MethodGet, pathExemptions, nil, &all)
}

// Peek returns what the service has stored, without a change of it.
func (c *Client) Peek(ctx context.Context, q helogate.Question) (*helogate.Answer, error) {
	var got peekAnswer
	if err := c.do(ctx, requestTime, http.MethodPost, pathPeek, peekRequest{q.Kind, []byte(q.Name)}, &got); err != nil {
		return nil, err
	}
	a := &helogate.Answer{Status: got.Status, Note: got.Note}
	for _, v := range got.Values {
		a.Values = append(a.Values, string(v))
	}
	return a, nil
}

// do sends a request, and decodes the answer into a value unless that is nil.
func (c *Client) do(ctx context.Context, wait time.Duration, method, path string, asked, into any) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var body io.Reader
	if asked != nil {
		b, err := json.Marshal(asked)
		if err != nil {
			return &Error{Failed, err.Error()}
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://helogate"+path, body)
	if err != nil {
		return &Error{Failed, err.Error()}
	}
	r.Header.Set(versionHeader, c.version)
	answer, err := c.http.Do(r)
	if err != nil {
		return c.failure(err, wait)
	}
	defer answer.Body.Close()
	return c.read(answer, into)
}

// failure words why there is no answer.
func (c *Client) failure(err error, wait time.Duration) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // the rest repeats a URL that means nothing to the user
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Failed, fmt.Sprintf("helogate did not answer on %s within %s", c.path, wait)}
	case errors.Is(err, context.Canceled):
		return &Error{Failed, "interrupted before helogate answered"}
	}
	if _, isNet := errors.AsType[*net.OpError](err); isNet {
		return unreachable(c.path, err)
	}
	return &Error{Incompatible, fmt.Sprintf("the program that listens on %s does not speak the protocol of helogate: %s", c.path, printable.Text(err.Error(), 200))}
}

// maxAnswer is more than a full list of trusted addresses takes, in bytes.
const maxAnswer = 1 << 30

func (c *Client) read(answer *http.Response, into any) error {
	theirVersion := answer.Header.Get(versionHeader)
	if theirVersion == "" {
		return &Error{Incompatible, "the program that listens on " + c.path + " is not helogate"}
	}
	d := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer))
	var err error
	if answer.StatusCode != http.StatusOK {
		e := &Error{}
		err = d.Decode(e)
		if err == nil && e.Text != "" && (e.Kind != NotFound && e.Kind != Request || theirVersion == c.version) {
			return e
		}
		if err == nil && e.Text != "" {
			return &Error{e.Kind, e.Text + c.versions(theirVersion)}
		}
	} else if into != nil {
		if err = d.Decode(into); err == nil {
			return nil
		}
	} else {
		return nil
	}
	return &Error{Incompatible, fmt.Sprintf("the answer of helogate on %s is not understood (%s, %v)%s", c.path, answer.Status, err, c.versions(theirVersion))}
}

// versions words that the service has another version than this program, "" if it has not.
func (c *Client) versions(theirVersion string) string {
	if theirVersion == c.version {
		return ""
	}
	return fmt.Sprintf("; the service is helogate %s and this command is %s: restart the service",
		printable.Text(theirVersion, 50), printable.Text(c.version, 50))
}
