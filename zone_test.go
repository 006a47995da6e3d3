package helogate_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/helogate/helogate"
)

func TestZone(t *testing.T) {
	z := MustZone(`
		# what a test states
		192.0.2.1        PTR   MX.example.org.
		mx.example.org   A     192.0.2.10
		mx.example.org   A     192.0.2.9     # the canonical order is by number
		example.org      MX    20 b.example.org
		example.org      MX    5 a.example.org
		example.org      TXT   v=spf1 -all
		_x._tcp.test     SRV   10 5 9 low.example.org
		_x._tcp.test     SRV   9 1 25 B.example.org.
		_x._tcp.test     SRV   9 10 25 c.example.org
		_x._tcp.test     SRV   9 1 25 a.example.org
		_no._tcp.test    SRV   0 0 0 .
		_ill._tcp.test   SRV   tempfail
		www.example.org  CNAME web.example.org
		web.example.org  CNAME mx.example.org
		gone.example.org CNAME nowhere.example.org
		loop.example.org CNAME pool.example.org
		pool.example.org CNAME loop.example.org
		down.example.org A     tempfail
		2001:DB8:0::1    PTR   mx.example.org`)
	for _, c := range []struct {
		kind       Kind
		name, want string
	}{
		{PTR, "192.0.2.1", "ok [mx.example.org] "},
		{PTR, "2001:db8::1", "ok [mx.example.org] "},
		{A, "mx.example.org", "ok [192.0.2.9 192.0.2.10] "},
		{AAAA, "mx.example.org", "nodata [] "},
		{MX, "example.org", "ok [5 a.example.org 20 b.example.org] "},
		{TXT, "example.org", "ok [v=spf1 -all] "},
		{SRV, "_x._tcp.test", "ok [9 10 25 c.example.org 9 1 25 a.example.org 9 1 25 b.example.org 10 5 9 low.example.org] "},
		{SRV, "_no._tcp.test", "ok [0 0 0 .] "},
		{SRV, "_ill._tcp.test", "tempfail [] the zone says so"},
		{SRV, "mx.example.org", "nodata [] "},
		{A, "www.example.org", "ok [192.0.2.9 192.0.2.10] alias of mx.example.org"},
		{AAAA, "www.example.org", "nodata [] alias of mx.example.org"},
		{CNAME, "www.example.org", "ok [web.example.org] "},
		{CNAME, "mx.example.org", "nodata [] "},
		{A, "gone.example.org", "nxdomain [] alias of nowhere.example.org"},
		{A, "loop.example.org", "tempfail [] cname loop at loop.example.org"},
		{A, "down.example.org", "tempfail [] the zone says so"},
		{A, "nobody.example.org", "nxdomain [] "},
	} {
		a, known := z.Known(Question{Kind: c.kind, Name: c.name})
		if got := fmt.Sprintf("%s %v %s", a.Status, a.Values, a.Note); got != c.want || !known {
			t.Errorf("%s %s: %s, want %s", c.kind, c.name, got, c.want)
		}
	}
}

func TestZoneErrors(t *testing.T) {
	for text, want := range map[string]string{
		"mx.example.org A":                     "zone, line 1: a record is an owner, a kind and a value: mx.example.org A",
		"\nmx.example.org HINFO x":             `zone, line 2: "HINFO" is no kind of question: mx.example.org HINFO x`,
		"x.example SRV 1 2 x.example":          "zone, line 1: an SRV is a priority, a weight, a port and a target: x.example SRV 1 2 x.example",
		"x.example SRV 1 2 65536 x.example":    "zone, line 1: an SRV is a priority, a weight, a port and a target: x.example SRV 1 2 65536 x.example",
		"mx.example.org PTR x":                 "zone, line 1: the owner of a PTR is written as an address: mx.example.org PTR x",
		"x.example A after=soon 192.0.2.1":     `zone, line 1: time: invalid duration "soon": x.example A after=soon 192.0.2.1`,
		"x.example CNAME y\nx.example MX 10 z": "zone: x.example is an alias, and an alias has nothing else (RFC 1034 section 3.6.2)",
	} {
		if _, err := NewZone(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestZoneTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := MustZone("slow.example A after=50ms 192.0.2.1\nnever.example A after=1h")
		if _, known := z.Known(Question{Kind: A, Name: "slow.example"}); known {
			t.Error("a slow answer is at hand")
		}
		began := time.Now()
		if a := z.Ask(t.Context(), Question{Kind: A, Name: "slow.example"}); len(a.Values) != 1 || time.Since(began) != 50*time.Millisecond {
			t.Errorf("%v after %v", a, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if a := z.Ask(ctx, Question{Kind: A, Name: "never.example"}); a.Status != TempFail || a.Note != "no answer in time" {
			t.Errorf("%+v", a)
		}
	})
}
