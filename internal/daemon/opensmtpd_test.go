package daemon

import (
	"strings"
	"testing"

	"github.com/helogate/helogate/internal/config"
)

// Without a home for the state smtpd's filter does not start, unless the administrator has said that there need be
// none.
func TestOpenSMTPDNeedsAHome(t *testing.T) {
	for _, c := range []struct {
		config, environ string
		uid             int
		fails           bool
	}{
		{"", "", 64111, true},
		{"", "HOME=", 64111, true},
		{"", "HOME=/home/jane", 64111, false},
		{"", "STATE_DIRECTORY=/var/lib/helogate", 64111, false},
		{"", "", 0, false},
		{`state.store = "memory"`, "", 64111, false},
		{`state.file = "/var/lib/helogate/state.db"`, "", 64111, false},
	} {
		parsed, err := config.Parse("helogate.toml", []byte(c.config), Known(nil))
		if err != nil {
			t.Fatal(err)
		}
		err = AsFilter(parsed, []string{c.environ}, c.uid)
		if (err != nil) != c.fails || err != nil && !strings.Contains(err.Error(), "state.file: there is no usual place") {
			t.Errorf("%q with %q, user %d: %v", c.config, c.environ, c.uid, err)
		}
	}
}
