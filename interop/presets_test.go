package interop

import (
	"strings"
	"testing"
)

// servePresets starts a helogate with a listener for each preset.
func (l *lab) servePresets(t *testing.T, config string) *daemon {
	t.Helper()
	var listeners []string
	for _, preset := range presets {
		listeners = append(listeners, at(l.postfix.presets[preset])+"\npreset = \""+preset+"\"")
	}
	return l.serve(t, config, listeners...)
}

// The reply of each preset to each client. All presets accept the clients that any must accept.
func TestPresets(t *testing.T) {
	l := theLab(t)
	l.servePresets(t, enforce("balanced", l.dns.resolver))
	mark := len(l.postfix.log())
	l.play(t, "presets.smtp", presets...)
	l.play(t, "letin.smtp", presets...)
	for line := range strings.Lines(l.postfix.log()[mark:]) {
		if strings.Contains(line, "warning:") || strings.Contains(line, "fatal:") {
			t.Errorf("Postfix is not content: %s", line)
		}
	}
}
