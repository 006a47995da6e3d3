package interop

import (
	"flag"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the replies in testdata/*.smtp")

// A file of dialogues holds scenes:
//
//	== What happens, for people
//	client 192.0.2.25
//	C: EHLO yq3H9cDKgS
//	C: MAIL FROM:<jane@example.com>
//	C: RCPT TO:<bob@example.net>
//	S(lenient balanced): 250 2.1.5 Ok
//	S(rfc): 550 5.5.2 <bob@example.net>: ...
//
// "client" is the client to pose as, with other attributes of XCLIENT (DESTADDR: the address it connected to). The
// reply to it stands for the banner. What follows C: is sent. S: is the last line of the reply, with the listeners that
// give it in parentheses, or none for all others. Where no S: follows, the reply must say yes. [ID] is the verdict's
// id, "..." at the end is any text. After a 521 the connection must be closed; the scene has then ended. "#" begins a
// comment.

// A scene is one connection.
type scene struct {
	title string
	lines []*line
}

// A line is one that the client sends, with the replies that are wanted by listener; by "" from those not named.
type line struct {
	at   int // in the file
	sent string
	want map[string]string
	got  map[string]string
}

// play plays the dialogues of a file at each of the listeners. The smtpd has the listener's name.
func (l *lab) play(t *testing.T, file string, listeners ...string) {
	l.postfix.logOnFailure(t)
	path := "testdata/" + file
	text, err := os.ReadFile(path)
	must(t, err)
	scenes := parse(t, path, string(text))
	for _, listener := range listeners {
		t.Run(strings.TrimSuffix(file, ".smtp")+" "+listener, func(t *testing.T) {
			for _, s := range scenes {
				s.play(t, l, path, listener)
			}
		})
	}
	if *update {
		must(t, writeFile(path, rewritten(string(text), scenes, listeners)))
	}
}

var replyLine = regexp.MustCompile(`^S(?:\(([a-z ]+)\))?: (.+)$`)

func parse(t *testing.T, path, text string) (scenes []*scene) {
	t.Helper()
	var s *scene
	for i, raw := range strings.Split(text, "\n") {
		key, value, _ := strings.Cut(raw, " ")
		reply := replyLine.FindStringSubmatch(raw)
		switch {
		case raw == "" || key == "#":
		case key == "==":
			s = &scene{title: value}
			scenes = append(scenes, s)
		case s != nil && (key == "client" || key == "C:"):
			if key == "client" {
				value = xclient(value)
			}
			s.lines = append(s.lines, &line{at: i, sent: value, want: map[string]string{}, got: map[string]string{}})
		case s != nil && len(s.lines) > 0 && reply != nil:
			listeners := strings.Fields(reply[1])
			if reply[1] == "" {
				listeners = []string{""}
			}
			for _, listener := range listeners {
				s.lines[len(s.lines)-1].want[listener] = reply[2]
			}
		default:
			t.Fatalf("%s:%d: what is %q?", path, i+1, raw)
		}
	}
	return scenes
}

func (s *scene) play(t *testing.T, l *lab, path, listener string) {
	t.Helper()
	c, _, err := dial(l.postfix.services[listener].SMTP)
	must(t, err)
	defer c.close()
	for _, said := range s.lines {
		got, err := c.say(said.sent)
		if err != nil {
			t.Fatalf("%s:%d: %s: %v", path, said.at+1, s.title, err)
		}
		said.got[listener] = got
		if want := said.wanted(listener); !*update && !fits(got, want) {
			t.Errorf("%s:%d: %s\n C: %s\n S: %s\nnot %s", path, said.at+1, s.title, said.sent, got, want)
		}
		if strings.HasPrefix(got, "521 ") {
			if more, _ := c.reply(); more != closed {
				t.Errorf("%s:%d: after 521 the connection is not closed: %s", path, said.at+1, more)
			}
			return
		}
	}
}

// scenesOf reads the scenes of files.
func scenesOf(t *testing.T, files ...string) (all []*scene) {
	t.Helper()
	for _, file := range files {
		text, err := os.ReadFile("testdata/" + file)
		must(t, err)
		all = append(all, parse(t, file, string(text))...)
	}
	return all
}

// replay says all of a scene to an smtpd, whatever it replies, until the connection closes.
func (s *scene) replay(t *testing.T, listener *service) (replies []string) {
	t.Helper()
	c, _, err := dial(listener.SMTP)
	must(t, err)
	defer c.close()
	for _, l := range s.lines {
		got, err := c.say(l.sent)
		must(t, err)
		replies = append(replies, got)
		if got == closed || strings.HasPrefix(got, "521 ") {
			break
		}
	}
	return replies
}

// wanted is what a listener is to reply.
func (l *line) wanted(listener string) string {
	if want, ok := l.want[listener]; ok {
		return want
	}
	return l.want[""]
}

// fits reports whether a reply is the one that is wanted; "" is any that says yes.
func fits(got, want string) bool {
	if want == "" {
		return strings.HasPrefix(got, "2") || strings.HasPrefix(got, "3")
	}
	if begin, cut := strings.CutSuffix(want, "..."); cut {
		return strings.HasPrefix(got, begin)
	}
	return got == want
}

// rewritten is the text of a file with the replies that came, where they do not fit.
func rewritten(text string, scenes []*scene, listeners []string) string {
	lines := strings.Split(text, "\n")
	for _, s := range scenes {
		for _, said := range s.lines {
			if !slices.ContainsFunc(listeners, func(d string) bool { g, ok := said.got[d]; return ok && !fits(g, said.wanted(d)) }) {
				continue
			}
			for i := said.at + 1; i < len(lines) && strings.HasPrefix(lines[i], "S"); i++ {
				lines[i] = gone
			}
			lines[said.at] += "\n" + replies(said.got, listeners)
		}
	}
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return l == gone }), "\n")
}

const gone = "\x00"

// replies words what came, listeners with the same reply together.
func replies(got map[string]string, listeners []string) string {
	by := map[string][]string{}
	for _, d := range listeners {
		if g, ok := got[d]; ok {
			by[g] = append(by[g], d)
		}
	}
	texts := slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return slices.Index(listeners, by[a][0]) - slices.Index(listeners, by[b][0])
	})
	var out []string
	for _, reply := range texts {
		who := "S(" + strings.Join(by[reply], " ") + "): "
		if len(texts) == 1 {
			who = "S: "
		}
		out = append(out, who+reply)
	}
	return strings.Join(out, "\n")
}
