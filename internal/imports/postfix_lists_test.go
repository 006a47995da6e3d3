package imports

import (
	"fmt"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/config"
	"pgregory.net/rapid"
)

// TestFilterCodes: the filters of postconf(5), as codes.
func TestFilterCodes(t *testing.T) {
	for filter, want := range map[string]string{
		"127.0.0.2":                      "127.0.0.2",
		"127.0.0.[2..11]":                "127.0.0.2-127.0.0.11",
		"127.0.0.[2..4;8]":               "127.0.0.2-127.0.0.4 127.0.0.8",
		"127.0.0.[8;2..4;5;3..6]":        "127.0.0.2-127.0.0.6 127.0.0.8",
		"127.0.[0..2].[0..255]":          "127.0.0.0-127.0.2.255",
		"127.0.[0..3].[2..3]":            "127.0.0.2-127.0.0.3 127.0.1.2-127.0.1.3 127.0.2.2-127.0.2.3 127.0.3.2-127.0.3.3",
		"127.[0..255].[0..255].[0..255]": "127.0.0.0-127.255.255.255",
		"127.0.0.[2]":                    "127.0.0.2",
		"[127].0.0.2":                    "127.0.0.2",
		"127.0.0.1":                      `code "127.0.0.1": no listing`,
		"10.0.0.2":                       "its answers are not in 127.0.0.0/8",
		"[126..127].0.0.2":               "its answers are not in 127.0.0.0/8",
		"127.0.[0..255].2":               "the filter has 256 ranges",
		"127.[0..255].[0..255].[2;4]":    "the filter has 131072 ranges",
		"":                               "the filter is not d.d.d.d",
		"127.0.0":                        "the filter is not d.d.d.d",
		"127.0.0.":                       "the filter is not d.d.d.d",
		"127.0.0.2.3":                    "the filter is not d.d.d.d",
		"127.0.0.2x":                     "the filter is not d.d.d.d",
		"127.0.0.[2..3]x":                "the filter is not d.d.d.d",
		"127.0.0.[2..3":                  "the filter is not d.d.d.d",
		"127.0.0.[3..2]":                 "the filter is not d.d.d.d",
		"127.0.0.[]":                     "the filter is not d.d.d.d",
		"127.0.0.256":                    "the filter is not d.d.d.d",
		"127.0.0.2;3":                    "the filter is not d.d.d.d",
		"127.0.0.-2":                     "the filter is not d.d.d.d",
	} {
		codes, err := filterCodes(filter)
		got := strings.Join(codes, " ")
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.HasPrefix(got, want)) {
			t.Errorf("%s: %s, want %s", filter, got, want)
		}
	}
}

// TestFilterMeans: the codes are the addresses that the filter means, looked at one by one.
func TestFilterMeans(t *testing.T) {
	octet := rapid.IntRange(0, 255)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c, d := octet.Draw(t, "a"), octet.Draw(t, "b"), octet.Draw(t, "c"), octet.Draw(t, "d")
		low, high := min(a, b), max(a, b)
		codes, err := filterCodes(fmt.Sprintf("127.0.%d.[%d..%d;%d]", c, low, high, d))
		if err != nil {
			t.Skip(err) // an address of errors alone
		}
		for n := range 256 {
			meant := n >= low && n <= high || n == d
			in := false
			for _, code := range codes {
				from, to, isRange := strings.Cut(code, "-")
				if !isRange {
					to = from
				}
				in = in || lastOctet(t, from) <= n && n <= lastOctet(t, to)
			}
			if in != meant {
				t.Fatalf("%v: %d is %v, and meant is %v", codes, n, in, meant)
			}
		}
	})
}

func lastOctet(t failer, address string) (n int) {
	if _, err := fmt.Sscanf(address[strings.LastIndexByte(address, '.')+1:], "%d", &n); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	return n
}

func joined[T any](all []T) string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = fmt.Sprint(one)
	}
	return strings.Join(texts, ",")
}

// listsIn words the lists of a configuration, one a line.
func listsIn(c *config.Config) string {
	var out []string
	for _, family := range []struct {
		name  string
		lists []config.List
	}{{"dnsbl", c.DNSBL}, {"rhsbl", c.RHSBL}, {"dnswl", c.DNSWL}} {
		for _, l := range family.lists {
			words := []string{family.name, l.Zone, joined(l.Codes), joined(l.Ask), l.Then.String()}
			if l.Name != "" {
				words[1] += "(" + l.Name + ")"
			}
			out = append(out, strings.Join(words, " "))
		}
	}
	return strings.Join(out, "\n")
}

// TestPostfixLists: what main.cf asks of lists in DNS, with the part that is in effect, and what can be imported.
func TestPostfixLists(t *testing.T) {
	for _, one := range []struct {
		set, want, examples string // the lists in effect, and with the examples
		file, notes         []string
	}{
		{"smtpd_client_restrictions = reject_rbl_client bl.example, warn_if_reject reject_rbl_client warn.example=127.0.0.2",
			"dnsbl bl.example 127.0.0.0/8  reject\ndnsbl warn.example 127.0.0.2  would reject", "",
			[]string{"- reject_rbl_client bl.example, in smtpd_client_restrictions: [[dnsbl]] (reject). You can remove it once helogate enforces. " +
				"Differences: without a filter, Postfix takes every answer",
				"# every answer, as in Postfix; see the web page of the list"}, nil},
		{"maps_rbl_reject_code = 450\nsmtpd_client_restrictions = reject_rbl_client bl.example=127.0.0.2",
			"dnsbl bl.example 127.0.0.2  defer", "", nil, nil},
		{"smtpd_helo_restrictions = reject_rhsbl_helo dbl.example=127.0.1.[2..99] reject_rhsbl_reverse_client dbl.example=127.0.1.[2..99]\n" +
			"smtpd_sender_restrictions = reject_rhsbl_sender dbl.example=127.0.1.[2..99], reject_rhsbl_sender other.example=127.0.0.2, reject_rhsbl_sender other.example=127.0.0.4",
			"rhsbl dbl.example 127.0.1.2-127.0.1.99 helo,ptr,sender reject\nrhsbl other.example 127.0.0.2,127.0.0.4  reject", "",
			[]string{"reject_rhsbl_helo, reject_rhsbl_reverse_client, reject_rhsbl_sender", "the organisational domain as well"}, nil},
		{"smtpd_client_restrictions = reject_rhsbl_client dbl.example=127.0.0.2", "rhsbl dbl.example 127.0.0.2 ptr reject", "",
			[]string{"only the forward-confirmed name"}, nil},
		{"smtpd_client_restrictions = permit_dnswl_client wl.example=127.0.[0..255].[1..3], permit_dnswl_client wl.example=127.0.9.[1..3], warn_if_reject permit_rhswl_client wl.example",
			"dnswl wl.example 127.0.9.1-127.0.9.3  score -3\ndnswl wl.example(wl.example-2) 127.0.0.0/8 ptr score -3", "",
			[]string{`then = "accept" accepts whatever else is found`},
			[]string{"line 1: smtpd_client_restrictions: permit_dnswl_client wl.example=127.0.[0..255].[1..3]: the filter has 256 ranges: write those that matter into a [[dnsbl]]; leave it in main.cf, or write a [[dnswl]]"}},
		{"smtpd_recipient_restrictions = reject_rhsbl_recipient dbl.example, reject_rbl_client bl.example=1.2.3.4, reject_rbl_client 192.0.2.1, reject_rbl_client single, reject_rbl_client",
			"", "", nil, []string{
				"reject_rhsbl_recipient dbl.example: helogate has no such lookup: leave it in main.cf",
				"reject_rbl_client bl.example=1.2.3.4: its answers are not in 127.0.0.0/8", "reject_rbl_client 192.0.2.1: the zone is not a domain",
				"reject_rbl_client single: the zone is not a domain", "smtpd_recipient_restrictions: reject_rbl_client: the zone is not a domain"}},
		{"smtpd_client_restrictions = reject_rbl_client 0123456789abcdef0123.bl.example=127.0.0.2", // a customer's key
			"dnsbl 0123456789abcdef0123.bl.example(bl.example) 127.0.0.2  reject", "", nil, nil},

		// postscreen: a weight of the threshold is worth reject_at.
		{"postscreen_dnsbl_threshold = 3\npostscreen_dnsbl_sites = bl.example=127.0.0.[2..11]*3, bl.example=127.0.0.12*2, b.example wl.example=127.0.[3;4].0*-4, nil.example*0, bad.example*x",
			"", "dnsbl bl.example 127.0.0.2-127.0.0.11  score 5\ndnsbl bl.example(bl.example-2) 127.0.0.12  score 3\ndnsbl b.example 127.0.0.0/8  score 2\n" +
				"dnswl wl.example 127.0.3.0,127.0.4.0  score -7",
			[]string{"a weight of 3 (postscreen_dnsbl_threshold) is 5, which is reject_at"},
			[]string{`line 2: postscreen_dnsbl_sites: bad.example*x: "x" is not a weight; leave it in main.cf`, "line 2: postscreen_dnsbl_sites: postscreen judges before helogate"}},
		{"postscreen_dnsbl_threshold = 2\npostscreen_dnsbl_sites = bl.example=127.0.0.2*1, bl.example=127.0.0.3*1", "", // each has its own score
			"dnsbl bl.example 127.0.0.2  score 3\ndnsbl bl.example(bl.example-2) 127.0.0.3  score 3", nil, nil},
		{"postscreen_dnsbl_sites = bl.example*9999, b.example*-1000 c.example*1000\nsmtpd_client_restrictions = reject_rbl_client c.example=127.0.0.2",
			"dnsbl c.example 127.0.0.2  reject", "dnsbl c.example 127.0.0.2  reject\ndnsbl c.example(c.example-2) 127.0.0.0/8  score 1000\ndnswl b.example 127.0.0.0/8  score -1000",
			nil, []string{`"9999" is not a weight`}},
	} {
		r, err := Postfix{Set: one.set}.Import()
		if err != nil {
			t.Fatal(err)
		}
		if got := listsIn(parse(t, r.TOML)); got != one.want {
			t.Errorf("%s:\n%s\nwant\n%s", one.set, got, one.want)
		}
		if one.examples == "" {
			one.examples = one.want
		}
		if got := listsIn(parse(t, exampled(r.TOML))); got != one.examples {
			t.Errorf("%s, with the examples:\n%s\nwant\n%s", one.set, got, one.examples)
		}
		build(t, r.TOML)
		build(t, exampled(r.TOML))
		wantIn(t, r, one.file, one.notes)
	}
}

// TestPostfixListsJudge: an imported list does what the restriction did, once it enforces. A list that is down rejects
// none.
func TestPostfixListsJudge(t *testing.T) {
	r, err := Postfix{Set: "myhostname = mx.example.net\nsmtpd_client_restrictions = reject_rbl_client bl.example=127.0.0.[2..4], reject_rhsbl_sender dbl.example"}.Import()
	if err != nil {
		t.Fatal(err)
	}
	p := build(t, strings.Replace(r.TOML, `mode = "shadow"`, `mode = "enforce"`, 1))
	for answer, want := range map[string]string{
		"7.113.0.203.bl.example A 127.0.0.3": "refuses", "7.113.0.203.bl.example A 127.0.0.9": "accepts", "7.113.0.203.bl.example A tempfail": "accepts",
		"sender.example.dbl.example A 127.0.1.2": "refuses", "sender.example.dbl.example A 192.0.2.1": "accepts",
		"sender.example.dbl.example A 127.255.255.254": "accepts", "nobody.example A 192.0.2.1": "accepts",
	} {
		zone := helogate.MustZone(`
			203.0.113.7    PTR mx.example.org
			mx.example.org A   203.0.113.7
			sender.example MX  10 mx.example.org
			` + answer)
		if got, v := judge(p, zone, "203.0.113.7", "mx.example.org"); got != want {
			t.Errorf("%s: %s by %s, want %s\n%v", answer, got, v.By, want, v.Findings)
		}
	}
}

// TestPolicyServices: the usual ones are recognized by name or port, and the report names the replacement.
func TestPolicyServices(t *testing.T) {
	for service, want := range map[string]string{
		"inet:127.0.0.1:10023":                         "helogate greylists",
		"unix:postgrey/socket":                         "helogate greylists",
		"inet:localhost:2501":                          "helogate greylists", // sqlgrey
		"{ inet:127.0.0.1:10023, timeout=10s }":        "helogate greylists",
		"{ unix:private/greyfix }":                     "helogate greylists",
		"unix:private/policyd-spf":                     "helogate checks SPF itself",
		"{ unix:private/policy-spf, timeout=3600s }":   "helogate checks SPF itself",
		"inet:127.0.0.1:10031":                         "another policy service stays",
		"inet:127.0.0.1:12525":                         "another policy service stays",
		"{ inet:192.0.2.1:10031, default_action=grey}": "another policy service stays",
	} {
		r, err := Postfix{Set: "smtpd_recipient_restrictions = check_policy_service " + service}.Import()
		if err != nil {
			t.Fatal(err)
		}
		wantIn(t, r, nil, []string{"check_policy_service " + service + ": " + want})
		if got, want := strings.Contains(r.TOML, "\n#greylist = \"greylist\""), strings.HasPrefix(want, "helogate greylists"); got != want {
			t.Errorf("%s: greylisting everybody is proposed: %v", service, got)
		}
		build(t, exampled(r.TOML))
	}
}
