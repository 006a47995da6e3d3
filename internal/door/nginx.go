package door

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/response"
)

// Nginx is the door of nginx's mail proxy (ngx_mail_auth_http_module): at RCPT nginx asks by HTTP where a client is to be
// passed on to, and shows in the request's header who it is and what it said.
//
// What passes is passed on to Backend, whose own checks then decide. What is refused is answered with code and text, and
// nginx makes its reply of them after the second that Auth-Wait names; without one it would close the connection, which
// it does for Drop. In trouble there is no Auth-Status, and nginx answers 451 4.3.2 and closes.
//
// Who logs in is nobody that this door knows, and is not let in, whatever the password: to the backend nginx would name him
// as one who has logged in (XCLIENT LOGIN). With "smtp_auth none" nginx does not offer AUTH, and takes it all the same.
//
// Fields are set before Serve.
type Nginx struct {
	Judge   response.Judge
	Log     *slog.Logger   // nil: nothing is logged
	Backend netip.AddrPort // the mail server that nginx is to pass those on to that are let in

	server httpServer
	once   sync.Once
	strays seldom // requests about no client
	wrong  seldom // requests that are not answered
}

// Serve answers who connects to l until l closes, and closes it. It may run on several listeners. It returns nil after
// Shutdown, else why it could not go on.
func (d *Nginx) Serve(l net.Listener) error {
	switch {
	case d.Judge == nil:
		return errors.New("door: Nginx has no Judge")
	case !d.Backend.IsValid() || d.Backend.Port() == 0:
		return errors.New("door: Nginx has no Backend")
	}
	d.once.Do(func() {
		if d.Log == nil {
			d.Log = slog.New(slog.DiscardHandler)
		}
		d.strays.every, d.wrong.every = time.Minute, time.Minute
	})
	return d.server.serve(l, d.Log, d.handle)
}

// Shutdown stops accepting, lets requests under way be answered, and closes connections that are idle. It returns nil
// when that is done. When ctx ends before, it ends the judgements, closes all and says so.
func (d *Nginx) Shutdown(ctx context.Context) error { return d.server.shutdown(ctx) }

// Connections returns how many connections are open.
func (d *Nginx) Connections() int { return d.server.open() }

func (d *Nginx) handle(w http.ResponseWriter, r *http.Request) {
	if why := notNginx(r); why != "" {
		if n, due := d.wrong.due(); due { // bots that try passwords cause it, too
			d.Log.Warn("not a request of nginx that can be answered", "why", why, "client_ip",
				printable.Text(r.Header.Get("Client-Ip"), 64), "peer", r.RemoteAddr, "others_since_the_last_warning", n)
		}
		http.Error(w, why, http.StatusBadRequest)
		return
	}
	f := nginxFacts(r.Header)
	ruling := response.Response{Do: helogate.Continue}
	if f.Client.IsValid() {
		ruling = d.Judge(d.server.ctx, f)
	} else if n, due := d.strays.due(); due {
		d.Log.Warn("a client without an address is let pass: nothing can be judged", "client_ip",
			printable.Text(r.Header.Get("Client-Ip"), 64), "others_since_the_last_warning", n)
	}
	if !d.answer(w.Header(), ruling) {
		d.Log.Error("no ruling: closed without an answer", "do", ruling.Do.String(), "client", f.Client)
		panic(http.ErrAbortHandler)
	}
}

// notNginx says why a request is not what this door is for; "" is that it is.
func notNginx(r *http.Request) string {
	switch h := r.Header; {
	case r.Method != http.MethodGet:
		return "nginx asks by GET"
	case h.Get("Auth-Protocol") != "smtp":
		return "Auth-Protocol is not smtp: this door judges clients of SMTP"
	case h.Get("Auth-Method") != "none":
		return "Auth-Method is not none: this door knows no passwords"
	case len(h["Client-Ip"]) != 1:
		return "there is no Client-IP"
	}
	return ""
}

// nginxFacts is what nginx shows. It does not tell the client's port, with which connection it came, or whether it said
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

// pathOf returns the mailbox of a command, without <> and source route (RFC 5321 section 4.1.2): of "MAIL FROM:<a@b.example>
// SIZE=9" it is "a@b.example". nginx passes on what it was told, and leaves it to the backend to mind the syntax; of what
// has none, it is the first word
// after the verb.
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

// pathEnd is where the ">" is that ends a path, or the end. In a quoted string (RFC 5321 section 4.1.2) it ends nothing.
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

// answer words a ruling in a header, and reports whether there was one. The text begins with the enhanced code, for "OK"
// and "WAIT" alone would mean something else.
func (d *Nginx) answer(h http.Header, r response.Response) bool {
	switch r.Do {
	case helogate.Continue, helogate.Accept:
		h.Set("Auth-Status", "OK")
		h.Set("Auth-Server", d.Backend.Addr().Unmap().String())
		h.Set("Auth-Port", strconv.Itoa(int(d.Backend.Port())))
	case helogate.Defer, helogate.Reject, helogate.Drop:
		reply := refusal(r)
		h.Set("Auth-Status", reply.Enhanced+" "+reply.Text)
		if r.Do == helogate.Drop {
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
