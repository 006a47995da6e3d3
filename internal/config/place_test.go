package config

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

const placed = `[policy]
preset = "strict"
bad_helo = ["a", "b",
  "/c/"]
checks.fcrdns = "reject"
checks.spf-from = { fail = "reject", pass = "score -1" }
[[exempt]]
name = "a.example"
[[exempt]]
address = ["192.0.2.1", "192.0.2.2"]
until = 2027-06-30 # a long time
`

// TestErrorf reports at places in the file, in the environment, and in neither.
func TestErrorf(t *testing.T) {
	c := parse(t, placed, "HELOGATE_OWN__NAMES=a.example,b.example", "HELOGATE_LOG__FORMAT=json")
	for _, x := range []struct{ path, want string }{
		{"policy.bad_helo[2]", `helogate.toml:4:3: policy.bad_helo[2]: no
  4 |   "/c/"]
    |   ^~~~~`},
		{"policy.bad_helo", `helogate.toml:3:12: policy.bad_helo: no
  3 | bad_helo = ["a", "b",
    |            ^~~~~~~~~~`},
		{"policy.preset", `helogate.toml:2:10: policy.preset: no
  2 | preset = "strict"
    |          ^~~~~~~~`},
		{"policy", `helogate.toml:1:2: policy: no
  1 | [policy]
    |  ^~~~~~`},
		{"policy.checks.fcrdns", `helogate.toml:5:17: policy.checks.fcrdns: no
  5 | checks.fcrdns = "reject"
    |                 ^~~~~~~~`},
		{"policy.checks.spf-from.pass", `helogate.toml:6:45: policy.checks.spf-from.pass: no
  6 | checks.spf-from = { fail = "reject", pass = "score -1" }
    |                                             ^~~~~~~~~~`},
		{"exempt[1].until", `helogate.toml:11:9: exempt[1].until: no
  11 | until = 2027-06-30 # a long time
     |         ^~~~~~~~~~`},
		{"exempt[0].name", `helogate.toml:8:8: exempt[0].name: no
  8 | name = "a.example"
    |        ^~~~~~~~~~~`},
		{"exempt[0].name[0]", `helogate.toml:8:8: exempt[0].name[0]: no
  8 | name = "a.example"
    |        ^~~~~~~~~~~`},
		{"exempt[1].address[1]", `helogate.toml:10:25: exempt[1].address[1]: no
  10 | address = ["192.0.2.1", "192.0.2.2"]
     |                         ^~~~~~~~~~~`},
		{"exempt[1]", `helogate.toml:9:3: exempt[1]: no
  9 | [[exempt]]
    |   ^~~~~~`},
		{"own.names[1]", `HELOGATE_OWN__NAMES: own.names[1]: no
  HELOGATE_OWN__NAMES=a.example,b.example
                                ^~~~~~~~~`},
		{"log.format", `HELOGATE_LOG__FORMAT: log.format: no
  HELOGATE_LOG__FORMAT=json
                       ^~~~`},
		{"policy.greylist_at", `helogate.toml:1:2: policy.greylist_at: no (not set; the default is that of the preset)
  1 | [policy]
    |  ^~~~~~`},
		{"policy.checks.no-ptr", `helogate.toml:5:1: policy.checks.no-ptr: no (not set)
  5 | checks.fcrdns = "reject"
    | ^~~~~~`},
		{"exempt[0].helo", `helogate.toml:7:3: exempt[0].helo: no (not set; the default is any)
  7 | [[exempt]]
    |   ^~~~~~`},
		{"dns.timeout", `helogate.toml: dns.timeout: no (not set; the default is "2s")`},
		{"dns.servers", `helogate.toml: dns.servers: no (not set; the default is those of /etc/resolv.conf)`},
		{"listen[0].address", `helogate.toml: listen[0].address: no (not set; the default is "127.0.0.1:10040")`},
		{"mode", `helogate.toml: mode: no (not set; the default is "shadow")`},
		{"no.such[3].thing", `helogate.toml: no.such[3].thing: no (not set)`},
		{"exempt[7].name", `helogate.toml:7:3: exempt[7].name: no (not set)
  7 | [[exempt]]
    |   ^~~~~~`},
		{"", `helogate.toml: no (not set)`},
		{"[", `helogate.toml: [: no (not set)`},
	} {
		if got := c.Errorf(x.path, "no").Error(); got != x.want {
			t.Errorf("%s: got\n%s\nwant\n%s", x.path, got, x.want)
		}
	}
	if got := Default().Errorf("mode", "no").Error(); got != `(the default configuration): mode: no (not set; the default is "shadow")` {
		t.Errorf("of no file: %s", got)
	}
}

// TestErrorfNested reports at places in tables within tables, and of entries with names of the administrator's.
func TestErrorfNested(t *testing.T) {
	c := parse(t, `lists = { relays = "/x" }
[[rule]]
name = "a.rule [1]"
when = "x"
then = "note"
[[policy.for]]
recipient = ["a.example", "b.example"]
[policy.for.checks]
fcrdns = "note"
spf-from = { softfail = "note" }
[[listen]]
protocol = "postfix"
address = "/run/h.sock"
`, `HELOGATE_POLICY__REPLIES={ "a.rule [1]" = "x" }`, "HELOGATE_LISTEN__0__CHECKS__FCRDNS=drop")
	for _, x := range []struct{ path, want, origin string }{
		{`policy.replies."a.rule [1]"`, `HELOGATE_POLICY__REPLIES: policy.replies."a.rule [1]": no
  HELOGATE_POLICY__REPLIES={ "a.rule [1]" = "x" }
                                            ^~~`, "HELOGATE_POLICY__REPLIES"},
		{"policy.for[0].recipient[1]", `helogate.toml:7:27: policy.for[0].recipient[1]: no
  7 | recipient = ["a.example", "b.example"]
    |                           ^~~~~~~~~~~`, "helogate.toml:7"},
		{"policy.for[0].checks.fcrdns", `helogate.toml:9:10: policy.for[0].checks.fcrdns: no
  9 | fcrdns = "note"
    |          ^~~~~~`, "helogate.toml:9"},
		{"policy.for[0].checks.spf-from.softfail", `helogate.toml:10:25: policy.for[0].checks.spf-from.softfail: no
  10 | spf-from = { softfail = "note" }
     |                         ^~~~~~`, "helogate.toml:10"},
		{"policy.for[0].checks", `helogate.toml:8:2: policy.for[0].checks: no
  8 | [policy.for.checks]
    |  ^~~~~~~~~~~~~~~~~`, "helogate.toml:8"},
		{"policy.for[0].checks.no-ptr", `helogate.toml:8:2: policy.for[0].checks.no-ptr: no (not set)
  8 | [policy.for.checks]
    |  ^~~~~~~~~~~~~~~~~`, "default"},
		{"policy.for[0].mode", `helogate.toml:6:3: policy.for[0].mode: no (not set; the default is that of the listener)
  6 | [[policy.for]]
    |   ^~~~~~~~~~`, "default"},
		{"listen[0].checks.fcrdns", `HELOGATE_LISTEN__0__CHECKS__FCRDNS: listen[0].checks.fcrdns: no
  HELOGATE_LISTEN__0__CHECKS__FCRDNS=drop
                                     ^~~~`, "HELOGATE_LISTEN__0__CHECKS__FCRDNS"},
		{"lists.relays", `helogate.toml:1:20: lists.relays: no
  1 | lists = { relays = "/x" }
    |                    ^~~~`, "helogate.toml:1"},
		{"rule[0].then", `helogate.toml:5:8: rule[0].then: no
  5 | then = "note"
    |        ^~~~~~`, "helogate.toml:5"},
		{"lists", `helogate.toml:1:9: lists: no
  1 | lists = { relays = "/x" }
    |         ^~~~~~~~~~~~~~~~~`, "helogate.toml:1"},
		{"control.watch", `helogate.toml: control.watch: no (not set; the default is false)`, "default"},
		{"control.permissions", `helogate.toml: control.permissions: no (not set; the default is "0600")`, "default"},
		{"trust.file", `helogate.toml: trust.file: no (not set; the default is none, so a restart forgets them)`, "default"},
	} {
		if got := c.Errorf(x.path, "no").Error(); got != x.want {
			t.Errorf("%s: got\n%s\nwant\n%s", x.path, got, x.want)
		}
		if got := c.Origin(x.path); got != x.origin {
			t.Errorf("%s is from %s, want %s", x.path, got, x.origin)
		}
	}
}

func TestErrorfWraps(t *testing.T) {
	c, cause := parse(t, placed), errors.New("missing )\x1b[2J")
	for _, path := range []string{"policy.bad_helo[2]", "dns.timeout"} {
		err := c.Errorf(path, "%q: %w", "/(/", cause)
		var e *Error
		if !errors.Is(err, cause) || !errors.As(err, &e) || e.Key != path {
			t.Errorf("%v", err)
		}
		checkPrintable(t, err.Error())
	}
}

// TestJoin: in the order of the file, whoever found them and in whatever order.
func TestJoin(t *testing.T) {
	c := parse(t, placed, "HELOGATE_LOG__FORMAT=json")
	other := errors.New("something else")
	err := Join(nil, c.Errorf("log.format", "4"), errors.Join(c.Errorf("exempt[1].until", "3"), c.Errorf("policy.preset", "1")),
		Errors{}, c.Errorf("policy.bad_helo[2]", "2"), c.Errorf("dns.timeout", "0"))
	var got []string
	var list Errors
	if !errors.As(err, &list) {
		t.Fatalf("%T", err)
	}
	for _, e := range list {
		got = append(got, e.Err.Error()[:1])
	}
	if s := strings.Join(got, ""); s != "01234" {
		t.Errorf("the order is %s", s)
	}
	if err := Join(nil, nil); err != nil {
		t.Errorf("%v of nothing", err)
	}
	if err := Join(other); !errors.Is(err, other) {
		t.Errorf("%v", err)
	}
	err = Join(other, fmt.Errorf("around: %w", c.Errorf("mode", "x")), c.Errorf("policy.preset", "1"))
	if !errors.Is(err, other) || !strings.HasPrefix(err.Error(), "helogate.toml:2:10") || !strings.Contains(err.Error(), "around: ") {
		t.Errorf("%v", err)
	}
}

// TestJoinMany: that there are more errors comes after those that are there.
func TestJoinMany(t *testing.T) {
	_, err := Parse("helogate.toml", []byte("mode = 1\n"+strings.Repeat("x = 1\n", most+1)), options())
	if text := Join(err).Error(); !strings.HasSuffix(text, "helogate.toml: 2 more errors: correct these first") {
		t.Error(text)
	}
}

// TestKeepsItsText: what the caller does with his bytes afterwards changes no message.
func TestKeepsItsText(t *testing.T) {
	data := []byte(placed)
	c, err := Parse("helogate.toml", data, options())
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if got := c.Errorf("policy.preset", "no").Error(); !strings.Contains(got, `preset = "strict"`) {
		t.Error(got)
	}
}

func TestOrigin(t *testing.T) {
	c := parse(t, placed, "HELOGATE_LOG__FORMAT=json")
	for _, x := range []struct{ path, want string }{
		{"policy.preset", "helogate.toml:2"}, {"log.format", "HELOGATE_LOG__FORMAT"}, {"log.level", "default"},
		{"exempt[1].until", "helogate.toml:11"}, {"", "default"},
	} {
		if got := c.Origin(x.path); got != x.want {
			t.Errorf("%s: %s, want %s", x.path, got, x.want)
		}
	}
	if got := Default().Origin("mode"); got != "default" {
		t.Error(got)
	}
}

// TestConcurrent: a configuration that was read is only read.
func TestConcurrent(t *testing.T) {
	c := parse(t, placed)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { _, _, _ = c.String(), c.Errorf("exempt[1].until", "x").Error(), c.Origin("policy.preset") })
	}
	all.Wait()
}

// TestShown is the whole of what "helogate config show" prints.
func TestShown(t *testing.T) {
	c := parse(t, placed+"comment = 'c:\\x'\n[[listen]]\nprotocol = \"exim\"\naddress = \"/run/h.sock\"\n", "HELOGATE_LOG__FORMAT=json")
	golden(t, "testdata/shown.toml", c.String())
	if c, err := Load("testdata/good/nested.toml", options("HELOGATE_HEADERS__X_HELO=true")); err != nil {
		t.Error(err)
	} else {
		golden(t, "testdata/shown-nested.toml", c.String())
	}
}
