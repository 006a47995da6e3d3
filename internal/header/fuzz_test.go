package header

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/authres"
	"github.com/google/go-cmp/cmp"

	"github.com/helogate/helogate"
)

// Whatever a client says, and whatever checks and rules are called: a field is a line of printable ASCII that is not
// too long, Authentication-Results reads back as what was meant, by RFC 8601 and by a reader who knows no quotes, and
// X-Helogate keeps to its grammar.
func FuzzMake(f *testing.F) {
	f.Add([]byte{192, 0, 2, 1}, "mail.example.com", "jane@example.com", "jane", "mx.example.net", "fqdn", "no name", uint8(4))
	f.Add([]byte{192, 0, 2, 1}, "a\r\nX: y\x00", `";"@"; iprev=pass`, `\`, "a b", "my rule, by; x", `\"; spf=pass (x) smtp.helo="`, uint8(4))
	f.Add(make([]byte, 16), "a;dkim=pass header.d=bank.example", "a@b@c", "@", "", "\u202e", "", uint8(0))
	long := strings.Repeat("a:", 600)
	f.Add(make([]byte, 16), long, long, long, long, long, long, uint8(4))
	f.Fuzz(func(t *testing.T, client []byte, helo, sender, auth, name, rule, why string, o uint8) {
		addr, _ := netip.AddrFromSlice(client)
		facts := helogate.Facts{Stage: helogate.Rcpt, Client: addr, Helo: helo, Sender: sender, Auth: auth}
		outcome := helogate.Outcomes[int(o)%len(helogate.Outcomes)]
		v := helogate.Verdict{
			ID: rule, Decision: helogate.Decision{Action: helogate.Accept, By: rule},
			DryRun: helogate.Decision{Action: helogate.Reject, By: why, Score: int(o)},
		}
		for _, check := range []string{"fcrdns", "spf-helo", "spf-from", "helo-matches", rule, rule + why} {
			v.Findings = append(v.Findings, helogate.Finding{Check: check, Outcome: outcome, Why: why})
		}
		v.Asked = helogate.Evidence{{
			Question: helogate.Question{Kind: helogate.PTR, Name: address(&facts).String()},
			Answer:   &helogate.Answer{Status: helogate.NXDomain},
		}}
		fields := Make(&facts, &v, Options{true, true, true, true, name})
		for _, field := range fields {
			isLine(t, field)
			switch field.Name {
			case AuthenticationResults:
				readsBack(t, field.Value, results(&facts, &v))
			case XHelogate:
				if !grammar.MatchString(field.Value) {
					t.Errorf("X-Helogate: %s", field.Value)
				}
			}
		}
		if fields == nil {
			t.Error("no fields")
		}
	})
}

func isLine(t *testing.T, f Field) {
	t.Helper()
	if n := len(f.Name + ": " + f.Value); n > MaxField {
		t.Errorf("%d bytes: %q", n, f)
	}
	if f.Value == "" || f.Value != strings.TrimSpace(f.Value) {
		t.Errorf("%q", f)
	}
	for _, c := range []byte(f.Name + f.Value) {
		if c < ' ' || c > '~' {
			t.Errorf("%q", f)
		}
	}
}

// The grammar of X-Helogate in docs/headers.md.
var grammar = func() *regexp.Regexp {
	const word = `[!#-'*+.-:<>-\[\]-~-]*`
	const list = word + `(,` + word + `)*`
	return regexp.MustCompile(`^id=` + word + `; action=` + word + `(; by=` + word + `)?; score=[0-9]+(; max_score=[0-9]+)?(; failed=` + list +
		`)?(; unsure=` + list + `)?(; would=` + word + `(; would_by=` + word + `)?)?$`)
}()

// readsBack holds the value of an Authentication-Results against what it was made of.
func readsBack(t *testing.T, value string, want []authres.Result) {
	t.Helper()
	_, got, err := authres.Parse(value)
	if err != nil {
		t.Fatalf("%s: %v", value, err)
	}
	id, strict, err := parse8601(value)
	if err != nil {
		t.Fatalf("%s: %v", value, err)
	}
	if id == "" || len(got) != len(want) || len(strict) != len(want) {
		t.Fatalf("%s\nreads %d and %d results, want %d", value, len(got), len(strict), len(want))
	}
	for i := range want {
		if diff := cmp.Diff(textOf(want[i], true), strict[i]); diff != "" {
			t.Errorf("%s\nby RFC 8601: %s", value, diff)
		}
		if diff := cmp.Diff(textOf(want[i], false), textOf(got[i], false)); diff != "" {
			t.Errorf("%s\nby authres: %s", value, diff)
		}
	}
}

// textOf is a result as "method=value property=value": without the quotes that authres does not read, and, as it splits
// a reason at its spaces, with the reason only if wanted.
func textOf(r authres.Result, withReason bool) string {
	text := ""
	add := func(name, value string) {
		if value = strings.Trim(value, `"`); value != "" {
			text += name + "=" + value + " "
		}
	}
	why := ""
	switch r := r.(type) {
	case *authres.AuthResult:
		add("auth", string(r.Value))
		add("smtp.auth", r.Auth)
	case *authres.IPRevResult:
		add("iprev", string(r.Value))
		add("policy.iprev", r.IP)
		why = r.Reason
	case *authres.SPFResult:
		add("spf", string(r.Value))
		add("smtp.helo", r.Helo)
		add("smtp.mailfrom", r.From)
	default:
		return fmt.Sprintf("%T", r)
	}
	if withReason {
		add("reason", why)
	}
	return text
}

// parse8601 reads what of RFC 8601 section 2.2 we write, to the letter: tokens and quoted strings are what RFC 2045 and
// RFC 5322 say they are. A result is returned as by textOf.
func parse8601(s string) (id string, results []string, err error) {
	const token = "[!#-'*+.0-9A-Z^-~-]+"
	const quoted = `"[ !#-\[\]-~]*"`
	const atoms = `[!#-'*+0-9A-Z^-~-]+(?:\.[!#-'*+0-9A-Z^-~-]+)*`
	head := regexp.MustCompile(`^(` + token + `)((?:; .*)?)$`).FindStringSubmatch(s)
	if head == nil {
		return "", nil, fmt.Errorf("no authserv-id")
	}
	if head[2] == "; none" {
		return head[1], nil, nil
	}
	one := regexp.MustCompile(`^; ([a-z]+)=([a-z]+)((?: reason=(?:` + token + `|` + quoted + `))?)` +
		`((?: [a-z]+\.[a-z]+=(?:` + atoms + `@` + atoms + `|` + token + `|` + quoted + `))*) ?`)
	property := regexp.MustCompile(` ([a-z.]+)=("[^"]*"|[^" ]+)`)
	for rest := head[2]; rest != ""; {
		m := one.FindStringSubmatch(rest)
		if m == nil {
			return "", nil, fmt.Errorf("no result: %s", rest)
		}
		text := m[1] + "=" + m[2] + " "
		for _, p := range property.FindAllStringSubmatch(m[4]+m[3], -1) {
			if value := strings.Trim(p[2], `"`); value != "" {
				text += p[1] + "=" + value + " "
			}
		}
		results = append(results, text)
		rest = rest[len(m[0]):]
	}
	return head[1], results, nil
}
