package blocklist

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var morning = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// feed counts answers, evenly over a time, with a share of listings, until the breaker opens.
func feed(m *meter, at *time.Time, over time.Duration, answers int, percent float64) (n int, why string) {
	listed := 0.0
	for n = 1; n <= answers; n++ {
		*at = at.Add(over / time.Duration(answers))
		listed += percent / 100
		hit := listed >= 1
		if hit {
			listed--
		}
		if why = m.count(hit, *at); why != "" {
			return n, why
		}
	}
	return answers, ""
}

func TestBreaker(t *testing.T) {
	type step struct {
		over    time.Duration
		answers int
		percent float64
		want    string
	}
	for name, steps := range map[string][]step{
		"busy, and nothing happens":             {{3 * time.Hour, 30000, 60, ""}},
		"most clients are listed, as every day": {{3 * time.Hour, 30000, 90, ""}},
		"the world from the start":              {{time.Minute, 1000, 100, "100% of its 100 answers within 10m are listings"}},
		"too few to know what is usual":         {{time.Hour, 100, 0, ""}, {10 * time.Minute, 1000, 60, ""}},
		"few answers":                           {{time.Hour, 500, 10, ""}, {20 * time.Minute, 190, 100, ""}},
		"a jump, seen after few": {
			{time.Hour, 60000, 10, ""},
			{10 * time.Second, 700, 100, "99% of its last 100 answers are listings, 10% is usual"},
		},
		"a jump by less": {{time.Hour, 60000, 10, ""}, {10 * time.Minute, 10000, 55, ""}},
		"a list that lists many lists all": {
			{time.Hour, 6000, 60, ""},
			{10 * time.Minute, 1000, 100, "95% of its 901 answers within 10m are listings"},
		},
		"slowly more": {
			{time.Hour, 6000, 10, ""}, {time.Hour, 6000, 40, ""}, {2 * time.Hour, 12000, 70, ""}, {2 * time.Hour, 12000, 90, ""},
		},
	} {
		m, at := &meter{rule: Breaker{}.withDefaults()}, morning
		for i, s := range steps {
			n, why := feed(m, &at, s.over, s.answers, s.percent)
			if why != s.want {
				t.Errorf("%s: step %d: after %d: %q, want %q", name, i, n, why, s.want)
			}
		}
	}
}

// All four numbers have an effect.
func TestBreakerNumbers(t *testing.T) {
	trips := func(b Breaker, percent float64) bool {
		m, at := &meter{rule: b.withDefaults()}, morning
		if _, why := feed(m, &at, time.Hour, 1200, 10); why != "" { // 200 in 10 minutes
			t.Fatal(why)
		}
		_, why := feed(m, &at, 10*time.Minute, 200, percent)
		return why != ""
	}
	for _, c := range []struct {
		what string
		b    Breaker
		want bool
	}{
		{"none", Breaker{}, true},
		{"answers", Breaker{Answers: 500}, false},
		{"window", Breaker{Window: 2 * time.Minute}, false},
		{"rise", Breaker{Rise: 70}, false},
		{"share", Breaker{Rise: 70, Share: 40}, true},
	} {
		if got := trips(c.b, 75); got != c.want {
			t.Errorf("%s: it trips: %t", c.what, got)
		}
	}
}

// A lasting wave of bots becomes usual.
func TestWhatLastsBecomesUsual(t *testing.T) {
	m, at := &meter{rule: Breaker{}.withDefaults()}, morning
	feed(m, &at, time.Hour, 6000, 20)
	trips := 0
	for range 30 {
		if _, why := feed(m, &at, 10*time.Minute, 1000, 80); why != "" {
			trips++
			at = at.Add(time.Minute)
		}
	}
	if trips == 0 || trips > 3 || m.usual < 70 {
		t.Errorf("it tripped %d times, %.0f%% is usual", trips, m.usual)
	}
}

// Old answers are forgotten, and a clock that jumps does no harm.
func TestMeterForgets(t *testing.T) {
	m, at := &meter{rule: Breaker{}.withDefaults()}, morning
	feed(m, &at, time.Minute, 99, 100)
	if _, all := m.sums(at); all != (tally{99, 99}) {
		t.Errorf("%+v", all)
	}
	at = at.Add(11 * time.Minute)
	if _, why := feed(m, &at, time.Minute, 99, 100); why != "" {
		t.Error(why)
	}
	rapid.Check(t, func(t *rapid.T) {
		m := &meter{rule: Breaker{Window: time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "window")), Answers: 3, Rise: 10, Share: 90}}
		for range rapid.IntRange(0, 40).Draw(t, "answers") {
			m.count(rapid.Bool().Draw(t, "listed"), time.Unix(0, rapid.Int64Range(math.MinInt64, math.MaxInt64).Draw(t, "at")))
			if m.usual < 0 || m.usual > 100 || m.window.listed > m.window.answers {
				t.Fatalf("%+v", m)
			}
		}
	})
}
