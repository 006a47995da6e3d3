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

// A Client talks to the service on a control socket. Its errors are of type Error.
type Client struct {
	path    string
	version string // of this program
	http    http.Client
}

// Dial returns a client of the service on the socket at path, if it is there and may be trusted. The version is that of
// this program, which is said beside that of the service where they do not understand each other.
func Dial(path, version string) (*Client, error) {
	if path == "" {
		return nil, &Error{NotThere, "there is no control socket where one is looked for: $XDG_RUNTIME_DIR is not set; name one by --socket, or the configuration by --config"}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, &Error{Failed, err.Error()}
	}
	if err := trustworthy(path); err != nil {
		return nil, notThere(path, err)
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
				return nil, &Error{Different, err.Error()}
			}
			return conn, nil
		},
	}
	return c, nil
}

// notThere words why there is nobody to talk to.
func notThere(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED):
		return &Error{NotThere, fmt.Sprintf("helogate is not running, or not with this control socket: %s (--socket or --config names another)", path)}
	case errors.Is(err, fs.ErrPermission):
		return &Error{NotThere, fmt.Sprintf("this user may not talk to helogate on %s: be root, or one whom control.permissions in the configuration lets", path)}
	}
	return &Error{Different, err.Error()}
}

// Status returns how the service is.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	return s, c.do(ctx, requestTime, http.MethodGet, pathStatus, nil, &s)
}

// Reload has the configuration read again, and returns how the service is then. A wrong configuration is an error of the
// kind Wrong.
func (c *Client) Reload(ctx context.Context) (s Status, err error) {
	return s, c.do(ctx, reloadTime+requestTime, http.MethodPost, pathReload, nil, &s)
}

// Trusted returns who is trusted, in the order of the addresses.
func (c *Client) Trusted(ctx context.Context) (all []trust.Entry, err error) {
	return all, c.do(ctx, requestTime, http.MethodGet, pathTrust, nil, &all)
}

// Trust trusts an address for a while, and returns what is then in force; see trust.Store.Add.
func (c *Client) Trust(ctx context.Context, addr netip.Addr, d time.Duration, comment string) (e trust.Entry, err error) {
	asked := trustRequest{Address: addr.String(), For: d.String(), Comment: comment}
	return e, c.do(ctx, requestTime, http.MethodPost, pathTrust, asked, &e)
}

// TrustOf returns the entry of an address. That it is not trusted is an error of the kind NotFound.
func (c *Client) TrustOf(ctx context.Context, addr netip.Addr) (e trust.Entry, err error) {
	return e, c.do(ctx, requestTime, http.MethodGet, trustPath(addr), nil, &e)
}

func trustPath(a netip.Addr) string { return pathTrust + "/" + url.PathEscape(a.WithZone("").String()) }

// Untrust ends the trust in an address. That there was none is an error of the kind NotFound.
func (c *Client) Untrust(ctx context.Context, addr netip.Addr) error {
	return c.do(ctx, requestTime, http.MethodDelete, trustPath(addr), nil, nil)
}

// Exemptions returns the entries of the configuration that let in, with their hits.
func (c *Client) Exemptions(ctx context.Context) (all []Exemption, err error) {
	return all, c.do(ctx, requestTime, http.MethodGet, pathExemptions, nil, &all)
}

// Peek returns what the service knows, without leaving a trace.
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

// do asks, and reads the answer into a value, if there is one.
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

// failure words what kept an answer from coming.
func (c *Client) failure(err error, wait time.Duration) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // what is around it repeats an address that nobody knows
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Failed, fmt.Sprintf("helogate has not answered on %s in %s", c.path, wait)}
	case errors.Is(err, context.Canceled):
		return &Error{Failed, "interrupted before helogate answered"}
	}
	if _, isNet := errors.AsType[*net.OpError](err); isNet {
		return notThere(c.path, err)
	}
	return &Error{Different, fmt.Sprintf("what listens on %s does not speak as helogate does: %s", c.path, printable.Text(err.Error(), 200))}
}

// maxAnswer is more than a full list of who is trusted takes.
const maxAnswer = 1 << 30

func (c *Client) read(answer *http.Response, into any) error {
	theirs := answer.Header.Get(versionHeader)
	if theirs == "" {
		return &Error{Different, "what listens on " + c.path + " is not helogate"}
	}
	d := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer))
	var err error
	if answer.StatusCode != http.StatusOK {
		e := &Error{}
		err = d.Decode(e)
		if err == nil && e.Text != "" && (e.Kind != NotFound && e.Kind != Request || theirs == c.version) {
			return e
		}
		if err == nil && e.Text != "" {
			return &Error{e.Kind, e.Text + c.versions(theirs)}
		}
	} else if into != nil {
		if err = d.Decode(into); err == nil {
			return nil
		}
	} else {
		return nil
	}
	return &Error{Different, fmt.Sprintf("helogate on %s answers what is not understood (%s, %v)%s", c.path, answer.Status, err, c.versions(theirs))}
}

// versions says that the service is of another version than this program.
func (c *Client) versions(theirs string) string {
	if theirs == c.version {
		return ""
	}
	return fmt.Sprintf("; the service is helogate %s and this is %s: restart the service to have them alike",
		printable.Text(theirs, 50), printable.Text(c.version, 50))
}
