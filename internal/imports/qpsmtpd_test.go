package imports

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

var qpsmtpdZone = helogate.MustZone(`
	198.51.100.7          PTR  mx.example.org
	mx.example.org        A    198.51.100.7
	198.51.100.9          PTR  tempfail
	near.example.org      A    198.51.100.200
	a_b.example.org       A    198.51.100.7
	-x.example.org        A    198.51.100.7
	slow.example.org      A    tempfail
	mailed.example.org    MX   10 mx.example.org
	v6.example.net        AAAA 2001:db8::1
	net6.example.net      AAAA 2001:db8::2
	far6.example.net      AAAA 2001:db7::1
	2001:db8::1           PTR  six.example.org
	six.example.org       AAAA 2001:db8::1
	mail.recipient.example A   203.0.113.80
	mail.google.com       A    192.0.2.90

	203.0.113.10          PTR  mx1.example.com
	mx1.example.com       A    203.0.113.10
	mx0.example.com       A    192.0.2.66
	mx0.example.net       A    192.0.2.66
	203.0.113.20          PTR  mail.victim.co.uk
	mail.victim.co.uk     A    203.0.113.20
	evil.co.uk            A    192.0.2.99
	203.0.113.30          PTR  mx.bank.example
	mx.bank.example       A    192.0.2.98
	203.0.113.40          PTR  dsl-203-0-113-40.isp.example
	dsl-203-0-113-40.isp.example A 203.0.113.40
	mail.isp.example      A    192.0.2.97
	203.0.113.50          PTR  out.hoster.example
	out.hoster.example    A    203.0.113.50
	www.shop.example      A    192.0.2.96
	shop.example          MX   10 mx.shop.example
	mx.shop.example       A    203.0.113.50
`)

// told is the options of the plugin, and behind " / " a line of config/badhelo.
var qpsmtpdCases = []parity{
	{config: "policy lenient", helo: "mx.example.org", original: lets, ours: lets},
	{config: "policy lenient", helo: "", original: refuses, ours: refuses},
	{config: "policy lenient", helo: "localhost", original: refuses, ours: refuses},
	{config: "policy lenient", helo: "LOCALHOST", original: refuses, ours: refuses},
	{config: "policy lenient", client: "127.0.0.1", helo: "localhost", original: lets, ours: lets},
	{config: "policy lenient", helo: "localhost.localdomain", original: lets, ours: refuses,
		why: "localhost in another form (RFC 6761 section 6.3)"},
	{config: "policy lenient", helo: "localhost.", original: lets, ours: refuses,
		why: "localhost in another form (RFC 6761 section 6.3)"},
	{config: "policy lenient", helo: "192.0.2.7", original: refuses, ours: refuses},
	{config: "policy lenient", helo: "198.51.100.7", original: refuses, ours: refuses},
	{config: "policy lenient", helo: "1.0.0.0", original: refuses, ours: refuses},
	{config: "policy lenient", helo: "254.254.254.254", original: refuses, ours: refuses},
	{config: "policy lenient", helo: "2001:db8::1", original: refuses, ours: refuses},
	{config: "policy lenient", helo: "192.0.2.255", original: lets, ours: refuses,
		why: "an address may have the number 255"},
	{config: "policy lenient", helo: "[198.51.100.7]", original: lets, ours: lets},
	{config: "policy lenient", helo: "[192.0.2.9]", original: lets, ours: refuses,
		why: "another host's address; the plugin searches for the brackets in the wrong place"},
	{config: "policy lenient", helo: "[254.254.254.254]", original: lets, ours: refuses,
		why: "another host's address; the plugin searches for the brackets in the wrong place"},
	{config: "policy lenient", helo: "mail", original: lets, ours: lets},
	{config: "policy lenient", helo: "nowhere.example.org", original: lets, ours: lets},
	{config: "policy lenient", client: "198.51.100.8", helo: "mx.example.org", original: lets, ours: lets},
	{config: "policy lenient", client: "192.0.2.77", helo: "localhost", original: lets, ours: lets}, // relay client

	{config: "policy lenient / yahoo.com", helo: "yahoo.com", original: refuses, ours: refuses},
	{config: "policy lenient / yahoo.com", helo: "example.com", original: lets, ours: lets},
	{config: `policy lenient / ya.oo\.com$`, helo: "yahoo.com", original: refuses, ours: refuses},
	{config: `policy lenient / ya.oo\.com$`, helo: "yoda.com", original: lets, ours: lets},
	{config: `policy lenient / !\.`, helo: "hostonly", original: refuses, ours: refuses},
	{config: `policy lenient / !\.`, helo: "mx.example.org", original: lets, ours: lets},
	{config: "policy lenient / aol.com", helo: "AOL.com", original: refuses, ours: refuses},
	{config: "policy lenient / aol.com", helo: "mail.aol.com", original: lets, ours: lets},
	{config: `policy lenient / \.evil$`, helo: "x.evil", original: refuses, ours: refuses},
	{config: "policy lenient / ^YLMF-PC", helo: "YLMF-PC.x", original: lets, ours: refuses,
		why: "the plugin lowercases the name, but not the line"},

	{config: "policy rfc", helo: "mx.example.org", original: lets, ours: lets},
	{config: "policy rfc", helo: "mail", original: refuses, ours: refuses},
	{config: "policy rfc", helo: "mail.corp.local", original: refuses, ours: refuses},
	{config: "policy rfc", helo: "nowhere.example.org", original: refuses, ours: refuses},
	{config: "policy rfc", helo: "slow.example.org", original: lets, ours: lets},
	{config: "policy rfc", helo: "near.example.org", original: lets, ours: lets},
	{config: "policy rfc", client: "198.51.100.8", helo: "mx.example.org", original: refuses, ours: refuses},
	{config: "policy rfc", client: "198.51.100.9", helo: "mx.example.org", original: refuses, ours: defers,
		why: "a DNS failure is not an answer"},
	{config: "policy rfc", helo: "[198.51.100.7]", original: lets, ours: lets},
	{config: "policy rfc", client: "2001:db8::1", helo: "[IPv6:2001:db8::1]", original: refuses, ours: lets,
		why: "a literal of its own address is right (RFC 5321 section 4.1.3)"},
	{config: "policy rfc", client: "2001:db8::1", helo: "v6.example.net", original: lets, ours: lets},
	{config: "policy rfc", helo: "a_b.example.org", original: refuses, ours: lets,
		why: "valid hosts have underscores; it is noted"},
	{config: "policy rfc", helo: "a..b", original: lets, ours: refuses,
		why: "it is not a name (RFC 5321 section 4.1.2)"},
	{config: "policy rfc", helo: "-x.example.org", original: lets, ours: refuses,
		why: "it is not a name (RFC 5321 section 4.1.2)"},
	{config: "policy rfc", helo: "mailed.example.org", original: refuses, ours: lets,
		why: "a name with an MX exists (RFC 5321 section 2.3.5)"},
	{config: "policy rfc", helo: "mail.recipient.example", original: lets, ours: lets},
	{config: "policy rfc", helo: "mail.google.com", original: lets, ours: lets},

	{config: "policy strict", helo: "mx.example.org", original: lets, ours: lets},
	{config: "policy strict", helo: "near.example.org", original: lets, ours: lets},
	{config: "policy strict", helo: "[198.51.100.7]", original: refuses, ours: refuses},
	{config: "policy strict", helo: "[192.0.2.9]", original: refuses, ours: refuses},
	{config: "policy strict", helo: "mail.google.com", original: refuses, ours: refuses},
	{config: "policy strict", client: "203.0.113.10", helo: "mx0.example.com", original: lets, ours: lets},
	{config: "policy strict", client: "203.0.113.10", helo: "mx0.example.net", original: refuses, ours: refuses},
	{config: "policy strict", client: "2001:db8::1", helo: "net6.example.net", original: lets, ours: lets},
	{config: "policy strict", client: "2001:db8::1", helo: "far6.example.net", original: refuses, ours: refuses},
	{config: "policy strict", client: "2001:db8::1", helo: "v6.example.net", original: refuses, ours: lets,
		why: "the client's address; the plugin compares it as text with 2001:db8:0:0:0:0:0:1"},
	{config: "policy strict", client: "203.0.113.20", helo: "evil.co.uk", original: lets, ours: refuses,
		why: "co.uk is a public suffix"},
	{config: "policy strict", client: "203.0.113.30", helo: "mx.bank.example", original: lets, ours: refuses,
		why: "a PTR name counts only if it resolves back to the client"},
	{config: "policy strict", client: "203.0.113.40", helo: "mail.isp.example", original: lets, ours: refuses,
		why: "the client has an auto-generated name of the provider"},
	{config: "policy strict", client: "203.0.113.50", helo: "www.shop.example", original: refuses, ours: lets,
		why: "the client is an MX of the domain in its HELO name"},
	{config: "policy strict", helo: "slow.example.org", original: lets, ours: lets},

	{config: "policy rfc reject 0", helo: "mail", original: lets, ours: lets},
	{config: "policy rfc reject naughty", helo: "mail", original: refuses, ours: refuses},
	{config: "policy rfc reject_type disconnect", helo: "mail", original: refuses, ours: refuses},
	{config: "policy rfc reject_type temp", helo: "mail", original: refuses, ours: defers,
		why: "the plugin overwrites the option"},
	{config: "policy odd", helo: "mail", original: lets, ours: lets},
}

func TestQpsmtpdParity(t *testing.T) {
	for i, c := range qpsmtpdCases {
		options, badhelo, has := strings.Cut(c.config, " / ")
		q := Qpsmtpd{Plugins: "# plugins\nhelo " + options + "\n"}
		if has {
			q.BadHelo, q.BadHeloPath = badhelo+"\n", filepath.Join(t.TempDir(), "badhelo")
			if err := os.WriteFile(q.BadHeloPath, []byte(q.BadHelo), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r, err := q.Import()
		if err != nil {
			t.Fatalf("case %d: %v", i, err)
		}
		text := strings.Replace(r.TOML, "#networks = [\"192.0.2.0/24\"]", "networks = [\"192.0.2.64/26\"]", 1)
		c.check(t, build(t, text), qpsmtpdZone)
	}
}

// Authenticated clients, and mail to postmaster, are accepted, which the plugin does not know yet when it refuses.
func TestImportedLetIn(t *testing.T) {
	r, err := Qpsmtpd{Plugins: "helo policy strict"}.Import()
	if err != nil {
		t.Fatal(err)
	}
	p := build(t, r.TOML)
	for name, change := range map[string]func(*helogate.Facts){
		"authenticated": func(f *helogate.Facts) { f.Auth = "jane" },
		"postmaster":    func(f *helogate.Facts) { f.Recipient = "postmaster@recipient.example" },
		"submission":    func(f *helogate.Facts) { f.Server = netip.MustParseAddrPort("192.0.2.1:587") },
	} {
		f := helogate.Facts{Stage: helogate.Rcpt, Time: time.Unix(1700000000, 0), Client: netip.MustParseAddr(client), Verb: "EHLO",
			Helo: "DESKTOP-7", Server: netip.MustParseAddrPort("192.0.2.1:25"), Recipient: "bob@recipient.example"}
		if v := p.Judge(context.Background(), f, qpsmtpdZone); v.Action != helogate.Reject {
			t.Errorf("a desktop: %s", v.Action)
		}
		change(&f)
		if v := p.Judge(context.Background(), f, qpsmtpdZone); v.Action != helogate.Accept || v.By != name {
			t.Errorf("%s: %s by %s", name, v.Action, v.By)
		}
	}
}

func TestQpsmtpd(t *testing.T) {
	for _, one := range []struct {
		q    Qpsmtpd
		want []string
		note []string
	}{
		{Qpsmtpd{Plugins: "# helo policy rfc\n#/usr/share/qpsmtpd/plugins/helo policy rfc\nquit_fortune\n  helo policy strict reject naughty timeout 5 reject_type disconnect\ndnsbl\n"},
			[]string{"# helo policy strict reject naughty", `preset = "strict"`, `mode = "enforce"`, `budget = "5s"`, "from line 4",
				`fqdn = "drop"`, `helo-resolves = { fail = "drop", temperror = "note" }`, `own-name = "note"`, `impersonation = "note"`, "x_helo = true",
				`reject_at_stage = "rcpt"`},
			[]string{"line 4: timeout 5: the plugin does not pass it"}},
		{Qpsmtpd{Plugins: "/usr/share/qpsmtpd/plugins/helo"}, []string{`preset = "lenient"`, "#bad_helo_files"}, []string{"closes the connection"}},
		{Qpsmtpd{Plugins: "helo:1 policy rfc\nhelo:2 policy lenient\n$include more/plugins\n"}, []string{`preset = "rfc"`},
			[]string{"line 2: helo:2 policy lenient: line 1 loads the plugin already", "line 3: $include more/plugins"}},
		{Qpsmtpd{Plugins: "helo policy rfc timeout soon reject_type never colour blue loglevel 2 lonely"}, []string{`preset = "rfc"`},
			[]string{"lonely: the option has no value", "timeout soon", "reject_type never", "colour blue: the plugin has no such option", "loglevel 2"}},
		{Qpsmtpd{Plugins: "helo timeout 1"}, []string{`timeout = "1s"`, `budget = "1s"`}, nil},
		{Qpsmtpd{Plugins: "helo reject_type perm policy rfc"}, []string{`helo-resolves = { fail = "reject"`}, []string{"reject_type perm"}},
		{Qpsmtpd{Plugins: "helo policy odd"}, []string{`preset = "lenient"`}, []string{"policy odd: this policy does not exist"}},
		{Qpsmtpd{Plugins: "helo policy \x1b[2J\xff"}, nil, []string{`policy \x1b[2J\xff`}},
	} {
		r, err := one.q.Import()
		if err != nil {
			t.Errorf("%q: %v", one.q.Plugins, err)
			continue
		}
		wantIn(t, r, one.want, one.note)
		build(t, r.TOML)
		parse(t, exampled(r.TOML))
	}
	for _, text := range []string{"", "# helo\n", "check_spamhelo\nhelo2\nhel\n"} {
		if _, err := (Qpsmtpd{Plugins: text}).Import(); err == nil || !strings.Contains(err.Error(), "no line loads the plugin helo") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A badhelo file that helogate cannot read as it is is written out without the lines at fault; the others do the same.
func TestBadHeloWrittenOut(t *testing.T) {
	text := "# ours\naol.com\n^mail(?=\\.evil)\n.suffix\n!\\.\nA[0-9]+\na+b.x\n^[192.0.2.1]$\n!\nit's\n/slash/\n"
	r, err := Qpsmtpd{Plugins: "helo", BadHelo: text, BadHeloPath: "/etc/qpsmtpd/badhelo"}.Import()
	if err != nil {
		t.Fatal(err)
	}
	wantIn(t, r, nil, []string{`line 3: ^mail(?=\\.evil): badhelo: Go's regular expressions`})
	c := parse(t, r.TOML)
	if len(c.Policy.BadHeloFiles) > 0 {
		t.Errorf("the file is named all the same: %v", c.Policy.BadHeloFiles)
	}
	written := check.BadHeloList(c.Policy.BadHelo)
	read, err := check.ReadBadHelo("badhelo", strings.NewReader(strings.Replace(text, "^mail(?=\\.evil)\n", "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	for _, helo := range []string{"aol.com", "x.aol.com", "mail.evil", ".suffix", "a.suffix", "nodot", "A12.x", "a1.y", "a+b.x", "aab.x", "[192.0.2.1]", "^[192.0.2.1]$", "1", "1.x", "!", "!.", "it's", "it's.x", "/slash/", "/slash/.x", "slash.x"} {
		f := helogate.Facts{Stage: helogate.Helo, Client: netip.MustParseAddr(client), Helo: helo}
		got, want := check.BadHelo(written).Judge(f, qpsmtpdZone).Outcome, check.BadHelo(read).Judge(f, qpsmtpdZone).Outcome
		if got != want {
			t.Errorf("%q: %s as written out, %s as the file has it", helo, got, want)
		}
	}
}

func TestBadHeloOption(t *testing.T) {
	for text, want := range map[string]string{"helo badhelo /x/y policy rfc": "/x/y", "helo": "", "": ""} {
		if got := BadHeloOption(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	if !slices.Contains(PostfixDefaults, "mynetworks") {
		t.Error("mynetworks is asked of nobody")
	}
}
