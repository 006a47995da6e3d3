package blocklist

import (
	"fmt"
	"testing"
	"time"
)

func TestOwner(t *testing.T) {
	const six = "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.0.0.0.3.0.0.0.8.b.d.0.1.0.0.2"
	for _, c := range []struct{ name, want string }{
		{"25.2.0.192.bl.example", "25.2.0.192"},
		{six + ".bl.example", "4.0.0.0.3.0.0.0.8.b.d.0.1.0.0.2"},
		{"a1.spam.example.bl.example", "spam.example"},
		{"spam.example.bl.example", "spam.example"},
		{"x.spam.co.uk.bl.example", "spam.co.uk"},
		{"localhost.bl.example", "localhost"},
	} {
		if got := owner(c.name, "bl.example"); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestOwners(t *testing.T) {
	var o owners
	now := time.Unix(1e9, 0)
	for i, c := range []struct {
		after time.Duration
		owner string
		want  bool
	}{{0, "a", true}, {time.Minute, "a", false}, {time.Minute, "b", true}, {9 * time.Minute, "a", false}, {10 * time.Minute, "a", true}} {
		if got := o.first(c.owner, 10*time.Minute, now.Add(c.after)); got != c.want {
			t.Errorf("%d: %t", i, got)
		}
	}
	for i := range 2 * maxOwners {
		o.first(fmt.Sprint(i), time.Hour, now)
	}
	if len(o.is) != maxOwners {
		t.Errorf("%d owners", len(o.is))
	}
}
