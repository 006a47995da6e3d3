package main

import (
	"strings"
	"testing"
)

// qmail gives a plugin no arguments, so its name decides; on a command line, its single argument does.
func TestAsPlugin(t *testing.T) {
	for args, want := range map[string]bool{
		"plugins/helodnscheck":                   true,
		"/var/qmail/plugins/helogate-qmail-spp":  true,
		"helogate qmail-spp":                     true,
		"plugins/helogate-rcpt qmail-spp":        true, // as the small program starts the large one
		"helogate":                               false,
		"helogate check":                         false,
		"helogate qmail-spp --help":              false,
		"helogate qmail-spp qmail-spp":           false,
		"/var/qmail/plugins/helodnscheck --help": false,
	} {
		if got := asPlugin(strings.Fields(args)); got != want {
			t.Errorf("%s: %t", args, got)
		}
	}
}
