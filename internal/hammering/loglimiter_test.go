package hammering

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestLogLimiter(t *testing.T) {
	m := NewLogLimiter()
	for _, c := range []struct {
		after  time.Duration
		client string
		want   string
	}{
		{0, "192.0.2.1", "0 true"},
		{0, "192.0.2.1", "1 false"},
		{0, "192.0.2.2", "0 true"},
		{59 * time.Second, "192.0.2.1", "2 false"},
		{time.Minute, "192.0.2.1", "2 true"},
		{time.Minute, "192.0.2.1", "1 false"},
		{50 * time.Second, "192.0.2.1", "2 false"}, // told late
		{time.Minute, "192.0.2.2", "0 true"},
		{time.Minute, "2001:db8::1", "0 true"},
		{time.Minute, "2001:db8::2", "1 false"},
		{time.Minute, "2001:db8:0:1::1", "0 true"},
		{50 * time.Minute, "192.0.2.1", "2 true"},
		{109 * time.Minute, "2001:db8::2", "0 true"}, // forgotten after an hour
		{109 * time.Minute, "192.0.2.1", "0 true"},
	} {
		left, say := m.Say(netip.MustParseAddr(c.client), noon.Add(c.after))
		if got := fmt.Sprint(left, say); got != c.want {
			t.Errorf("%s after %s: %s, want %s", c.client, c.after, got, c.want)
		}
	}
	if n := m.clients.Len(noon.Add(109 * time.Minute)); n != 2 {
		t.Errorf("%d clients are remembered", n)
	}
	if left, say := m.Say(netip.Addr{}, noon); left != 0 || !say {
		t.Error("a line about no client is left out")
	}
}

// A flood of clients does not fill the memory, nor the log with lines about the one that hammers on.
func TestLogLimiterIsBounded(t *testing.T) {
	m, on := NewLogLimiter(), netip.MustParseAddr("192.0.2.1")
	m.Say(on, noon)
	m.Say(on, noon)
	for i := range defaultMax + 1000 {
		m.Say(netip.AddrFrom4([4]byte{198, byte(i >> 16), byte(i >> 8), byte(i)}), noon)
	}
	if n := m.clients.Len(noon); n > defaultMax {
		t.Errorf("%d clients are remembered", n)
	}
	if left, say := m.Say(on, noon); left != 2 || say {
		t.Errorf("of the one that hammers on, %d were left out, and say %t", left, say)
	}
	if _, say := m.Say(netip.AddrFrom4([4]byte{198, 0, 0, 0}), noon); !say {
		t.Error("the first is still remembered")
	}
}
