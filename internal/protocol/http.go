package protocol

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/response"
)

// HTTP is the protocol of any program that uses HTTP: POST /v1/judge takes the facts of a client as JSON, and answers
// the verdict as "helogate check --json" does, plus "now", which is what the MTA must do now; with ?evidence=no, only
// the verdict's id and "now". GET /v1/health reports that the listener is open. docs/openapi.yaml describes both.
//
// A wrong request is answered 4xx, with the error. If there is no verdict, the answer is 503, and the caller does what
// its administrator configured. Only the status 200 says anything about a client.
type HTTP struct {
	Token   string // that callers must send; "" is none
	Version string // for /v1/health

	httpServer
	noToken rateLimited // without the token
}

func (*HTTP) missing() string { return "" }

func (d *HTTP) answer(c *conn) error { return d.httpServer.answer(c, d.request) }

// The paths.
const (
	judgePath  = "/v1/judge"
	healthPath = "/v1/health"
)

func (d *HTTP) request(w http.ResponseWriter, r *http.Request) {
	method, answer := "", d.judge
	switch r.URL.Path {
	case judgePath:
		method = http.MethodPost
	case healthPath:
		method, answer = http.MethodGet, d.health
	default:
		d.refuse(w, r, http.StatusNotFound, errors.New("unknown path: use POST "+judgePath+" or GET "+healthPath))
		return
	}
	if r.Method != method {
		w.Header().Set("Allow", method)
		d.refuse(w, r, http.StatusMethodNotAllowed, errors.New(r.URL.Path+" takes "+method+" alone"))
		return
	}
	answer(w, r)
}

// health reports whether the listener is open. It needs no token, since it says nothing about clients.
func (d *HTTP) health(w http.ResponseWriter, _ *http.Request) {
	code, status := http.StatusOK, "ok"
	if d.server.closing() {
		code, status = http.StatusServiceUnavailable, "stopping"
	}
	d.write(w, code, healthAnswer{status, d.Version})
}

func (d *HTTP) judge(w http.ResponseWriter, r *http.Request) {
	if !d.hasToken(r) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		d.refuse(w, r, http.StatusUnauthorized, errors.New("the token is missing or wrong: send Authorization: Bearer and the token of http.token_file"))
		return
	}
	if !isJSON(r.Header) {
		d.refuse(w, r, http.StatusUnsupportedMediaType, errors.New("the body must be application/json, in UTF-8 and not compressed"))
		return
	}
	body, err := readBody(r)
	if err != nil {
		d.unread(w, r, err)
		return
	}
	evidence, err := readsEvidence(r.URL)
	if err != nil {
		d.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	facts, err := readFacts(body)
	if err != nil {
		d.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	judge, word := d.server.Judge, appendBrief
	if evidence {
		judge, word = d.server.Whole, appendVerdict
	}
	resp := judge(d.server.ctx, facts)
	answer, ok := word(nil, resp)
	if !ok {
		d.server.Log.Error("no verdict: the request was answered 503", "action", resp.Action.String(), "client", facts.Client, "peer", r.RemoteAddr)
		d.write(w, http.StatusServiceUnavailable, httpError{Error: "there is no verdict"})
		return
	}
	d.send(w, http.StatusOK, answer)
}

// readBody reads a body, whose length may be known.
func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength < 0 || r.ContentLength > httpMaxBody {
		return io.ReadAll(r.Body)
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, body)
	return body, err
}

// readsEvidence reads the query: evidence=no asks for an answer without findings and evidence, which costs less. Other
// parameters are ignored.
func readsEvidence(u *url.URL) (bool, error) {
	if u.RawQuery == "" {
		return true, nil
	}
	said, given := u.Query()["evidence"]
	switch {
	case !given, len(said) == 1 && said[0] == "yes":
		return true, nil
	case len(said) == 1 && said[0] == "no":
		return false, nil
	}
	return false, badFacts{"evidence", "must be yes or no"}
}

// unread answers a body that could not be read: too large, too slow, or cut off.
func (d *HTTP) unread(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Set("Connection", "close") // what is left of it is no next request
	if _, is := errors.AsType[*http.MaxBytesError](err); is {
		d.refuse(w, r, http.StatusRequestEntityTooLarge, errors.New("the body is too large for one client's facts"))
		return
	}
	d.refuse(w, r, http.StatusRequestTimeout, errors.New("the body did not come whole"))
}

// hasToken reports whether the caller may ask. It compares hashes in constant time, so that the time of a refusal says
// nothing about the token.
func (d *HTTP) hasToken(r *http.Request) bool {
	if d.Token == "" {
		return true
	}
	scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum, ours := sha256.Sum256([]byte(strings.TrimSpace(shown))), sha256.Sum256([]byte(d.Token))
	return subtle.ConstantTimeCompare(sum[:], ours[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}

// isJSON reports whether the body is declared as it must be. A browser does not send such a request for a web page
// without a preflight request, which is not answered.
func isJSON(h http.Header) bool {
	said := h.Get("Content-Type")
	if said == jsonType && h["Content-Encoding"] == nil {
		return true
	}
	kind, params, err := mime.ParseMediaType(said)
	charset := params["charset"]
	return err == nil && kind == jsonType && (charset == "" || strings.EqualFold(charset, "utf-8")) &&
		h.Get("Content-Encoding") == ""
}

// refuse answers a wrong request, and logs it once in a while: a program that asks wrongly never gets a verdict, and
// the administrator must know.
func (d *HTTP) refuse(w http.ResponseWriter, r *http.Request, code int, err error) {
	often := &d.server.malformed
	if code == http.StatusUnauthorized {
		often = &d.noToken
	}
	often.warn(d.server.Log, "a wrong HTTP request was refused", "status", code, "error", err, "peer", r.RemoteAddr)
	e := httpError{Error: err.Error()}
	if bad, is := errors.AsType[badFacts](err); is {
		e.Field = bad.field
	}
	d.write(w, code, e)
}

// httpError is the body of an answer that is no verdict.
type httpError struct {
	Error string `json:"error"`
	Field string `json:"field,omitempty"` // of the facts, where one is at fault
}

type healthAnswer struct {
	Status  string `json:"status"`
	Version string `json:"version"`
}

func (d *HTTP) write(w http.ResponseWriter, code int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // a bug: the types are fixed
	}
	d.send(w, code, b)
}

func (d *HTTP) send(w http.ResponseWriter, code int, body []byte) {
	h := w.Header()
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = contentType, cacheControl, contentOptions
	w.WriteHeader(code)
	_, _ = w.Write(body) // on an error the caller has gone
}

// Header fields of every answer.
var (
	contentType    = []string{jsonType}
	cacheControl   = []string{"no-store"}
	contentOptions = []string{"nosniff"} // half of an answer is text of the client
)

const jsonType = "application/json"

// fieldAnswer is a field to put at the top of the message.
type fieldAnswer struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// appendVerdict appends the verdict's JSON with "now". It returns false if there is no verdict.
func appendVerdict(b []byte, r response.Response) (_ []byte, ok bool) {
	if r.Record == nil {
		return b, false
	}
	b = r.Record.AppendJSON(b)
	return appendNow(b[:len(b)-len("}")], r)
}

// appendBrief appends the verdict's id with "now". It returns false if there is no verdict.
func appendBrief(b []byte, r response.Response) (_ []byte, ok bool) {
	b = append(b, `{"id":`...)
	b = strconv.AppendQuote(b, r.ID) // letters and digits
	return appendNow(b, r)
}

// appendNow ends an object with "now". It returns false if there is no verdict. Accept becomes continue: it is no
// permit.
func appendNow(b []byte, r response.Response) (_ []byte, ok bool) {
	switch r.Action {
	case helogate.Continue, helogate.Accept:
		b = append(b, `,"now":{"action":"continue","reply":null,"headers":`...)
		if len(r.Headers) == 0 {
			return append(b, "[]}}"...), true
		}
		headers := make([]fieldAnswer, len(r.Headers))
		for i, f := range r.Headers {
			headers[i] = fieldAnswer(f)
		}
		said, err := json.Marshal(headers)
		if err != nil {
			panic(err) // a bug: the types are fixed
		}
		return append(append(b, said...), "}}"...), true
	case helogate.Defer, helogate.Reject, helogate.Drop:
		reply := refusal(r)
		b = append(append(append(b, `,"now":{"action":"`...), r.Action.String()...), `","reply":{"code":`...)
		b = strconv.AppendInt(b, int64(reply.Code), 10)
		b = append(append(append(b, `,"enhanced":"`...), reply.Enhanced...), `","text":`...)
		return append(appendASCII(b, reply.Text), `},"headers":[]}}`...), true
	}
	return b, false
}

// appendASCII appends printable ASCII as a JSON string, in which encoding/json escapes what HTML might take for its
// own.
func appendASCII(b []byte, s string) []byte {
	b = append(b, '"')
	for _, c := range []byte(s) {
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '<', '>', '&':
			b = append(b, `\u00`...)
			b = append(b, hexDigits[c>>4], hexDigits[c&0xf])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

const hexDigits = "0123456789abcdef"
