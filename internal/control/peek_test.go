package control

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/helogate/helogate"
)

// A stored record comes back as it is, whatever bytes are in it.
func TestPeek(t *testing.T) {
	const odd = "192.0.2.0/24 \x00\xff\x1b[2J\" \u2028 <\\>"
	answers := map[helogate.Question]*helogate.Answer{
		{Kind: helogate.Greylisted, Name: odd}:        {Status: helogate.OK, Values: []string{"first 2026-11-21T08:00:00Z", odd}, Note: "retried 2 times"},
		{Kind: helogate.Deferred, Name: "x"}:          {Status: helogate.OK, Values: []string{"resolver-down no answer"}},
		{Kind: helogate.Callout, Name: "a@example"}:   {Status: helogate.NXDomain},
		{Kind: helogate.Hammering, Name: "192.0.2.1"}: {Status: helogate.TempFail, Note: "nobody counts"},
		{Kind: helogate.Suspended, Name: ""}:          {Status: helogate.OK},
	}
	s, _ := aServer(t)
	s.Peek = func(_ context.Context, q helogate.Question) *helogate.Answer { return answers[q] }
	c := dial(t, serve(t, s))
	for q, want := range answers {
		got, err := c.Peek(t.Context(), q)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s %q: %v %s", q.Kind, q.Name, err, diff)
		}
	}
}

// Questions about DNS, and of kinds that are not stored, are errors and reach no asker.
func TestPeekRefused(t *testing.T) {
	s, _ := aServer(t)
	s.Peek = func(_ context.Context, q helogate.Question) *helogate.Answer {
		t.Errorf("asked for %s of %q", q.Kind, q.Name)
		return &helogate.Answer{Status: helogate.OK}
	}
	path := serve(t, s)
	c := dial(t, path)
	for kind, want := range map[helogate.Kind]string{
		helogate.AnyKind: `"" is no kind`, helogate.A: `of the kind "A"`, helogate.TXT: `of the kind "TXT"`,
		helogate.Trust: `of the kind "TRUST"`,
	} {
		if a, err := c.Peek(t.Context(), helogate.Question{Kind: kind, Name: "x"}); ErrorKindOf(err) != Request || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v", kind, a, err)
		}
	}
	for _, body := range []string{"", "[]", `{"kind":"GREYLIST","name":"not base64!"}`, `{"kind":"greylist","name":"eA=="}`, `{"kind":"\u001b[2J","name":"eA=="}`, `{"kind":"GREYLIST","name":"eA==","trace":true}`} {
		request := "POST " + pathPeek + " HTTP/1.1\r\nHost: helogate\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
		if body != "" {
			request += string("0123456789abcdef"[len(body)/16]) + string("0123456789abcdef"[len(body)%16]) + "\r\n" + body + "\r\n"
		}
		if got := converse(t, path, request+"0\r\n\r\n"); !strings.Contains(got, "400 Bad Request") {
			t.Errorf("%s: %s", body, got)
		}
	}
}

// A name is as long as a HELO and an envelope may make it.
func TestPeekAtALongName(t *testing.T) {
	s, _ := aServer(t)
	asked := ""
	s.Peek = func(_ context.Context, q helogate.Question) *helogate.Answer {
		asked = q.Name
		return &helogate.Answer{Status: helogate.NXDomain}
	}
	name := strings.Repeat("%ff", 3000)
	if _, err := dial(t, serve(t, s)).Peek(t.Context(), helogate.Question{Kind: helogate.Greylisted, Name: name}); err != nil || asked != name {
		t.Errorf("%v; %d bytes asked, not %d", err, len(asked), len(name))
	}
}
