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
// "client" says as whom we connect, with what else XCLIENT may say of him (DESTADDR: whom he connected to); the reply to it
// stands for the greeting. What follows C: is sent. S: is the last line of the reply, with the doors that give it in
// parentheses, or none for all others. Where no S: follows, the reply must say yes. [ID] is the verdict's id, "..." at
// the end is any text. After a 521 the connection must be closed; the scene has then ended. "#" begins a comment.

// A scene is one connection.
type scene struct {
	title string
	lines []*line
}

// A line is one that the client sends, with the replies that are wanted by door; by "" from those not named.
type line struct {
	at   int // in the file
	sent string
	want map[string]string
	got  map[string]string
}

// play plays the dialogues of a file at each of the doors. The smtpd has the door's name.
func (l *lab) play(t *testing.T, file string, doors ...string) {
	l.postfix.logOnFailure(t)
	path := "testdata/" + file
	text, err := os.ReadFile(path)
	must(t, err)
	scenes := parse(t, path, string(text))
	for _, door := range doors {
		t.Run(strings.TrimSuffix(file, ".smtp")+" "+door, func(t *testing.T) {
			for _, s := range scenes {
				s.play(t, l, path, door)
			}
		})
	}
	if *update {
		must(t, writeFile(path, rewritten(string(text), scenes, doors)))
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
			doors := strings.Fields(reply[1])
			if reply[1] == "" {
				doors = []string{""}
			}
			for _, door := range doors {
				s.lines[len(s.lines)-1].want[door] = reply[2]
			}
		default:
			t.Fatalf("%s:%d: what is %q?", path, i+1, raw)
		}
	}
	return scenes
}

func (s *scene) play(t *testing.T, l *lab, path, door string) {
	t.Helper()
	c, _, err := dial(l.postfix.services[door].SMTP)
	must(t, err)
	defer c.close()
	for _, said := range s.lines {
		got, err := c.say(said.sent)
		if err != nil {
			t.Fatalf("%s:%d: %s: %v", path, said.at+1, s.title, err)
		}
		said.got[door] = got
		if want := said.wanted(door); !*update && !fits(got, want) {
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

// replay says all of a scene to an smtpd, whatever it replies, for as long as it is heard.
func (s *scene) replay(t *testing.T, door *service) (replies []string) {
	t.Helper()
	c, _, err := dial(door.SMTP)
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

// wanted is what a door is to reply.
func (l *line) wanted(door string) string {
	if want, ok := l.want[door]; ok {
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
func rewritten(text string, scenes []*scene, doors []string) string {
	lines := strings.Split(text, "\n")
	for _, s := range scenes {
		for _, said := range s.lines {
			if !slices.ContainsFunc(doors, func(d string) bool { g, ok := said.got[d]; return ok && !fits(g, said.wanted(d)) }) {
				continue
			}
			for i := said.at + 1; i < len(lines) && strings.HasPrefix(lines[i], "S"); i++ {
				lines[i] = gone
			}
			lines[said.at] += "\n" + replies(said.got, doors)
		}
	}
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return l == gone }), "\n")
}

const gone = "\x00"

// replies words what came, doors with the same reply together.
func replies(got map[string]string, doors []string) string {
	by := map[string][]string{}
	for _, d := range doors {
		if g, ok := got[d]; ok {
			by[g] = append(by[g], d)
		}
	}
	texts := slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return slices.Index(doors, by[a][0]) - slices.Index(doors, by[b][0])
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
