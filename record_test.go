package helogate_test

import (
	"encoding/json"
	"strings"
	"testing"

	. "github.com/helogate/helogate"
)

// The form of a record is stable: programs read it. A change here breaks them.
func TestRecordForm(t *testing.T) {
	f := client("192.0.2.1 a\x1b[2J\xff jane@example.org bob@example.net")
	f.Earlier = []string{"EHLO b\xfe"}
	p := policy(t, Thresholds{GreylistAt: 2, RejectAt: 5},
		Line{Check: says("b", Lookup), On: on("fail=reject")}, Line{Check: says("fail-trial", Local), On: on("fail=would score 2")})
	v := p.Judge(t.Context(), f, MustZone("b TXT fail"))
	got := string(record(f, v))
	want := `{"version":2,"id":"` + v.ID + `","policy":"` + p.ID() + `","facts":{"stage":"rcpt","time":"2026-05-04T03:02:01Z","client":"192.0.2.1",` +
		`"server":"192.0.2.25:25","verb":"EHLO","helo":"a\u001b[2J\ufffd","helo_base64":"YRtbMkr/","sender":"jane@example.org",` +
		`"recipient":"bob@example.net","auth":"","earlier":["EHLO b\ufffd"],"earlier_base64":["RUhMTyBi/g=="],"session":"test"},` +
		`"action":"reject","by":"b","score":0,"max_score":0,` +
		`"dry_run":{"action":"reject","by":"b","score":2,"max_score":2},` +
		`"reply":{"code":550,"enhanced":"5.7.1","text":"b says fail [` + v.ID + `]"},"would":[],` +
		`"findings":[{"check":"b","outcome":"fail","effect":"reject","why":"b says fail"},` +
		`{"check":"fail-trial","outcome":"fail","effect":"would score 2","why":"fail-trial says fail"}],` +
		`"asked":[{"kind":"TXT","name":"b","status":"ok","values":["fail"],"ttl_seconds":300,"authentic":false,"note":""}]}`
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if !json.Valid([]byte(got)) {
		t.Error("no JSON")
	}
	let := p.Judge(t.Context(), f, MustZone(""))
	if s := string(record(f, let)); !strings.Contains(s, `"action":"continue","by":"","score":0`) || !strings.Contains(s, `"reply":null,"would":[]`) {
		t.Error(s)
	}
}

func TestRecordErrors(t *testing.T) {
	for in, want := range map[string]string{
		`{"version":1}`: "a verdict's record is of version 1; this program reads version 2",
		`{"version":2,"facts":{"stage":"helo","client":"x"}}`: `a verdict's record, facts.client: ParseAddr("x"): unable to parse IP`,
		`{"version":2,"facts":{"stage":"lunch"}}`:             `"lunch" is no stage: connect, helo, mail or rcpt`,
		`[]`: "a verdict's record: json: ",
	} {
		var r Record
		if err := json.Unmarshal([]byte(in), &r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

// Whatever the bytes, the record is JSON, is printable, and reads back as it was.
func FuzzRecord(f *testing.F) {
	f.Add("mx.example.org", "a@b\xff")
	f.Add("\u202e\u009b<script>", "\x00\x7f\"\\")
	f.Fuzz(func(t *testing.T, helo, sender string) {
		facts := client("192.0.2.1")
		facts.Helo, facts.Sender = helo, sender
		b := record(facts, Verdict{ID: "x"})
		for _, c := range string(b) {
			if c < ' ' || c >= 0x7f && c < 0xa0 || c == 0x202e {
				t.Fatalf("%q holds %U", b, c)
			}
		}
		var back Record
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%v in %s", err, b)
		}
		if back.Helo != helo || back.Sender != sender {
			t.Fatalf("%q, %q came back as %q, %q", helo, sender, back.Helo, back.Sender)
		}
	})
}
