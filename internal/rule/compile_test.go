package rule

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/helogate/helogate"
)

var update = flag.Bool("update", false, "write testdata/errors.golden anew")

// wrong are expressions that do not compile. The golden file has the errors of each.
var wrong = []string{
	// Names.
	`cleint == ip("192.0.2.1")`,
	`helo.txt == "x"`,
	`helo.text == "x" && sendr == "" && client == "192.0.2.1"`,
	`ptr.name == "x"`,
	`ptr == "x"`,
	`own.adresses == []`,
	`server == ip("192.0.2.1")`,
	`checks == "fail"`,
	`santronics == helo.text`,
	`suspicion >= 3`,
	`int == string`,
	`helo.under`,
	`helo.under == "x"`,
	`helo.text.contain("x")`,
	`contans(helo.text, "x")`,
	`helo.text.lower() == "x"`,
	`has(helo.text)`,
	`all(ptr.names, true)`,
	`timestamp("2026-01-01T00:00:00Z") < client`,
	`dyn(client) == 1`,
	`google.protobuf.Value{} == 1`,
	`ptr.names.exists(client, client == "x")`,
	`ptr.names.exists(checks, checks["fcrdns"] == "x")`,

	// Words.
	`checks["fcdns"] == "fail"`,
	`checks.helo-fqdn == "fail"`,
	`checks[helo.text] == "fail"`,
	`checks["fcrdns"] == "failed"`,
	`"temperr" != checks["fcrdns"]`,
	`checks["fcrdns"] in ["fail", "sofftail"]`,
	`helo.kind == "adress"`,
	`ptr.status == "servfail"`,
	`stage == "RCPT"`,
	`helo.verb == "ehlo"`,

	// Arguments that must be constant, and right.
	`client in list("relay")`,
	`client in list(helo.text)`,
	`helo.matches("(")`,
	`helo.matches(helo.text)`,
	`helo.text.matches("a" + helo.name)`,
	`helo.text.matches("(x{30}){30}")`,
	`matches(helo.text, "x")`,
	`client == ip("192.0.2.300")`,
	`client == ip("192.0.2.0/24")`,
	`client in cidr("192.0.2.0")`,
	`client == ip("::ffff:192.0.2.1")`,
	`helo.under(".example.org")`,
	`helo.under("*.example.org")`,
	`helo.under("not a name")`,

	// Types.
	`client == "192.0.2.1"`,
	`client != "192.0.2.1"`,
	`"192.0.2.1" == client`,
	`client == "192.0.2.0/24"`,
	`client == "mx.example.org"`,
	`client in "192.0.2.0/24"`,
	`client in ["192.0.2.1"]`,
	`client in [cidr("192.0.2.0/24"), "192.0.2.1"]`,
	`client == cidr("192.0.2.0/24")`,
	`client != list("relays")`,
	`list("relays") == helo.name`,
	`helo == "x"`,
	`helo.contains("x")`,
	`helo.matches(1)`,
	`"x" in helo.text`,
	`ptr.names == "x"`,
	`ptr.names.contains("x")`,
	`ptr.names.under("x")`,
	`helo.text + 1 == "x"`,
	`size(client) > 1`,
	`server.port > "25"`,
	`-helo.text == "x"`,
	`helo.text && client == ip("192.0.2.1")`,
	`!helo.text`,
	`[1, "a"].size() == 2`,
	`true ? 1 : "a"`,
	`client[0] == 1`,
	`helo.text.exists(x, x == "a")`,
	`"a".b == "c"`,
	`client`,
	`helo`,
	`helo.text`,
	`ptr.names`,
	`server.port`,
	`list("relays")`,
	`checks["fcrdns"]`,
	`1.5`,
	`score`,
	`score + 1 > 3`,
	`score > server.port`,
	`score in [1, 2]`,

	// Values that are the same for every client.
	`false`,
	`1 == 1`,
	`helo.text == "x" || true`,
	`helo.text == "x" && ip("192.0.2.1") == ip("192.0.2.2")`,
	`!(client in [cidr("192.0.2.0/24")] && false)`,
	`1 / 0 == server.port`,
	`9223372036854775807 + 1 > server.port`,

	// Not CEL.
	``,
	` `,
	`// nothing`,
	`client = ip("192.0.2.1")`,
	`helo.text == "x" and not sender == "" or stage == "rcpt"`,
	`suspicion >= 3`,
	`helo.text == "x" & sender == ""`,
	`helo.text == "x`,
	`helo.text == "x\.y"`,
	`(helo.text == "x"`,
	`helo.text == "x")`,
	`helo.text == ["x")`,
	`helo.text == `,
	`== "x"`,
	`helo.text "x"`,
	`helo.text == "x"; true`,
	`helo.text == "x" # comment`,
	`1 2 3`,
	`helo..text`,
	`helo.text == "é" && cleint == "ü"`,
	"helo.text == \"é\" &&\n  cleint ==\n  ip(\"192.0.2.1\")",

	// Rules that cost too much, or whose cost has no limit.
	`"%s %s".format([helo.text, sender]) == "a b"`,
	`[helo.text].map(a, "%s%s%s%s%s%s%s%s%s%s".format([a, a, a, a, a, a, a, a, a, a])).exists(z, z.size() == 3)`,
	`strings.quote(helo.text) == "a"`,
	`{"a": helo.text}.size() == 3`,
	`[helo.text.split("")].exists(a, [sender.split("")].exists(b, [1,2,3,4,5,6,7,8,9].all(c, a == b)))`,
	`helo.text in sender.split("")`,
	`[helo.text` + strings.Repeat(`, "a"`, 40) + `].size() == 3`,
	`[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, helo.text.indexOf("") == a)))`,
	`[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, int(helo.text) == a))))`,
	`[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, "x".under(helo.text))))`,
	`helo.text.replace("a", helo.text).contains("x")`,
	`helo.text.split("").all(a, helo.text.contains(a))`,
	`ptr.names.all(a, ptr.names.all(b, ptr.names.all(c, ptr.names.all(d, ptr.names.all(e, a + b + c + d + e != "")))))`,
	`[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, [1,2,3,4,5,6,7,8,9].all(e, [1,2,3,4,5,6,7,8,9].all(f, a+b+c+d+e+f > server.port))))))`,
	`helo.matches("([a-z]{30}[.]){30}")`,
	`score > 3 && score < 9 && score != 5 && score != 6 && helo.text.lowerAscii().contains("a") && sender.lowerAscii().contains("b")`,
}

// render writes an expression with each error below the place where it is.
func render(when string, err error) string {
	var b strings.Builder
	for _, e := range err.(Errors) {
		at := 0
		for line := range strings.Lines(when + "\n") {
			fmt.Fprintf(&b, "    %s\n", strings.TrimSuffix(line, "\n"))
			if from := e.Offset - at; from >= 0 && from < len(line) || line == "\n" && from == 0 {
				carets := min(len(line)-1, from+e.Length)
				fmt.Fprintf(&b, "    %s%s\n", strings.Repeat(" ", utf8.RuneCountInString(line[:from])),
					strings.Repeat("^", max(1, utf8.RuneCountInString(line[from:max(from, carets)]))))
			}
			at += len(line)
		}
		fmt.Fprintf(&b, "%s\n\n", e.Msg)
	}
	return b.String()
}

func TestCompileErrors(t *testing.T) {
	c := compiler(t)
	var b strings.Builder
	for _, when := range wrong {
		r, err := c.Compile("r", when, "", helogate.Effect{Action: helogate.Reject})
		if err == nil {
			t.Errorf("%s is compiled, and costs %d", when, r.Cost)
			continue
		}
		b.WriteString(render(when, err))
	}
	const file = "testdata/errors.golden"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("%s has other messages; see the difference after go test -update", file)
	}
}

// A long or deeply nested expression is refused before it is parsed.
func TestSize(t *testing.T) {
	c := compiler(t)
	for _, tt := range []struct{ when, want string }{
		{`helo.text == "` + strings.Repeat("a", MaxSize) + `"`, "put names and addresses into a list file"},
		{strings.Repeat("(", 2000) + "true" + strings.Repeat(")", 2000), "nest more than 50 deep"},
		{strings.Repeat("[", 60) + strings.Repeat("]", 60) + " == []", "nest more than 50 deep"},
		{strings.Repeat("!", 4000) + "own.client", ""},
		{strings.Repeat("-", 4000) + "1 == server.port", ""},
		{"own.client" + strings.Repeat(" ? own.client : own.client", 150), ""},
		{"own.client" + strings.Repeat(" && own.client", 290), ""},
		{"server.port" + strings.Repeat("+1", 1900) + " > 0", ""},
		{"\xff", "not valid UTF-8"},
	} {
		_, err := c.Compile("r", tt.when, "", helogate.Effect{Action: helogate.Reject})
		if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%.30s...: %v, want %s", tt.when, err, tt.want)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, when := range wrong {
		f.Add(when, "mx.example.org", "a@example.org")
	}
	for _, tt := range outcomeTests {
		f.Add(tt.when, "mx.example.org\xff", "\x00@\xfe")
	}
	c, z := compiler(f), helogate.MustZone(zoneText)
	f.Fuzz(func(t *testing.T, when, helo, sender string) {
		r, err := c.Compile("r", when, "", helogate.Effect{Action: helogate.Reject})
		if err != nil {
			for _, e := range err.(Errors) {
				if e.Offset < 0 || e.Length < 0 || e.Offset+e.Length > len(when) || e.Msg == "" {
					t.Fatalf("%q: an error at %d, %d octets: %q", when, e.Offset, e.Length, e.Msg)
				}
			}
			return
		}
		fact := facts("192.0.2.4 - - postmaster@example.net")
		fact.Helo, fact.Sender = helo, sender
		found, v := judge(t, r, fact, z)
		if strings.Contains(found.Why, "internal error") || strings.Contains(found.Why, "no such overload") {
			t.Errorf("%q: %s", when, found)
		}
		for i := range len(found.Why) {
			if c := found.Why[i]; c < ' ' || c > '~' {
				t.Fatalf("%q is not printable", found.Why)
			}
		}
		if found.Outcome == helogate.TempError && v.By == "r" && v.Action != helogate.Defer {
			t.Errorf("%q: %s after a failure", when, v.Action)
		}
	})
}
