package config

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	toml "github.com/pelletier/go-toml/v2"
)

// Size is a number of bytes.
type Size int64

var units = []struct {
	name string
	size int64
}{
	{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3},
}

// ParseSize reads "64MiB" (1024 times 1024 times 64), "64MB" (1000 times 1000 times 64), "1GiB" or "1048576".
func ParseSize(s string) (Size, error) {
	number := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit := s[len(number):]
	number = strings.TrimRight(number, " ")
	factor := int64(0)
	for _, u := range units {
		if strings.EqualFold(unit, u.name) {
			factor = u.size
		}
	}
	if unit == "" || strings.EqualFold(unit, "B") {
		factor = 1
	}
	n, err := strconv.ParseInt(number, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("the size %s is too large", quoted(s))
	case err == nil && n < 0:
		return 0, fmt.Errorf("%s is negative", quoted(s))
	case err == nil && factor == 0 && len(unit) == 1 && strings.ContainsAny(unit, "kKmMgGtT"):
		u := strings.ToUpper(unit)
		return 0, fmt.Errorf("%s is ambiguous; did you mean \"%d%siB\" or \"%d%sB\"?", quoted(s), n, u, n, u)
	case err != nil || factor == 0:
		return 0, fmt.Errorf("%s is not a size: write a whole number and KiB, MiB, GiB, kB, MB or GB, such as \"64MiB\"", quoted(s))
	case n > math.MaxInt64/factor:
		return 0, fmt.Errorf("the size %s is too large", quoted(s))
	}
	return Size(n * factor), nil
}

// String returns the size in the largest unit that divides it.
func (s Size) String() string {
	for _, u := range units {
		if s != 0 && int64(s)%u.size == 0 {
			return fmt.Sprintf("%d%s", int64(s)/u.size, u.name)
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText returns what String does.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes what ParseSize does.
func (s *Size) UnmarshalText(b []byte) (err error) { *s, err = ParseSize(string(b)); return err }

var bareNumber = regexp.MustCompile(`^[0-9]+$`)

// ParseDuration reads what time.ParseDuration does, and days before it: "5s", "1h30m", "1d", "1d12h".
func ParseDuration(s string) (time.Duration, error) {
	days, rest := int64(0), s
	if before, after, ok := strings.Cut(s, "d"); ok && bareNumber.MatchString(before) {
		n, err := strconv.ParseInt(before, 10, 64)
		if err != nil || n > int64(math.MaxInt64/(24*time.Hour)) {
			return 0, fmt.Errorf("%s is too long", quoted(s))
		}
		if days, rest = n, after; rest == "" {
			rest = "0s"
		}
	}
	v, err := time.ParseDuration(rest)
	switch {
	case bareNumber.MatchString(s):
		return 0, fmt.Errorf("%s has no unit; did you mean \"%ss\"?", quoted(s), cut(s, 80))
	case err != nil:
		return 0, fmt.Errorf("%s is not a duration: write numbers with ms, s, m, h or d, such as \"5s\" or \"1h30m\"", quoted(s))
	case v < 0 || v == 0 && days == 0:
		return 0, fmt.Errorf("%s must be more than zero", quoted(s))
	case v > math.MaxInt64-time.Duration(days)*24*time.Hour:
		return 0, fmt.Errorf("%s is too long", quoted(s))
	}
	return time.Duration(days)*24*time.Hour + v, nil
}

// durationText is the inverse of ParseDuration: "24h", not "24h0m0s".
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// parseUntil returns the first instant after a date, or a date and time.
func parseUntil(k kind, s string, loc *time.Location) (time.Time, error) {
	if loc == nil {
		loc = time.Local
	}
	switch k {
	case date:
		var d toml.LocalDate
		if err := d.UnmarshalText([]byte(s)); err != nil {
			return time.Time{}, fmt.Errorf("%s is not a date: write year, month and day, such as 2027-06-30", cut(s, 80))
		}
		return dayAfter(d.Year, time.Month(d.Month), d.Day, loc), nil
	case localDT:
		var d toml.LocalDateTime
		if err := d.UnmarshalText([]byte(s)); err == nil {
			return d.AsTime(loc), nil
		}
	default:
		t, err := time.Parse(time.RFC3339Nano, strings.ToUpper(strings.Replace(s, " ", "T", 1)))
		if err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s is not a date and time: write one such as 2027-06-30T18:00:00 or 2027-06-30T18:00:00+02:00", cut(s, 80))
}

// dayAfter is the first instant of the day after.
func dayAfter(y int, m time.Month, d int, loc *time.Location) time.Time {
	return time.Date(y, m, d+1, 0, 0, 0, 0, loc)
}

// untilText is the inverse of parseUntil.
func untilText(t time.Time) string {
	last := t.Add(-1)
	if y, m, d := last.Date(); dayAfter(y, m, d, t.Location()).Equal(t) {
		return last.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339Nano)
}

var permissions = regexp.MustCompile(`^0?[0-7]{3}$`)

func parsePermissions(s string) (fs.FileMode, error) {
	if !permissions.MatchString(s) {
		return 0, fmt.Errorf("%s is not valid: write permissions as three octal digits, such as \"0660\"", quoted(s))
	}
	n, err := strconv.ParseUint(s, 8, 32)
	if err == nil && n&0o222 == 0 {
		return 0, fmt.Errorf("with %s no program can connect to the socket; did you mean \"0660\"?", quoted(s))
	}
	return fs.FileMode(n), err
}
