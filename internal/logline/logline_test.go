package logline

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var client = netip.MustParseAddr("fe80::1%eth0")

// bySlog is the line that slog writes.
func bySlog(json bool, at time.Time, level slog.Level, message, key, value string, n int, is bool, d time.Duration) string {
	var b bytes.Buffer
	options := &slog.HandlerOptions{Level: slog.LevelDebug}
	var h slog.Handler = slog.NewTextHandler(&b, options)
	if json {
		h = slog.NewJSONHandler(&b, options)
	}
	r := slog.NewRecord(at, level, message, 0)
	r.AddAttrs(slog.String(key, value), slog.String("bytes", value), slog.String("client", client.String()), slog.Int("n", n), slog.Bool("is", is), slog.Any("duration_ms", Millis(d)),
		slog.Any("list", List{value, "b"}))
	if err := h.Handle(context.Background(), r); err != nil {
		return err.Error()
	}
	return b.String()
}

func byHand(l *Line, json bool, at time.Time, level slog.Level, message, key, value string, n int, is bool, d time.Duration) string {
	l.Begin(json, at, level, message)
	l.Text(key, value)
	l.Bytes("bytes", []byte(value))
	l.Addr("client", client)
	l.Int("n", n)
	l.Bool("is", is)
	l.Millis("duration_ms", d)
	l.List("list", ",", []string{value, "b"})
	return string(l.End())
}

// TestAsSlog: whatever is written, it is what slog writes.
func TestAsSlog(t *testing.T) {
	var l Line
	text := rapid.OneOf(
		rapid.String(),
		rapid.StringOf(rapid.RuneFrom([]rune("az09 =\"\\.,:\t\n\r\x00\x1b\x7f<>&\u00e4\u00a0\u2028\u2029\u202e\ufffd\u3000\U0001f600"))),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		json := rapid.Bool().Draw(t, "json")
		at := time.Unix(rapid.Int64Range(-62135596799, 253402300799-86400).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		at = at.In(time.FixedZone("", rapid.IntRange(-12*60, 14*60).Draw(t, "zone")*60))
		if at.Year() < 0 || at.Year() > 9999 {
			return
		}
		level := slog.Level(rapid.IntRange(-4, 9).Draw(t, "level"))
		message, value := text.Draw(t, "message"), text.Draw(t, "value")
		n, is := rapid.Int().Draw(t, "n"), rapid.Bool().Draw(t, "is")
		d := time.Duration(rapid.Int64().Draw(t, "duration"))
		want := bySlog(json, at, level, message, "key", value, n, is, d)
		if got := byHand(&l, json, at, level, message, "key", value, n, is, d); got != want {
			t.Fatalf("%q, slog writes %q", got, want)
		}
	})
}

func FuzzAsSlog(f *testing.F) {
	for _, s := range []string{"", "a", "a b", "a=b", `"`, `\`, "\n\r\t\x00\x7f", "\xff", "\u2028", "\u00e4\u00a0\ufeff"} {
		f.Add(s)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 1_999_999, time.UTC)
	var l Line
	f.Fuzz(func(t *testing.T, s string) {
		for _, json := range []bool{false, true} {
			want := bySlog(json, at, slog.LevelInfo, s, "key", s, 1, true, time.Second)
			if got := byHand(&l, json, at, slog.LevelInfo, s, "key", s, 1, true, time.Second); got != want {
				t.Errorf("%q, slog writes %q", got, want)
			}
		}
	})
}

// TestMillis: a duration is a number of milliseconds, which JSON can read.
func TestMillis(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", time.Nanosecond: "0", time.Microsecond: "0.001", 24 * time.Microsecond: "0.024", 1500 * time.Microsecond: "1.5",
		20 * time.Millisecond: "20", 3*time.Second + 70*time.Microsecond: "3000.07", -2 * time.Millisecond: "-2",
	} {
		if got := string(appendMillis(nil, d)); got != want {
			t.Errorf("%s is %s, want %s", d, got, want)
		}
	}
}

// TestNoAllocation: a line of plain values needs no memory of its own.
func TestNoAllocation(t *testing.T) {
	var l Line
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, json := range []bool{false, true} {
		if n := testing.AllocsPerRun(100, func() {
			l.Begin(json, at, slog.LevelInfo, "verdict")
			l.List("failed", ",", []string{"fqdn", "rdns"})
			l.Millis("duration_ms", 24*time.Microsecond)
			l.Int("n", 7)
			l.Bool("held", true)
			l.End()
		}); n > 0 {
			t.Errorf("json %v: %v allocations", json, n)
		}
	}
}
