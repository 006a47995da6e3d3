package state

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisSlack is how much longer Redis keeps a record than it lasts, for the clocks of hosts differ: what is over for
// one must not be gone for another.
const redisSlack = time.Hour

func (s *redisStore) name(bucket Bucket, key string) string {
	return redisName(s.config.Prefix, bucket, key)
}

// within bounds an operation by the time limit, too, and says more of its errors.
func within[T any](ctx context.Context, s *redisStore, do func(context.Context) (T, error)) (T, error) {
	if err := ctx.Err(); err != nil {
		return *new(T), s.explain(err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	value, err := do(ctx)
	return value, s.explain(err)
}

// direct is within for what does not go through the pipe.
func direct[T any](ctx context.Context, s *redisStore, do func(context.Context) (T, error)) (T, error) {
	return within(ctx, s, func(ctx context.Context) (T, error) {
		return inTime(ctx, func() (T, error) { return do(ctx) })
	})
}

// A home is where a record is.
type home struct {
	kind Bucket
	key  string
}

// run runs a script on records, and returns the one that it returns. All of them are where the first is, in a cluster,
// too.
func (s *redisStore) run(ctx context.Context, sc script, of []home, args ...any) (Record, error) {
	names := make([]any, len(of), len(of)+len(args))
	for i, h := range of {
		if err := check(h.kind, h.key); err != nil {
			return Record{}, err
		}
		names[i] = s.name(h.kind, h.key)
	}
	return within(ctx, s, func(ctx context.Context) (Record, error) {
		args = append(names, args...)
		answer, err := s.eval(ctx, "evalsha", sc.hash, len(of), args)
		if redis.HasErrorPrefix(err, "NOSCRIPT") { // the server was restarted, or is new
			answer, err = s.eval(ctx, "eval", sc.source, len(of), args)
		}
		for i, h := range of {
			number := strconv.Itoa(i + 1)
			if redis.HasErrorPrefix(err, notOursCode+" "+number) {
				return Record{}, notOurs(h.kind, h.key)
			}
			if packed, ok := strings.CutPrefix(answer, number+" "); ok && err == nil {
				return unpackRecord(h.kind, h.key, packed)
			}
		}
		return Record{}, cmp.Or(err, fmt.Errorf("unexpected answer %q of a script", answer))
	})
}

// eval has a server run a script, by its hash or by its text, on so many keys, which the other arguments begin with.
func (s *redisStore) eval(ctx context.Context, how, script string, keys int, args []any) (string, error) {
	cmd := redis.NewCmd(ctx, append([]any{how, script, keys}, args...)...)
	if err := s.pipe.run(ctx, args[0].(string), cmd); err != nil {
		return "", err
	}
	return cmd.Text()
}

func (s *redisStore) Attempt(ctx context.Context, key string, now time.Time, t Times) (Record, error) {
	of := []home{{Greylist, key}}
	if t.AutoPass > 0 {
		of = append(of, home{Returned, Client(key)})
	}
	return s.run(ctx, attemptScript, of, now.UnixMilli(), t.Delay.Milliseconds(), t.Window.Milliseconds(),
		t.Pass.Milliseconds(), t.AutoPass)
}

func (s *redisStore) Note(ctx context.Context, bucket Bucket, key string, now time.Time, keep time.Duration) (Record, error) {
	return s.run(ctx, noteScript, []home{{bucket, key}}, now.UnixMilli(), keep.Milliseconds())
}

func (s *redisStore) Get(ctx context.Context, bucket Bucket, key string, now time.Time) (Record, bool, error) {
	if err := check(bucket, key); err != nil {
		return Record{}, false, err
	}
	r, err := within(ctx, s, func(ctx context.Context) (Record, error) {
		name := s.name(bucket, key)
		cmd := redis.NewStringCmd(ctx, "get", name)
		err := s.pipe.run(ctx, name, cmd)
		return home{bucket, key}.read(cmd.Val, err)
	})
	if err != nil || !lasts(r, now) {
		return Record{}, false, err
	}
	return r, true, nil
}

// read is the record that GET returned; the zero Record, which is over, where there is none.
func (h home) read(packed func() string, err error) (Record, error) {
	switch {
	case err == redis.Nil: // and not errors.Is: sentinels that do not know the master wrap it
		return Record{}, nil
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		return Record{}, notOurs(h.kind, h.key)
	case err != nil:
		return Record{}, err
	}
	return unpackRecord(h.kind, h.key, packed())
}

func lasts(r Record, now time.Time) bool { return now.UnixMilli() < r.Expires.UnixMilli() }

func (s *redisStore) Put(ctx context.Context, r Record) error {
	if err := check(r.Bucket, r.Key); err != nil {
		return err
	}
	if r.Expires.IsZero() {
		return fmt.Errorf("%w: it has no expiry", ErrRecord)
	}
	keep := max(r.Expires.Sub(s.config.Now())+redisSlack, time.Millisecond)
	_, err := within(ctx, s, func(ctx context.Context) (string, error) {
		name := s.name(r.Bucket, r.Key)
		cmd := redis.NewStatusCmd(ctx, "set", name, packRecord(r), "px", keep.Milliseconds())
		return "", s.pipe.run(ctx, name, cmd)
	})
	return err
}

// All goes through all keys of the servers, those of others that share them, too. A record that is written meanwhile
// may be yielded as it was or as it is.
func (s *redisStore) All(ctx context.Context, now time.Time) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		masters, err := direct(ctx, s, s.masters)
		if err != nil {
			yield(Record{}, err)
			return
		}
		seen := newSeen()
		for _, master := range masters {
			if !s.scan(ctx, master, now, seen, yield) {
				return
			}
		}
	}
}

// redisPage is how many keys are looked at in one step, about, for a step makes others wait.
const redisPage = 1000

// scan yields what a master has, and reports whether to go on.
func (s *redisStore) scan(ctx context.Context, master redis.Cmdable, now time.Time, seen *seen, yield func(Record, error) bool) bool {
	for cursor := uint64(0); ; {
		keys, err := direct(ctx, s, func(ctx context.Context) (keys []string, err error) {
			keys, cursor, err = master.Scan(ctx, cursor, globbed(s.config.Prefix)+"*", redisPage).Result()
			return keys, err
		})
		var page []Record
		if err == nil {
			page, err = s.page(ctx, slices.DeleteFunc(keys, seen.before))
		}
		if err != nil {
			yield(Record{}, err)
			return false
		}
		for _, r := range page {
			if err := ctx.Err(); err != nil {
				yield(Record{}, s.explain(err))
				return false
			}
			if lasts(r, now) && !yield(r, nil) {
				return false
			}
		}
		if cursor == 0 {
			return true
		}
	}
}

// page reads the records of keys, in one round trip to each server.
func (s *redisStore) page(ctx context.Context, names []string) ([]Record, error) {
	if len(names) == 0 {
		return nil, nil
	}
	return direct(ctx, s, func(ctx context.Context) ([]Record, error) {
		var homes []home
		var reads []*redis.StringCmd
		pipe := s.client.Pipeline()
		for _, name := range names {
			h, ok := ofRedisName(strings.TrimPrefix(name, s.config.Prefix))
			if ok { // another program's longer prefix may begin like this one
				homes, reads = append(homes, h), append(reads, pipe.Get(ctx, name))
			}
		}
		pipe.Exec(ctx) // each command has the error that it is about
		page := make([]Record, len(homes))
		for i, cmd := range reads {
			var err error
			if page[i], err = homes[i].read(cmd.Val, cmd.Err()); err != nil {
				return nil, err
			}
		}
		return page, nil
	})
}

// globbed is a text as a pattern of it alone.
func globbed(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}

// masters are the servers that have the keys.
func (s *redisStore) masters(ctx context.Context) ([]redis.Cmdable, error) {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return []redis.Cmdable{s.client}, nil
	}
	var mu sync.Mutex
	var masters []redis.Cmdable
	err := cluster.ForEachMaster(ctx, func(_ context.Context, master *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		masters = append(masters, master)
		return nil
	})
	return masters, err
}

// Stats has an error if any server that has keys cannot be used. Redis does not count keys by kind, nor what they take.
func (s *redisStore) Stats(ctx context.Context, _ time.Time) (Stats, error) {
	return direct(ctx, s, func(ctx context.Context) (Stats, error) {
		masters, err := s.masters(ctx)
		for _, master := range masters {
			if err == nil {
				err = master.Ping(ctx).Err()
			}
		}
		return Stats{Bytes: -1}, err
	})
}

func (s *redisStore) Close() error {
	s.closing.Do(func() { s.closed = s.client.Close() })
	return s.closed
}

// A seen remembers keys by 128 bits of each, for SCAN may return one twice, and a million keys are much to remember.
type seen struct {
	seeds [2]maphash.Seed
	keys  map[[2]uint64]struct{}
}

func newSeen() *seen {
	return &seen{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, keys: map[[2]uint64]struct{}{}}
}

// before notes a key, and reports whether it was noted before.
func (s *seen) before(key string) bool {
	h := [2]uint64{maphash.String(s.seeds[0], key), maphash.String(s.seeds[1], key)}
	_, found := s.keys[h]
	s.keys[h] = struct{}{}
	return found
}
