package legacy

import (
	"fmt"
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

// TestExamples has the results of each check on a few records.
func TestExamples(t *testing.T) {
	for _, c := range []struct {
		check   helogate.Check
		zone    string
		clients []string // client, HELO name and sender; a line with its finding
	}{
		{DMP, `
			_smtp-client.part.example                   TXT dmp=
			1.2.0.192.in-addr._smtp-client.part.example TXT dmp=allow
			3.2.0.192.in-addr._smtp-client.part.example TXT dmp=deny
			2.2.0.192.in-addr._smtp-client.part.example TXT dmp=deny
			2.2.0.192.in-addr._smtp-client.mx.example   TXT dmp=allow`, []string{
			"192.0.2.1 any.example jane@part.example  | pass: part.example allows 192.0.2.1 by DMP",
			"192.0.2.2 mx.example jane@part.example   | pass: HELO mx.example allows 192.0.2.2 by DMP",
			"192.0.2.3 any.example jane@part.example  | fail: part.example denies 192.0.2.3 by DMP",
			"192.0.2.3 any.example jane@other.example | none: other.example takes no part in DMP",
			"192.0.2.2 mx.example -                   | pass: HELO mx.example allows 192.0.2.2 by DMP",
		}},
		{CallerID, `
			_ep.list.example TXT <ep xmlns='http://ms.net/1'><out><m><mx/><r>198.51.100.0/24</r><r>!198.51.100.7/32</r></m></out></ep>
			list.example     MX 10 mx.list.example
			mx.list.example  A 192.0.2.1`, []string{
			"192.0.2.1 any.example jane@list.example    | pass: 192.0.2.1 is an outgoing server of list.example by Caller ID",
			"198.51.100.6 any.example jane@list.example | pass: 198.51.100.6 is an outgoing server of list.example by Caller ID",
			"198.51.100.7 any.example jane@list.example | fail: 198.51.100.7 is no outgoing server of list.example by Caller ID",
			"192.0.2.9 any.example jane@list.example    | fail: 192.0.2.9 is no outgoing server of list.example by Caller ID",
		}},
		{CSA, `
			_client._smtp.strict.example      SRV 1 1 1 .
			_client._smtp.mail.strict.example SRV 1 2 0 mail.strict.example
			mail.strict.example               A 192.0.2.1`, []string{
			"192.0.2.1 mail.strict.example | pass: mail.strict.example may send from 192.0.2.1 by CSA",
			"192.0.2.9 mail.strict.example | fail: mail.strict.example may not send from 192.0.2.9 by CSA",
			"192.0.2.9 pc.strict.example   | fail: pc.strict.example has no CSA record, and by that of strict.example must have one",
			"192.0.2.9 strict.example      | fail: strict.example may not send by CSA",
			"192.0.2.9 other.example       | none: other.example has no CSA record",
		}},
	} {
		for _, line := range c.clients {
			client, want, _ := strings.Cut(line, "|")
			testcheck.Zone(t, c.check, c.zone, strings.TrimSpace(client), strings.TrimSpace(want))
		}
	}
}
