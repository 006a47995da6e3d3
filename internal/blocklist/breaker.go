package blocklist

import (
	"cmp"
	"fmt"
	"time"
)

// A Breaker configures when the share of listings among a list's answers is no longer trusted. The zero value of a
// number is its default.
//
// Two conditions open it. A jump: among the newest answers, just as many as are needed, the share is Rise above the
// usual one. This is noticed soon, even where thousands of clients come in a minute. And a share that no list has:
// among all answers in the window, the share reaches Share. This needs no history, but many answers: on a bad day
// nine of ten clients may be listed, correctly.
//
// The usual share is a moving average over the windows with enough answers. The last window counts for an eighth, so
// half of the past is forgotten after five windows: the average follows the hours of the day, but not a jump. The
// window that opened the breaker counts too, so a lasting change becomes usual, and a list that correctly lists a
// wave of bots is not suspended forever.
type Breaker struct {
	Window  time.Duration // 0 is 10m
	Answers int           // the minimum number of answers; 0 is 100
	Rise    int           // percentage points above the usual share; 0 is 50
	Share   int           // percent; 0 is 95
}

func (b Breaker) withDefaults() Breaker {
	return Breaker{
		Window: cmp.Or(b.Window, 10*time.Minute), Answers: cmp.Or(b.Answers, 100),
		Rise: cmp.Or(b.Rise, 50), Share: cmp.Or(b.Share, 95),
	}
}

const parts = 10 // of a window; the oldest part is dropped at a time

// tally counts answers.
type tally struct{ answers, listed int }

func (t tally) share() float64 {
	if t.answers == 0 {
		return 0
	}
	return 100 * float64(t.listed) / float64(t.answers)
}

func (t *tally) add(o tally) { t.answers, t.listed = t.answers+o.answers, t.listed+o.listed }

// meter counts the answers of one list for its breaker.
type meter struct {
	rule  Breaker
	parts [parts]struct {
		tally
		at int64 // number of the part, in time
	}
	window tally     // answers since began, for the usual share
	began  time.Time // the end of the last window that was evaluated
	usual  float64   // percent
	known  bool      // usual is known
}

func (m *meter) at(now time.Time) int64 {
	return max(parts, now.UnixNano()/max(1, int64(m.rule.Window/parts)))
}

// count counts an answer. why says what is wrong with the share of listings, "" if nothing.
func (m *meter) count(listed bool, now time.Time) (why string) {
	m.close(now)
	one := tally{answers: 1}
	if listed {
		one.listed = 1
	}
	at := m.at(now)
	p := &m.parts[at%parts]
	if p.at != at {
		p.tally, p.at = tally{}, at
	}
	p.add(one)
	m.window.add(one)
	newest, all := m.sums(now)
	switch {
	case newest.answers < m.rule.Answers:
		return ""
	case m.known && newest.share() >= m.usual+float64(m.rule.Rise):
		why = fmt.Sprintf("%.0f%% of its last %d answers are listings, %.0f%% is usual", newest.share(), newest.answers, m.usual)
	case all.share() >= float64(m.rule.Share):
		why = fmt.Sprintf("%.0f%% of its %d answers within %s are listings", all.share(), all.answers, short(m.rule.Window))
	default:
		return ""
	}
	if m.known {
		m.learn(newest.share())
	}
	m.clear(now)
	return why
}

// sums counts the newest answers, in as few parts of the window as have enough of them, and all answers of the
// window.
func (m *meter) sums(now time.Time) (newest, all tally) {
	at := m.at(now)
	for i := at; i > at-parts; i-- {
		if p := &m.parts[i%parts]; p.at == i {
			if newest.answers < m.rule.Answers {
				newest.add(p.tally)
			}
			all.add(p.tally)
		}
	}
	return newest, all
}

// close updates the usual share from a window that has ended.
func (m *meter) close(now time.Time) {
	if m.began.IsZero() {
		m.began = now
	}
	if now.Sub(m.began) < m.rule.Window {
		return
	}
	if m.window.answers >= m.rule.Answers {
		m.learn(m.window.share())
	}
	m.window, m.began = tally{}, now
}

const newestCounts = 1.0 / 8 // of the usual share

func (m *meter) learn(share float64) {
	if !m.known {
		m.usual, m.known = share, true
		return
	}
	m.usual += newestCounts * (share - m.usual)
}

// clear forgets all counts, except the usual share.
func (m *meter) clear(now time.Time) {
	*m = meter{rule: m.rule, usual: m.usual, known: m.known, began: now}
}

// short writes 10m for 10m0s.
func short(d time.Duration) string {
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}
