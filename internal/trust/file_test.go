package trust

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/helogate/helogate/internal/testlog"
)

func onDisk(t testing.TB, c *clock, path string, log *bytes.Buffer) *Store {
	t.Helper()
	s, err := Open(Config{Path: path, Now: c.now, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustAdd(t testing.TB, s *Store, addr string, d time.Duration, comment string) {
	t.Helper()
	if _, err := s.Add(netip.MustParseAddr(addr), d, comment); err != nil {
		t.Fatal(err)
	}
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRestart(t *testing.T) {
	c, log := &clock{morning.Add(123456789)}, new(bytes.Buffer)
	path := filepath.Join(t.TempDir(), "trusted")
	s := onDisk(t, c, path, log)
	mustAdd(t, s, "192.0.2.1", time.Hour, "pop3 jane\x1b <&>")
	mustAdd(t, s, "2001:db8::1", time.Minute, "")
	before := s.List()
	mustClose(t, s)
	is, err := os.Stat(path)
	if err != nil || is.Mode() != 0o600 {
		t.Errorf("mode %s, %v", is.Mode(), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}

	s = onDisk(t, c, path, log)
	if diff := cmp.Diff(before, s.List(), addrs); diff != "" {
		t.Error(diff)
	}
	mustClose(t, s)

	c.at = c.at.Add(time.Minute)
	s = onDisk(t, c, path, log)
	if l := s.List(); len(l) != 1 || answer(s, "192.0.2.1") != `until 2026-11-21 10:00 UTC: pop3 jane\x1b <&>` {
		t.Errorf("after the end of one: %v", l)
	}
	s.Remove(netip.MustParseAddr("192.0.2.1"))
	mustClose(t, s)
	if got := read(t, path); got != "" {
		t.Errorf("no address is trusted, and the file has %q", got)
	}
	if log.Len() > 0 {
		t.Error(log)
	}
}

func TestDamaged(t *testing.T) {
	c, log := &clock{morning}, new(bytes.Buffer)
	path := filepath.Join(t.TempDir(), "trusted")
	const good = `{"address":"192.0.2.1","since":"2026-11-21T08:00:00Z","until":"2026-11-21T10:00:00Z","comment":"jane"}`
	file := strings.Join([]string{
		good,
		strings.Replace(good, "192.0.2.1", "192.0.2.300", 1),
		good[:50],
		"",
		strings.Replace(good, "192.0.2.1", "0.0.0.0", 1),
		strings.Replace(good, "T10:", "T07:", 1),
		`{"address":"192.0.2.9","comment":"` + strings.Repeat("x", maxLine) + `"}`,
		strings.Replace(good, "192.0.2.1", "::ffff:192.0.2.2", 1),
		strings.Replace(good, "jane", `\u001b[2J`, 1),
		strings.Replace(good, "2.1", "2.3", 1),
	}, "\n") // the last line is whole without a newline
	for i := range 2 {
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		s := onDisk(t, c, path, log)
		var got []string
		for _, e := range s.List() {
			got = append(got, e.Address.String()+" "+e.Comment)
		}
		if diff := cmp.Diff([]string{"192.0.2.1 jane", "192.0.2.2 jane", "192.0.2.3 jane"}, got); diff != "" {
			t.Error(diff)
		}
		mustClose(t, s)
		kept := path + []string{".damaged", ".damaged.2"}[i] // an earlier copy is not overwritten
		if read(t, kept) != file {
			t.Errorf("%s is not what was there", kept)
		}
		if strings.Count(read(t, path), "\n") != 3 {
			t.Errorf("it was not written anew:\n%s", read(t, path))
		}
	}
	for _, want := range []string{
		`error="line 2: ParseAddr(`, `error="line 3: unexpected end of JSON input"`, `error="line 5: it has no client address"`,
		`error="line 6: its times are wrong"`, `error="line 7: it is longer than 4096 bytes"`, "lines=5", "copy=" + path + ".damaged\n",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
}

func TestMoreInTheFileThanMayBe(t *testing.T) {
	c := &clock{morning}
	path := filepath.Join(t.TempDir(), "trusted")
	s := onDisk(t, c, path, new(bytes.Buffer))
	for i := range 4 {
		mustAdd(t, s, fmt.Sprintf("192.0.2.%d", i), time.Hour, "")
	}
	mustClose(t, s)
	s, err := Open(Config{Path: path, Now: c.now, Max: 3})
	if err != nil || s.Len() != 3 {
		t.Fatalf("%v, %d entries", err, s.Len())
	}
	mustClose(t, s)
	if strings.Count(read(t, path+".damaged"), "\n") != 4 {
		t.Error("what found no room is lost")
	}
}

func TestUnsafeFile(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		name  string
		make  func(string) error
		path  string
		want  string
		asUID int
	}{
		{"others may write", func(p string) error { return mode(p, 0o666) }, "666", "mode 0666, so other users can write to it and trust any address: chmod 600 it", -1},
		{"the group may write", func(p string) error { return mode(p, 0o620) }, "620", "mode 0620", -1},
		{"others may read", func(p string) error { return mode(p, 0o644) }, "644", "", -1},
		{"of another user", func(p string) error { return mode(p, 0o600) }, "other", "belongs to user number 54321, which could trust any address", 54321},
		{"a directory", func(p string) error { return os.Mkdir(p, 0o700) }, "dir", "is not a regular file (d", -1},
		{"a link", func(p string) error { return os.Symlink("666", p) }, "link", "is not a regular file (L", -1},
		{"no directory", func(string) error { return nil }, "none/trusted", "is not writable, and the file is replaced", -1},
	} {
		path := at(c.path)
		if err := c.make(path); err != nil {
			t.Fatal(err)
		}
		if c.asUID >= 0 && os.Chown(path, c.asUID, -1) != nil {
			t.Logf("%s: not tried, for only root can give files away", c.name)
			continue
		}
		s, err := Open(Config{Path: path})
		if c.want == "" && err == nil {
			mustClose(t, s)
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func mode(path string, m fs.FileMode) error {
	if err := os.WriteFile(path, nil, m); err != nil {
		return err
	}
	return os.Chmod(path, m) // whatever the umask is
}

// A change is in the file a second later, and many changes are one write.
func TestWrittenShortly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "trusted")
		s, err := Open(Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		mustAdd(t, s, "192.0.2.1", time.Hour, "")
		time.Sleep(saveDelay / 2)
		mustAdd(t, s, "192.0.2.2", time.Hour, "")
		synctest.Wait()
		if _, err := os.Stat(path); err == nil {
			t.Error("written at once")
		}
		time.Sleep(saveDelay)
		synctest.Wait()
		if got := strings.Count(read(t, path), "\n"); got != 2 {
			t.Errorf("%d entries in the file", got)
		}
		s.Remove(netip.MustParseAddr("192.0.2.1"))
		time.Sleep(3 * saveDelay)
		synctest.Wait()
		if got := strings.Count(read(t, path), "\n"); got != 1 {
			t.Errorf("after Remove: %d entries in the file", got)
		}
		mustClose(t, s)
	})
}

// A write that fails is logged once and tried again; no entry is lost meanwhile.
func TestDiskTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, log := filepath.Join(t.TempDir(), "state"), new(testlog.Buffer)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "trusted")
		s, err := Open(Config{Path: path, Log: slog.New(slog.NewTextHandler(log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		mustAdd(t, s, "192.0.2.1", time.Hour, "")
		time.Sleep(5 * retryDelay)
		synctest.Wait()
		if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
			t.Errorf("said %d times:\n%s", n, log)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * retryDelay)
		synctest.Wait()
		if !strings.Contains(read(t, path), "192.0.2.1") || !strings.Contains(log.String(), "is written again") {
			t.Errorf("not written again:\n%s", log)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		mustAdd(t, s, "192.0.2.2", time.Hour, "")
		if err := s.Close(); err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("Close says %v", err)
		}
	})
}

// Whatever the file has, read ends, accepts only valid entries, and they read back.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"address":"192.0.2.1","since":"2026-11-21T08:00:00Z","until":"2026-11-21T10:00:00Z","comment":"jane"}` + "\n"))
	f.Add([]byte(`{"address":"fe80::1%eth0","since":"2026-11-21T08:00:00+05:00","until":"9999-12-31T23:59:59Z","comment":"\u001b"}`))
	f.Add([]byte("\n\n{}\nnull\n[]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &clock{morning}
		s, _ := Open(Config{Now: c.now, Max: 10})
		bad, err := s.read(bytes.NewReader(data))
		if err != nil || len(bad.first) > bad.lines || bad.lines > bytes.Count(data, []byte("\n"))+1 {
			t.Fatalf("%v, %d bad lines", err, bad.lines)
		}
		list := s.List()
		if len(list) > 10 {
			t.Fatalf("%d entries", len(list))
		}
		for _, e := range list {
			if !e.Address.IsValid() || e.Address.Zone() != "" || e.Address.Is4In6() || !e.Until.After(morning) || len(e.Comment) > maxComment ||
				strings.IndexFunc(e.Comment, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
				t.Fatalf("took %+v", e)
			}
		}
		path := filepath.Join(t.TempDir(), "trusted")
		if err := write(path, list); err != nil {
			t.Fatal(err)
		}
		again, err := Open(Config{Path: path, Now: c.now})
		if err != nil {
			t.Fatal(err)
		}
		defer mustClose(t, again)
		if diff := cmp.Diff(list, again.List(), addrs); diff != "" {
			t.Fatal(diff)
		}
	})
}
