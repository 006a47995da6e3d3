package imports

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/helogate/helogate/check"
)

const (
	maxFilter = 1 << 16 // networks of 256 addresses that a filter is looked at in
	maxCodes  = 32      // of a list, above which an administrator should write ranges
)

// filterCodes makes codes of the filter of a list in DNS, d.d.d.d, where each d is a number or a pattern [2..4;8] of
// numbers and ranges (postconf(5), reject_rbl_client).
func filterCodes(filter string) ([]string, error) {
	octets, err := readFilter(filter)
	if err != nil {
		return nil, err
	}
	if first := octets[0]; len(first) != 1 || first[0] != only127 {
		return nil, errors.New("its answers are not in 127.0.0.0/8, as those of a list must be (RFC 5782 section 2.3)")
	}
	if octets[1].size()*octets[2].size() > maxFilter {
		return nil, errors.New("the filter is too long")
	}
	var spans []octetRange
	for b := range octets[1].all() {
		for c := range octets[2].all() {
			at := 127<<24 | b<<16 | c<<8
			for _, d := range octets[3] {
				spans = addRange(spans, octetRange{at | d.first, at | d.last})
			}
		}
	}
	if len(spans) > maxCodes {
		return nil, fmt.Errorf("the filter has %d ranges: write those that matter into a [[dnsbl]]", len(spans))
	}
	codes := make([]string, len(spans))
	for i, s := range spans {
		if codes[i] = addressOf(s.first); s.last > s.first {
			codes[i] += "-" + addressOf(s.last)
		}
	}
	_, err = check.ParseCodes(codes)
	return codes, err
}

func addressOf(n int) string {
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}).String()
}

// An octetRange is numbers, both ends included.
type octetRange struct{ first, last int }

var only127 = octetRange{127, 127}

// octetRanges are in order, with gaps between.
type octetRanges []octetRange

func (r octetRanges) size() (n int) {
	for _, one := range r {
		n += one.last - one.first + 1
	}
	return n
}

func (r octetRanges) all() func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for _, one := range r {
			for n := one.first; n <= one.last; n++ {
				if !yield(n) {
					return
				}
			}
		}
	}
}

// addRange adds a range that begins no sooner than those that are there.
func addRange(to []octetRange, r octetRange) []octetRange {
	if n := len(to); n > 0 && to[n-1].last+1 >= r.first {
		to[n-1].last = max(to[n-1].last, r.last)
		return to
	}
	return append(to, r)
}

var errFilter = errors.New("the filter is not d.d.d.d, each d a number or a pattern such as [2..4;8]")

func readFilter(filter string) (octets [4]octetRanges, err error) {
	rest := filter
	for i := range octets {
		var one string
		if inner, is := strings.CutPrefix(rest, "["); is {
			var closed bool
			if one, rest, closed = strings.Cut(inner, "]"); !closed {
				return octets, errFilter
			}
			octets[i], err = readPattern(one)
		} else {
			end := strings.IndexByte(rest, '.')
			if end < 0 {
				end = len(rest)
			}
			one, rest = rest[:end], rest[end:]
			octets[i], err = readPattern(one)
			err = cmp.Or(err, single(octets[i]))
		}
		if err != nil {
			return octets, err
		}
		if last := i == len(octets)-1; last && rest != "" || !last && !strings.HasPrefix(rest, ".") {
			return octets, errFilter
		}
		rest = strings.TrimPrefix(rest, ".")
	}
	return octets, nil
}

// single wants a number, as it is outside of brackets.
func single(r octetRanges) error {
	if r.size() != 1 {
		return errFilter
	}
	return nil
}

// readPattern reads "2..4;8".
func readPattern(text string) (octetRanges, error) {
	var all []octetRange
	for part := range strings.SplitSeq(text, ";") {
		from, to, isRange := strings.Cut(part, "..")
		if !isRange {
			to = from
		}
		first, err := strconv.ParseUint(from, 10, 8)
		last, err2 := strconv.ParseUint(to, 10, 8)
		if err != nil || err2 != nil || last < first {
			return nil, errFilter
		}
		all = append(all, octetRange{int(first), int(last)})
	}
	slices.SortFunc(all, func(a, b octetRange) int { return cmp.Compare(a.first, b.first) })
	var out octetRanges
	for _, r := range all {
		out = addRange(out, r)
	}
	return out, nil
}
