package rule

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"cel.dev/cel-go/common/ast"
	"github.com/helogate/helogate"
	"pgregory.net/rapid"
)

// calls have every overload that rules can reach, applied to texts that a client chooses: %T stands for one. They are
// grouped by what they return.
var calls = map[string][]string{
	"text": {
		`%T.charAt(3)`, `%T.lowerAscii()`, `%T.upperAscii()`, `%T.reverse()`, `%T.trim()`, `%T.substring(1)`, `%T.substring(60000)`,
		`%T.substring(0, 3)`, `%T.substring(server.port, server.port + 9000)`, `%T.replace("x", "yy")`, `%T.replace("", "y")`,
		`%T.replace("x", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", 3)`, `%T.split("x").join()`, `ptr.names.join(%T)`,
		`[%T, %T].join("-")`, `[%T, sender][server.port - 25]`, `[%T, sender][server.port]`, `%T + %T`, `(%T + "é").lowerAscii()`,
		`string(%T)`, `string(client)`, `string(server.port)`, `string(own.client)`, `string(b"a" + b"x")`, `string(1.5 + 2.5)`,
		`string(2u + 3u)`, `string(cidr("2001:db8::/32").masked())`, `(own.client ? %T : sender)`,
	},
	"list": {
		`%T.split("")`, `%T.split("x", 3)`, `%T.split("x", -1)`, `[%T]`, `ptr.names`, `ptr.confirmed`, `own.names`,
		`[%T] + [%T] + ["z"]`, `ptr.names.map(n, %T)`, `ptr.names.filter(n, n != %T)`, `["a", "b", "c"].map(n, n + %T)`,
		`[sender, sender, sender, sender, sender, sender, sender, sender, sender, sender, sender, sender, sender, sender, sender, sender]`,
	},
	"number": {
		`%T.indexOf("")`, `%T.indexOf("y")`, `%T.indexOf("y", 9)`, `"".indexOf(%T)`, `"y".indexOf(%T)`, `%T.lastIndexOf("")`,
		`%T.lastIndexOf("y")`, `%T.lastIndexOf("y", 65000)`, `"".lastIndexOf(%T)`, `size(%T)`, `%T.size()`, `size(ptr.names)`,
		`ptr.names.size()`, `b"x".size()`, `size(b"x")`, `int(%T)`, `int(server.port)`, `int(1.5 * 1e3)`, `int(2u)`, `client.family()`,
		`cidr("192.0.2.0/24").prefixLength()`, `-server.port`, `1 / (server.port - 25)`, `1 % (server.port - 25)`,
		`9223372036854775807 * server.port - 3`, `[1, 2, server.port][server.port]`,
	},
	"bool": {
		`%T.contains("y")`, `%T.startsWith("y")`, `%T.endsWith("y")`, `%T.matches("y$")`, `helo.matches("y$")`, `helo.under("example.org")`,
		`helo.under(own.names)`, `%T.under("example.org")`, `%T.under(own.names)`, `"x".under(%T)`, `"x".under([%T, %T])`, `helo.under(%T)`,
		`%T in ["a", "b"]`, `%T in ptr.names`, `%T in list("relays")`, `client in list("relays")`, `client in own.networks`,
		`client in [cidr(%T), cidr("192.0.2.0/24")]`, `client in cidr("192.0.2.0/24")`, `client in own.addresses`, `server.port in [1, 2]`,
		`client in [` + strings.Repeat(`ip("192.0.2.7"), `, 90) + `ip("192.0.2.8")]`, `%T in [` + strings.Repeat(`"a", `, 400) + `"b"]`,
		`isIP(%T)`, `isCIDR(%T)`, `ip(%T) == client`, `cidr(%T) == cidr("::/0")`, `cidr(%T).ip() == client`, `ip.isCanonical(%T)`,
		`cidr("192.0.2.0/24").containsIP(%T)`, `cidr("192.0.2.0/24").containsIP(client)`, `cidr("192.0.2.0/24").containsCIDR(%T)`,
		`cidr("192.0.2.0/24").containsCIDR(cidr("192.0.2.0/25"))`, `cidr("192.0.2.0/24").isMask()`, `client.isLoopback()`,
		`client.isGlobalUnicast()`, `client.isLinkLocalUnicast()`, `client.isLinkLocalMulticast()`, `client.isUnspecified()`,
		`!own.client`, `%T < sender`, `%T <= sender`, `%T > sender`, `%T >= sender`, `%T != sender`, `[%T, sender] == [%T, sender]`,
		`1.5 / 2.5 - 1.0 < 2.0`, `-(1.5 * 3.0) <= 2.0`, `server.port < 2`, `5u / 2u % 3u - 1u > 0u`, `5u * 2u >= 1u`, `server.port <= 2`, `server.port > 2`,
		`server.port >= 2`, `true < own.client`, `true <= own.client`, `true > own.client`, `true >= own.client`, `b"a" < b"b"`,
		`b"a" <= b"b"`, `b"a" > b"b"`, `b"a" >= b"b"`, `1.0 > 2.0`, `1.0 >= 2.0`, `1u < 2u`, `1u <= 2u`,
		`%T == "a" && sender == "b" || own.client`, `%T == helo.name`, `sender.domain == recipient.domain`, `helo.org == %T`,
		`checks["fcrdns"] == "fail"`, `ptr.status == "nodata"`, `[%T.split(""), ["a"]].exists(s, s == %T.split(""))`,
	},
}

// never makes an expression of a call that is false, or fails, for every client: a loop over it runs to its end.
var never = map[string]string{
	"text": `(%s) == "~"`, "list": `(%s) == []`, "number": `(%s) == -77`, "bool": `((%s) ? 1 : 2) == 3`,
}

// loop evaluates a condition 9 times, 81 times, and so on.
func loop(deep int, when string) string {
	for i := range deep {
		when = fmt.Sprintf("[1,2,3,4,5,6,7,8,9].exists(v%d, %s)", i, when)
	}
	return when
}

// worst are HELO texts that take long to process: runs of octets that are not UTF-8, four octets a code point, octets
// that take four to print, capitals, labels.
var worst = []string{
	strings.Repeat("x", maxText), strings.Repeat("\xff.", maxText/2), strings.Repeat("\U0010ffff", maxText/4),
	strings.Repeat("\x01", maxText), strings.Repeat("X.", maxText/2),
}

// allocated is how many octets a rule allocates for a client that sends a text wherever it can. The facts that a case
// makes for itself are made before, and do not count.
func allocated(t testing.TB, r *Rule, says string) (octets uint64) {
	t.Helper()
	f := facts("192.0.2.1")
	f.Helo, f.Sender, f.Recipient, f.Auth = says, says+"@"+says, says, says
	measure := helogate.Check{Name: "measure", Cost: helogate.Lookup, Run: func(c *helogate.Case) helogate.Finding {
		r.Check.Run(c)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r.Check.Run(c)
		runtime.ReadMemStats(&after)
		octets = after.TotalAlloc - before.TotalAlloc
		return helogate.Finding{Outcome: helogate.None}
	}}
	p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: measure})
	if err != nil {
		t.Fatal(err)
	}
	p.Judge(context.Background(), f, helogate.MustZone(zoneText))
	return octets
}

// maxFacts are the octets of all texts of a client, as rules see them.
const maxFacts = 4 << 20

// bound is what a rule may allocate: octetsPerUnit for each unit of cost, and the facts, once.
func bound(r *Rule) uint64 { return octetsPerUnit*r.Cost + maxFacts }

// raceDetector makes sync.Pool, which has the memory of patterns, drop entries at random.
var raceDetector bool

func skipIfRace(t *testing.T) {
	if raceDetector {
		t.Skip("more is allocated for the race detector")
	}
}

// Whatever a rule calls, and however often, it allocates no more than its cost says.
func TestAllocationIsBound(t *testing.T) {
	skipIfRace(t)
	c := compiler(t)
	for _, returns := range slices.Sorted(maps.Keys(calls)) {
		for _, call := range calls[returns] {
			boundAtDeepest(t, c, MaxCost/4, func(deep int) string { // more takes longer, and shows no more
				return loop(deep, fmt.Sprintf(never[returns], strings.ReplaceAll(call, "%T", "helo.text")))
			})
		}
	}
}

// Large values are made once, and then used many times.
func TestAllocationOfUse(t *testing.T) {
	skipIfRace(t)
	c := compiler(t)
	for _, when := range []string{
		`[helo.text.split("")].exists(a, [sender.split("")].exists(b, %s))`,
		`[helo.text.split(".")].exists(a, [sender.split(".")].exists(b, %s))`,
		`[helo.text.split("").map(x, [x])].exists(a, [sender.split("").map(x, [x])].exists(b, %s))`,
		`[[helo.text, helo.text.lowerAscii(), helo.text + "."]].exists(a, [[sender, sender.reverse(), sender + "!"]].exists(b, %s))`,
	} {
		for _, use := range []string{`a != b`, `!(a == b)`, `[a, b] != [b, a]`, `a in [b, b]`, `(a + b).size() == -1`, `(a + b) == (b + a + a)`, `a[3] in b`} {
			boundAtDeepest(t, c, MaxCost, func(deep int) string { return fmt.Sprintf(when, loop(deep, "("+use+")")) })
		}
	}
}

// boundAtDeepest tests a rule against its bound, within as many loops as compile and cost no more than most.
func boundAtDeepest(t *testing.T, c *Compiler, most uint64, rule func(deep int) string) {
	t.Helper()
	var deepest *Rule
	for deep := range 6 {
		r, err := c.Compile("r", rule(deep), "", helogate.Effect{Action: helogate.Note})
		if err != nil && !strings.Contains(err.Error(), "may cost") && !strings.Contains(err.Error(), "never true") {
			t.Fatalf("%s: %v", rule(deep), err)
		}
		if err == nil && (deepest == nil || r.Cost < most) {
			deepest = r
		}
	}
	if deepest == nil {
		return // refused, as expected
	}
	for _, says := range worst {
		if got := allocated(t, deepest, says); got > bound(deepest) {
			t.Errorf("%s costs %d, and allocates %d KiB of %.8q...: %d octets a unit",
				deepest.Check.Doc, deepest.Cost, got>>10, says, got/deepest.Cost)
			return
		}
	}
}

// unreachable are parts of the names of overloads that no rule can call: those of maps and times, and comparisons of
// numbers of two types, which the environment does not allow.
var unreachable = []string{
	"map", "duration", "timestamp", "int64_double", "int64_uint64", "int64_int64", "double_int64", "double_uint64",
}

// The table has every function that rules can call, in all its overloads: a new one must be added, and is measured
// then.
func TestAllocationOfAll(t *testing.T) {
	c := compiler(t)
	seen := map[string]bool{}
	for returns, all := range calls {
		for _, call := range all {
			when := fmt.Sprintf(never[returns], strings.ReplaceAll(call, "%T", "helo.text"))
			src, parsed, errs := c.parse(when)
			if len(errs) > 0 {
				t.Fatalf("%s: %v", when, errs)
			}
			c.vet(src, parsed)
			checked, issues := c.env.Check(parsed)
			if issues.Err() != nil {
				t.Fatalf("%s: %v", when, issues.Err())
			}
			nodes := map[int64]ast.Expr{}
			collect(checked.NativeRep().Expr(), nodes)
			for id := range nodes {
				for _, overload := range checked.NativeRep().GetOverloadIDs(id) {
					seen[overload] = true
				}
			}
		}
	}
	for _, fn := range c.env.Functions() {
		for _, overload := range fn.OverloadDecls() {
			id := overload.ID()
			if !slices.Contains(withheld, fn.Name()) && !fn.IsDeclarationDisabled() && !seen[id] && !slices.ContainsFunc(unreachable, func(s string) bool { return strings.Contains(id, s) }) {
				t.Errorf("no call of the table is one of %s", id)
			}
		}
	}
}

// drawCall composes calls: each text in one is a fact, or the result of another call.
func drawCall(t *rapid.T, returns string, deep int) string {
	call := rapid.SampledFrom(calls[returns]).Draw(t, returns)
	for strings.Contains(call, "%T") {
		text := rapid.SampledFrom([]string{"helo.text", "sender", "auth", `"x"`}).Draw(t, "text")
		if deep > 1 {
			text = "(" + drawCall(t, "text", deep-1) + ")"
		}
		call = strings.Replace(call, "%T", text, 1)
	}
	return call
}

// The same for composed calls and lists of lists: what compiles keeps its bound, and the rest is refused.
func TestAllocationOfCompositions(t *testing.T) {
	skipIfRace(t)
	c := compiler(t)
	passed := 0
	rapid.Check(t, func(rt *rapid.T) {
		returns := rapid.SampledFrom(slices.Sorted(maps.Keys(calls))).Draw(rt, "returns")
		when := drawCall(rt, returns, rapid.IntRange(1, 3).Draw(rt, "calls"))
		for range rapid.IntRange(0, 3).Draw(rt, "maps") {
			if returns == "text" || returns == "list" {
				when = fmt.Sprintf(`["a", "b", "c"].map(m, %s)`, when)
			}
		}
		if strings.HasPrefix(when, `["a", "b", "c"].map(m, `) {
			when = when + ".size() == -1"
		} else {
			when = fmt.Sprintf(never[returns], when)
		}
		when = loop(rapid.IntRange(0, 4).Draw(rt, "loops"), when)
		r, err := c.Compile("r", when, "", helogate.Effect{Action: helogate.Note})
		if err != nil {
			return
		}
		passed++
		if got := allocated(t, r, rapid.SampledFrom(worst).Draw(rt, "says")); got > bound(r) {
			rt.Fatalf("%s costs %d, and allocates %d KiB", when, r.Cost, got>>10)
		}
	})
	if passed == 0 {
		t.Error("all was refused: what was tested?")
	}
}
