package legacy

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/testcheck"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { testcheck.Main(m) }

// Promise 4 for the legacy records: with any of the answers failing, each outcome stays or becomes temperror.
func TestLegacyRecordsFearEveryFailure(t *testing.T) {
	domains := []string{"a.example", "b.example", "mx.a.example"}
	rapid.Check(t, func(t *rapid.T) {
		z, f := drawLegacyZone(t, domains), testcheck.Facts(rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.2", "2001:db8::1"}).Draw(t, "client"))
		f.Helo = rapid.SampledFrom(append(domains, "[192.0.2.1]", "a\x00b", "")).Draw(t, "helo")
		f.Sender = rapid.SampledFrom([]string{"", "x@a.example", "x@b.example", "nobody"}).Draw(t, "sender")
		bad := testcheck.DrawBroken(t, z)
		for _, c := range []helogate.Check{DMP, CallerID, CSA} {
			was, is := c.Judge(f, z), c.Judge(f, bad)
			if is.Outcome != was.Outcome && is.Outcome != helogate.TempError {
				t.Fatalf("%s: %s; with failures %s", c.Name, was, is)
			}
		}
	})
}

func drawLegacyZone(t *rapid.T, domains []string) *helogate.Zone {
	values := []string{
		"1.2.0.192.in-addr._smtp-client.%s TXT dmp=allow", "1.2.0.192.in-addr._smtp-client.%s TXT dmp=deny", "_smtp-client.%s TXT dmp=",
		"_ep.%s TXT <ep xmlns='http://ms.net/1'><out><m><indirect>b.example</indirect></m><m><a>192.0.2.1</a></m></out></ep>",
		"_ep.%s TXT <ep xmlns='http://ms.net/1'><out><m><indirect>a.example</indirect></m><m><mx/></m></out></ep>",
		"_ep.%s TXT <ep xmlns='http://ms.net/1'><out><m/></out></ep>", "_ep.%s TXT <ep>",
		"_client._smtp.%s SRV 1 2 1 mx.a.example", "_client._smtp.%s SRV 1 1 0 .", "_client._smtp.%s SRV 1 3 1 .",
		"%s MX 10 mx.a.example", "%s A 192.0.2.1", "%s AAAA 2001:db8::1",
	}
	var b strings.Builder
	for range rapid.IntRange(0, 12).Draw(t, "records") {
		fmt.Fprintf(&b, rapid.SampledFrom(values).Draw(t, "value")+"\n", rapid.SampledFrom(domains).Draw(t, "domain"))
	}
	return helogate.MustZone(b.String())
}

// The checks have the results in the examples of the pages.
func TestPagesOfLegacyRecords(t *testing.T) {
	for page, c := range map[string]struct {
		check helogate.Check
		zone  string
	}{
		"dmp": {DMP, `
			_smtp-client.part.example                   TXT dmp=
			1.2.0.192.in-addr._smtp-client.part.example TXT dmp=allow
			3.2.0.192.in-addr._smtp-client.part.example TXT dmp=deny
			2.2.0.192.in-addr._smtp-client.part.example TXT dmp=deny
			2.2.0.192.in-addr._smtp-client.mx.example   TXT dmp=allow`},
		"caller-id": {CallerID, `
			_ep.list.example TXT <ep xmlns='http://ms.net/1'><out><m><mx/><r>198.51.100.0/24</r><r>!198.51.100.7/32</r></m></out></ep>
			list.example     MX 10 mx.list.example
			mx.list.example  A 192.0.2.1`},
		"csa": {CSA, `
			_client._smtp.strict.example      SRV 1 1 1 .
			_client._smtp.mail.strict.example SRV 1 2 0 mail.strict.example
			mail.strict.example               A 192.0.2.1`},
	} {
		text, err := os.ReadFile("../../docs/" + page + ".md")
		if err != nil {
			t.Fatal(err)
		}
		_, example, _ := strings.Cut(string(text), "## Example\n")
		example, _, _ = strings.Cut(example, "\n## ")
		n := 0
		for row := range strings.Lines(example) {
			cells := strings.Split(row, " | ")
			if len(cells) != 2 || !strings.Contains(cells[1], ": ") {
				continue
			}
			client := strings.NewReplacer("| ", "", "`", "", ",", "", "<>", "-").Replace(cells[0])
			if page == "caller-id" {
				client += " any.example jane@list.example"
			}
			testcheck.Zone(t, c.check, c.zone, client, strings.TrimSuffix(strings.TrimSpace(cells[1]), " |"))
			n++
		}
		if n < 4 {
			t.Errorf("%s.md: %d examples", page, n)
		}
	}
}
