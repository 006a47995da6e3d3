package state

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"
)

const (
	transferName    = "state"
	transferVersion = 1
)

// transferTime is RFC 3339 in milliseconds, which is what a record knows.
const transferTime = "2006-01-02T15:04:05.000Z07:00"

// maxLine is far longer than any line that Export writes.
const maxLine = 4 << 20

// A header is the first line.
type header struct {
	Helogate string `json:"helogate"`
	Version  int    `json:"version"`
	At       string `json:"at,omitempty"`
}

func newHeader(now time.Time) header {
	return header{transferName, transferVersion, now.UTC().Format(transferTime)}
}

// A line is a record. What is no UTF-8 has no place in JSON, and stands in base64.
type line struct {
	Kind        Bucket  `json:"kind"`
	Key         *string `json:"key,omitempty"`
	KeyBase64   []byte  `json:"key_base64,omitempty"`
	First       string  `json:"first,omitempty"`
	Last        string  `json:"last,omitempty"`
	Passed      string  `json:"passed,omitempty"`
	Count       int64   `json:"count"`
	Value       string  `json:"value,omitempty"`
	ValueBase64 []byte  `json:"value_base64,omitempty"`
	Expires     string  `json:"expires"`
}

func newLine(r Record) line {
	l := line{Kind: r.Bucket, First: written(r.First), Last: written(r.Last), Passed: written(r.Passed), Count: r.Count, Expires: written(r.Expires)}
	if utf8.ValidString(r.Key) {
		l.Key = &r.Key
	} else {
		l.KeyBase64 = []byte(r.Key)
	}
	if utf8.ValidString(r.Value) {
		l.Value = r.Value
	} else {
		l.ValueBase64 = []byte(r.Value)
	}
	return l
}

func written(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(transferTime)
}

func writeLine(w *bufio.Writer, v any) error {
	b, err := json.Marshal(v)
	if err == nil {
		_, err = w.Write(append(b, '\n'))
	}
	return err
}

// readLines reads an export, and gives each record to take with the number of its line; take says whether it is over,
// and skipped is how many are. It ends early when done.
func readLines(r io.Reader, take func(number int, r Record) (over bool), done func() bool) (skipped int, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	number := 0
	for lines.Scan() && !done() {
		number++
		if number == 1 {
			err = readHeader(lines.Bytes())
		} else if text := bytes.TrimSpace(lines.Bytes()); len(text) > 0 {
			var rec Record
			if rec, err = readLine(text); err == nil && take(number, rec) {
				skipped++
			}
		}
		if err != nil {
			return skipped, fmt.Errorf("line %d: %w", number, err)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return skipped, fmt.Errorf("line %d: it is longer than %d MiB, the limit of a record", number+1, maxLine>>20)
	case err != nil:
		return skipped, fmt.Errorf("line %d: %w", number+1, err)
	case number == 0 && !done():
		return 0, errors.New("line 1: the file is empty: it is not an export of helogate state")
	}
	return skipped, nil
}

func readHeader(text []byte) error {
	var h header
	if err := json.Unmarshal(text, &h); err != nil || h.Helogate != transferName {
		return errors.New(`it must be the header, {"helogate":"state","version":1}: this is no export of helogate state`)
	}
	if h.Version != transferVersion {
		return fmt.Errorf("the export is of version %d, and this helogate reads version %d: import it with the helogate that wrote it, or a later one", h.Version, transferVersion)
	}
	return nil
}

// readLine reads a record.
func readLine(text []byte) (Record, error) {
	var l line
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return Record{}, badJSON(err)
	}
	if d.InputOffset() != int64(len(text)) {
		return Record{}, errors.New("there is more than one record in the line")
	}
	r, err := l.record()
	if err != nil {
		return Record{}, err
	}
	if err := check(r.Bucket, r.Key); err != nil {
		return Record{}, err
	}
	return r, nil
}

func badJSON(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("the line is incomplete: was the export cut off?")
	}
	return err
}

// record is the record of a line.
func (l line) record() (Record, error) {
	r := Record{Bucket: l.Kind, Key: string(l.KeyBase64), Count: l.Count, Value: l.Value}
	switch {
	case l.Kind == "":
		return r, errors.New("kind is missing")
	case l.Key == nil && l.KeyBase64 == nil:
		return r, errors.New("key is missing")
	case l.Key != nil && l.KeyBase64 != nil:
		return r, errors.New("key and key_base64: only one is allowed")
	case l.Value != "" && l.ValueBase64 != nil:
		return r, errors.New("value and value_base64: only one is allowed")
	case l.Count < 0:
		return r, fmt.Errorf("count %d is negative", l.Count)
	case l.Expires == "":
		return r, errors.New("expires is missing")
	case l.Kind == Greylist && l.First == "":
		return r, errors.New("first is missing: the greylist needs it")
	}
	if l.Key != nil {
		r.Key = *l.Key
	}
	if l.ValueBase64 != nil {
		r.Value = string(l.ValueBase64)
	}
	for _, f := range []struct {
		name, text string
		at         *time.Time
	}{{"first", l.First, &r.First}, {"last", l.Last, &r.Last}, {"passed", l.Passed, &r.Passed}, {"expires", l.Expires, &r.Expires}} {
		if err := readTime(f.text, f.at); err != nil {
			return r, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return r, nil
}

func readTime(text string, at *time.Time) error {
	if text == "" {
		return nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("%.40q is no time, as 2026-11-21T09:00:00.000Z is", text)
	}
	*at = time.UnixMilli(t.UnixMilli()).UTC()
	return nil
}
