package check

import (
	"strings"
	"testing"
)

func TestBadHelo(t *testing.T) {
	config := BadHeloList{}
	for _, p := range []string{"ylmf-pc", ".evil.example", `/^dsl\d/`, "/ya.oo\\.COM$/"} {
		one, err := ParseBadHelo(p)
		if err != nil {
			t.Fatal(err)
		}
		config = append(config, one)
	}
	zone(t, BadHelo(config), "",
		"192.0.2.1 YLMF-PC", "fail: HELO YLMF-PC is on the bad_helo list",
		"192.0.2.1 ylmf-pc.example", "pass: not on the list",
		"192.0.2.1 x.evil.example.", "fail: HELO x.evil.example. is on the bad_helo list",
		"192.0.2.1 evil.example", "pass: not on the list",
		"192.0.2.1 DSL1.example", "fail: HELO DSL1.example is on the bad_helo list",
		"192.0.2.1 yahoo.com", "fail: HELO yahoo.com is on the bad_helo list",
		"192.0.2.1 yoda.com", "pass: not on the list")
	zone(t, BadHelo(nil), "", "192.0.2.1 x", "none: no list")

	not, err := ParseBadHelo(`!/\./`)
	if err != nil {
		t.Fatal(err)
	}
	zone(t, BadHelo(BadHeloList{not}), "",
		"192.0.2.1 hostonly", "fail: HELO hostonly is on the bad_helo list",
		"192.0.2.1 host.example", "pass: not on the list")

	for _, bad := range []string{"", "!", ".", "!.", "/", "/x", "/(/"} {
		if _, err := ParseBadHelo(bad); err == nil || !strings.Contains(err.Error(), `"`+bad+`"`) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestBadHeloFile(t *testing.T) {
	list, err := ReadBadHelo("badhelo", strings.NewReader("# comment\nyahoo.com\n\naol.COM\nYLMF.*\n\\.evil$\n"))
	if err != nil {
		t.Fatal(err)
	}
	zone(t, BadHelo(list), "",
		"192.0.2.1 yahoo.com", "fail: HELO yahoo.com is on the bad_helo list",
		"192.0.2.1 AOL.com", "fail: HELO AOL.com is on the bad_helo list",
		"192.0.2.1 mail.aol.com", "pass: not on the list",
		"192.0.2.1 x.evil", "fail: HELO x.evil is on the bad_helo list",
		"192.0.2.1 ylmf-pc.x", "fail: HELO ylmf-pc.x is on the bad_helo list", // an upper-case pattern matches, unlike in qpsmtpd
		"192.0.2.1 example.com", "pass: not on the list")
	if _, err = ReadBadHelo("badhelo", strings.NewReader("ok\n(?=x)y\n")); err == nil || !strings.HasPrefix(err.Error(), "badhelo:2: ") {
		t.Errorf("a regular expression that is none: %v", err)
	}
}
