package config

import (
	"fmt"
	"github.com/helogate/helogate/internal/suggest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestSettings sets each setting there is to what is not its default, and looks at the field.
func TestSettings(t *testing.T) {
	seen := map[string]bool{}
	check := func(key, value, want string) {
		t.Helper()
		seen[key] = true
		c := parse(t, document(key, value))
		if got := show(t, c, key); got != want {
			t.Errorf("%s = %s is %s, want %s", key, value, got, want)
		}
		roundTrip(t, c)
	}
	for _, c := range []struct {
		key, value string
		want       string // of the Go value, by %v
	}{
		{"mode", `"enforce"`, "enforce"},
		{"own.names", `["example.net", "Mail.Example.ORG."]`, "[example.net mail.example.org]"},
		{"own.addresses", `["192.0.2.25", "2001:DB8::25", "::ffff:192.0.2.26"]`, "[192.0.2.25 2001:db8::25 192.0.2.26]"},
		{"own.networks", `["192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "2001:db8::1"]`, "[192.0.2.0/24 192.0.2.7/32 2001:db8::/32 2001:db8::1/128]"},
		{"own.networks", `["::ffff:192.0.2.0/120"]`, "[192.0.2.0/24]"},
		{"policy.preset", `"strict"`, "strict"},
		{"policy.reject_at_stage", `"helo"`, "helo"},
		{"policy.greylist_at", `0`, "0"},
		{"policy.greylist_at", `3`, "3"},
		{"policy.reject_at", `0x0a`, "10"},
		{"policy.reject_at", `1_000`, "1000"},
		{"policy.url", `"https://example.net/why/{id}?x=%20"`, "https://example.net/why/{id}?x=%20"},
		{"policy.bad_helo", `["ylmf-pc", ".example.invalid", '/^dsl\d+/', "!x"]`, `[ylmf-pc .example.invalid /^dsl\d+/ !x]`},
		{"policy.bad_helo_files", `["/etc/qmail/control/badhelo"]`, "[/etc/qmail/control/badhelo]"},
		{"policy.impersonated", `["mybank.example"]`, "[mybank.example]"},
		{"policy.checks", `{ fcrdns = "would reject" }`, "map[fcrdns:map[fail:would reject]]"},
		{"policy.checks", `{ spf-from = { fail = "reject", softfail = "score 1" } }`, "map[spf-from:map[softfail:score 1 fail:reject]]"},
		{"policy.replies", `{ fcrdns = "{client} is {why}; {fix}: {id}", "a rule" = "no, {helo}!" }`, "map[a rule:no, {helo}! fcrdns:{client} is {why}; {fix}: {id}]"},
		{"policy.replies", `{ score = "{sender}{recipient}", greylist = "later, {check}" }`, "map[greylist:later, {check} score:{sender}{recipient}]"},
		{"policy.footer", `"Call +1 555 0100, say {id}"`, "Call +1 555 0100, say {id}"},
		{"policy.footer", `""`, ""},
		{"policy.for.recipient", `"John@Example.net"`, "[John@example.net]"},
		{"policy.for.recipient", `["a@example.net", "example.com", ".example.org"]`, "[a@example.net example.com .example.org]"},
		{"policy.for.preset", `"hardline"`, "hardline"},
		{"policy.for.mode", `"enforce"`, "enforce"},
		{"policy.for.checks", `{ bad-helo = "drop" }`, "map[bad-helo:map[fail:drop]]"},
		{"lists", `{ relays = "/etc/helogate/relays", Bad_2-x = "/x" }`, "map[Bad_2-x:/x relays:/etc/helogate/relays]"},
		{"rule.name", `"Jane's rule: no.1 (of 2)"`, "Jane's rule: no.1 (of 2)"},
		{"rule.when", `'helo.text == "x" && !("y" in helo.text)'`, `helo.text == "x" && !("y" in helo.text)`},
		{"rule.when", "\"\"\"\n  a &&\n  b\n\"\"\"", "  a &&\n  b\n"},
		{"rule.then", `"would score 3"`, "would score 3"},
		{"rule.then", `"score -1"`, "score -1"},
		{"rule.note", `"say {} or {x} to me"`, "say {} or {x} to me"},
		{"forwarder.address", `["198.51.100.0/24", "192.0.2.1"]`, "[198.51.100.0/24 192.0.2.1/32]"},
		{"forwarder.name", `"Lists.example.org"`, "[lists.example.org]"},
		{"forwarder.origin", `true`, "true"},
		{"forwarder.origin", `false`, "false"},
		{"forwarder.comment", `"why"`, "why"},
		{"forwarder.until", `2027-06-30`, "2027-07-01 00:00:00 +0100 CET"},
		{"headers.authentication_results", `true`, "true"},
		{"headers.x_helogate", `true`, "true"},
		{"headers.x_helo", `true`, "true"},
		{"headers.x_helo_check", `true`, "true"},
		{"headers.name", `"MX.example.net"`, "mx.example.net"},
		{"trust.file", `"/var/lib/helogate/trust"`, "/var/lib/helogate/trust"},
		{"control.socket", `"unix:/run/h/control.sock"`, "/run/h/control.sock"},
		{"control.socket", `"none"`, "none"},
		{"control.permissions", `"0660"`, "-rw-rw----"},
		{"control.watch", `true`, "true"},
		{"exempt.address", `"198.51.100.0/24"`, "[198.51.100.0/24]"},
		{"exempt.address", `["198.51.100.0/24", "192.0.2.1"]`, "[198.51.100.0/24 192.0.2.1/32]"},
		{"exempt.name", `"MX.example.org"`, "[mx.example.org]"},
		{"exempt.name", `[".example.org", "_a.example", "localhost"]`, "[.example.org _a.example localhost]"},
		{"exempt.helo", `["[192.0.2.1]", "My Server", ".Example.org"]`, "[[192.0.2.1] my server .example.org]"},
		{"exempt.sender", `["John+x@Example.org", "example.org", ".example.org"]`, "[John+x@example.org example.org .example.org]"},
		{"exempt.recipient", `"abuse@example.net"`, "[abuse@example.net]"},
		{"exempt.comment", `"Müller's, DNS \"broken\""`, `Müller's, DNS "broken"`},
		{"exempt.until", `2027-06-30`, "2027-07-01 00:00:00 +0100 CET"},
		{"exempt.until", `2027-12-31`, "2028-01-01 00:00:00 +0100 CET"},
		{"exempt.until", `2027-06-30T18:00:00`, "2027-06-30 18:00:00 +0100 CET"},
		{"exempt.until", `2027-06-30 18:00:00`, "2027-06-30 18:00:00 +0100 CET"},
		{"exempt.until", `2027-06-30T18:00:00Z`, "2027-06-30 19:00:00 +0100 CET"},
		{"exempt.until", `2027-06-30t18:00:00.5-02:00`, "2027-06-30 21:00:00.5 +0100 CET"},
		{"listen.protocol", `"milter"`, "milter"},
		{"listen.address", `"[2001:db8::1]:10040"`, "[2001:db8::1]:10040"},
		{"listen.address", `"0.0.0.0:0"`, "0.0.0.0:0"},
		{"listen.address", `"/run/helogate/policy.sock"`, "unix:/run/helogate/policy.sock"},
		{"listen.address", `"unix:/run//helogate/policy.sock"`, "unix:/run/helogate/policy.sock"},
		{"listen.permissions", `"0600"`, "-rw-------"},
		{"listen.permissions", `"666"`, "-rw-rw-rw-"},
		{"listen.preset", `"strict"`, "strict"},
		{"listen.mode", `"enforce"`, "enforce"},
		{"listen.checks", `{ fcrdns = "reject", spf-from = { softfail = "note" } }`, "map[fcrdns:map[fail:reject] spf-from:map[softfail:note]]"},
		{"listen.nginx.backend", `"127.0.0.1:2526"`, "127.0.0.1:2526"},
		{"listen.nginx.backend", `"[::1]:25"`, "[::1]:25"},
		{"listen.http.token_file", `"/etc/helogate/token"`, "/etc/helogate/token"},
		{"dns.servers", `["127.0.0.1", "127.0.0.1:5353", "::1", "[::1]", "[2001:db8::1]:53", "fe80::1%eth0", "::ffff:192.0.2.1"]`, "[127.0.0.1:53 127.0.0.1:5353 [::1]:53 [::1]:53 [2001:db8::1]:53 [fe80::1%eth0]:53 192.0.2.1:53]"},
		{"dns.trusted", `["192.0.2.53"]`, "[192.0.2.53]"},
		{"dns.timeout", `"500ms"`, "500ms"},
		{"dns.budget", `"1m30s"`, "1m30s"},
		{"dns.cache_size", `"1GiB"`, "1GiB"},
		{"dns.cache_size", `"100 mb"`, "100MB"},
		{"dns.cache_size", `2097153`, "2097153"},
		{"dns.max_ttl", `"1d12h"`, "36h0m0s"},
		{"dns.failure_ttl", `"1m"`, "1m0s"},
		{"dns.failure_grace", `"12h"`, "12h0m0s"},
		{"policy.order", `["spf", "fcrdns", "rules"]`, "[spf fcrdns rules]"},
		{"blocklists.test_every", `"1h"`, "1h0m0s"},
		{"blocklists.timeout", `"1s"`, "1s"},
		{"blocklists.breaker_window", `"5m"`, "5m0s"},
		{"blocklists.breaker_answers", `50`, "50"},
		{"blocklists.breaker_rise", `30`, "30"},
		{"blocklists.breaker_share", `99`, "99"},
		{"greylist.delay", `"1m"`, "1m0s"},
		{"greylist.window", `"2d"`, "48h0m0s"},
		{"greylist.pass", `"60d"`, "1440h0m0s"},
		{"greylist.auto_pass", `0`, "0"},
		{"greylist.sender", `"domain"`, "domain"},
		{"greylist.recipient", `"nothing"`, "nothing"},
		{"callout.domains", `["*", "Example.org", ".example.org"]`, "[* example.org .example.org]"},
		{"callout.helo", `"MX.example.net"`, "mx.example.net"},
		{"callout.timeout", `"10s"`, "10s"},
		{"callout.per_mx", `1`, "1"},
		{"callout.per_domain_hour", `20`, "20"},
		{"callout.concurrent", `5`, "5"},
		{"callout.per_minute", `30`, "30"},
		{"hammering.tries", `10`, "10"},
		{"hammering.within", `"5m"`, "5m0s"},
		{"state.store", `"memory"`, "memory"},
		{"state.file", `"/var/lib/helogate/state.db"`, "/var/lib/helogate/state.db"},
		{"state.timeout", `"1s"`, "1s"},
		{"state.commit_interval", `"100ms"`, "100ms"},
		{"state.redis.servers", `["redis.example.net:6379"]`, "[redis.example.net:6379]"},
		{"state.redis.cluster", `true`, "true"},
		{"state.redis.master", `"mymaster"`, "mymaster"},
		{"state.redis.username", `"helogate"`, "helogate"},
		{"state.redis.password_file", `"/etc/helogate/redis"`, "/etc/helogate/redis"},
		{"state.redis.database", `3`, "3"},
		{"state.redis.tls", `true`, "true"},
		{"state.redis.prefix", `"mx:"`, "mx:"},
		{"greylist.exempt.address", `"198.51.100.0/24"`, "[198.51.100.0/24]"},
		{"greylist.exempt.name", `".example.org"`, "[.example.org]"},
		{"greylist.exempt.helo", `"mx.example.org"`, "[mx.example.org]"},
		{"greylist.exempt.sender", `"example.org"`, "[example.org]"},
		{"greylist.exempt.recipient", `"a@example.net"`, "[a@example.net]"},
		{"greylist.exempt.comment", `"why"`, "why"},
		{"greylist.exempt.until", `2027-06-30`, "2027-07-01 00:00:00 +0100 CET"},
		{"log.format", `"json"`, "json"},
		{"log.level", `"debug"`, "DEBUG"},
	} {
		check(c.key, c.value, c.want)
	}
	for _, family := range []string{"dnsbl", "rhsbl", "dnswl"} {
		for _, c := range []struct{ key, value, want string }{
			{"zone", `"BL.example."`, "bl.example"},
			{"name", `"bl-1"`, "bl-1"},
			{"codes", `"127.0.0.2"`, "[127.0.0.2]"},
			{"codes", `["127.0.0.2-127.0.0.11", "&0.0.0.8"]`, "[127.0.0.2-127.0.0.11 &0.0.0.8]"},
			{"ask", `["client", "ptr"]`, "[client ptr]"},
			{"then", `"would note"`, "would note"},
			{"test", `false`, "false"},
		} {
			check(family+"."+c.key, c.value, c.want)
		}
	}
	for _, key := range allKeys() {
		if !seen[key] {
			t.Errorf("%s is not covered by this test", key)
		}
	}
}

// with is what must be in a table of a list beside the setting that is looked at.
var with = map[string][][2]string{
	"exempt":          {{"address", `"192.0.2.1"`}},
	"forwarder":       {{"address", `"192.0.2.1"`}},
	"policy.for":      {{"recipient", `"a@example.net"`}},
	"rule":            {{"name", `"a rule"`}, {"when", `"true"`}, {"then", `"note"`}},
	"dnsbl":           {{"zone", `"bl.example"`}, {"codes", `"127.0.0.3"`}},
	"rhsbl":           {{"zone", `"bl.example"`}, {"codes", `"127.0.0.3"`}},
	"dnswl":           {{"zone", `"bl.example"`}, {"codes", `"127.0.0.3"`}},
	"greylist.exempt": {{"address", `"192.0.2.1"`}},
	"listen":          {{"protocol", `"postfix"`}, {"address", `"unix:/run/h.sock"`}},
}

// document is a file that sets one key, and what must be there with it.
func document(key, value string) string {
	section, name := "", key
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		section, name = key[:i], key[i+1:]
	}
	line := name + " = " + value
	if section == "" {
		return line
	}
	text := brackets(section, with[section] != nil) + "\n"
	for _, other := range with[section] {
		if other[0] != name && !(strings.HasSuffix("."+key, ".exempt."+name) && !slices.Contains([]string{"comment", "until"}, name)) {
			text += other[0] + " = " + other[1] + "\n"
		}
	}
	if strings.HasPrefix(key, "state.redis.") {
		text = "state.store = \"redis\"\n" + text
		if name != "servers" {
			text += "servers = [\"192.0.2.1:6379\"]\n"
		}
	}
	if protocol, ok := strings.CutPrefix(section, "listen."); ok {
		text = "[[listen]]\nprotocol = " + strconv.Quote(protocol) + "\naddress = \"unix:/run/h.sock\"\n" + text
	}
	if key == "policy.replies" {
		line += "\n[[rule]]\nname = \"a rule\"\nwhen = \"true\"\nthen = \"note\"\n"
	}
	return text + line
}

func show(t *testing.T, c *Config, key string) string {
	t.Helper()
	v := reflect.ValueOf(c).Elem()
	for _, name := range strings.Split(key, ".") {
		if v.Kind() == reflect.Slice {
			v = v.Index(0)
		}
		for _, f := range fieldsOf(v.Type()) {
			if f.name == name {
				v = v.Field(f.index)
				break
			}
		}
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return fmt.Sprint(v.Interface())
}

// allKeys returns every setting there is: "policy.for.recipient".
func allKeys() []string {
	var keys []string
	for _, s := range sections() {
		for _, f := range s.fields {
			if f.leaf != nil {
				keys = append(keys, strings.TrimPrefix(s.path+"."+f.name, "."))
			}
		}
	}
	return keys
}

// TestBounds: the bounds themselves are taken, and what is beyond is not.
func TestBounds(t *testing.T) {
	for _, c := range []struct{ key, least, less, most, more string }{
		{"dns.timeout", `"10ms"`, `"9ms"`, `"1m"`, `"61s"`},
		{"dns.budget", `"2s"`, `"99ms"`, `"5m"`, `"301s"`},
		{"dns.max_ttl", `"1s"`, `"999ms"`, `"30d"`, `"30d1s"`},
		{"dns.failure_ttl", `"1s"`, `"0.9s"`, `"60m"`, `"3601s"`},
		{"dns.cache_size", `"1MiB"`, `"1023KiB"`, `"1TiB"`, `1099511627777`},
		{"policy.greylist_at", `0`, `-1`, `1000`, `1001`},
		{"policy.reject_at", `0`, `-1`, `1000`, `1001`},
	} {
		with := document(c.key, "%s")
		if c.key == "dns.timeout" {
			with += "\nbudget = \"5m\""
		}
		for _, value := range []string{c.least, c.most} {
			parse(t, fmt.Sprintf(with, value))
		}
		for _, value := range []string{c.less, c.more} {
			_, err := Parse("helogate.toml", fmt.Appendf(nil, with, value), options())
			if err == nil || !strings.Contains(err.Error(), "out of bounds: ") {
				t.Errorf("%s = %s: %v", c.key, value, err)
			}
		}
	}
}

func TestDefaults(t *testing.T) {
	c := parse(t, "[[listen]]\nprotocol = \"postfix\"\naddress = \"/run/h.sock\"")
	if c.Listen[0].Permissions != 0o660 {
		t.Errorf("the permissions of a socket are %o", c.Listen[0].Permissions)
	}
	if c.Policy.GreylistAt != nil || c.Policy.RejectAt != nil {
		t.Error("a threshold that nobody set")
	}
	if c := parse(t, ""); len(c.Listen) != 1 || c.Listen[0].Address != (Endpoint{"tcp", "127.0.0.1:10040"}) || c.Listen[0].Protocol != "postfix" {
		t.Errorf("the default listeners are %v", c.Listen)
	}
}

// TestListenersSideBySide: what may listen at the same time.
func TestListenersSideBySide(t *testing.T) {
	for _, c := range []struct {
		a, b  string
		taken bool
	}{
		{"127.0.0.1:10040", "127.0.0.1:10041", false},
		{"127.0.0.1:10040", "[::1]:10040", false},
		{"127.0.0.1:0", "127.0.0.1:0", false},
		{"127.0.0.1:10040", "127.0.0.1:10040", true},
		{"127.0.0.1:10040", "[::ffff:127.0.0.1]:10040", true},
		{"127.0.0.1:10040", "[::]:10040", true},
		{"[::1]:10040", "0.0.0.0:10040", true},
		{"0.0.0.0:0", "127.0.0.1:0", false},
		{"/run/a.sock", "unix:/run/a.sock", true},
		{"/run/a.sock", "unix:/run/b.sock", false},
	} {
		text := fmt.Sprintf("[[listen]]\nprotocol = \"postfix\"\naddress = %q\n[[listen]]\nprotocol = \"exim\"\naddress = %q\n", c.a, c.b)
		_, err := Parse("helogate.toml", []byte(text), options())
		if taken := err != nil; taken != c.taken {
			t.Errorf("%s and %s: %v", c.a, c.b, err)
		}
	}
}

// TestText: what is marshalled is unmarshalled to the same.
func TestText(t *testing.T) {
	for _, s := range []string{"64MiB", "1TiB", "1TB", "3kB", "1025", "0"} {
		var z Size
		if err := z.UnmarshalText([]byte(s)); err != nil {
			t.Error(err)
		} else if b, _ := z.MarshalText(); string(b) != s {
			t.Errorf("%s is shown as %s", s, b)
		}
	}
	for _, s := range []string{"127.0.0.1:1", "[::1]:25", "unix:/a/b"} {
		var e Endpoint
		if err := e.UnmarshalText([]byte(s)); err != nil {
			t.Error(err)
		} else if b, _ := e.MarshalText(); string(b) != s {
			t.Errorf("%s is shown as %s", s, b)
		}
	}
	for _, s := range []string{"5s", "24h", "1h30m", "10m", "1.5s", "24h0m5s", "100ms"} {
		if d, err := ParseDuration(s); err != nil || durationText(d) != s {
			t.Errorf("%s is %s, %v", s, durationText(d), err)
		}
	}
}

func TestClosest(t *testing.T) {
	words := []string{"preset", "reject_at", "reject_at_stage", "url", "fcrdns", "spf-from", "spf-helo"}
	for _, c := range []struct{ word, want string }{
		{"prest", "preset"}, {"rpeset", "preset"}, {"PRESET", "preset"}, {"reject-at", "reject_at"}, {"spf_from", "spf-from"},
		{"presets", "preset"}, {"uri", "url"}, {"x", ""}, {"", ""}, {"something", ""}, {strings.Repeat("preset", 20), ""},
	} {
		if got := suggest.Closest(c.word, words); got != c.want {
			t.Errorf("%q: %q, want %q", c.word, got, c.want)
		}
	}
}
