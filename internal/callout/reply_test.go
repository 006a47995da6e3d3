package callout

import (
	"bufio"
	"strings"
	"testing"
)

func read(text string) (reply, error) {
	return readReply(bufio.NewReaderSize(strings.NewReader(text), maxLine))
}

func TestReadReply(t *testing.T) {
	for _, c := range []struct{ text, want, enhanced string }{
		{"250 Ok\r\n", "250 Ok", ""},
		{"250\r\n", "250", ""},
		{"250 \r\n", "250", ""},
		{"250-\r\n250 Ok\n", "250 Ok", ""},
		{"550 5.1.1 unknown\r\n", "550 5.1.1 unknown", "5.1.1"},
		{"550-5.1.1 un\r\n550 5.1.1 known\r\n", "550 5.1.1 un known", "5.1.1"},
		{"550-5.1.1 un\r\n550 5.7.1 known\r\n", "550 5.1.1 un 5.7.1 known", "5.1.1"},
		{"550 4.1.1 what\r\n", "550 4.1.1 what", ""},
		{"550 5.1.1\r\n", "550 5.1.1", "5.1.1"},
		{"550 5.1 no\r\n", "550 5.1 no", ""},
		{"550 5.1.+1 no\r\n", "550 5.1.+1 no", ""},
		{"550 5.1.1000 no\r\n", "550 5.1.1000 no", ""},
		{"550 \x00\x1b\xff\r\n", `550 \x00\x1b\xff`, ""},
		{"550 " + strings.Repeat("x", 900) + "\r\n", "550 " + strings.Repeat("x", 193) + "...", ""},
	} {
		r, err := read(c.text)
		if err != nil || r.String() != c.want || r.enhanced != c.enhanced {
			t.Errorf("%q: %s, %q, %v", c.text, r, r.enhanced, err)
		}
	}
	for _, text := range []string{
		"", "250", "250 Ok", "250-Ok\r\n", "25 Ok\r\n", "2500 Ok\r\n", "150 Ok\r\n", "650 Ok\r\n", "260 Ok\r\n", "25x Ok\r\n", " 250 Ok\r\n", "\r\n",
		"250_Ok\r\n", "250-a\r\n251 b\r\n", "250 " + strings.Repeat("x", 995) + "\r\n", strings.Repeat("250-a\r\n", 100) + "250 b\r\n",
	} {
		if r, err := read(text); err == nil {
			t.Errorf("%q is read as %s", text, r)
		}
	}
}

// What a refusal is about. Only what is for good and about the mailbox may ever lead to a rejection.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		reply         string
		mailbox, null bool // what is made of it at RCPT, and at MAIL
	}{
		{"550 no", true, true}, {"551 no", true, true}, {"553 no", true, true}, {"501 no", false, true},
		{"552 no", false, false}, {"554 no", false, false}, {"500 no", false, false}, {"503 no", false, false}, {"521 no", false, false},
		{"550 5.0.0 no", true, true}, {"554 5.0.0 no", false, false},
		{"550 5.1.0 no", true, true}, {"550 5.1.1 no", true, true}, {"554 5.1.2 no", true, true}, {"550 5.1.3 no", true, true},
		{"550 5.1.6 no", true, true}, {"556 5.1.10 no", true, true},
		{"550 5.1.7 no", false, true}, {"550 5.1.8 no", false, true},
		{"550 5.2.1 no", true, false}, {"550 5.2.0 no", false, false}, {"552 5.2.2 no", false, false}, {"550 5.2.2 no", false, false},
		{"550 5.3.0 no", false, false}, {"550 5.4.1 no", false, false}, {"550 5.5.1 no", false, false}, {"553 5.6.7 no", false, false},
		{"550 5.7.1 no", false, false}, {"553 5.7.1 no", false, false}, {"551 5.7.1 no", false, false},
		{"530 5.7.0 <>: STARTTLS first", false, false}, {"550 5.7.1 <>: no", false, true},
		{"450 no", false, false}, {"450 4.1.1 no", false, false}, {"421 no", false, false}, {"250 ok", false, false}, {"354 go", false, false},
	} {
		r, err := read(c.reply + "\r\n")
		if err != nil || r.refusesMailbox() != c.mailbox || r.refusesNull() != c.null {
			t.Errorf("%s: mailbox %t, null %t, %v", c.reply, r.refusesMailbox(), r.refusesNull(), err)
		}
	}
}

// Whatever a host sends, a reply is of three digits, bounded and fit for people, and one that is read has been sent.
func FuzzReadReply(f *testing.F) {
	for _, s := range []string{"250 Ok\r\n", "250-a\n250 b\n", "550 5.1.1 <>: \x1b[2J\r\n", "550-5.1.1\r\n550 5.1.1\r\n", "22", "220 " + strings.Repeat("x", 1200), "\xff\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := read(text)
		if err != nil {
			return
		}
		s := r.String()
		if r.code < 200 || r.code > 559 || !strings.Contains(text, s[:3]) || len(s) > maxText || len(r.text) > 2*maxLine {
			t.Errorf("%q is read as %q", text, s)
		}
		if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q is not fit for people", s)
		}
		if r.refusesMailbox() && (r.code < 500 || strings.HasPrefix(r.enhanced, "5.7")) {
			t.Errorf("%q refuses a mailbox", s)
		}
		if value := refuses + s; !isValid(value) || !isValid(refusesNull+s) {
			t.Errorf("%q is not believed when it comes back from a store", value)
		}
	})
}
