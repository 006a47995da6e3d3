package callout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/testlog"
)

// rcpt is a script up to the reply to RCPT.
func rcpt(address, reply string) script {
	return script(fmt.Sprintf("%s\nS: 250 Ok\nC: RCPT TO:<%s>\nS: %s", scene, address, reply))
}

// another is what comes after an address is accepted.
func another(reply string) script {
	return script("\nC: RSET\nS: 250 Ok\nC: MAIL FROM:<>\nS: 250 Ok\nC: RCPT TO:<nobody@example.org>\nS: " + reply)
}

// What was found is remembered for as long as it is worth, to the second, and no longer, in memory and in a store over
// a restart; what is not definite, in memory alone.
func TestTimes(t *testing.T) {
	for _, c := range []struct {
		name   string
		script script
		want   string
		keep   time.Duration
		other  string // what is known of another address of the domain meanwhile
		stored string
	}{
		{"accepts", rcpt("jane@example.org", "250 Ok") + another("550 no") + quits, "accepts", 7 * 24 * time.Hour, "unknown",
			"example.org: chooses for 168h0m0s; jane@example.org: accepts for 168h0m0s; "},
		{"refuses", rcpt("jane@example.org", "550 no") + quits, "refuses 550 no", 3 * time.Hour, "unknown",
			"jane@example.org: refuses 550 no for 3h0m0s; "},
		{"accepts all", rcpt("jane@example.org", "250 Ok") + another("250 Ok") + quits, "accepts all", 7 * 24 * time.Hour, "accepts all",
			"example.org: accepts all for 168h0m0s; "},
		{"refuses null", scene + "S: 550 no" + quits, "refuses null 550 no", 7 * 24 * time.Hour, "refuses null 550 no",
			"example.org: refuses null 550 no for 168h0m0s; "},
		{"greylisted", rcpt("jane@example.org", "450 wait") + quits, "tempfail: mx.example.org [192.0.2.1]: it answers to RCPT 450 wait", 15 * time.Minute, "unknown", ""},
		{"busy", busy, "tempfail: mx.example.org [192.0.2.1]: its banner is 421 busy", 15 * time.Minute, "unknown", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string][]script{"192.0.2.1": {c.script}})
				store := newShelf()
				withStore := func(c *Config) { c.Store = store }
				caller := w.caller(oneHost, withStore)
				if got := ask(t, caller, "jane@example.org"); got != c.want || w.asked() != "192.0.2.1" {
					t.Fatalf("got %s, not %s", got, c.want)
				}
				if got := store.String(); got != c.stored {
					t.Errorf("stored %q, not %q", got, c.stored)
				}
				if a, _ := caller.Known(question("joe@example.org")); word(a) != c.other {
					t.Errorf("of another is known: %s, not %s", word(a), c.other)
				}
				time.Sleep(c.keep - 1)
				a, _ := caller.Known(question("jane@example.org"))
				if got := ask(t, caller, "jane@example.org"); got != c.want || word(a) != c.want {
					t.Errorf("before its end: %s, and known is %s", got, word(a))
				}
				restarted := w.caller(oneHost, withStore)
				if got := word(restarted.Peek(t.Context(), question("jane@example.org"))); c.stored != "" && got != c.want || c.stored == "" && got != "nxdomain" {
					t.Errorf("after a restart: %s", got)
				}
				if got := w.asked(); got != "" {
					t.Errorf("asked again: %s", got)
				}
				time.Sleep(time.Nanosecond)
				if a, ok := caller.Known(question("jane@example.org")); ok {
					t.Errorf("after its end: %s", word(a))
				}
				if got := word(caller.Peek(t.Context(), question("jane@example.org"))); got != "nxdomain" || w.asked() != "" {
					t.Errorf("a look at what is over: %s", got)
				}
				if got := ask(t, restarted, "jane@example.org"); got != c.want || w.asked() != "192.0.2.1" {
					t.Errorf("asked anew: %s", got)
				}
			})
		})
	}
}

// Whether a domain takes every address is tried once in a week, and where it does not say, not for a quarter of an
// hour.
func TestTriesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]script{"192.0.2.1": {
			rcpt("a@example.org", "250 Ok") + another("450 wait") + quits,
			rcpt("b@example.org", "250 Ok") + quits,
			rcpt("c@example.org", "250 Ok") + another("550 no") + quits,
			rcpt("d@example.org", "250 Ok") + quits,
			rcpt("e@example.org", "250 Ok") + another("250 Ok") + quits,
		}})
		c := w.caller(oneHost, nil)
		for _, step := range []struct {
			address string
			after   time.Duration
			want    string
		}{
			{"a@example.org", 0, "accepts"},
			{"b@example.org", 15*time.Minute - 1, "accepts"},
			{"c@example.org", 1, "accepts"},
			{"d@example.org", 7*24*time.Hour - 1, "accepts"},
			{"e@example.org", 1, "accepts all"},
			{"d@example.org", 0, "accepts all"},
		} {
			time.Sleep(step.after)
			if got := ask(t, c, step.address); got != step.want {
				t.Errorf("%s: %s", step.address, got)
			}
		}
	})
}

// Of two that ask about a domain at once, one tries whether it takes every address, and both know.
func TestTriesOnceAtATime(t *testing.T) {
	for reply, want := range map[string]string{"250 Ok": "accepts all", "550 no": "accepts", "450 wait": "accepts"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, map[string][]script{"192.0.2.1": {
				rcpt("a@example.org", "250 Ok") + script(strings.Replace(string(another(reply)), "S:", "wait 1s\nS:", 1)) + quits,
				rcpt("b@example.org", "250 Ok") + quits,
			}})
			c := w.caller(oneHost, nil)
			first := make(chan string)
			go func() { first <- ask(t, c, "a@example.org") }()
			synctest.Wait()
			if got := ask(t, c, "b@example.org"); got != want {
				t.Errorf("%s: the second: %s", reply, got)
			}
			if got := <-first; got != want {
				t.Errorf("%s: the first: %s", reply, got)
			}
			if len(c.trying) > 0 {
				t.Errorf("%v are still tried", c.trying)
			}
		})
	}
}

// However many ask about an address at once, it is one callout; one whose asker has gone goes on for the next.
func TestOneFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]script{"192.0.2.1": {rcpt("jane@example.org", "550 no") + quits}})
		c := w.caller("example.org MX after=3s 10 mx.example.org\nmx.example.org A 192.0.2.1", nil)
		got := make(chan string)
		for range 50 {
			go func() { got <- ask(t, c, "jane@example.org") }()
		}
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if a := word(c.Ask(hasty, question("jane@example.org"))); a != "tempfail: no answer yet: the callout goes on" {
			t.Error(a)
		}
		if n := c.Stats().InFlight; n != 1 {
			t.Errorf("%d are under way", n)
		}
		for range 50 {
			if a := <-got; a != "refuses 550 no" {
				t.Error(a)
			}
		}
		if a, _ := c.Known(question("jane@example.org")); word(a) != "refuses 550 no" || w.asked() != "192.0.2.1" {
			t.Errorf("%s", word(a))
		}
	})
}

// If a client disconnects early, the result is there when it retries.
func TestGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]script{"192.0.2.1": {rcpt("jane@example.org", "550 no") + quits}})
		c := w.caller("example.org MX after=3s 10 mx.example.org\nmx.example.org A 192.0.2.1", nil)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		c.Ask(gone, question("jane@example.org"))
		time.Sleep(4 * time.Second)
		if a, _ := c.Known(question("jane@example.org")); word(a) != "refuses 550 no" {
			t.Errorf("%s", word(a))
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]script{"192.0.2.1": {rcpt("jane@example.org", "250-slow") + "\nhang"}})
		c := w.caller(oneHost, nil)
		got := make(chan string)
		go func() { got <- ask(t, c, "jane@example.org") }()
		synctest.Wait()
		began := time.Now()
		c.Close()
		if a := <-got; a != "tempfail: helogate is stopping" || time.Since(began) > 0 {
			t.Errorf("%s after %s", a, time.Since(began))
		}
		if a := ask(t, c, "joe@example.org"); a != "tempfail: helogate is stopping" {
			t.Error(a)
		}
	})
}

// A store that fails stops the callouts that its results would have avoided, and those alone.
func TestStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]script{"192.0.2.1": {rcpt("jane@example.org", "550 no") + quits}})
		store, book := newShelf(), &testlog.Buffer{}
		c := w.caller(oneHost, func(c *Config) { c.Store, c.Log = store, slog.New(slog.NewTextHandler(book, nil)) })
		store.err = errors.New("disk\nfull")
		if got := ask(t, c, "jane@example.org"); got != `tempfail: what callouts have found cannot be read: disk\x0afull` || w.asked() != "" {
			t.Error(got)
		}
		store.err = nil
		c.keep("jane@example.org", found("refuses 550 no", time.Hour), true)
		store.err = errors.New("disk full")
		if got := ask(t, c, "jane@example.org"); got != "refuses 550 no" {
			t.Error(got)
		}
		c.keep("joe@example.org", found("refuses 550 no", time.Hour), true)
		if got := ask(t, c, "joe@example.org"); got != "refuses 550 no" || !strings.Contains(book.String(), "kept in memory") {
			t.Errorf("%s\n%s", got, book)
		}
	})
}

// What a store says is believed only if it is what we write.
func TestStoreLies(t *testing.T) {
	for value, sensible := range map[string]bool{
		"accepts": true, "accepts all": true, "chooses": true, "refuses 550 no": true, "refuses null 550 no": true,
		"": false, "accept": false, "refuses": false, "refuses \x1b[31m": false, "refuses \r\n250 ok": false, "refuses " + strings.Repeat("x", 300): false,
	} {
		if isValid(value) != sensible {
			t.Errorf("%q: %t", value, !sensible)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		store := newShelf()
		w := newWorld(t, map[string][]script{"192.0.2.1": {rcpt("jane@example.org", "550 no") + quits}})
		c := w.caller(oneHost, func(c *Config) { c.Store = store })
		c.keep("jane@example.org", found("accepts\r\n", time.Hour), true)
		c.memory = newMemory(maxMemory)
		if got := ask(t, c, "jane@example.org"); got != "refuses 550 no" {
			t.Error(got)
		}
	})
}

func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]script{"192.0.2.1": {
			rcpt("jane@example.org", "250 Ok") + another("550 no") + quits, rcpt("joe@example.org", "450 \x1b[31mwait") + quits,
		}})
		book := &testlog.Buffer{}
		c := w.caller(oneHost, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(book, nil)) })
		for _, address := range []string{"jane@example.org", "joe@example.org", "jane@gone.example"} {
			ask(t, c, address)
		}
		for _, want := range []string{
			`msg=callout address=jane@example.org result=accepts domain=chooses host="mx.example.org [192.0.2.1]" duration_ms=0`,
			`msg=callout address=joe@example.org result=inconclusive reason="mx.example.org [192.0.2.1]: it answers to RCPT 450 \\x1b[31mwait" host="mx.example.org [192.0.2.1]" duration_ms=0`,
			`msg=callout address=jane@gone.example result="refuses gone.example does not exist" duration_ms=0`,
		} {
			if !strings.Contains(book.String(), want) {
				t.Errorf("not in the log: %s", want)
			}
		}
		if t.Failed() {
			t.Log(book)
		}
		ask(t, c, "jane@example.org")
		want := "1 accepts, 1 refuses, 0 accepts all, 0 refuses null, 1 undecided; 1 remembered, 0 beyond a limit, 0 under way"
		if got := c.Stats().String(); got != want {
			t.Errorf("stats: %s", got)
		}
	})
}

func TestConfig(t *testing.T) {
	dns := helogate.MustZone("")
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Helo: "mx.example.net", DNS: dns}, ""},
		{Config{Helo: "[192.0.2.1]", DNS: dns}, ""},
		{Config{Helo: "mx.example.net"}, "callout: there is no DNS to find mail hosts with"},
		{Config{Helo: "pc", DNS: dns}, `callout: "pc" cannot be used as a HELO name, since it is single-label: set helo to a forward-confirmed name of this host`},
		{Config{Helo: "mx.example.net\r\nQUIT", DNS: dns}, `callout: "mx.example.net\r\nQUIT" cannot be used as a HELO name, since it is malformed: set helo to a forward-confirmed name of this host`},
		{Config{Helo: "mx.example.net", DNS: dns, PerMX: -1}, "callout: per_mx is below zero"},
	} {
		caller, err := New(c.config)
		if fmt.Sprint(err) != c.want && (err != nil || c.want != "") {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
		if err == nil {
			caller.Close()
		}
	}
}

// A question of another kind is a tempfail, and the local part that does not exist is another each time.
func TestOddities(t *testing.T) {
	c, err := New(Config{Helo: "mx.example.net", DNS: helogate.MustZone("")})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if a := c.Ask(t.Context(), helogate.Question{Kind: helogate.A, Name: "jane@example.org"}); word(a) != "tempfail: no question about a callout" {
		t.Error(word(a))
	}
	if a, b := c.random(), c.random(); a == b || len(a) > 64 || !strings.HasPrefix(a, "helogate-") {
		t.Errorf("%s, %s", a, b)
	}
}
