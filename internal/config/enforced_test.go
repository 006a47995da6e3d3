package config

import (
	"slices"
	"testing"
)

func TestEnforcedIn(t *testing.T) {
	const tables = `
[[policy.for]]
recipient = "a@example.net"
mode      = "enforce"
[[policy.for]]
recipient = "b@example.net"
[[listen]]
protocol = "postfix"
address  = "127.0.0.1:0"
[[listen]]
protocol = "postfix"
address  = "[::1]:0"
mode     = "enforce"
`
	for text, want := range map[string][]string{
		"mode = \"shadow\"\n" + tables:  {"policy.for[0]", "listen[1]"},
		tables:                          {"policy.for[0]", "listen[1]"},
		"mode = \"enforce\"\n" + tables: nil,
		"mode = \"shadow\"\n":           nil,
	} {
		if got := parse(t, text).EnforcedIn(); !slices.Equal(got, want) {
			t.Errorf("%s\ngot %q, want %q", text, got, want)
		}
	}
}
