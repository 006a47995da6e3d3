package state

import (
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisSlack is how much longer Redis keeps a record than it lasts, for the clocks of hosts differ: what is over for one must
// not be gone for another.
const redisSlack = time.Hour

func (s *redisStore) name(kind Kind, key string) string {
	return s.config.Prefix + string(kind) + ":" + key
}

// within runs an operation, and leaves it alone when the context or the time limit ends: the library may wait for longer,
// where one operation waits for another to find the master.
func within[T any](ctx context.Context, s *redisStore, run func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	if err := ctx.Err(); err != nil {
		return *new(T), s.explain(err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	done := make(chan result, 1)
	go func() {
		value, err := run(ctx)
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, s.explain(r.err)
	case <-ctx.Done():
		return *new(T), s.explain(ctx.Err())
	}
}

// run runs a script on a record, and returns what it then is.
func (s *redisStore) run(ctx context.Context, script *redis.Script, kind Kind, key string, args ...any) (Record, error) {
	if err := check(kind, key); err != nil {
		return Record{}, err
	}
	return within(ctx, s, func(ctx context.Context) (Record, error) {
		packed, err := script.Run(ctx, s.client, []string{s.name(kind, key)}, args...).Text()
		if redis.HasErrorPrefix(err, notOursCode) || redis.HasErrorPrefix(err, "WRONGTYPE") {
			return Record{}, notOurs(kind, key)
		}
		if err != nil {
			return Record{}, err
		}
		return unpackRecord(kind, key, packed)
	})
}

func (s *redisStore) Attempt(ctx context.Context, key string, now time.Time, t Times) (Record, error) {
	return s.run(ctx, attemptScript, Greylist, key,
		now.UnixMilli(), redisSlack.Milliseconds(), t.Delay.Milliseconds(), t.Window.Milliseconds(), t.Pass.Milliseconds())
}

func (s *redisStore) Note(ctx context.Context, kind Kind, key string, now time.Time, keep time.Duration) (Record, error) {
	return s.run(ctx, noteScript, kind, key, now.UnixMilli(), redisSlack.Milliseconds(), keep.Milliseconds())
}

func (s *redisStore) Get(ctx context.Context, kind Kind, key string, now time.Time) (Record, bool, error) {
	if err := check(kind, key); err != nil {
		return Record{}, false, err
	}
	r, err := within(ctx, s, func(ctx context.Context) (Record, error) {
		return s.read(kind, key, s.client.Get(ctx, s.name(kind, key)))
	})
	if err != nil || !lasts(r, now) {
		return Record{}, false, err
	}
	return r, true, nil
}

// read is the record that GET returned; the zero Record, which is over, where there is none.
func (s *redisStore) read(kind Kind, key string, cmd *redis.StringCmd) (Record, error) {
	packed, err := cmd.Result()
	switch {
	case err == redis.Nil: // and not errors.Is: sentinels that do not know the master wrap it
		return Record{}, nil
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		return Record{}, notOurs(kind, key)
	case err != nil:
		return Record{}, err
	}
	return unpackRecord(kind, key, packed)
}

func lasts(r Record, now time.Time) bool { return now.UnixMilli() < r.Expires.UnixMilli() }

func (s *redisStore) Put(ctx context.Context, r Record) error {
	if err := check(r.Kind, r.Key); err != nil {
		return err
	}
	if r.Expires.IsZero() {
		return fmt.Errorf("%w: it has no end", ErrRecord)
	}
	keep := max(r.Expires.Sub(s.config.Now())+redisSlack, time.Millisecond)
	_, err := within(ctx, s, func(ctx context.Context) (string, error) {
		return s.client.Set(ctx, s.name(r.Kind, r.Key), packRecord(r), keep).Result()
	})
	return err
}

// All goes through all keys of the servers, those of others that share them, too. A record that is written meanwhile may be
// yielded as it was or as it is.
func (s *redisStore) All(ctx context.Context, now time.Time) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		masters, err := within(ctx, s, s.masters)
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
		keys, err := within(ctx, s, func(ctx context.Context) (keys []string, err error) {
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
	return within(ctx, s, func(ctx context.Context) ([]Record, error) {
		var page []Record
		var reads []*redis.StringCmd
		pipe := s.client.Pipeline()
		for _, name := range names {
			kind, key, _ := strings.Cut(strings.TrimPrefix(name, s.config.Prefix), ":")
			if slices.Contains(Kinds, Kind(kind)) { // a longer prefix of somebody else's begins like ours
				page = append(page, Record{Kind: Kind(kind), Key: key})
				reads = append(reads, pipe.Get(ctx, name))
			}
		}
		pipe.Exec(ctx) // each command has the error that it is about
		for i, cmd := range reads {
			r, err := s.read(page[i].Kind, page[i].Key, cmd)
			if err != nil {
				return nil, err
			}
			page[i] = r
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
	return within(ctx, s, func(ctx context.Context) (Stats, error) {
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
