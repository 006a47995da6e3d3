package presentation

import "testing"

func TestUnescape(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "plain": "plain", `a\"b\\c`: `a"b\c`, `\195\164`: "ä", `\000x`: "\x00x", `\255`: "\xff", `\256`: "256", `\12`: "12", `\`: `\`, `x\`: `x\`, `\\065`: `\065`,
	} {
		if got := Unescape(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
