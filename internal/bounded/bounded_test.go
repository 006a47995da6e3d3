package bounded

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func count(m *Map[int, int], key int, now time.Time) (n int) {
	m.Use(key, now, func(v *int, _ bool) { *v++; n = *v })
	return n
}

// An expected is what must be known of an entry to say whether it may be gone.
type expected struct {
	value int
	used  time.Time
	known bool
	since int // how many had come new when it came; of a known one, how many were found when it was
}

// A map is like one without bounds, but for what is over, and for what may have been pushed out: of that it knows
// nothing.
func TestLikeAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const room = 3
		keep := rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(t, "keep")
		m, all := New[int, int](2*room, keep), map[int]*expected{}
		passes := []time.Duration{0, 0, 0, time.Second, 20 * time.Second, time.Minute - 1, 3 * time.Minute}
		goesBack := rapid.Bool().Draw(t, "goes back")
		if goesBack {
			passes = append(passes, -time.Second)
		}
		now, came, found := noon, 0, 0
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(rapid.SampledFrom(passes).Draw(t, "passes"))
			key := rapid.IntRange(0, 30).Draw(t, "key")
			is := all[key]
			if is != nil && keep > 0 && now.Sub(is.used) >= keep {
				delete(all, key)
				is = nil
			}
			mayBeGone := is == nil || goesBack && keep > 0 ||
				!is.known && came-is.since >= room || is.known && found-is.since >= room
			value, there, use := 0, false, rapid.Bool().Draw(t, "use")
			if use {
				m.Use(key, now, func(v *int, made bool) { value, there = *v, !made; *v++ })
			} else {
				value, there = m.Get(key, now)
			}
			switch {
			case there && is == nil:
				t.Fatalf("%d is there, with %d", key, value)
			case there && value != is.value:
				t.Fatalf("%d has %d, not %d", key, value, is.value)
			case !there && !mayBeGone:
				t.Fatalf("%d is gone: %+v, %d came, %d were found", key, *is, came, found)
			case !there && value != 0:
				t.Fatalf("%d begins with %d", key, value)
			}
			switch {
			case there:
				found++
				is.known, is.since = true, found
			case use:
				came++
				is = &expected{used: now, since: came}
				all[key] = is
			default:
				delete(all, key)
			}
			if use {
				is.value++
				is.used = now
			}
			if n := m.Len(now); n > 2*room {
				t.Fatalf("%d entries", n)
			}
		}
	})
}

// Those that come time and again stay, whatever comes once; and what comes once stays for some time.
func TestFlood(t *testing.T) {
	const most = 400
	m := New[int, int](most, time.Hour)
	for i := range most / 2 {
		count(m, -i, noon)
		count(m, -i, noon)
	}
	for i := 1; i <= 100*most; i++ {
		count(m, i, noon)
	}
	for i := range most / 2 {
		if n := count(m, -i, noon); n != 3 {
			t.Fatalf("of one that came twice, %d are counted", n)
		}
	}
	for _, c := range []struct{ back, want int }{{0, 1}, {most/2 - 1, 1}, {most / 2, 0}} {
		if n, _ := m.Get(100*most-c.back, noon); n != c.want {
			t.Errorf("of one that was followed by %d, %d are counted", c.back, n)
		}
	}
	if n := m.Len(noon); n != most-2 { // two of the new ones, that were looked for, have pushed out known ones
		t.Errorf("%d entries, and %d may be", n, most)
	}
}

// What is over is not there any more, to the nanosecond, and its room is given back.
func TestOver(t *testing.T) {
	m := New[int, int](40, time.Minute)
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {time.Minute - 1, 2}, {2*time.Minute - 2, 3}, {3*time.Minute - 2, 1}, {4*time.Minute - 3, 2}} {
		if n := count(m, 1, noon.Add(c.after)); n != c.want {
			t.Errorf("after %s: %d, want %d", c.after, n, c.want)
		}
	}
	for i := range 10 {
		count(m, i, noon.Add(10*time.Minute))
	}
	if n := m.Len(noon.Add(10 * time.Minute)); n != 10 {
		t.Errorf("%d entries", n)
	}
	if n := m.Len(noon.Add(11 * time.Minute)); n != 0 {
		t.Errorf("%d entries when all are over", n)
	}
	count(m, 1, noon.Add(13*time.Minute))
	if n := len(m.entries); n != 1 || m.fresh.n != 1 || m.known.n != 0 {
		t.Errorf("%d entries take room", n)
	}
}

func TestTogether(t *testing.T) {
	m := New[int, int](400, time.Hour)
	for i := range 100 {
		count(m, i%50, noon)
	}
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 1000 {
				count(m, i%50, noon)
				count(m, 1000*(g+1)+i, noon)
				m.Get(i, noon)
				m.Len(noon)
			}
		})
	}
	all.Wait()
	for i := range 50 {
		if n, _ := m.Get(i, noon); n != 2+8*20 {
			t.Errorf("%d: %d", i, n)
		}
	}
}

func BenchmarkUse(b *testing.B) {
	for _, keys := range []int{1000, 10_000_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			m, i := New[int, int](50_000, time.Hour), 0
			b.ReportAllocs()
			for b.Loop() {
				i++
				count(m, i%keys, noon)
			}
		})
	}
}
