package protocol

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/response"
)

// Nginx is the protocol of nginx's mail proxy (ngx_mail_auth_http_module): at RCPT nginx asks by HTTP which server a
// client is passed on to. The request's header has the client's address and what it sent.
//
// An accepted client is passed on to Backend, whose own checks then decide. A refusal is answered with code and text,
// of which nginx makes its reply, after the second in Auth-Wait; without Auth-Wait it closes the connection, as it must
// for Drop. In case of an error there is no Auth-Status, and nginx answers 451 4.3.2 and closes the connection.
//
// A client that logs in is unknown to helogate and is refused, whatever its password: nginx would name it to the
// backend as authenticated (XCLIENT LOGIN). With "smtp_auth none" nginx does not offer AUTH, but accepts it all the
// same.
type Nginx struct {
	Backend netip.AddrPort // the mail server to which nginx passes on accepted clients

	httpServer
}

func (d *Nginx) missing() string {
	if !d.Backend.IsValid() || d.Backend.Port() == 0 {
		return "Backend"
	}
	return ""
}

func (d *Nginx) answer(c *conn) error { return d.httpServer.answer(c, d.request) }

func (d *Nginx) request(w http.ResponseWriter, r *http.Request) {
	if why := notNginx(r); why != "" {
		d.server.malformed.warn(d.server.Log, "not a valid request of nginx: it was answered 400", // bots that try passwords cause it, too
			"reason", why, "client_ip", printable.Text(r.Header.Get("Client-Ip"), 64), "peer", r.RemoteAddr)
		http.Error(w, why, http.StatusBadRequest)
		return
	}
	f := nginxFacts(r.Header)
	resp := response.Response{Action: helogate.Continue}
	if f.Client.IsValid() {
		resp = d.server.Judge(d.server.ctx, f)
	} else {
		d.server.noAddress.warn(d.server.Log, noAddress,
			"client_ip", printable.Text(r.Header.Get("Client-Ip"), 64))
	}
	if !d.word(w.Header(), resp) {
		d.server.Log.Error("no verdict: the connection was closed without an answer", "action", resp.Action.String(), "client", f.Client)
		panic(http.ErrAbortHandler)
	}
}

// notNginx says why a request is not one that this listener answers; "" means that it is.
func notNginx(r *http.Request) string {
	switch h := r.Header; {
	case r.Method != http.MethodGet:
		return "nginx asks by GET"
	case h.Get("Auth-Protocol") != "smtp":
		return "Auth-Protocol is not smtp: this listener judges clients of SMTP"
	case h.Get("Auth-Method") != "none":
		return "Auth-Method is not none: this listener knows no passwords"
	case len(h["Client-Ip"]) != 1:
		return "there is no Client-IP"
	}
	return ""
}

// nginxFacts returns the facts in a request. nginx does not show the client's port, its connection, or whether it sent
// HELO or EHLO.
func nginxFacts(h http.Header) helogate.Facts {
	f := helogate.Facts{
		Stage:     helogate.Rcpt,
		Helo:      h.Get("Auth-Smtp-Helo"),
		Sender:    pathOf(h.Get("Auth-Smtp-From")),
		Recipient: pathOf(h.Get("Auth-Smtp-To")),
	}
	client, _ := netip.ParseAddr(h.Get("Client-Ip"))
	f.Client = client.WithZone("").Unmap()
	return f
}

// pathOf returns the mailbox of a command, without <> and source route (RFC 5321 section 4.1.2): of "MAIL
// FROM:<a@b.example> SIZE=9" it is "a@b.example". nginx passes the command on unchanged and leaves its syntax to the
// backend; if there is no path, it is the first word after the verb.
func pathOf(command string) string {
	_, argument, _ := strings.Cut(command, " ")
	if _, after, ok := strings.Cut(argument, ":"); ok {
		argument = after
	}
	s, ok := strings.CutPrefix(strings.TrimLeft(argument, " "), "<")
	if !ok {
		s, _, _ = strings.Cut(s, " ")
		return s
	}
	s = s[:pathEnd(s)]
	if _, mailbox, ok := strings.Cut(s, ":"); ok && strings.HasPrefix(s, "@") {
		return mailbox
	}
	return s
}

// pathEnd is where the ">" is that ends a path, or the end. In a quoted string (RFC 5321 section 4.1.2) it ends
// nothing.
func pathEnd(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '>' && !quoted:
			return i
		}
	}
	return len(s)
}

// word writes a response into a header, and reports whether there was one. The text begins with the enhanced code,
// since "OK" and "WAIT" alone have another meaning.
func (d *Nginx) word(h http.Header, r response.Response) bool {
	switch r.Action {
	case helogate.Continue, helogate.Accept:
		h.Set("Auth-Status", "OK")
		h.Set("Auth-Server", d.Backend.Addr().Unmap().String())
		h.Set("Auth-Port", strconv.Itoa(int(d.Backend.Port())))
	case helogate.Defer, helogate.Reject, helogate.Drop:
		reply := refusal(r)
		h.Set("Auth-Status", reply.Enhanced+" "+reply.Text)
		if r.Action == helogate.Drop {
			reply.Code = dropCode
		} else {
			h.Set("Auth-Wait", "1")
		}
		h.Set("Auth-Error-Code", strconv.Itoa(reply.Code))
	default:
		return false
	}
	return true
}
