package main

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	wire "github.com/miekg/dns"

	"github.com/helogate/helogate"
)

// BenchmarkWarmVerdict is a verdict at RCPT with all answers in the cache, balanced preset, over the clients of the
// table.
func BenchmarkWarmVerdict(b *testing.B) { warmVerdict(b) }

func TestWorld(t *testing.T) {
	const n = 1000
	w := newWorld(n)
	if len(w.mails) != n {
		t.Fatalf("%d clients, want %d", len(w.mails), n)
	}
	seen := map[netip.Addr]bool{}
	total := 0
	for _, m := range mix {
		total += m.clients
	}
	if total != 100 {
		t.Errorf("the mix is of %d clients, want a hundred", total)
	}
	zone, err := w.zone()
	if err != nil {
		t.Fatal(err)
	}
	good := 0
	for _, m := range w.mails {
		if seen[m.Client.Addr()] || m.Helo == "" || m.Sender == "" || m.Recipient == "" {
			t.Errorf("not a client of its own, or not a whole one: %+v", m)
		}
		seen[m.Client.Addr()] = true
		a, _ := zone.Known(helogate.Question{Kind: helogate.A, Name: m.Name})
		if m.Name != "" && !slices.Contains(a.Values, m.Client.Addr().String()) {
			t.Errorf("Postfix confirms %s of %s, DNS says %v", m.Name, m.Client, a.Values)
		}
		if m.Helo == m.Name && !strings.Contains(m.Name, "dsl") {
			good++
		}
	}
	withSPF := 0
	for _, m := range w.mails {
		_, domain, _ := strings.Cut(m.Sender, "@")
		mx, _ := zone.Known(helogate.Question{Kind: helogate.MX, Name: domain})
		txt, _ := zone.Known(helogate.Question{Kind: helogate.TXT, Name: domain})
		if len(mx.Values) == 0 != (len(txt.Values) == 0) || strings.HasPrefix(domain, "missing") != (len(mx.Values) == 0) {
			t.Errorf("%s has the MX %q and the TXT %q", domain, mx.Values, txt.Values)
		}
		spf := slices.ContainsFunc(txt.Values, func(s string) bool { return strings.HasPrefix(s, "v=spf1 ") && len(s) < 256 })
		if spf != (len(txt.Values) == 2) {
			t.Errorf("%s has the TXT %q", domain, txt.Values)
		}
		if spf {
			withSPF++
		}
	}
	if withSPF < 900 {
		t.Errorf("%d senders have SPF", withSPF)
	}
	if good != 540 {
		t.Errorf("%d clients use their own name as HELO name, want 540", good)
	}
	if other := newWorld(n); !slices.Equal(other.records, w.records) || !slices.Equal(other.mails, w.mails) {
		t.Error("the same size gives another world")
	}
}

// The zone file says what the zone says.
func TestZoneFile(t *testing.T) {
	w := newWorld(200)
	text, err := w.zoneFile()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	parser := wire.NewZoneParser(strings.NewReader(text), ".", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if ptr, is := rr.(*wire.PTR); is && (!strings.HasSuffix(ptr.Hdr.Name, ".in-addr.arpa.") || !strings.HasSuffix(ptr.Ptr, ".")) {
			t.Errorf("not a PTR of an address: %s", rr)
		}
		n++
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	if want := len(w.records) + 3; n != want { // SOA, NS, and the name to look for
		t.Errorf("%d records, want %d", n, want)
	}
}

func TestNewcomers(t *testing.T) {
	for _, n := range []int{0, 1, 255, 999_999} {
		m := newcomer(n)
		domain := strings.TrimPrefix(m.Helo, "mail.")
		for q, want := range map[helogate.Question]string{
			{Kind: helogate.PTR, Name: m.Client.Addr().String()}: m.Helo,
			{Kind: helogate.A, Name: m.Helo}:                     m.Client.Addr().String(),
			{Kind: helogate.MX, Name: domain}:                    "10 " + m.Helo,
			{Kind: helogate.AAAA, Name: m.Helo}:                  "",
			{Kind: helogate.A, Name: "elsewhere.example"}:        "",
		} {
			a, _ := newcomerDNS{}.Known(q)
			if got := strings.Join(a.Values, " "); got != want {
				t.Errorf("%s %s: %q, want %q", q.Kind, q.Name, got, want)
			}
		}
	}
}

func TestCriticalPath(t *testing.T) {
	at := func(kind helogate.Kind, name string, began, end int, values ...string) asked {
		return asked{
			helogate.Question{Kind: kind, Name: name}, &helogate.Answer{Values: values},
			time.Duration(began) * time.Millisecond, time.Duration(end) * time.Millisecond,
		}
	}
	path := criticalPath([]asked{
		at(helogate.PTR, "192.0.2.1", 0, 51, "a.example"),
		at(helogate.MX, "b.example", 0, 52, "10 mx.b.example"),
		at(helogate.A, "a.example", 53, 103, "192.0.2.1"),
		at(helogate.A, "mx.b.example", 53, 104, "192.0.2.2"),
		at(helogate.PTR, "192.0.2.2", 105, 155, "mx.b.example"),
		at(helogate.AAAA, "mx.b.example", 156, 206),
	})
	want := "MX b.example → A mx.b.example → PTR 192.0.2.2 → AAAA mx.b.example"
	if got := worded(path); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if criticalPath(nil) != nil {
		t.Error("nothing was asked, and something waited for")
	}
}

func TestTable(t *testing.T) {
	fast := row{what: "fast", figure: "2/s", goal: "≥ 1/s", met: true}
	fast.note("of %d", 3)
	rows := []row{
		fast, {what: "slow", figure: "0/s", goal: "≥ 1/s"}, {what: "other", figure: "9"},
		{what: "absent", figure: "skipped: apt-get install it", goal: "≥ 1/s", skipped: true},
	}
	for name, out := range map[string]string{"plain": plain(rows), "Markdown": asMarkdown(rows)} {
		lines := strings.Split(out, "\n")
		for what, want := range map[string]string{"fast": "met", "slow": "missed", "other": "", "absent": ""} {
			i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, " "+what+" ") })
			if i < 0 {
				t.Errorf("%s: no row %s:\n%s", name, what, out)
				continue
			}
			cells := strings.FieldsFunc(lines[i], func(r rune) bool { return r == '|' || r == '│' })
			if got := strings.TrimSpace(cells[len(cells)-1]); got != want {
				t.Errorf("%s: %s is %q, want %q", name, what, got, want)
			}
		}
		if !strings.Contains(out, "fast: of 3") {
			t.Errorf("%s: the note is not there:\n%s", name, out)
		}
	}
}

func TestChoose(t *testing.T) {
	got, err := choose("memory,warm")
	if err != nil || len(got) != 2 || got[0].name != "warm" || got[1].name != "memory" {
		t.Errorf("got %v, %v", got, err)
	}
	if all, _ := choose(""); len(all) != len(sections) {
		t.Error("not all where none is named")
	}
	if _, err := choose("warm,cool"); err == nil {
		t.Error("cool is no section")
	}
}

func TestWords(t *testing.T) {
	if m := median([]float64{3, 1, 2}); m != 2 {
		t.Errorf("median %v", m)
	}
	if m := median([]float64{4, 1, 2, 3}); m != 2.5 {
		t.Errorf("median %v", m)
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}
