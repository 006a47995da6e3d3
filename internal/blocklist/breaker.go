package blocklist

import (
	"cmp"
	"fmt"
	"time"
)

// A Breaker says when the share of listings among a list's answers is no longer believed. The zero value of a number is its
// default.
//
// Two things trip it. A jump: of the newest answers, so few that there are just enough, more are listings than usual, by
// Rise. That is soon seen, also where thousands come in a minute. And a share that no list has: of all answers in the window,
// Share. That needs no past, and many answers, since on a bad day nine clients of ten may be listed and rightly so.
//
// What is usual is an average of the windows that were full enough, of which the last counts for an eighth: half of it is
// forgotten after five windows, so it follows the hours of the day and not a jump. The window that tripped the breaker
// counts too. So what lasts becomes usual, and a list of which a wave of bots is rightly full is not set aside for ever.
type Breaker struct {
	Window  time.Duration // 0 is 10m
	Answers int           // so many at least; 0 is 100
	Rise    int           // percentage points above the usual share; 0 is 50
	Share   int           // percent; 0 is 95
}

func (b Breaker) withDefaults() Breaker {
	return Breaker{
		Window: cmp.Or(b.Window, 10*time.Minute), Answers: cmp.Or(b.Answers, 100),
		Rise: cmp.Or(b.Rise, 50), Share: cmp.Or(b.Share, 95),
	}
}

const parts = 10 // of a window, of which the oldest is forgotten at a time

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
		at int64 // which part of time it is
	}
	window tally     // answers since began, for what is usual
	began  time.Time // the end of the window that was last looked at
	usual  float64   // percent
	known  bool      // whether anything is
}

func (m *meter) at(now time.Time) int64 {
	return max(parts, now.UnixNano()/max(1, int64(m.rule.Window/parts)))
}

// count counts an answer, and says what is wrong with the share that are listings, "" if nothing.
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
		why = fmt.Sprintf("%.0f%% of its last %d answers are listings, and %.0f%% are usual", newest.share(), newest.answers, m.usual)
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

// sums counts the newest answers, in as few parts of the window as have enough of them, and those of the whole window.
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

// close learns what is usual from a window that is over.
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

const newestCounts = 1.0 / 8 // of what is usual

func (m *meter) learn(share float64) {
	if !m.known {
		m.usual, m.known = share, true
		return
	}
	m.usual += newestCounts * (share - m.usual)
}

// clear forgets what was counted, but for what is usual.
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
