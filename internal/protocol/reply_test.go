package protocol

import (
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/response"
)

// What a refusal says is fit for an MTA, whatever the judge said.
func TestRefusal(t *testing.T) {
	long := strings.Repeat("x", 600)
	for _, c := range []struct {
		do   helogate.Action
		in   helogate.Reply
		want string
	}{
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.25", Text: "no PTR"}, "550 5.7.25 no PTR"},
		{helogate.Defer, helogate.Reply{Code: 451, Enhanced: "4.4.3", Text: `a \x1b stays`}, `451 4.4.3 a \x1b stays`},
		{helogate.Reject, helogate.Reply{Code: 250, Enhanced: "2.0.0", Text: "come in"}, "550 5.7.1 come in"},
		{helogate.Reject, helogate.Reply{Code: 451, Enhanced: "5.7.1", Text: "no"}, "550 5.7.1 no"},
		{helogate.Defer, helogate.Reply{Code: 550, Enhanced: "4.7.1", Text: "later"}, "450 4.7.1 later"},
		{helogate.Defer, helogate.Reply{Code: 451, Enhanced: "5.7.1", Text: "later"}, "451 4.7.1 later"},
		{helogate.Drop, helogate.Reply{}, "550 5.7.1 refused by policy"},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.1", Text: "two\r\nlines\n\naction=OK"},
			`550 5.7.1 two\x0d\x0alines\x0a\x0aaction=OK`},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.1", Text: "\x00\x1b[2J\xff\u202e"},
			`550 5.7.1 \x00\x1b[2J\xff\xe2\x80\xae`},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.1\n", Text: "no"}, "550 5.7.1 no"},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.1234", Text: "no"}, "550 5.7.1 no"},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.", Text: "no"}, "550 5.7.1 no"},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5..71", Text: "no"}, "550 5.7.1 no"},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.1.1", Text: "no"}, "550 5.7.1 no"},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.25", Text: long}, ("550 5.7.25 " + long)[:510]},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.25", Text: long + "\x00"}, ("550 5.7.25 " + long)[:507] + "..."},
	} {
		if got := refusal(response.Response{Action: c.do, Reply: c.in}).String(); got != c.want {
			t.Errorf("%s %.80q:\n got %s\nwant %s", c.do, c.in.Text, got, c.want)
		}
	}
}

func FuzzRefusal(f *testing.F) {
	f.Add(550, "5.7.1", "two\nlines", true)
	f.Add(451, "4.4.3", strings.Repeat("\x00", 300), false)
	f.Fuzz(func(t *testing.T, code int, enhanced, text string, reject bool) {
		r := response.Response{Action: helogate.Defer, Reply: helogate.Reply{Code: code, Enhanced: enhanced, Text: text}}
		want := byte('4')
		if reject {
			r.Action, want = helogate.Reject, '5'
		}
		got := refusal(r).String()
		if len(got) > maxReplyLine || got[0] != want || got[3] != ' ' || got[4] != want || got[5] != '.' {
			t.Fatalf("%q", got)
		}
		for i := range len(got) {
			if got[i] < ' ' || got[i] > '~' {
				t.Fatalf("%q holds byte %#x", got, got[i])
			}
		}
	})
}
