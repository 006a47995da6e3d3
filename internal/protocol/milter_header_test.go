package protocol

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/helogate/helogate/internal/header"
)

func TestAuthservID(t *testing.T) {
	for _, c := range []struct {
		value string
		ours  bool
	}{
		{"mx.example.net; spf=pass", true},
		{"mx.example.net;", true},
		{"mx.example.net", true},
		{"mx.example.net 1; none", true},
		{"mx.example.net/1; none", true},
		{"MX.Example.NET; none", true},
		{"mx.example.net.; none", true},
		{" \r\n\tmx.example.net; none", true},
		{"(a comment) mx.example.net; none", true},
		{"(a (nested \\) one)) (and another)\n mx.example.net; none", true},
		{"mx.example.net(a comment); none", true},
		{`"mx.example.net"; none`, true},
		{`"mx\.example.net" 1; none`, true},
		{"\"mx.example\r\n.net \"; none", true},
		{"mx.example.net\x00; none", true},
		{"mx.example.net, x; none", true},
		{"mail.mx.example.net; none", false},
		{"mx.example.network; none", false},
		{"mx.example.net.evil.example; none", false},
		{"x-mx.example.net; none", false},
		{"x mx.example.net; none", false},
		{"; mx.example.net", false},
		{"(mx.example.net; none", false},
		{`"mx.example.net x"; none`, false},
		{`"`, false},
		{"", false},
	} {
		if got := isAuthserv(c.value, "mx.example.net"); got != c.ours {
			t.Errorf("%q: %q is ours: %t", c.value, authservID(c.value), got)
		}
	}
	if isAuthserv("; none", "") {
		t.Error("no name is ours")
	}
}

// Without a name nothing is removed; with that in the response's own field, what bears it is.
func TestCameFields(t *testing.T) {
	results := []header.Field{{Name: header.AuthenticationResults, Value: "new.example.net; none"}}
	for _, c := range []struct {
		title string
		given []header.Field
		name  string
		want  []fieldRef
	}{
		{"no name", nil, "", nil},
		{"a name", nil, "mx.example.net", []fieldRef{{header.AuthenticationResults, 1}}},
		{"the name has changed since", results, "mx.example.net", []fieldRef{
			{header.AuthenticationResults, 1}, {header.AuthenticationResults, 2}, {header.XHeloCheck, 1}}},
		{"another field", []header.Field{{Name: header.XHelo, Value: "x"}}, "", []fieldRef{{header.XHelo, 1}, {header.XHeloCheck, 1}}},
	} {
		var came existingFields
		for _, line := range []string{
			"Authentication-Results: mx.example.net; none", "Authentication-Results: new.example.net; none", "X-HELO: x", "X-Helogate: x",
			"X-Helo-Check: x", "Subject: x",
		} {
			name, value, _ := strings.Cut(line, ": ")
			came.add(name, value, c.name, c.given)
		}
		if diff := cmp.Diff(c.want, came.forged, cmp.AllowUnexported(fieldRef{})); diff != "" {
			t.Errorf("%s: %s", c.title, diff)
		}
	}
}

// Of very many forged fields some stay, below ours.
func TestCameFieldsAreBounded(t *testing.T) {
	var came existingFields
	for range maxForged + 5 {
		came.add("authentication-results", "mx.example.net", "mx.example.net", nil)
	}
	if len(came.forged) != maxForged || came.more != 5 {
		t.Errorf("%d, and %d more", len(came.forged), came.more)
	}
}
