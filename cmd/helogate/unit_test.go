package main

import (
	"io"
	"os"
	"strings"
	"testing"
)

// TestUnit: each command of the systemd unit is one that helogate has, with flags that it has, and a user other than
// root runs the service.
func TestUnit(t *testing.T) {
	unit, err := os.ReadFile("../../contrib/systemd/helogate.service")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(unit)) {
		_, args, found := strings.Cut(strings.TrimSpace(line), "=/usr/local/bin/helogate ")
		if !found {
			continue
		}
		n++
		var cli commands
		exits := func(status int) { t.Errorf("%s exits with %d", line, status) }
		if _, err := newParser(&cli, io.Discard, io.Discard, exits).Parse(strings.Fields(args)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if n != 2 {
		t.Errorf("%d commands, want one to start and one to reload", n)
	}
	if !strings.Contains(string(unit), "\nUser=helogate\n") {
		t.Error("the unit does not name the user helogate")
	}
}
