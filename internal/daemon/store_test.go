package daemon

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/helogate/helogate/internal/config"
)

// Where the file is if the configuration names none.
func TestUsualStateFile(t *testing.T) {
	for _, c := range []struct {
		environ string
		uid     int
		want    string
	}{
		{"STATE_DIRECTORY=/var/lib/helogate HOME=/root", 0, "/var/lib/helogate/state.db"},
		{"STATE_DIRECTORY=/srv/a:/srv/b", 999, "/srv/a/state.db"},
		{"HOME=/root XDG_STATE_HOME=/x", 0, "/var/lib/helogate/state.db"},
		{"HOME=/home/jane XDG_STATE_HOME=/x", 999, "/x/helogate/state.db"},
		{"HOME=/home/jane XDG_STATE_HOME=x", 999, "/home/jane/.local/state/helogate/state.db"},
		{"HOME=/home/jane STATE_DIRECTORY=", 999, "/home/jane/.local/state/helogate/state.db"},
		{"HOME=jane", 999, ""},
		{"", 999, ""},
	} {
		if got := UsualStateFile(strings.Fields(c.environ), c.uid); got != c.want {
			t.Errorf("%s, user %d: %q, want %q", c.environ, c.uid, got, c.want)
		}
	}
}

// That the usual place cannot be had is said, and stops nobody; that a place of the administrator's cannot is an error.
func TestNoPlaceForTheFile(t *testing.T) {
	taken := filepath.Join(t.TempDir(), "taken") // by a file, where a directory should be
	if err := os.WriteFile(taken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	environ := []string{"STATE_DIRECTORY=" + taken}
	c := config.Default()
	store, err := OpenStore(t.Context(), c, environ, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if !strings.Contains(log.String(), "lost at a restart") || !strings.Contains(log.String(), taken) {
		t.Errorf("the log says %q", log.String())
	}
	c.State.File = filepath.Join(taken, "state.db")
	if store, err := OpenStore(t.Context(), c, environ, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "state.file") {
		t.Errorf("%v, %v", store, err)
	}
}
