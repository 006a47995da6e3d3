package imports

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/helogate/helogate/check"
	"pgregory.net/rapid"
)

const mainCF = `alias_maps = hash:/etc/aliases
inet_interfaces = 192.0.2.25, [2001:db8::25], 127.0.0.1, $myhostname
mydestination = $myhostname, localhost.$mydomain, localhost, $mydomain, example.com,
    hash:/etc/postfix/more
mydomain = example.net
myhostname = mx.example.net
mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128 192.0.2.0/24 [2001:db8:1::]/48 203.0.113.5 !203.0.113.6, cidr:/etc/postfix/nets
proxy_interfaces = 203.0.113.25
relay_domains = .example.org, mysql:/etc/postfix/relay.cf, co.uk
smtpd_client_restrictions = permit_mynetworks, reject_unknown_client_hostname, reject_rbl_client dnsbl.example=127.0.0.[2..11]
smtpd_helo_required = yes
smtpd_helo_restrictions = permit_mynetworks check_helo_access hash:/etc/postfix/helo reject_invalid_helo_hostname
    warn_if_reject reject_unknown_helo_hostname, reject_non_fqdn_helo_hostname, strict
smtpd_recipient_restrictions = ${other}, reject_unauth_destination, check_policy_service inet:127.0.0.1:10040, check_policy_service { inet:127.0.0.1:10023, timeout=10s },
    reject_unknown_reverse_client_hostname
smtpd_restriction_classes = strict
smtpd_delay_reject = no
unknown_client_reject_code = 554
virtual_alias_maps = hash:/etc/postfix/virtual
virtual_mailbox_domains = customer.example, corp.lan
`

func TestPostfix(t *testing.T) {
	r, err := Postfix{Set: mainCF}.Import()
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, r.TOML)
	for what, lists := range map[string][2]string{
		"names":     {fmt.Sprint(c.Own.Names), "[example.net example.com customer.example corp.lan example.org]"},
		"addresses": {fmt.Sprint(c.Own.Addresses), "[192.0.2.25 2001:db8::25 203.0.113.25]"},
		"networks":  {fmt.Sprint(c.Own.Networks), "[127.0.0.0/8 ::1/128 192.0.2.0/24 2001:db8:1::/48 203.0.113.5/32]"},
		"listen":    {fmt.Sprint(c.Listen[0].Address, len(c.Listen)), "127.0.0.1:10040 1"},
		"policy":    {fmt.Sprint(c.Mode, " ", c.Policy.Preset, len(c.Policy.Checks)), "shadow balanced0"},
	} {
		if lists[0] != lists[1] {
			t.Errorf("%s: %s, want %s", what, lists[0], lists[1])
		}
	}
	wantIn(t, r, []string{
		`"example.net",                      # mydomain`,
		`"corp.lan",                         # virtual_mailbox_domains`,
		"- smtpd_helo_required = yes: helo-missing.",
		"- reject_unknown_client_hostname, in smtpd_client_restrictions: rdns (score 2) and fcrdns (score 2). You can remove it once helogate enforces, if a score is enough, or with the lines below. Differences: when DNS fails",
		"- reject_invalid_helo_hostname, in smtpd_helo_restrictions: helo-syntax (reject). You can remove it once helogate enforces. Differences: almost none, since neither uses DNS",
		"- warn_if_reject reject_unknown_helo_hostname, in smtpd_helo_restrictions: helo-resolves (score 2) and private-name (score 2).",
		"Differences: Postfix replies 450 (unknown_hostname_reject_code)",
		"unknown_helo_hostname_tempfail_action",
		"- reject_rbl_client dnsbl.example=127.0.0.[2..11], in smtpd_client_restrictions: [[dnsbl]] (reject). You can remove it once helogate enforces. Differences: almost none, since a missing answer",
		`#helo-resolves = "would reject"`, `#rdns = "reject"`, `#fcrdns = "reject"`,
	}, []string{
		"line 2: inet_interfaces: mx.example.net: it is not an IP address",
		"line 3: mydestination: hash:/etc/postfix/more: tables are not read",
		"line 7: mynetworks: !203.0.113.6: an exclusion is not carried over",
		"line 7: mynetworks: cidr:/etc/postfix/nets: tables are not read",
		"line 9: relay_domains: mysql:/etc/postfix/relay.cf: tables are not read",
		"line 9: relay_domains: co.uk: others can have names below it",
		"line 12: smtpd_helo_restrictions: check_helo_access hash:/etc/postfix/helo: tables are not read",
		"line 12: smtpd_helo_restrictions: strict: it is your own class",
		"line 14: smtpd_recipient_restrictions: check_policy_service { inet:127.0.0.1:10023, timeout=10s }: helogate greylists suspicious clients, and every client with greylist = \"greylist\"",
		"line 14: smtpd_recipient_restrictions: $other is unknown",
		"line 17: smtpd_delay_reject = no",
		"line 19: virtual_alias_maps = hash:/etc/postfix/virtual: tables are not read",
	})
	build(t, r.TOML)
	build(t, exampled(r.TOML))
	if strings.Contains(r.TOML, "127.0.0.1:10040: another") {
		t.Error("helogate itself is said to be another policy service")
	}
	if strings.Contains(r.TOML, "unknown_client_reject_code") {
		t.Error("the reply code that main.cf sets to 554 is said to be 450")
	}
}

// Each of these declares the own names and addresses in its own way, or does not.
func TestPostfixOwn(t *testing.T) {
	for _, one := range []struct {
		set, defaults string
		want          string // names, addresses, networks
		notes         []string
	}{
		{"myhostname = mx.example.net", "", "[mx.example.net] [] []", []string{"mynetworks: Postfix derives the networks"}},
		{"inet_protocols = all", "", "[] [] []", []string{"myhostname: is not in this text"}},
		{"inet_protocols = all", "myhostname = mx.example.net\nmydomain = example.net\nmynetworks = 192.0.2.0/24\nmynetworks_style = subnet\nmydestination = $myhostname, localhost.$mydomain\n",
			"[mx.example.net] [] [192.0.2.0/24]", nil},
		{"mynetworks_style = class", "", "[] [] []", []string{"line 1: mynetworks_style = class: Postfix derives"}},
		{"myhostname = example.net\nmydestination = ${mydomain} $(myorigin) $$ $", "", "[example.net] [] []", []string{"it is not a domain name"}},
		{"myhostname = vm\nmydestination = $myhostname, vm, localhost.localdomain, , localhost", "", "[] [] []", nil},
		{"mydestination = ${myhostname?{x}:{y}} $nothing ${open a.example", "", "[] [] []", []string{"${myhostname?{x} is conditional", "mydestination"}},
		{"myhostname = $mydomain\nmydomain = $myhostname", "", "[] [] []", []string{"in a loop"}},
		{"mydestination = a..b, -x.example.org, 192.0.2.1, [192.0.2.1]", "", "[] [] []", []string{"a..b: it is not a domain name", "-x.example.org: it is no", "192.0.2.1: it is not a domain name"}},
		{"inet_interfaces = all", "", "[] [] []", nil},
		{"inet_interfaces = loopback-only", "", "[] [] []", []string{"only this host"}},
		{"mynetworks = 0.0.0.0/0, 192.0.2.9/24, 192.0.2.0/33, x, 10.0.0.0/", "", "[] [] [192.0.2.0/24]",
			[]string{"0.0.0.0/0: it is the whole Internet", "192.0.2.0/33: it is not a network", "x: it is not a network", "10.0.0.0/: it is not a network"}},
		{"mydestination = EXAMPLE.com, example.com., xn--bcher-kva.example", "", "[example.com xn--bcher-kva.example] [] []", nil},
	} {
		r, err := Postfix{Set: one.set, Defaults: one.defaults}.Import()
		if err != nil {
			t.Errorf("%q: %v", one.set, err)
			continue
		}
		c := parse(t, r.TOML)
		if got := fmt.Sprint(c.Own.Names, c.Own.Addresses, c.Own.Networks); got != one.want {
			t.Errorf("%q: %s, want %s", one.set, got, one.want)
		}
		wantIn(t, r, nil, one.notes)
	}
	if _, err := (Postfix{Set: "nothing to see\n# here\n"}).Import(); err == nil {
		t.Error("a text that sets nothing is taken")
	}
}

// Parameters that double each other end before the memory does.
func TestExpansionEnds(t *testing.T) {
	var b strings.Builder
	b.WriteString("mydestination = $a20\na0 = x.example\n")
	for i := range 20 {
		fmt.Fprintf(&b, "a%d = $a%d $a%d $a%d $a%d\n", i+1, i, i, i, i)
	}
	r, err := Postfix{Set: b.String()}.Import()
	if err != nil {
		t.Fatal(err)
	}
	wantIn(t, r, nil, []string{"mydestination: "})
	parse(t, r.TOML)
}

// Every name of a check that the table says is one.
func TestCounterparts(t *testing.T) {
	for _, c := range counterparts {
		for _, name := range c.checks {
			if !slices.Contains(check.Names(), name) {
				t.Errorf("%s: there is no check %s", c.names[0], name)
			}
		}
	}
}

// Postfix is to ask on a unix socket below its queue directory, but for one that asks over TCP already.
func TestPostfixListener(t *testing.T) {
	for main, want := range map[string]string{
		"mydomain = example.net":                        "unix:/var/spool/postfix/helogate/policy",
		"queue_directory = /srv/postfix/":               "unix:/srv/postfix/helogate/policy",
		"root = /srv\nqueue_directory = $root/queue":    "unix:/srv/queue/helogate/policy",
		"queue_directory = queue":                       "unix:/var/spool/postfix/helogate/policy",
		"queue_directory = /" + strings.Repeat("x", 90): "unix:/var/spool/postfix/helogate/policy",
		"smtpd_data_restrictions = check_policy_service { inet:127.0.0.1:10040, timeout=5s }": "127.0.0.1:10040",
	} {
		for name, make := range map[string]func(Postfix) (*Result, error){
			"import": Postfix.Import, "init": func(p Postfix) (*Result, error) { return Initial(&p) },
		} {
			r, err := make(Postfix{Set: main})
			if err != nil {
				t.Fatal(err)
			}
			if got := parse(t, r.TOML).Listen[0].Address.String(); got != want {
				t.Errorf("%s: %s: %s, want %s", name, main, got, want)
			}
			if dir := strings.TrimPrefix(filepath.Dir(want), "unix:"); dir != "." && !strings.Contains(r.TOML, "-g postfix -m 2750 "+dir+"\n") {
				t.Errorf("%s: %s: how to make the directory is not said:\n%s", name, main, r.TOML)
			}
		}
	}
}

func TestInitial(t *testing.T) {
	for name, p := range map[string]*Postfix{"nothing": nil, "Postfix": {Set: mainCF}} {
		r, err := Initial(p)
		if err != nil {
			t.Fatal(err)
		}
		c := parse(t, r.TOML)
		build(t, r.TOML)
		if c.Mode != "shadow" || len(c.Listen) != 1 || len(c.Rule)+len(c.Exempt) > 0 {
			t.Errorf("with %s: %s, %d listeners, %d rules, %d exempt", name, c.Mode, len(c.Listen), len(c.Rule), len(c.Exempt))
		}
		all := parse(t, exampled(r.TOML)) // every example can be taken
		if len(all.Rule) != 1 || len(all.Exempt) != 1 || all.Policy.URL == "" || len(all.DNS.Servers) != 1 || len(all.Own.Networks) == 0 {
			t.Errorf("with %s, the examples come to %+v", name, all)
		}
	}
}

// Whatever the others' files hold, what is made of them loads, or it is an error.
func TestAnythingLoads(t *testing.T) {
	text := rapid.SliceOfN(rapid.SampledFrom([]string{
		"\n", "\n", " ", " = ", "mydestination", "mynetworks", "inet_interfaces", "myhostname", "smtpd_helo_restrictions", "$", "{", "}", "(", "x.example", "[", "]",
		"192.0.2.1", "/24", "/255.255.255.0", "!", ",", "hash:/x", "::1", "reject_rbl_client ", "reject_rhsbl_helo ", "permit_dnswl_client ", "=127.0.0.[2..4;8]", "\npostscreen_dnsbl_sites = bl.example", "\nsmtpd_client_restrictions = reject_rbl_client bl.example", " reject_rhsbl_sender Bl.example.", "*2", "*-1", "_", "a_b.example", "-", "0123456789abcdefg.", "127.0.0.[1..9;3]", "reject_unknown_client", "check_helo_access", "\x1b[2J", "\xff", "\"", "'", "\\", "#",
		"helo", "policy", "strict", "reject", "timeout", "5", "2001:db8::", "fe80::1%eth0", "\u202e", "|", "warn_if_reject",
	}), 0, 40)
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(text.Draw(t, "text"), "")
		results := []*Result{}
		if r, err := (Postfix{Set: s}).Import(); err == nil {
			build(t, r.TOML)
			build(t, exampled(r.TOML))
			results = append(results, r)
		}
		if r, err := (Qpsmtpd{Plugins: "helo " + s, BadHelo: s, BadHeloPath: "/x"}).Import(); err == nil {
			results = append(results, r)
		}
		r, err := Helodnscheck{Flags: "LV", Moreipme: s, HasMore: true}.Import()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range append(results, r) {
			parse(t, r.TOML)
			for _, b := range []byte(r.TOML) {
				if b != '\n' && (b < ' ' || b > '~') {
					t.Fatalf("byte %#x in the file:\n%q", b, r.TOML)
				}
			}
		}
	})
}
