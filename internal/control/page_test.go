package control

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func page(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/control.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every key of the status is in docs/control.md under its parent, and no other.
func TestPageNamesEveryKey(t *testing.T) {
	documented := map[string]bool{}
	for row := range strings.Lines(page(t)) {
		cell, _, ok := strings.Cut(strings.TrimPrefix(row, "| "), " |")
		if !ok || !strings.HasPrefix(row, "| `") {
			continue
		}
		parent := ""
		for _, m := range regexp.MustCompile("`([^`]*)`").FindAllStringSubmatch(cell, -1) {
			key := m[1]
			if rest, short := strings.CutPrefix(key, "."); short {
				key = parent + rest
			}
			parent = key[:strings.LastIndex(key, ".")+1]
			documented[key] = true
		}
	}
	for _, key := range keys(reflect.TypeFor[Status](), "") {
		if !documented[key] {
			t.Errorf("%s is not in docs/control.md", key)
		}
		delete(documented, key)
	}
	for key := range documented {
		t.Errorf("docs/control.md has %s, which the status has not", key)
	}
}

func keys(of reflect.Type, prefix string) (out []string) {
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		kind := f.Type
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		suffix := "."
		if kind.Kind() == reflect.Slice {
			kind, suffix = kind.Elem(), "[]."
		}
		if kind.Kind() == reflect.Struct && kind != reflect.TypeFor[time.Time]() {
			out = append(out, keys(kind, prefix+name+suffix)...)
		} else {
			out = append(out, prefix+name)
		}
	}
	return out
}

// The scripts of docs/control.md trust the client, print nothing to it, and start the mail server in any case.
func TestHooks(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no shell here")
	}
	blocks := regexp.MustCompile("(?s)```sh\n(#!/bin/sh\n.*?)```").FindAllStringSubmatch(page(t), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d scripts in the manual", len(blocks))
	}
	const user = "jane; touch /tmp/x $(id) \"'"
	for i, c := range []struct {
		environ []string
		args    []string
		want    []string
	}{
		{[]string{"IP=192.0.2.1", "USER=" + user}, nil, []string{"192.0.2.1"}},
		{[]string{"TCPREMOTEIP=::ffff:192.0.2.1", "AUTHENTICATED=" + user}, []string{"./Maildir of jane"}, []string{"::ffff:192.0.2.1"}},
	} {
		for _, fails := range []string{"0", "70"} {
			dir := t.TempDir()
			put := func(name, text string) string {
				p := filepath.Join(dir, name)
				if err := os.WriteFile(p, []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
				return p
			}
			helogate := put("helogate", "#!/bin/sh\nprintf '%s\\n' \"$@\" >"+dir+"/asked\ncat\necho trusted\nexit "+fails+"\n")
			server := put("server", "#!/bin/sh\necho \"mail of $1\"\ncat\n")
			script := put("hook", strings.NewReplacer("/usr/local/bin/helogate", helogate, "/usr/lib/courier/courier/courierpop3d.real", server).Replace(blocks[i][1]))
			args := c.args
			if args == nil {
				args = []string{server, "./Maildir of jane"}
			}
			cmd := exec.Command(script, args...)
			cmd.Env = c.environ
			cmd.Stdin = strings.NewReader("LIST\n") // the rest of the session is for the mail server
			got, err := cmd.Output()
			if err != nil || string(got) != "mail of ./Maildir of jane\nLIST\n" {
				t.Errorf("script %d, helogate exits with %s: %v, the client reads %q", i, fails, err, got)
			}
			want := "trust\nadd\n" + c.want[0] + "\n--for\n30m\n--comment\npop3 " + user + "\n--socket\n/run/helogate/control.sock\n"
			asked, err := os.ReadFile(filepath.Join(dir, "asked"))
			if diff := cmp.Diff(want, string(asked)); diff != "" || err != nil {
				t.Errorf("script %d: %v %s", i, err, diff)
			}
		}
	}
}
