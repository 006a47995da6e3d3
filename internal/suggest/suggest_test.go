package suggest

import "testing"

func TestClosest(t *testing.T) {
	words := []string{"client", "names", "fcrdns", "spf-from", "warn", "helo"}
	for word, want := range map[string]string{
		"cleint": "client", "CLIENT": "client", "clint": "client", "name": "names", "warning": "warn", "spf_from": "spf-from",
		"fcrnds": "fcrdns", "hello": "helo", "": "", "x": "", "sender": "", "he": "", "client-address-of-it": "",
	} {
		if got := Closest(word, words); got != want {
			t.Errorf("%q is taken for %q, not %q", word, got, want)
		}
	}
	if got := Closest("client", nil); got != "" {
		t.Error(got)
	}
}
