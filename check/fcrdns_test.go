package check

import (
	"strings"
	"testing"

	"github.com/helogate/helogate"
)

func TestFCrDNS(t *testing.T) {
	zone(t, FCrDNS, `
		192.0.2.1 PTR mx.example.org
		192.0.2.2 PTR gone.example.org
		192.0.2.2 PTR forged.example.org
		192.0.2.3 PTR slow.example.org
		192.0.2.4 PTR slow.example.org
		192.0.2.4 PTR zback.example.org
		192.0.2.5 PTR tempfail
		192.0.2.8 PTR v6only.example.org
		192.0.2.9 PTR alias.example.org
		2001:db8::1 PTR mx.example.org
		mx.example.org     A 192.0.2.1
		mx.example.org     AAAA 2001:db8::1
		zback.example.org  A 192.0.2.4
		forged.example.org A 198.51.100.9
		slow.example.org   A tempfail
		v6only.example.org AAAA 2001:db8::8
		alias.example.org  CNAME nowhere.example.org`+manyPTR("192.0.2.7", 12)+`
		host99.example.org A 192.0.2.7
		192.0.2.7 PTR host99.example.org`,
		"192.0.2.1", "pass: PTR of 192.0.2.1 is mx.example.org, which resolves back to it",
		"2001:db8::1", "pass: PTR of 2001:db8::1 is mx.example.org, which resolves back to it",
		"192.0.2.2", "fail: no PTR name of 192.0.2.2 resolves back to it: forged.example.org resolves to 198.51.100.9, gone.example.org does not exist",
		"192.0.2.3", "temperror: A of slow.example.org: the zone says so",
		"192.0.2.4", "pass: PTR of 192.0.2.4 is zback.example.org, which resolves back to it",
		"192.0.2.5", "temperror: PTR of 192.0.2.5: the zone says so",
		"192.0.2.6", "none: 192.0.2.6 has no PTR record",
		"192.0.2.7 host99.example.org", "pass: PTR of 192.0.2.7 is host99.example.org, which resolves back to it", // of many names, that of the HELO is followed
		"192.0.2.8", "fail: PTR of 192.0.2.8 is v6only.example.org, but that name has no A record",
		"192.0.2.9", "fail: PTR of 192.0.2.9 is alias.example.org, but that name does not exist (alias of nowhere.example.org)",
		"172.16.0.1", "none: 172.16.0.1 is a private address: DNS says nothing of it")
}

func TestFCrDNSSaysHowManyMore(t *testing.T) {
	got := FCrDNS.Judge(facts("192.0.2.7"), helogate.MustZone(manyPTR("192.0.2.7", 150)))
	if want := ", and 140 more not followed"; got.Outcome != helogate.Fail || !strings.Contains(got.Why, "host0.example.org does not exist") || len(got.Why) > 403 {
		t.Errorf("%s, want it to end in %q", got, want)
	}
}
