package qmailspp

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/helodnscheck"
	"github.com/helogate/helogate/internal/imports"
	"github.com/helogate/helogate/internal/policy"
)

const moreIPMe = "192.0.2.25\n203.0.113.25 # a comment\n198.18.0.0/15\n192.0.2.128/255.255.255.252\n"

var world = helogate.MustZone(`
	mx.example.org        A    198.51.100.7
	198.51.100.7          PTR  mx.example.org
	near.example.org      A    198.51.100.200
	else.example.org      A    203.0.113.9
	under_score.example.org A  198.51.100.7
	v6.example.org        AAAA 2001:db8::7
	mailed.example.org    MX   10 mx.example.org
	slow.example.org      A    tempfail
	ours.example.net      A    192.0.2.25
	masked.example.net    A    192.0.2.130
	wide.example.net      A    198.19.7.7
	part.example.org      A    203.0.113.2
	sagredo.eu            A    192.0.2.25
`)

// lettersRun runs the program by letters, alone, with DNS as world has it.
func lettersRun(t *testing.T, client, helo, flags string, more ...string) (out, log string) {
	t.Helper()
	alone := func(context.Context, helogate.Facts, bool) (Answer, helogate.Asker, error) {
		return Answer{Action: helogate.Continue}, world, nil
	}
	env := append(more, "TCPREMOTEIP="+client, "SMTPHELOHOST="+helo, "HELO_DNS_CHECK="+flags, "HELOGATE_SOCKET=none")
	return run(t, "plugins/helodnscheck", alone, env...)
}

// inQmail runs a test in a directory like qmail's.
func inQmail(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/control", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/control/moreipme", []byte(moreIPMe), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
}

// What helodnscheck says, and its log, to the letter.
func TestLetters(t *testing.T) {
	inQmail(t)
	const (
		solve = "R553 sorry, invalid host name in HELO/EHLO command. (#5.7.1)\n"
		bad   = "R553 sorry, malformed HELO/EHLO hostname (#5.7.1)\n"
		ours  = "R553 sorry, HELO doesn't match IP (#5.7.1)\n"
		local = "R553 sorry, localhost HELO/EHLO doesn't match IP (#5.7.1)\n"
		match = "R553 sorry, HELO/EHLO command must provide FQDN that match your IP address. (#5.7.1)\n"
		none  = "R553 sorry, no HELO/EHLO hostname has been sent. (#5.7.1)\n"
	)
	for _, c := range []struct {
		flags, client, helo string
		more                string
		out, log            string
	}{
		// The lines of the seed.
		{"PLRIV", "109.237.103.41", "yq3H9cDKgS", "", solve, "helo-dns-check: HELO [yq3H9cDKgS] from [109.237.103.41] doesn't solve\n"},
		{"PLRIV", "183.240.55.119", "sagredo.eu", "", ours, "helo-dns-check: HELO [sagredo.eu] is a local domain but IP [183.240.55.119] is not a RELAYCLIENT\n"},
		{"PLRIV", "198.51.100.7", "else.example.org", "", "", "helo-dns-check: HELO [else.example.org] doesn't match IP [198.51.100.7]\n"},
		{"PLRIV", "198.51.100.7", "mx.example.org", "", "", ""},
		{"PLRIV", "183.240.55.119", "sagredo.eu", "RELAYCLIENT=", "", ""},
		{"PLIV", "183.240.55.119", "sagredo.eu", "RELAYCLIENT=", ours, "helo-dns-check: HELO [sagredo.eu] is a local domain but IP [183.240.55.119] is not a RELAYCLIENT\n"},
		{"PLRIV", "183.240.55.119", "sagredo.eu", "NOHELODNSCHECK=", "", ""},
		{"PLRIV", "198.51.100.7", "localhost", "", local, "helo-dns-check: HELO [localhost] is a local domain but IP [198.51.100.7] is not a RELAYCLIENT\n"},
		{"V", "198.51.100.7", "[192.0.2.25]", "", solve, ""}, // of several things, the first
		// control/moreipme: addresses and networks, never parts of lines.
		{"PLRIV", "198.51.100.7", "masked.example.net", "", ours, "helo-dns-check: HELO [masked.example.net] is a local domain but IP [198.51.100.7] is not a RELAYCLIENT\n"},
		{"V", "198.51.100.7", "wide.example.net", "", ours, ""},
		{"V", "198.51.100.7", "part.example.org", "", "", ""},
		// P, L, H.
		{"PLH", "198.51.100.7", "nowhere.example.org", "", "HX-Helo-Check: HELO [nowhere.example.org] from [198.51.100.7] doesn't solve\n",
			"helo-dns-check: HELO [nowhere.example.org] from [198.51.100.7] doesn't solve\n"},
		{"H", "198.51.100.7", "else.example.org", "", "HX-Helo-Check: HELO [else.example.org] doesn't match IP [198.51.100.7]\n", ""},
		{"H", "198.51.100.7", "else.example.org", "SMTPMAILFROM=a@b.example SMTPRCPTTO=c@d.example SMTPRCPTCOUNT=1", "", ""},
		{"H", "198.51.100.7", "else.example.org", "SMTPMAILFROM=a@b.example SMTPRCPTTO=c@d.example SMTPRCPTCOUNT=0",
			"HX-Helo-Check: HELO [else.example.org] doesn't match IP [198.51.100.7]\n", ""},
		{"B", "198.51.100.7", "else.example.org", "", match, ""},
		{"PBL", "198.51.100.7", "else.example.org", "", "", "helo-dns-check: HELO [else.example.org] doesn't match IP [198.51.100.7]\n"},
		{"L", "198.51.100.7", "slow.example.org", "", "", ""}, // no failure of DNS is a no
		{"", "198.51.100.7", "nowhere.example.org", "", solve, ""},
		{"RL", "198.51.100.7", "a\nb", "", solve, `helo-dns-check: HELO [a\x0ab] from [198.51.100.7] doesn't solve` + "\n"},
		// What was observed of 10.0.1, where it is right.
		{"NL", "1.2.3.4", "localhost", "", local, "helo-dns-check: HELO [localhost] is a local domain but IP [1.2.3.4] is not a RELAYCLIENT\n"},
		{"B", "127.0.0.1", "localhost", "", solve, ""}, // B alone is the first generation's, which has other words for it
		{"GNLR", "1.2.3.4", "localhost", "", bad, "helo-dns-check: HELO [localhost] from [1.2.3.4] doesn't solve\n"},
		{"GNLR", "198.51.100.7", "mx.example.org.", "", "", ""},
		{"GNLR", "1.2.3.4", "sagredo..eu", "", bad, "helo-dns-check: HELO [sagredo..eu] from [1.2.3.4] doesn't solve\n"},
		{"GL", "1.2.3.4", "bad", "RELAYCLIENT=", bad, "helo-dns-check: HELO [bad] from [1.2.3.4] doesn't solve\n"},
		{"GLR", "1.2.3.4", "bad", "RELAYCLIENT=", "", ""},
		{"GL", "1.2.3.4", "bad", "NOHELODNSCHECK=", "", ""},
		{"GLP", "1.2.3.4", "bad", "", "", "helo-dns-check: HELO [bad] from [1.2.3.4] doesn't solve\n"},
		{"GL", "1.2.3.4", "", "", none, "helo-dns-check: no HELO/EHLO hostname has been sent from [1.2.3.4]\n"},
		{"GLP", "1.2.3.4", "", "", "", "helo-dns-check: no HELO/EHLO hostname has been sent from [1.2.3.4]\n"}, // it crashed
		{"GL", "", "bad", "", "", "helogate: TCPREMOTEIP is no address, let it go.\n"},
		// Where it was wrong.
		{"GNLR", "1.2.3.4", "[1.2.3.4]", "", "", ""},
		{"GNLR", "2001:db8::1", "[IPv6:2001:db8::1]", "", "", ""},
		{"GNLR", "198.51.100.7", "under_score.example.org", "", "", ""},
		{"A", "198.51.100.7", "v6.example.org", "", "", ""},
		// Letters that are none, and of both generations.
		{"PLRIVx\x1b", "198.51.100.7", "mx.example.org", "", "", `helogate: HELO_DNS_CHECK has unknown letters: x\x1b` + "\n"},
		{"GVI", "1.2.3.4", "bad", "", bad, ""},
	} {
		out, log := lettersRun(t, c.client, c.helo, c.flags, strings.Fields(c.more)...)
		if out != c.out || log != c.log {
			t.Errorf("%q, %s says %q, %s:\n%q, log %q, want\n%q, log %q", c.flags, c.client, c.helo, c.more, out, log, c.out, c.log)
		}
	}
}

// With the variable unset, helodnscheck does nothing; and with no HELO in its environment, it says that there was none.
func TestUnset(t *testing.T) {
	if out, log := run(t, "plugins/helodnscheck", nil, "TCPREMOTEIP=1.2.3.4", "SMTPHELOHOST=bad"); out+log != "" {
		t.Errorf("%q, log %q", out, log)
	}
	want := "R553 sorry, no HELO/EHLO hostname has been sent. (#5.7.1)\n"
	if out, log := run(t, "plugins/helodnscheck", nil, "TCPREMOTEIP=1.2.3.4", "HELO_DNS_CHECK=G"); out != want || log != "" {
		t.Errorf("%q, log %q", out, log)
	}
	if out, log := run(t, "plugins/helogate-qmail-spp", nil, "TCPREMOTEIP=1.2.3.4", "HELO_DNS_CHECK=G"); out+log != "" { // in [connection]
		t.Errorf("%q, log %q", out, log)
	}
}

// The letters judge as the configuration does that helogate import makes of them.
func TestLettersAreTheImport(t *testing.T) {
	for _, flags := range []string{"", "L", "PL", "PLRIV", "PLH", "V", "B", "BL", "PBL", "BV", "I", "R", "GNLR", "G", "GL", "GLP", "NL", "A", "AB", "ANP", "GANBP"} {
		made, err := imports.Helodnscheck{Flags: flags, Moreipme: "192.0.2.25\n192.0.2.128/30\n", HasMore: true}.Import()
		if err != nil {
			t.Fatal(err)
		}
		c, err := config.Parse("imported", []byte(made.TOML), config.Options{Checks: check.Names(), Presets: check.Presets, Protocols: []string{"postfix"}})
		if err != nil {
			t.Fatal(err)
		}
		imported, err := policy.Build(c)
		if err != nil {
			t.Fatal(err)
		}
		letters, err := helodnscheck.Read(flags, "")
		if err != nil {
			t.Fatal(err)
		}
		ours, err := lettersPolicy(letters, []netip.Prefix{netip.MustParsePrefix("192.0.2.25/32"), netip.MustParsePrefix("192.0.2.128/30")})
		if err != nil {
			t.Fatal(err)
		}
		for _, client := range []string{"198.51.100.7", "192.0.2.25", "192.0.2.130", "2001:db8::7", "10.0.0.1", "127.0.0.1"} {
			for _, helo := range []string{"mx.example.org", "near.example.org", "else.example.org", "under_score.example.org", "v6.example.org", "mailed.example.org",
				"slow.example.org", "ours.example.net", "masked.example.net", "part.example.org", "nowhere.example.org", "localhost", "bad", "a..b", "[198.51.100.7]",
				"[192.0.2.25]", "192.0.2.25", "198.51.100.7", "pc.corp.local", "a b", "[IPv6:2001:db8::7]"} {
				f := helogate.Facts{Stage: helogate.Helo, Client: netip.MustParseAddr(client), Helo: helo, Time: time.Unix(1e9, 0)}
				a := imported.General.Default.Policy.Judge(t.Context(), f, ask{})
				b := ours.Judge(t.Context(), f, ask{})
				if a.Decision != b.Decision || a.DryRun != b.DryRun {
					t.Errorf("%q: %s says %s: the import %+v / %+v, the letters %+v / %+v", flags, client, helo, a.Decision, a.DryRun, b.Decision, b.DryRun)
				}
			}
		}
	}
}

// ask is world, and a service that trusts no client.
type ask struct{}

func (ask) Known(q helogate.Question) (*helogate.Answer, bool) {
	if q.Kind == helogate.Trust {
		return &helogate.Answer{Status: helogate.NXDomain}, true
	}
	return world.Known(q)
}

func (ask) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	if a, ok := (ask{}).Known(q); ok {
		return a
	}
	return world.Ask(ctx, q)
}

// With a daemon, its evidence is what the letters are judged on; what it did not ask, the program asks; and a client
// that its configuration permits is accepted.
func TestLettersByDaemon(t *testing.T) {
	inQmail(t)
	var record helogate.Record
	d := startDaemon(t, func(map[string]string) string {
		return verdict(record, `{"action":"continue","reply":null,"headers":[]}`)
	})
	aloneAsked := 0
	alone := func(context.Context, helogate.Facts, bool) (Answer, helogate.Asker, error) {
		aloneAsked++
		return Answer{Action: helogate.Continue}, world, nil
	}
	p, err := check.NewPolicy(check.DefaultPreset, check.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	f := helogate.Facts{Stage: helogate.Helo, Client: netip.MustParseAddr("198.51.100.7"), Helo: "nowhere.example.org", Time: time.Unix(1e9, 0)}
	record = helogate.Record{Facts: f, Verdict: p.Judge(t.Context(), f, world)}
	const solve = "R553 sorry, invalid host name in HELO/EHLO command. (#5.7.1)\n"
	try := func(what string, alones int, want string, more ...string) {
		t.Helper()
		aloneAsked = 0
		out, log := run(t, "plugins/helodnscheck", alone, append(more, "TCPREMOTEIP=198.51.100.7", "SMTPHELOHOST=nowhere.example.org", "HELOGATE_SOCKET="+d.socket)...)
		if out != want || aloneAsked != alones || log != "" {
			t.Errorf("%s: %q, log %q, alone %d times", what, out, log, aloneAsked)
		}
	}
	try("all was asked", 0, solve, "HELO_DNS_CHECK=PRI")
	try("the letters let pass", 0, "", "HELO_DNS_CHECK=PR")
	record.Asked = nil
	try("something was not asked", 1, solve, "HELO_DNS_CHECK=PRI")
	record.DryRun = helogate.Decision{Action: helogate.Accept, By: "exempt"}
	try("exempt", 0, "", "HELO_DNS_CHECK=PRI")
	record.DryRun.By = "own-network"
	try("our network", 0, "", "HELO_DNS_CHECK=PRI")
	try("our network without R", 1, solve, "HELO_DNS_CHECK=PI")
}
