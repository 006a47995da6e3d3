package trust

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/helogate/helogate/internal/printable"
)

// checkFile returns an error for a file that other users can write to, because they could trust any address with it,
// and for a directory that this process cannot write to.
func checkFile(path string) error {
	is, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case is.Mode().IsRegular():
		if err := checkOwner(path, is); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%s is not a regular file (%s): remove it, or set another path", path, is.Mode().Type())
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("the directory of %s is not writable, and the file is replaced at each change: %w", path, err)
	}
	f.Close()
	return os.Remove(f.Name())
}

func checkOwner(path string, is fs.FileInfo) error {
	if st, ok := is.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() && st.Uid != 0 {
		return fmt.Errorf("%s belongs to %s, which could trust any address with it: chown it to the user that helogate runs as, or remove it",
			path, userName(st.Uid))
	}
	if is.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s has mode %04o, so other users can write to it and trust any address: chmod 600 it", path, is.Mode().Perm())
	}
	return nil
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return "the user " + printable.Text(u.Username, 100)
	}
	return "user number " + id
}

// load reads the file if it exists, and reports whether it is damaged. If it is, a copy is kept.
func (s *Store) load(path string, log *slog.Logger) (damaged bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	bad, err := s.read(f)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	if bad.lines == 0 {
		return false, nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return true, err
	}
	kept, err := keepCopy(path, f)
	if err != nil {
		return true, err
	}
	for _, err := range bad.first {
		log.Warn("a line in the file of trusted addresses is wrong and ignored", "file", path, "error", err)
	}
	log.Warn("the file of trusted addresses is damaged; a copy is kept and the file is written again", "file", path, "lines", bad.lines, "copy", kept)
	return true, nil
}

// damage is the wrong lines of a file.
type damage struct {
	lines int
	first []error // errors of the first lines, for the log
}

func (d *damage) add(number int, err error) {
	const most = 5
	if d.lines++; d.lines <= most {
		d.first = append(d.first, fmt.Errorf("line %d: %w", number, err))
	}
}

// maxLine is more than an entry takes.
const maxLine = 4096 // bytes

// read adds the entries of a file.
func (s *Store) read(r io.Reader) (bad damage, err error) {
	lines := bufio.NewReaderSize(r, maxLine)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		long := err == bufio.ErrBufferFull
		for err == bufio.ErrBufferFull {
			_, err = lines.ReadSlice('\n')
		}
		if err != nil && err != io.EOF {
			return bad, err
		}
		var wrong error
		if long {
			wrong = fmt.Errorf("it is longer than %d bytes", maxLine)
		} else if line = bytes.TrimSuffix(line, []byte("\n")); len(line) > 0 {
			wrong = s.accept(line, now)
		}
		if wrong != nil {
			bad.add(number, wrong)
		}
		if err == io.EOF {
			return bad, nil
		}
	}
}

// accept adds the entry in a line. It ignores an expired one without an error.
func (s *Store) accept(line []byte, now time.Time) error {
	var e Entry
	if err := json.Unmarshal(line, &e); err != nil {
		return errors.New(printable.Text(err.Error(), maxComment))
	}
	if !e.Address.IsValid() || e.Address.IsUnspecified() || e.Address.IsMulticast() {
		return errors.New("it has no client address")
	}
	if e.Until.IsZero() || e.Since.IsZero() || e.Until.Before(e.Since) {
		return errors.New("its times are wrong")
	}
	e = Entry{
		Address: unzoned(e.Address), Since: e.Since.UTC(), Until: e.Until.UTC(), Comment: reread(e.Comment),
	}
	old := s.records[e.Address.String()]
	switch {
	case !now.Before(e.Until) || old != nil && !e.Until.After(old.Until):
		return nil
	case old == nil && len(s.records) >= s.max:
		return fmt.Errorf("%w: %d addresses are trusted, which is the maximum", ErrFull, s.max)
	}
	s.put(e, old)
	return nil
}

func unzoned(a netip.Addr) netip.Addr { return a.WithZone("").Unmap() }

// reread makes a comment printable, but leaves one that this package wrote: its backslashes are escapes already.
func reread(s string) string {
	for i := range len(s) {
		if len(s) > maxComment || s[i] < ' ' || s[i] > '~' {
			return printable.Text(s, maxComment)
		}
	}
	return s
}

// keepCopy copies a damaged file to a new file beside it, and returns the path of the copy.
func keepCopy(path string, from io.Reader) (string, error) {
	name := path + ".damaged"
	for i := 2; ; i++ {
		to, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) && i < 100 {
			name = fmt.Sprintf("%s.damaged.%d", path, i)
			continue
		}
		if err != nil {
			return "", fmt.Errorf("%s is damaged, and its copy cannot be written: %w", path, err)
		}
		_, err = io.Copy(to, from)
		return name, errors.Join(err, to.Sync(), to.Close())
	}
}
