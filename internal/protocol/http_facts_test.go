package protocol

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
)

// What is asked with is what is judged.
func TestReadFacts(t *testing.T) {
	at := netip.MustParseAddr
	for _, c := range []struct {
		body string
		want helogate.Facts
	}{
		{`{"stage":"connect","client":"192.0.2.1"}`, helogate.Facts{Client: at("192.0.2.1")}},
		{` { "client" : "::ffff:192.0.2.1" , "stage":"connect" } ` + "\n", helogate.Facts{Client: at("192.0.2.1")}},
		{`{"stage":"connect","client":"fe80::1%eth0","server":"[fe80::2%eth0]:25"}`,
			helogate.Facts{Client: at("fe80::1"), Server: netip.MustParseAddrPort("[fe80::2]:25")}},
		{`{"stage":"connect","client":"2001:db8::1","server":"[::ffff:192.0.2.25]:25","verb":"","helo":"","sender":"","recipient":"","auth":""}`,
			helogate.Facts{Client: at("2001:db8::1"), Server: netip.MustParseAddrPort("192.0.2.25:25")}},
		{`{"stage":"helo","client":"192.0.2.1","verb":"eHlO","helo":" a\u0000\"b= \n","session":"7"}`,
			helogate.Facts{Stage: helogate.Helo, Client: at("192.0.2.1"), Verb: "EHLO", Helo: " a\x00\"b= \n", Session: "7"}},
		{`{"stage":"mail","client":"192.0.2.1","helo":"x","helo_base64":"/w==","sender":"a\ud800b","auth_base64":"amFuZQ=="}`,
			helogate.Facts{Stage: helogate.Mail, Client: at("192.0.2.1"), Helo: "\xff", Sender: "a\ufffdb", Auth: "jane"}},
		{`{"stage":"mail","client":"192.0.2.1","helo_base64":"/w==","helo":"x"}`,
			helogate.Facts{Stage: helogate.Mail, Client: at("192.0.2.1"), Helo: "\xff"}},
		{`{"stage":"mail","client":"192.0.2.1","helo_base64":"","helo":"x"}`,
			helogate.Facts{Stage: helogate.Mail, Client: at("192.0.2.1")}},
		{"{\"stage\":\"helo\",\"client\":\"192.0.2.1\",\"helo\":\"a\xff\"}", // no JSON; but it is the client who wrote it
			helogate.Facts{Stage: helogate.Helo, Client: at("192.0.2.1"), Helo: "a\ufffd"}},
		{`{"stage":"rcpt","client":"192.0.2.1","sender":"","recipient":"<<>>@","origin":{"client":"::ffff:203.0.113.1","helo":"a","helo_base64":"/w=="}}`,
			helogate.Facts{Stage: helogate.Rcpt, Client: at("192.0.2.1"), Recipient: "<<>>@",
				Origin: helogate.Origin{Client: at("203.0.113.1"), Helo: "\xff"}}},
	} {
		got, err := readFacts([]byte(c.body))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v\n got %s\nwant %s", c.body, err, factsText(got), factsText(c.want))
		}
	}
}

// What is wrong is said, with the field's name.
func TestReadFactsErrors(t *testing.T) {
	with := func(more string) string { return `{"stage":"rcpt","client":"192.0.2.1",` + more + `}` }
	for _, c := range []struct{ body, field, want string }{
		{``, "", "the body ends before its JSON object does"},
		{`{`, "", "the body ends before its JSON object does"},
		{`{"stage":"rcpt"`, "", "the body ends before its JSON object does"},
		{`{"stage":"rc`, "", "the body ends before its JSON object does"},
		{`[]`, "", "the body must be a JSON object"},
		{`null`, "", "the body must be a JSON object"},
		{`{'stage':1}`, "", `the body is not JSON: invalid character '\\''`},
		{`{"stage":rcpt}`, "", "the body is not JSON: "},
		{`{"stage":"rcpt","client":"192.0.2.1",}`, "", "the body is not JSON: "},
		{`{"stage":"rcpt","client":"192.0.2.1"}{}`, "", "the body is not JSON: invalid character '{' after top-level value"},
		{`{"stage":"rcpt","client":"192.0.2.1"} x`, "", "the body is not JSON: "},
		{`"\"`, "", "the body ends before its JSON object does"},
		{`{}`, "stage", "stage is missing"},
		{`{"stage":"rcpt"}`, "client", "client is missing"},
		{`{"stage":"data","client":"192.0.2.1"}`, "stage", `stage must be connect, helo, mail or rcpt, not "data"`},
		{`{"stage":"RCPT","client":"192.0.2.1"}`, "stage", `stage must be connect, helo, mail or rcpt, not "RCPT"`},
		{`{"stage":3,"client":"192.0.2.1"}`, "stage", "stage must be a JSON string"},
		{`{"stage":"rcpt","client":"mx.example.org"}`, "client", `client must be an IP address, not "mx.example.org"`},
		{`{"stage":"rcpt","client":"192.0.2.1:25"}`, "client", `client must be an IP address, not "192.0.2.1:25"`},
		{`{"stage":"rcpt","client":"\u001b[2J"}`, "client", `client must be an IP address, not "\x1b[2J"`},
		{with(`"client":"192.0.2.2"`), "client", "client comes twice"},
		{with(`"helo":"a","helo":"b"`), "helo", "helo comes twice"},
		{with(`"helo_base64":"","helo_base64":""`), "helo_base64", "helo_base64 comes twice"},
		{with(`"helo":null`), "helo", "helo must be a JSON string"},
		{with(`"sender":["a"]`), "sender", "sender must be a JSON string"},
		{with(`"recipient":{}`), "recipient", "recipient must be a JSON string"},
		{with(`"auth":true`), "auth", "auth must be a JSON string"},
		{with(`"verb_base64":1`), "verb_base64", "verb_base64 must be a JSON string"},
		{with(`"helo_base64":"?"`), "helo_base64", "helo_base64 is not base64"},
		{with(`"server":"192.0.2.25"`), "server", "server must be an IP address with a port"},
		{with(`"server":""`), "server", "server must be an IP address with a port"},
		{with(`"Helo":"a"`), "Helo", "Helo is not a known key"},
		{with(`"stage_base64":""`), "stage_base64", "stage_base64 is not a known key"},
		{with(`"origin.client":"192.0.2.1"`), "origin.client", "origin.client is not a known key"},
		{with(`"h\u0000lo":"a"`), `h\x00lo`, `h\x00lo is not a known key`},
		{with(`"time":"2026-05-04T03:02:01Z"`), "time", "time must not be given: the judge has its own clock"},
		{with(`"earlier":[]`), "earlier", "earlier must not be given: the judge remembers it by the session"},
		{with(`"session":"` + strings.Repeat("x", 256) + `"`), "session", "session is longer than 255 bytes"},
		{with(`"origin":"192.0.2.1"`), "origin", "origin must be a JSON object"},
		{with(`"origin":{}`), "origin.client", "origin.client is missing"},
		{with(`"origin":{"client":"x"}`), "origin.client", `origin.client must be an IP address, not "x"`},
		{with(`"origin":{"client":"192.0.2.1","sender":""}`), "origin.sender", "origin.sender is not a known key"},
		{with(`"origin":{"client":"192.0.2.1","origin":{}}`), "origin.origin", "origin.origin is not a known key"},
		{with(`"origin":{"client":"192.0.2.1"},"origin":{"client":"192.0.2.1"}`), "origin", "origin comes twice"},
		{`{"stage":"connect","client":"192.0.2.1","verb":"EHLO"}`, "verb", "verb is not known yet at stage connect"},
		{`{"stage":"connect","client":"192.0.2.1","helo_base64":"/w=="}`, "helo", "helo is not known yet at stage connect"},
		{`{"stage":"helo","client":"192.0.2.1","sender":"a@b"}`, "sender", "sender is not known yet at stage helo"},
		{`{"stage":"mail","client":"192.0.2.1","recipient":"a@b"}`, "recipient", "recipient is not known yet at stage mail"},
	} {
		_, err := readFacts([]byte(c.body))
		bad, ok := errors.AsType[badFacts](err)
		if !ok || bad.field != c.field || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s:\n got %q, %v\nwant %q, %s", c.body, bad.field, err, c.field, c.want)
		}
	}
}

// Deep nesting is refused, and is no way to use up the stack.
func TestReadFactsNested(t *testing.T) {
	for _, deep := range []string{strings.Repeat("[", 1<<16), strings.Repeat(`{"origin":`, 6000), `{"helo":` + strings.Repeat("[", 1<<16)} {
		if _, err := readFacts([]byte(deep)); err == nil {
			t.Errorf("%.20s…: no error", deep)
		}
	}
}

// factsJSON is the facts in the form of a verdict's JSON.
func factsJSON(t testing.TB, f helogate.Facts) []byte {
	t.Helper()
	f.Time = time.Time{}
	var record struct{ Facts json.RawMessage }
	if err := json.Unmarshal((&helogate.Record{Facts: f}).AppendJSON(nil), &record); err != nil {
		t.Fatal(err)
	}
	return record.Facts
}

// What is read can be written as the facts of a verdict are, and read again.
func FuzzHTTPFacts(f *testing.F) {
	for _, seed := range []string{
		`{"stage":"connect","client":"192.0.2.1"}`,
		`{"stage":"rcpt","client":"2001:db8::1","server":"[2001:db8::25]:25","verb":"EHLO","helo":"mx.example.org","sender":"jane@example.org","recipient":"bob@example.net","auth":"jane","session":"1"}`,
		`{"stage":"mail","client":"::ffff:192.0.2.1","helo":"x","helo_base64":"/w==","origin":{"client":"192.0.2.9","helo_base64":"AA=="}}`,
		`{"stage":"helo","client":"192.0.2.1","helo":"` + "\xff" + `\ud800"}`,
		`{"stage":"helo","client":null,"x":[{}]}`, `[`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		facts, err := readFacts(body)
		if err != nil {
			if _, is := errors.AsType[badFacts](err); !is {
				t.Fatalf("%q: %v", body, err)
			}
			if s := err.Error(); len(s) > 300 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("%q: the error is %q", body, s)
			}
			return
		}
		if !json.Valid(body) {
			t.Fatalf("took %q, which is no JSON", body)
		}
		if !facts.Client.IsValid() || facts.Client.Is4In6() || facts.Client.Zone() != "" || !facts.Time.IsZero() || facts.Earlier != nil {
			t.Fatalf("%q gives %s", body, factsText(facts))
		}
		again, err := readFacts(factsJSON(t, facts))
		if err != nil || !reflect.DeepEqual(again, facts) {
			t.Fatalf("%q: %v\n gives %s\n then  %s", body, err, factsText(facts), factsText(again))
		}
	})
}

// No text of a client's is a way not to be judged: whatever its bytes, it is taken, and comes through whole.
func FuzzHTTPText(f *testing.F) {
	f.Add("mx.example.org", "jane@example.org", "bob@example.net")
	f.Add("\xff\x00\"\\", `","auth":"jane`, "\u2028</script>\ud7ff")
	f.Fuzz(func(t *testing.T, helo, sender, recipient string) {
		want := helogate.Facts{Stage: helogate.Rcpt, Client: netip.MustParseAddr("192.0.2.1"), Helo: helo, Sender: sender, Recipient: recipient}
		got, err := readFacts(factsJSON(t, want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v\n got %s\nwant %s", err, factsText(got), factsText(want))
		}
		in64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
		got, err = readFacts([]byte(`{"stage":"rcpt","client":"192.0.2.1","helo_base64":"` + in64(helo) + `","sender_base64":"` +
			in64(sender) + `","recipient_base64":"` + in64(recipient) + `"}`))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("in base64: %v\n got %s\nwant %s", err, factsText(got), factsText(want))
		}
	})
}
