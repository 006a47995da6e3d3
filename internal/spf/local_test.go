package spf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/helogate/helogate"
)

// RFC 8616 section 4: a term with %{l} or %{s} does not match if the local part is not ASCII. Nothing is asked for it,
// so it is neither an error of include or redirect nor a void lookup. It counts as a term, so that whether a record has
// too many does not depend on the sender.
func TestLocalPartThatIsNotASCII(t *testing.T) {
	zone := `
		here.example        A 192.0.2.1
		jane.example        A 192.0.2.1
		jane.example        MX 10 here.example
		jane.example        TXT v=spf1 +all
		jane.a.example      A 192.0.2.1
		jane.why.example    TXT no
		inner.example       TXT v=spf1 exists:%{l}.example redirect=%{l}.example
		mixed.example       TXT v=spf1 -exists:%{l}.example +all
		words.example       TXT %{l} may not
		192.0.2.1           PTR jane.example`
	for _, c := range []struct{ record, jane, other string }{
		{"exists:%{l}.example -all", "pass exists:%{l}.example", "fail -all"},
		{"exists:%{L1r-}.example -all", "pass exists:%{L1r-}.example", "fail -all"},
		{"exists:%{l}.%{d} ~all", "pass exists:%{l}.%{d}", "softfail ~all"},
		{"a:%{l}.example -all", "pass a:%{l}.example", "fail -all"},
		{"a:%{l}.example/0 -all", "pass a:%{l}.example/0", "fail -all"},
		{"mx:%{l}.example -all", "pass mx:%{l}.example", "fail -all"},
		{"ptr:%{l}.example -all", "pass ptr:%{l}.example", "fail -all"},
		{"-include:%{l}.example ?all", "fail -include:%{l}.example", "neutral ?all"},
		{"exists:%{s}.example a:here.example -all", "pass a:here.example", "pass a:here.example"},
		{"a:here.example exists:%{l}.example -all", "pass a:here.example", "pass a:here.example"},
		{"redirect=%{l}.example", "pass +all", "neutral"},
		{"include:inner.example -all", "pass include:inner.example", "fail -all"},
		{"include:mixed.example ~all", "softfail ~all", "pass include:mixed.example"},
		{"-all exp=%{l}.why.example", "fail -all no", "fail -all"},
		{"-all exp=words.example", "fail -all jane may not", "fail -all j\xc3\xb6rg may not"},
		{"a:%{o} exists:%{h}.example ?all", "pass a:%{o}", "pass a:%{o}"},
		{"-exists:%{p}.not.example -exists:%{S}.example ?all", "neutral ?all", "neutral ?all"},
		{"exists:%{l}.x.e exists:%{l}.y.e exists:%{l}.z.e ?all", "permerror more than 2 void lookups", "neutral ?all"},
		{"include:%{l}.x.example ?all", "permerror jane.x.example has no SPF record", "neutral ?all"},
		{strings.Repeat("a:%{l}.here.example ", 11), "permerror more than 2 void lookups", "permerror more than 10 terms ask DNS"},
	} {
		z := helogate.MustZone(zone + "\na.example A 192.0.2.1\na.example TXT v=spf1 " + c.record)
		for local, want := range map[string]string{"jane": c.jane, "j\xc3\xb6rg": c.other} {
			j := judge(z, identity("192.0.2.1", "mx.example", local+"@a.example"))
			got := strings.Join(strings.Fields(fmt.Sprint(j.Outcome, " ", j.Term, " ", j.Problem, " ", j.explanation)), " ")
			if got != want {
				t.Errorf("%s, %s:\n got %s\nwant %s", c.record, local, got, want)
			}
			if strings.Contains(questions(j), `\195`) {
				t.Errorf("%s, %s: asked %s", c.record, local, questions(j))
			}
		}
	}
}
