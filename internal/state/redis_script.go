package state

import (
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"time"
)

// A script is one that servers know by its hash, once they have seen it.
type script struct{ source, hash string }

func newScript(source string) script {
	sum := sha1.Sum([]byte(source)) // as Redis names it
	return script{source, hex.EncodeToString(sum[:])}
}

// There is nothing in a script but what Lua 5.1 has and Redis 7.0 knows. Times are in milliseconds. The first argument
// of a script is now. It returns a record as it is kept, behind the number of its key in KEYS and a space.
//
// A call has at most ten words: from a connection without a login Redis reads no more, and does not say that it needs
// one.

// notOursCode begins the error of a key whose record another program wrote, followed by its number; an error of Redis
// begins with a word of its own.
const notOursCode = "NOTOURS"

// scriptNotes is how a script reads and notes a record. Its fields are f (first), l (last), p (passed), c (count), e
// (end) and v (value), as they are kept: text stays as it is, for numbers of Lua are not exact without end, and are
// dear to write.
var scriptNotes = `
local now = tonumber(ARGV[1])
local slack, aDay = ` + inMilliseconds(redisSlack) + `, ` + inMilliseconds(aDay) + `

-- The record of a key, and its fields; nil if there is none or it has expired; nil and an error if another program wrote it.
local function known(i)
  local packed, notOurs = redis.pcall('GET', KEYS[i]), '` + notOursCode + ` ' .. i
  if not packed then return nil end
  if packed.err then
    return nil, string.find(packed.err, 'WRONGTYPE', 1, true) and redis.error_reply(notOurs) or packed
  end
  local f, l, p, c, e, v = string.match(packed, '^([%d-]+) ([%d-]+) ([%d-]+) (%d+) (%-?%d+)(.*)$')
  if not f or v ~= '' and string.sub(v, 1, 1) ~= ' ' then return nil, redis.error_reply(notOurs) end
  if now >= (tonumber(f) or 0) + e then return nil end
  return packed, f, l, p, c, e, v
end

-- Notes it once more, and returns it. Redis gets how long to keep it, not until when: its clock does not matter.
local function note(i, f, p, c, e, v)
  local base = tonumber(f) or 0
  local packed = string.format('%s %.0f %s %.0f %s', f, now - base, p, c + 1, e) .. v -- for %s ends at a zero byte
  redis.call('SET', KEYS[i], packed, 'PX', math.max(base + e - now, 0) + slack)
  return i .. ' ' .. packed
end

-- Notes it once more, so that it ends in keep from now.
local function keepFor(keep, i, packed, f, l, p, c, e, v)
  if not packed then f, p, c, v = ARGV[1], '-', 0, '' end
  return note(i, f, p, c, now - (tonumber(f) or 0) + keep, v)
end
`

func inMilliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// attemptScript is Attempt, of a key and, if AutoPass is not 0, its client: now, Delay, Window, Pass and AutoPass.
var attemptScript = newScript(scriptNotes + `
local delay, window, pass, autoPass = tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])
local client = {}
if autoPass > 0 then
  client = {known(2)}
  local packed, f, l, p, c = unpack(client)
  if not packed and f then return f end
  if packed and tonumber(c) >= autoPass then
    if l ~= '-' and now - (tonumber(f) or 0) - l <= math.min(aDay, pass / 2) then return '2 ' .. packed end
    return keepFor(pass, 2, unpack(client))
  end
end
local packed, f, l, p, c, e, v = known(1)
if not packed then
  if f then return f end
  return note(1, ARGV[1], '-', 0, window, '')
end
local base = tonumber(f) or 0
local again = p == '-' and (f == '-' or now - base >= delay)
if again then p = now - base end
if p ~= '-' then e = now - base + pass end
local decides = note(1, f, p, c, e, v)
if again and autoPass > 0 then keepFor(pass, 2, unpack(client)) end
return decides
`)

// noteScript is Note: now and keep.
var noteScript = newScript(scriptNotes + `
local packed, f, l, p, c, e, v = known(1)
if not packed and f then return f end
return keepFor(ARGV[2], 1, packed, f, l, p, c, e, v)
`)
