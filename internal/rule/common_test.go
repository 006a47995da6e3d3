package rule

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/list"
)

var local = Own{
	Names:     []string{"example.net"},
	Addresses: []netip.Addr{netip.MustParseAddr("::ffff:198.51.100.7")},
	Networks:  []netip.Prefix{netip.MustParsePrefix("198.51.100.64/26"), netip.MustParsePrefix("2001:db8:64::/48")},
}

const relays = `
203.0.113.0/24
2001:db8:1::/48
mx.example.com   # a comment
.dyn.example.com
user@example.com
`

// compiler knows the checks of the preset balanced, local names and addresses, and the list relays.
func compiler(t testing.TB) *Compiler {
	t.Helper()
	lines, _, err := check.Lines("balanced", check.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	env := Env{Own: local, Lists: map[string]*list.List{}}
	for _, l := range lines {
		env.Checks = append(env.Checks, l.Check)
	}
	if env.Lists["relays"], _, err = list.Read("relays", strings.NewReader(relays)); err != nil {
		t.Fatal(err)
	}
	c, err := New(env)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mustCompile makes the rule "r" with no note.
func mustCompile(t testing.TB, when, then string) *Rule {
	t.Helper()
	do, err := helogate.ParseEffect(then)
	if err != nil {
		t.Fatal(err)
	}
	r, err := compiler(t).Compile("r", when, "", do)
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	return r
}
