package config

import (
	"os"
	"path/filepath"
	"testing"
)

// TestControlSocket: a file that is wrong elsewhere still says where the service is to be found. A line a file.
func TestControlSocket(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		known            bool
		environ          []string
	}{
		{"empty", "", "", true, nil},
		{"given", "control.socket = \"/run/x\"", "/run/x", true, nil},
		{"wrong elsewhere", "mode = \"enforced\"\n[control]\nsocket = \"/run/x\"\n[policy]\nprest = 1", "/run/x", true, nil},
		{"wrong elsewhere, not given", "mode = \"enforced\"", "", true, nil},
		{"a line that cannot be read elsewhere", "mode enforce\n[control]\nsocket = \"/run/x\"", "/run/x", true, nil},
		{"a line that may have been it", "mode = \"shadow\"\n[control]\nsocket /run/x", "", false, nil},
		{"itself wrong", "control.socket = \"127.0.0.1:1\"", "", false, nil},
		{"control itself wrong", "control = 3", "", false, nil},
		{"compressed", "\x1f\x8b", "", false, nil},
		{"a variable", "mode = \"enforced\"", "/run/y", true, []string{"HELOGATE_CONTROL__SOCKET=/run/y"}},
		{"none", "control.socket = \"none\"\nx = 1", "none", true, nil},
	} {
		file := filepath.Join(t.TempDir(), "helogate.toml")
		if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, known := ControlSocket(file, options(c.environ...)); got != c.want || known != c.known {
			t.Errorf("%s: %q, %v", c.name, got, known)
		}
	}
	if _, known := ControlSocket("/nonexistent/file", options()); known {
		t.Error("it is known of a file that is not there")
	}
}
