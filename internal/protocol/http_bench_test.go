package protocol

import (
	"testing"

	"github.com/helogate/helogate"
)

// A request read, and its answer worded, without a socket: what the listener itself costs.
func BenchmarkHTTPListener(b *testing.B) {
	request := []byte(`{"stage":"rcpt","client":"192.0.2.25","server":"192.0.2.1:25","verb":"EHLO","helo":"mail.example.com",` +
		`"sender":"jane@example.com","recipient":"bob@example.net","session":"haraka 24E71D9A-8CD2-4E8E-BCC9-0DDEC75D81B4"}`)
	judge := rules(helogate.Continue, helogate.Reply{})
	b.ReportAllocs()
	b.SetBytes(int64(len(request)))
	var answer []byte
	for b.Loop() {
		facts, err := readFacts(request)
		if err != nil {
			b.Fatal(err)
		}
		var ok bool
		if answer, ok = appendVerdict(answer[:0], judge(b.Context(), facts)); !ok {
			b.Fatal("no answer")
		}
	}
}
