package dunno

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/d--j/go-milter"
)

// ServeMilter is a milter on the usual library for Go. It gets the same commands as helogate, and accepts all mail.
func ServeMilter(l net.Listener) error {
	s := milter.NewServer(
		milter.WithMilter(func() milter.Milter { return milter.NoOpMilter{} }),
		milter.WithProtocol(milter.OptNoBody|milter.OptNoUnknown|milter.OptNoData),
	)
	return s.Serve(l)
}

// ServeHTTP is a server on net/http, as helogate is. It reads what it is sent, and has one answer.
func ServeHTTP(l net.Listener) error {
	s := http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"now":{"action":"continue"}}`)
	})}
	if err := s.Serve(l); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
