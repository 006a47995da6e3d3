package config

import (
	"strings"
	"testing"
	"time"
)

func TestEnvironment(t *testing.T) {
	const file = "mode = \"shadow\"\n[policy.checks]\nfcrdns = \"reject\"\n[[exempt]]\nname = \"a.example\"\n[dns]\nservers = [\"192.0.2.1\"]\n" +
		"[[listen]]\nprotocol = \"exim\"\naddress = \"[::1]:0\"\nchecks.spf-from = \"note\"\n[lists]\nOur-Partners = \"/etc/p\"\n" +
		"[[rule]]\nname = \"A rule/No.1\"\nwhen = \"false\"\nthen = \"note\"\n"
	for _, c := range []struct{ env, key, want string }{
		{"HELOGATE_MODE=enforce", "mode", "enforce"},
		{`HELOGATE_MODE="enforce"`, "mode", "enforce"},
		{"HELOGATE_DNS__SERVERS=127.0.0.1", "dns.servers", "[127.0.0.1:53]"},
		{"HELOGATE_DNS__SERVERS=127.0.0.1, [::1]:53", "dns.servers", "[127.0.0.1:53 [::1]:53]"},
		{"HELOGATE_DNS__SERVERS=[::1]:53,::1", "dns.servers", "[[::1]:53 [::1]:53]"},
		{`HELOGATE_DNS__SERVERS=["127.0.0.1", "::1"]`, "dns.servers", "[127.0.0.1:53 [::1]:53]"},
		{`HELOGATE_DNS__SERVERS="127.0.0.1","::1"`, "dns.servers", "[127.0.0.1:53 [::1]:53]"},
		{`HELOGATE_DNS__SERVERS="127.0.0.1"`, "dns.servers", "[127.0.0.1:53]"},
		{`HELOGATE_DNS__SERVERS=`, "dns.servers", "[]"},
		{"HELOGATE_DNS={ timeout = \"1s\" }", "dns.timeout", "1s"},
		{"HELOGATE_DNS__CACHE_SIZE=128MiB", "dns.cache_size", "128MiB"},
		{"HELOGATE_DNS__CACHE_SIZE=2097152", "dns.cache_size", "2MiB"},
		{"HELOGATE_DNS__TIMEOUT=3s", "dns.timeout", "3s"},
		{"HELOGATE_POLICY__GREYLIST_AT=3", "policy.greylist_at", "3"},
		{"HELOGATE_POLICY__REJECT_AT_STAGE=mail", "policy.reject_at_stage", "mail"},
		{"HELOGATE_POLICY__URL=https://example.net/#{id}", "policy.url", "https://example.net/#{id}"},
		{`HELOGATE_POLICY__BAD_HELO=['/^a{1,2}\d$/', "b"]`, "policy.bad_helo", `[/^a{1,2}\d$/ b]`},
		{"HELOGATE_POLICY__CHECKS__GENERIC_NAME=would score 3", "policy.checks", "map[fcrdns:map[fail:reject] generic-name:map[fail:would score 3]]"},
		{"HELOGATE_POLICY__CHECKS__FCRDNS=note", "policy.checks", "map[fcrdns:map[fail:note]]"},
		{"HELOGATE_POLICY__CHECKS__FCRDNS__TEMPERROR=defer", "policy.checks", "map[fcrdns:map[fail:reject temperror:defer]]"},
		{"HELOGATE_POLICY__CHECKS__SPF_FROM__SOFTFAIL=score 1", "policy.checks", "map[fcrdns:map[fail:reject] spf-from:map[softfail:score 1]]"},
		{`HELOGATE_POLICY__CHECKS__FCRDNS={ pass = "score -1" }`, "policy.checks", "map[fcrdns:map[pass:score -1]]"},
		{`HELOGATE_POLICY__CHECKS={ no-ptr = "reject" }`, "policy.checks", "map[no-ptr:map[fail:reject]]"},
		{"HELOGATE_EXEMPT__0__NAME=b.example,c.example", "exempt.name", "[b.example c.example]"},
		{"HELOGATE_EXEMPT__0__UNTIL=2027-06-30", "exempt.until", "2027-07-01 00:00:00 +0100 CET"},
		{"HELOGATE_EXEMPT__0__COMMENT=12345", "exempt.comment", "12345"},
		{"HELOGATE_EXEMPT__1__NAME=b.example", "exempt.name", "[a.example]"},
		{`HELOGATE_EXEMPT__0={ helo = "x" }`, "exempt.helo", "[x]"},
		{`HELOGATE_EXEMPT=[{ helo = "x" }]`, "exempt.helo", "[x]"},
		{`HELOGATE_LISTEN=[{ protocol = "exim", address = "/run/h.sock", permissions = "0600" }]`, "listen.permissions", "-rw-------"},
		{"HELOGATE_POLICY__FOR__0__RECIPIENT=a@example.net, .example.org", "policy.for.recipient", "[a@example.net .example.org]"},
		{`HELOGATE_POLICY__FOR=[{ recipient = "a@example.net", checks = { fcrdns = "note" } }]`, "policy.for.checks", "map[fcrdns:map[fail:note]]"},
		{"HELOGATE_LISTEN__0__CHECKS__FCRDNS=drop", "listen.checks", "map[fcrdns:map[fail:drop] spf-from:map[fail:note]]"},
		{"HELOGATE_LISTEN__0__CHECKS__SPF_FROM__SOFTFAIL=score 2", "listen.checks", "map[spf-from:map[softfail:score 2 fail:note]]"},
		{"HELOGATE_LISTEN__0__MODE=enforce", "listen.mode", "enforce"},
		{`HELOGATE_LISTEN=[{ protocol = "nginx", address = "/run/h.sock", nginx.backend = "127.0.0.1:25" }]`, "listen.nginx.backend", "127.0.0.1:25"},
		{"HELOGATE_LISTS__RELAYS=/etc/relays", "lists", "map[Our-Partners:/etc/p relays:/etc/relays]"},
		{"HELOGATE_LISTS__OUR_PARTNERS=/etc/q", "lists", "map[Our-Partners:/etc/q]"},
		{"HELOGATE_LISTS__0X=/etc/x", "lists", "map[0x:/etc/x Our-Partners:/etc/p]"},
		{`HELOGATE_LISTS={ a = "/a" }`, "lists", "map[a:/a]"},
		{"HELOGATE_POLICY__REPLIES__SPF_FROM={why}: no", "policy.replies", "map[spf-from:{why}: no]"},
		{"HELOGATE_POLICY__REPLIES__SCORE=no", "policy.replies", "map[score:no]"},
		{"HELOGATE_POLICY__REPLIES__A_RULE_NO_1=no", "policy.replies", "map[A rule/No.1:no]"},
		{"HELOGATE_POLICY__FOOTER={id} is your number", "policy.footer", "{id} is your number"},
		{`HELOGATE_POLICY__FOOTER="{id}"`, "policy.footer", "{id}"},
		{"HELOGATE_RULE__0__WHEN=client == ip(\"192.0.2.1\") && true", "rule.when", `client == ip("192.0.2.1") && true`},
		{"HELOGATE_RULE__0__WHEN=[1].exists(x, true)", "rule.when", "[1].exists(x, true)"},
		{"HELOGATE_RULE__0__WHEN=true", "rule.when", "true"},
		{"HELOGATE_RULE__0__THEN=would score 2", "rule.then", "would score 2"},
		{"HELOGATE_HEADERS__X_HELO=true", "headers.x_helo", "true"},
		{"HELOGATE_CONTROL__WATCH=true", "control.watch", "true"},
		{"HELOGATE_CONTROL__SOCKET=none", "control.socket", "none"},
		{"HELOGATE_FORWARDER__0__ADDRESS=192.0.2.1", "forwarder.address", "[192.0.2.1/32]"},
		{"HELOGATE_TRUST__FILE=/var/lib/t", "trust.file", "/var/lib/t"},
		{"HELOGATE_CONFIG=/etc/helogate.toml", "mode", "shadow"},
		{"HELOGATE_PORT=tcp://10.0.0.1:25", "mode", "shadow"},
		{"HELOGATE_SERVICE_HOST=10.0.0.1", "mode", "shadow"},
		{"HELOGATE_PORT_10040_TCP_ADDR=10.0.0.1", "mode", "shadow"},
		{"HELOGATES=x", "mode", "shadow"},
		{"HELOGATE_MODE", "mode", "shadow"}, // no variable at all
	} {
		got := parse(t, file, "PATH=/bin", c.env)
		if s := show(t, got, c.key); s != c.want {
			t.Errorf("%s: %s is %s, want %s", c.env, c.key, s, c.want)
		}
		roundTrip(t, got)
	}
}

// TestEnvironmentListener: a listener can be put together of variables alone, in whatever order they come.
func TestEnvironmentListener(t *testing.T) {
	c := parse(t, "", "HELOGATE_LISTEN__0__PROTOCOL=postfix", "HELOGATE_LISTEN__0__PERMISSIONS=0600", "HELOGATE_LISTEN__0__ADDRESS=/run/h.sock")
	if len(c.Listen) != 1 || c.Listen[0].Permissions != 0o600 || c.Listen[0].Address.Address != "/run/h.sock" {
		t.Errorf("%v", c.Listen)
	}
}

func TestEnvironmentBad(t *testing.T) {
	var all strings.Builder
	for _, env := range []string{
		"HELOGATE_MODE=Enforce",
		"HELOGATE_MODE=",
		`HELOGATE_MODE=["enforce"]`,
		`HELOGATE_MODE="enforce`,
		"HELOGATE_DNS__SERVERS=127.0.0.1,127.0.0.300, ::1",
		`HELOGATE_DNS__SERVERS=["127.0.0.1"`,
		`HELOGATE_DNS__SERVERS=["127.0.0.1", "127.0.0.300"]`,
		"HELOGATE_DNS__TIMEOUT=5",
		"HELOGATE_DNS=127.0.0.1",
		"HELOGATE_DNS={ timout = \"1s\" }",
		"HELOGATE_POLICY__GREYLIST_AT=two",
		"HELOGATE_POLICY__CHECKS__FCRDNS=rejct",
		"HELOGATE_POLICY__CHECKS__FCDRNS=reject",
		"HELOGATE_POLICY__CHECKS__FCRDNS__BROKEN=reject",
		"HELOGATE_EXEMPT__0__UNTIL=tomorrow",
		"HELOGATE_EXEMPT__3__NAME=a.example",
		"HELOGATE_EXEMPT__X__NAME=a.example",
		"HELOGATE_LISTEN__0__ADDRESS=127.0.0.1:10041",
		"HELOGATE_DNS_SERVERS=secret",
		"HELOGATE_DNS__SERVER=secret",
		"HELOGATE_MOD=secret",
		"HELOGATE_mode=secret",
		"HELOGATE_MODE__X=secret",
		"HELOGATE_NEW__THING=secret",
		"HELOGATE_NEW__\x1b[2J=secret",
		"HELOGATE_POLICY__PRESET=\x1b[2Jstrict\nmode = 1",
		"HELOGATE_POLICY__PRESET=\"strict\"\nHELOGATE_X=1",
		"HELOGATE_EXEMPT__0__COMMENT=M\xfcller",
		"HELOGATE_POLICY={ preset = \"a\", preset = \"b\" }",
		"HELOGATE_POLICY__FOR__1__RECIPIENT=a@example.net",
		"HELOGATE_POLICY__FOR__0__PRESET=strict",
		"HELOGATE_POLICY__FOR__0__RECIPENT=secret",
		"HELOGATE_POLICY__FOR__RECIPIENT=secret",
		"HELOGATE_POLICY__FOR=a@example.net",
		"HELOGATE_LISTEN__0__CHECKS__FCRDNS=reject",
		"HELOGATE_LISTEN__0__CHECKS__FCDRNS=secret",
		"HELOGATE_LISTEN__0__MODE=0660",
		"HELOGATE_LISTS=/etc/relays",
		"HELOGATE_LISTS__A=relays",
		"HELOGATE_LISTS__A__B=secret",
		"HELOGATE_POLICY__REPLIES__FCDRNS=secret",
		"HELOGATE_POLICY__REPLIES__FCRDNS=you are {cilent}",
		"HELOGATE_POLICY__FOOTER=a{b",
		"HELOGATE_HEADERS__X_HELO=yes",
		"HELOGATE_HEADERS__X_HELO=1",
		"HELOGATE_CONTROL={ socket = \"none\", permissions = \"0600\" }",
		"HELOGATE_RULE=[{ name = \"a\", when = \"x\", then = \"note\" }, { name = \"a\", when = \"x\", then = \"note\" }]",
	} {
		_, err := Parse("helogate.toml", nil, options(env))
		if err == nil {
			t.Errorf("%s is taken", env)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("what is not ours is shown: %v", err)
		}
		all.WriteString(err.Error() + "\n")
	}
	checkPrintable(t, all.String())
	golden(t, "testdata/environment.err", all.String())
}

// TestEnvironmentOrder: the whole before its parts, whatever the order of the variables.
func TestEnvironmentOrder(t *testing.T) {
	a, b := `HELOGATE_DNS={ timeout = "1s", budget = "4s" }`, "HELOGATE_DNS__TIMEOUT=3s"
	for range 20 { // a map has no order
		for _, env := range [][]string{{a, b}, {b, a}} {
			if c := parse(t, "", env...); c.DNS.Timeout != 3*time.Second || c.DNS.Budget != 4*time.Second {
				t.Fatalf("%v: %v", env, c.DNS)
			}
		}
	}
}

// TestEnvironmentAfterFile: the file's mistakes come first, and those of a value that a variable replaced do not count.
func TestEnvironmentAfterFile(t *testing.T) {
	_, err := Parse("helogate.toml", []byte("mode = \"x\"\n[log]\nlevel = \"y\"\n"), options("HELOGATE_MODE=enforce", "HELOGATE_DNS__BUDGET=1"))
	want := `helogate.toml:3:9: log.level: "y" is not a log level: use one of debug, info, warn, error
  3 | level = "y"
    |         ^~~
HELOGATE_DNS__BUDGET: dns.budget: "1" has no unit; did you mean "1s"?
  HELOGATE_DNS__BUDGET=1
                       ^`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// TestEnvironmentUnclear: of two names that a variable cannot tell apart, none is taken.
func TestEnvironmentUnclear(t *testing.T) {
	const file = "[lists]\na-b = \"/1\"\na_b = \"/2\"\n"
	_, err := Parse("helogate.toml", []byte(file), options("HELOGATE_LISTS__A_B=/3"))
	want := `HELOGATE_LISTS__A_B: lists: this may be a-b or a_b: set the whole table in a variable
  HELOGATE_LISTS__A_B=/3
  ^~~~~~~~~~~~~~~~~~~`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if _, err := Parse("helogate.toml", []byte("lists = [\"a\"]\n"), options("HELOGATE_LISTS__A=/3")); err == nil {
		t.Error("a list that is no table was taken")
	}
}

// TestRuleTwiceInEnvironment names the variable, where a rule of the file has a name that is there.
func TestRuleTwiceInEnvironment(t *testing.T) {
	const rule = `name = "a", when = "x", then = "note" }`
	_, err := Parse("helogate.toml", nil, options("HELOGATE_RULE__0={ "+rule, "HELOGATE_RULE__1={ "+rule))
	if err == nil || !strings.Contains(err.Error(), "the rule at HELOGATE_RULE__0 has the same name: ") {
		t.Error(err)
	}
}
