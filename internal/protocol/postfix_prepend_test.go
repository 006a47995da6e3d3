package protocol

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/header"
	"github.com/helogate/helogate/internal/response"
)

var threeFields = []header.Field{{Name: "X-One", Value: "1"}, {Name: "X-Two", Value: "2"}, {Name: "X-Three", Value: "3"}}

func adds(fields ...header.Field) response.Judge {
	return func(context.Context, helogate.Facts) response.Response {
		return response.Response{Action: helogate.Continue, Headers: fields}
	}
}

func aboutMessage(instance string) string {
	return "request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.25\ninstance=" + instance + "\n\n"
}

// An smtpd has a connection for each way in which main.cf names the service, and makes a new one when the old is too
// old.
func TestPrependOverConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serveListener(t, &Server{Protocol: &Postfix{}, Judge: adds(threeFields...)})
		for _, want := range []string{"PREPEND X-One: 1", "PREPEND X-Two: 2", "PREPEND X-Three: 3", "DUNNO"} {
			conn := l.dial()
			say(t, conn, aboutMessage("1f.2.3.0"))
			got, err := bufio.NewReader(conn).ReadString('\n')
			if got != "action="+want+"\n" || err != nil {
				t.Errorf("%q, %v; want %s", got, err, want)
			}
			conn.Close()
		}
	})
}

// Whatever is asked at once, each field is given once.
func TestPrependOnce(t *testing.T) {
	var p prepended
	var mu sync.Mutex
	var all sync.WaitGroup
	given := map[string]int{}
	for range 8 {
		all.Go(func() {
			for message := range 500 {
				instance := fmt.Sprintf("1f.2.%x.0", message)
				if f, ok := p.next([]byte(instance), threeFields); ok {
					mu.Lock()
					given[instance+" "+f.Name]++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	for what, times := range given {
		if times != 1 {
			t.Errorf("%s was given %d times", what, times)
		}
	}
	if len(given) != 500*len(threeFields) {
		t.Errorf("%d fields were given, want %d", len(given), 500*len(threeFields))
	}
}

// What is remembered is bounded, and a message that is asked about again is not forgotten.
func TestPrependForgets(t *testing.T) {
	var p prepended
	one := threeFields[:1]
	first := []byte("first")
	for n := range 2*maxPrepended + 10 {
		if _, ok := p.next(fmt.Appendf(nil, "%x", n), one); !ok {
			t.Fatal("not given", n)
		}
		if _, again := p.next(first, one); again != (n == 0) {
			t.Fatalf("after %d messages: %v", n, again)
		}
	}
	if n := p.given.Len(time.Time{}); n > maxPrepended {
		t.Errorf("%d are remembered", n)
	}
	if _, ok := p.next([]byte(strings.Repeat("i", maxInstance+1)), one); ok {
		t.Error("a name that Postfix does not give is remembered")
	}
}

func TestPrependIsNoLongerThanALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := serveListener(t, &Server{Protocol: &Postfix{}, Judge: adds(header.Field{Name: "X-One", Value: strings.Repeat("x", 5000)})}).dial()
		say(t, conn, aboutMessage("1f.2.3.0"))
		got, err := bufio.NewReader(conn).ReadString('\n')
		line := strings.TrimSuffix(strings.TrimPrefix(got, "action=PREPEND "), "\n")
		if err != nil || len(line) != header.MaxField {
			t.Errorf("%d bytes, %v", len(line), err)
		}
		conn.Close()
	})
}

// What the field costs: the name of the message, which is kept.
func BenchmarkPostfixPrepend(b *testing.B) {
	script := &scriptConn{piece: 1 << 16}
	listener := &Postfix{}
	p := &Server{Protocol: listener, Judge: adds(threeFields...)}
	p.init()
	q := newPolicyConn(&conn{Conn: script, server: p}, &postfixLimits)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		script.in = []byte(aboutMessage(fmt.Sprintf("%x", n/4)))
		script.out.Reset()
		if !listener.one(q) {
			b.Fatal("not answered")
		}
	}
}

// Whatever is asked, and whatever the fields hold: a message has each field once at most, an answer is one line, and
// only a question that Postfix takes PREPEND for has a field.
func FuzzPostfixPrepend(f *testing.F) {
	f.Add("RCPT", "rcpt", "1f.2.3.0", "X-One", "a")
	f.Add("DATA", "", "1f.2.3.0", "X One", "a\r\nb: c\n\naction=OK")
	f.Add("RCPT", "helo", "", "", "")
	f.Fuzz(func(t *testing.T, state, context, instance, name, value string) {
		if strings.ContainsAny(state+context+instance, "\n") {
			return
		}
		request := "request=smtpd_access_policy\nclient_address=192.0.2.25\nprotocol_state=" + state +
			"\npolicy_context=" + context + "\ninstance=" + instance + "\n\n"
		conn := &scriptConn{in: []byte(strings.Repeat(request, 3)), piece: 1 << 16}
		p := &Server{Protocol: &Postfix{}, Judge: adds(header.Field{Name: name, Value: value})}
		p.init()
		p.answer(conn)
		answers := strings.SplitAfter(conn.out.String(), "\n\n")
		if len(answers) != 4 || answers[3] != "" || answers[1] != dunno || answers[2] != dunno {
			t.Fatalf("answered %q", answers)
		}
		if answers[0] == dunno {
			return
		}
		field, ok := strings.CutPrefix(strings.TrimSuffix(answers[0], "\n\n"), "action=PREPEND "+name+": ")
		early := context == "helo" || context == "connect" || context == "client" || context == "mail" || context == "sender"
		if !ok || instance == "" || state != "RCPT" && state != "DATA" && state != "BDAT" || early && state == "RCPT" {
			t.Fatalf("%q was answered %q", request, answers[0])
		}
		for _, c := range []byte(name + field) {
			if c < ' ' || c > '~' {
				t.Fatalf("answered %q", answers[0])
			}
		}
	})
}
