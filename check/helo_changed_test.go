package check

import (
	"strings"
	"testing"

	"github.com/helogate/helogate"
)

func TestHeloChanged(t *testing.T) {
	for _, c := range []struct{ earlier, now, want string }{
		{"", "EHLO a.example.org", "none: the first HELO of the connection"},
		{"EHLO a.example.org", "EHLO A.example.org.", "pass: the same HELO name as before"},
		{"HELO a.example.org", "EHLO a.example.org", "pass: the same HELO name as before"},
		{"EHLO a.example.org", "HELO a.example.org", "fail: HELO a.example.org after EHLO"},
		{"EHLO a.example.org", "EHLO google.com", "fail: HELO google.com after EHLO a.example.org in the same connection"},
	} {
		f := facts("192.0.2.1")
		f.Verb, f.Helo, _ = strings.Cut(c.now, " ")
		if c.earlier != "" {
			f.Earlier = []string{c.earlier}
		}
		if got := HeloChanged.Judge(f, helogate.MustZone("")).String(); got != c.want {
			t.Errorf("%s, then %s: %s, want %s", c.earlier, c.now, got, c.want)
		}
	}
}
