package state

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A record is a string in Redis: the milliseconds of First since 1970, those of Last and Passed since First, Count, the
// milliseconds of Expires since First, and, if there is one, Value, with a space between them. A time that is none is "-";
// without First, the others are since 1970. So most records fit the 44 bytes that Redis keeps in one piece, a person can read
// them, and so can a script.
//
//	1795251671000 0 - 1 86400000
//	1795251671000 345600000 900000 3 3456000000

const none = "-"

// packRecord makes the string of a record.
func packRecord(r Record) string {
	b := make([]byte, 0, 48+len(r.Value))
	base := int64(0)
	field := func(t time.Time) {
		if t.IsZero() {
			b = append(b, none...)
		} else {
			b = strconv.AppendInt(b, t.UnixMilli()-base, 10)
		}
		b = append(b, ' ')
	}
	field(r.First)
	if !r.First.IsZero() {
		base = r.First.UnixMilli()
	}
	field(r.Last)
	field(r.Passed)
	b = append(strconv.AppendInt(b, r.Count, 10), ' ')
	b = strconv.AppendInt(b, r.Expires.UnixMilli()-base, 10)
	if r.Value != "" {
		b = append(append(b, ' '), r.Value...)
	}
	return string(b)
}

// unpackRecord reads the string of a record.
func unpackRecord(kind Kind, key, packed string) (Record, error) {
	fields := strings.SplitN(packed, " ", 6)
	r, base, ok := Record{Kind: kind, Key: key}, int64(0), len(fields) >= 5
	number := func(s string) int64 {
		n, err := strconv.ParseInt(s, 10, 64)
		ok = ok && err == nil
		return n
	}
	at := func(s string) time.Time {
		if s == none {
			return time.Time{}
		}
		return time.UnixMilli(base + number(s)).UTC()
	}
	if ok {
		if r.First = at(fields[0]); !r.First.IsZero() {
			base = r.First.UnixMilli()
		}
		r.Last, r.Passed, r.Count, r.Expires = at(fields[1]), at(fields[2]), number(fields[3]), at(fields[4])
	}
	if !ok || r.Expires.IsZero() {
		return Record{}, notOurs(kind, key)
	}
	if len(fields) == 6 {
		r.Value = fields[5]
	}
	return r, nil
}

// notOurs is that something else is where a record should be.
func notOurs(kind Kind, key string) error {
	return fmt.Errorf("what is there of %s %q is no record of helogate: delete that key, or choose another prefix", kind, key)
}

// scriptKnows is how a script reads a record. There is nothing in a script but what Lua 5.1 has and Redis 7.0 knows.
const scriptKnows = `
local now, first, last, passed, count, ends, value = tonumber(ARGV[1])
local packed = redis.call('GET', KEYS[1])
if packed then
  local f, l, p, c, e, v = string.match(packed, '^([%d-]+) ([%d-]+) ([%d-]+) (%d+) (%-?%d+)(.*)$')
  if not f or v ~= '' and string.sub(v, 1, 1) ~= ' ' then return redis.error_reply('` + notOursCode + ` no record') end
  local base = tonumber(f) or 0
  local function at(s) return tonumber(s) and base + tonumber(s) end
  first, last, passed, count, ends, value = tonumber(f), at(l), at(p), tonumber(c), at(e), v
end
local there = ends and now < ends
if not there then
  first, passed, count, value = now, nil, 0, ''
end
count, last = count + 1, now
`

const notOursCode = "NOTOURS" // an error of Redis begins with a word of its own

// scriptKeeps is how it writes and returns it. Redis is told for how long to keep it, not until when, so that its own clock
// does not matter; ARGV[2] is for how much longer than that.
const scriptKeeps = `
local base = first or 0
local function since(t) return t and string.format('%.0f', t - base) or '-' end
packed = string.format('%s %s %s %.0f %s', first and string.format('%.0f', first) or '-', since(last), since(passed), count, since(ends))
packed = packed .. value -- for %s ends at a zero byte
redis.call('SET', KEYS[1], packed, 'PX', string.format('%.0f', math.max(ends - now, 0) + tonumber(ARGV[2])))
return packed
`

// attemptScript is Attempt: now, the slack, Delay, Window and Pass, in milliseconds.
var attemptScript = redis.NewScript(scriptKnows + `
if not there then
  ends = now + tonumber(ARGV[4])
elseif not passed and (not first or now - first >= tonumber(ARGV[3])) then
  passed = now
end
if passed then ends = now + tonumber(ARGV[5]) end
` + scriptKeeps)

// noteScript is Note: now, the slack and keep, in milliseconds.
var noteScript = redis.NewScript(scriptKnows + `
ends = now + tonumber(ARGV[3])
` + scriptKeeps)
