package state

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A record is a string in Redis: the milliseconds of First since 1970, those of Last and Passed since First, Count, the
// milliseconds of Expires since First, and, if there is one, Value, with a space between them. A time that is none is
// "-"; without First, the others are since 1970. So most records fit the 44 bytes that Redis keeps in one piece, a
// person can read them, and so can a script.
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
func unpackRecord(bucket Bucket, key, packed string) (Record, error) {
	fields := strings.SplitN(packed, " ", 6)
	r, base, ok := Record{Bucket: bucket, Key: key}, int64(0), len(fields) >= 5
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
		return Record{}, notOurs(bucket, key)
	}
	if len(fields) == 6 {
		r.Value = fields[5]
	}
	return r, nil
}

// notOurs is that something else is where a record should be.
func notOurs(bucket Bucket, key string) error {
	return fmt.Errorf("%s %q is not a record of helogate: delete the key, or set another prefix", bucket, key)
}

// redisName is the name of a record in Redis: the prefix, the bucket, a colon, and the key, whose first word, the
// client, is in braces. A cluster keeps names with the same text in their first braces together, here the attempts of a
// client and the count of its retries. It ignores empty braces, so that some clients have one brace more.
//
//	helogate:greylist:{192.0.2.0/24} jane@example.org bob@example.net
//	helogate:returned:{192.0.2.0/24}
func redisName(prefix string, bucket Bucket, key string) string {
	client := Client(key)
	open := "{"
	if client == "" || client[0] == '{' || client[0] == '}' {
		open = "{{"
	}
	return prefix + string(bucket) + ":" + open + client + "}" + key[len(client):]
}

// ofRedisName is the record that a name without its prefix is for. Names of others are not ok.
func ofRedisName(name string) (h home, ok bool) {
	bucket, key, _ := strings.Cut(name, ":")
	client := Client(key)
	inside, opens := strings.CutPrefix(client, "{")
	inside, closes := strings.CutSuffix(inside, "}")
	if !opens || !closes || !slices.Contains(Buckets, Bucket(bucket)) {
		return home{}, false
	}
	return home{Bucket(bucket), strings.TrimPrefix(inside, "{") + key[len(client):]}, true
}
