package load

import (
	"math"
	"math/bits"
	"time"
)

const (
	subBits = 5 // 32 steps in each doubling: what is read back is at most 1/32 too large
	steps   = 1 << subBits
)

// A Histogram counts durations, from a nanosecond to centuries in 15 KiB. The zero value is ready.
type Histogram struct {
	counts [(64 - subBits) * steps]uint64
	total  uint64
	max    time.Duration
}

// bucket is n itself below 2*steps; above it is n's power of two and the next subBits bits.
func bucket(n uint64) int {
	shift := max(0, bits.Len64(n)-subBits-1)
	return shift*steps + int(n>>shift)
}

// upper is the largest n of a bucket.
func upper(bucket int) uint64 {
	if bucket < 2*steps {
		return uint64(bucket)
	}
	shift := bucket/steps - 1
	return (uint64(bucket%steps+steps)+1)<<shift - 1
}

// Record counts one.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.total++
	h.max = max(h.max, d)
}

// Add counts all that o has.
func (h *Histogram) Add(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
	h.max = max(h.max, o.max)
}

// Quantile is the duration that a part q (0 to 1) of all do not exceed, at most 1/32 too large; 0 if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := max(1, uint64(math.Ceil(q*float64(h.total))))
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			return min(time.Duration(upper(i)), h.max)
		}
	}
	return h.max
}

// Max is the longest, exactly.
func (h *Histogram) Max() time.Duration { return h.max }
