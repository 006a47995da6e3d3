package interop

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/helogate/helogate/internal/state"
	"github.com/helogate/helogate/internal/state/statetest"
)

// A real Redis, single and a cluster, keeps what state.Store promises; two hosts that use it agree.
func TestRedisSuite(t *testing.T) {
	l := redisLab(t)
	for name, servers := range map[string][]*redisServer{"single": {l.startRedis(t)}, "cluster": l.startCluster(t)} {
		t.Run(name, func(t *testing.T) {
			stores := 0
			open := func(t *testing.T) state.Store {
				return storeAt(t, state.RedisConfig{Cluster: len(servers) > 1, Prefix: fmt.Sprintf("%d:", stores)}, servers...)
			}
			statetest.Run(t, func(t *testing.T) state.Store { stores++; return open(t) },
				statetest.Shared(func(t *testing.T) (a, b state.Store) { stores++; return open(t), open(t) }))
		})
	}
}

// attempts makes a first attempt for each of n triplets, from 32 goroutines, and says of each how it went.
func attempts(n int, now time.Time, s state.Store, replied func(i int, err error)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				_, err := s.Attempt(context.Background(), triplet(i), now, greylistTimes)
				replied(i, err)
			}
		})
	}
	all.Wait()
}

func triplet(i int) string {
	return state.Key(fmt.Sprintf("198.51.%d.0/24", i%256), fmt.Sprintf("jane.doe+%d@example.org", i), "bob@example.net")
}

// Everything goes from Redis to SQLite, and from there to a cluster, and is the same.
func TestRedisTransfer(t *testing.T) {
	l := redisLab(t)
	const n = 10_000
	now := time.Now().UTC().Truncate(time.Millisecond)
	server := l.startRedis(t)
	single, admin := storeAt(t, state.RedisConfig{}, server), server.client()
	before := usedMemory(t, admin)
	attempts(n, now, single, func(_ int, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	t.Logf("%d bytes each", (usedMemory(t, admin)-before)/n)
	sqlite, err := state.OpenSQLite(state.SQLiteConfig{Path: filepath.Join(l.dir, "state.db")})
	must(t, err)
	t.Cleanup(func() { sqlite.Close() })
	cluster := storeAt(t, state.RedisConfig{Cluster: true}, l.startCluster(t)...)
	want := records(t, single, now)
	for _, step := range []struct {
		name     string
		from, to state.Store
	}{{"Redis to SQLite", single, sqlite}, {"SQLite to a cluster", sqlite, cluster}, {"and back", cluster, sqlite}} {
		var file bytes.Buffer
		exported, err := state.Export(t.Context(), step.from, now, &file)
		must(t, err)
		imported, skipped, err := state.Import(t.Context(), step.to, now, &file)
		if exported != n || imported != n || skipped != 0 || err != nil {
			t.Fatalf("%s: %d exported, %d imported, %d skipped, %v", step.name, exported, imported, skipped, err)
		}
		if diff := cmp.Diff(want, records(t, step.to, now)); diff != "" {
			t.Fatalf("%s: %s", step.name, diff)
		}
	}
}

func usedMemory(t *testing.T, admin *redis.Client) (bytes int) {
	info, err := admin.Info(t.Context(), "memory").Result()
	must(t, err)
	_, after, _ := strings.Cut(info, "used_memory:")
	_, err = fmt.Sscan(after, &bytes)
	must(t, err)
	return bytes
}

func records(t *testing.T, s state.Store, now time.Time) (list []state.Record) {
	t.Helper()
	for r, err := range s.All(t.Context(), now) {
		must(t, err)
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b state.Record) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// A node of a cluster is killed in the middle of 10,000 triplets, and started again. What was acknowledged is there,
// and who is kept on another node does not notice.
func TestRedisNodeKilled(t *testing.T) {
	l := redisLab(t)
	nodes := l.startCluster(t)
	for _, guarded := range []bool{false, true} {
		t.Run(fmt.Sprintf("guarded %t", guarded), func(t *testing.T) { nodeKilled(t, nodes, guarded) })
	}
}

const storeLimit = 500 * time.Millisecond

func nodeKilled(t *testing.T, nodes []*redisServer, guarded bool) {
	const n, killAt, restartAt = 10_000, 2500, 7500
	now := time.Now().UTC().Truncate(time.Millisecond)
	prefix := fmt.Sprint(guarded, ":")
	bare := storeAt(t, state.RedisConfig{Cluster: true, Prefix: prefix, Timeout: storeLimit}, nodes...)
	s := bare
	if guarded {
		s = state.NewBreaker(bare, storeLimit, slog.New(slog.DiscardHandler), time.Now)
	}
	var replied, meanwhile atomic.Int64
	failed := map[int]error{}
	var mu sync.Mutex
	down := nodes[1]
	var again sync.WaitGroup
	attempts(n, now, s, func(i int, err error) {
		switch replied.Add(1) {
		case killAt:
			down.kill()
		case restartAt:
			again.Go(down.start)
		}
		if h := replied.Load(); err == nil && h > killAt && h < restartAt {
			meanwhile.Add(1)
		}
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			failed[i] = err
		}
	})
	again.Wait()
	for _, node := range nodes {
		clusterIsWhole(t, node)
	}
	t.Logf("%d attempts failed, %d succeeded meanwhile", len(failed), meanwhile.Load())
	if len(failed) == 0 || meanwhile.Load() == 0 {
		t.Errorf("while the node was down, %d attempts failed and %d succeeded", len(failed), meanwhile.Load())
	}
	wereOnNode(t, down, prefix, failed, 1)
	after := storeAt(t, state.RedisConfig{Cluster: true, Prefix: prefix}, nodes...)
	for i := range n {
		r, found, err := after.Get(t.Context(), state.Greylist, triplet(i), now)
		if _, not := failed[i]; err != nil || !not && (!found || !r.First.Equal(now) || r.Count < 1) {
			t.Fatalf("%s was acknowledged, and is lost: %v, %t, %v", triplet(i), r, found, err)
		}
	}
}

// wereOnNode says which attempts failed though their node was there.
func wereOnNode(t *testing.T, admin *redisServer, prefix string, failed map[int]error, shard int) {
	t.Helper()
	c := admin.client()
	wrong := 0
	for i, err := range failed {
		slot, e := c.ClusterKeySlot(t.Context(), state.Client(triplet(i))).Result() // what is in braces of the name
		must(t, e)
		if int(slot) < shardBegins(shard) || int(slot) >= shardBegins(shard+1) {
			if wrong++; wrong < 5 {
				t.Errorf("the node was there: %v", err)
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d attempts failed though their node was there", wrong, len(failed))
	}
}

// Sentinels name the master, and another one when that is gone.
func TestRedisSentinel(t *testing.T) {
	l := redisLab(t)
	master := l.startRedis(t, "repl-diskless-sync-delay 0")
	replica := l.startRedis(t, fmt.Sprintf("replicaof %s %d", master.addr.Addr(), master.addr.Port()),
		fmt.Sprintf("replica-announce-ip %s", l.host)) // or it is taken for 127.0.0.1, from where it connects
	sentinel := &redisServer{t: t, addr: l.mustPort(t), dir: t.TempDir()}
	conf := filepath.Join(sentinel.dir, "sentinel.conf")
	must(t, render(conf, "testdata/redis-sentinel.conf", map[string]any{"Addr": sentinel.addr, "Dir": sentinel.dir, "Master": master.addr}))
	sentinel.args = []string{conf, "--sentinel"}
	sentinel.start()

	s := storeAt(t, state.RedisConfig{Master: "mail", Timeout: 2 * time.Second}, sentinel)
	now := time.Now()
	_, err := s.Attempt(t.Context(), "k", now, greylistTimes)
	must(t, err)
	wrong := storeAt(t, state.RedisConfig{Master: "post"}, sentinel)
	_, _, err = wrong.Get(t.Context(), state.Greylist, "k", now)
	if err == nil || !strings.Contains(err.Error(), `no sentinel knows a master "post"`) {
		t.Errorf("a wrong name of the master: %v", err)
	}

	_, err = storeAt(t, state.RedisConfig{}, replica).Attempt(t.Context(), "k", now, greylistTimes)
	if err == nil || !strings.Contains(err.Error(), "it is a replica: put the master into servers") {
		t.Errorf("a replica: %v", err)
	}
	copied, known := replica.client(), sentinel.client()
	must(t, eventually(func() bool { return copied.Exists(t.Context(), "helogate:greylist:{k}").Val() == 1 }))
	must(t, eventually(func() bool {
		info := known.Info(t.Context(), "sentinel").Val()
		return strings.Contains(info, "status=ok") && strings.Contains(info, "slaves=1")
	}))
	master.kill()
	var r state.Record
	must(t, eventually(func() bool {
		r, err = s.Attempt(t.Context(), "k", now, greylistTimes)
		return err == nil
	}))
	if r.Count < 2 {
		t.Errorf("the new master did not know it: %v", r)
	}
}

// What goes wrong with a server is said with what to do.
func TestRedisTrouble(t *testing.T) {
	l := redisLab(t)
	server, secret := l.startRedis(t), l.startRedis(t, `requirepass "secret of the house"`)
	cluster := l.startCluster(t)
	admin := server.client()
	must(t, admin.LPush(t.Context(), "helogate:greylist:{list}", "theirs").Err())
	for _, c := range []struct {
		name   string
		server *redisServer
		config state.RedisConfig
		key    string
		want   string
	}{
		{"no password", secret, state.RedisConfig{}, "k", "set password_file"},
		{"a wrong password", secret, state.RedisConfig{Password: "guess"}, "k", "correct the password in password_file"},
		{"the password", secret, state.RedisConfig{Password: "secret of the house"}, "k", ""},
		{"a password that is not required", server, state.RedisConfig{Password: "guess"}, "k", ""},
		{"a database that is not there", server, state.RedisConfig{Database: 99}, "k", "set database in [state.redis] below databases"},
		{"no cluster", server, state.RedisConfig{Cluster: true}, "k", "set cluster = false"},
		{"a cluster", cluster[0], state.RedisConfig{}, "k", "set cluster = true"},
		{"database 1 of a cluster", cluster[0], state.RedisConfig{Database: 1}, "k", "set cluster = true and database = 0"},
		{"no TLS", server, state.RedisConfig{TLS: &tls.Config{}, Timeout: time.Second}, "k", "tls = false"}, // it waits for the end of a line
		{"a key of another program", server, state.RedisConfig{}, "list", "is not a record of helogate"},
	} {
		s := storeAt(t, c.config, c.server)
		_, err := s.Attempt(t.Context(), c.key, time.Now(), greylistTimes)
		switch {
		case c.want == "" && err != nil, c.want != "" && err == nil, c.want != "" && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v", c.name, err)
		case err != nil && strings.Contains(err.Error(), "guess"):
			t.Errorf("it discloses the password: %v", err)
		}
	}
	must(t, admin.ConfigSet(t.Context(), "maxmemory", "1").Err())
	_, err := storeAt(t, state.RedisConfig{}, server).Attempt(t.Context(), "k", time.Now(), greylistTimes)
	if err == nil || !strings.Contains(err.Error(), "its memory is full: raise maxmemory") {
		t.Errorf("no memory: %v", err)
	}
}

// redisRights is the line of docs/state.md that makes a user.
func redisRights(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../docs/state.md")
	must(t, err)
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "ACL SETUSER ") {
			return line
		}
	}
	t.Fatal("docs/state.md makes no user")
	return ""
}

// A socket does, and a user who may do what docs/state.md says and no more.
func TestRedisRights(t *testing.T) {
	l := redisLab(t)
	server := l.startRedis(t)
	all := func(name string, s state.Store) {
		t.Helper()
		now := time.Now()
		_, err := s.Attempt(t.Context(), "k", now, greylistTimes)
		_, err2 := s.Note(t.Context(), state.Returned, "k", now, time.Hour)
		err3 := s.Put(t.Context(), state.Record{Bucket: state.Callout, Key: "k", Expires: now.Add(time.Hour)})
		_, _, err4 := s.Get(t.Context(), state.Callout, "k", now)
		_, err5 := s.Stats(t.Context(), now)
		_, err6 := state.Export(t.Context(), s, now, io.Discard)
		if err := errors.Join(err, err2, err3, err4, err5, err6); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	socket, err := state.OpenRedis(t.Context(), state.RedisConfig{Servers: []string{filepath.Join(server.dir, "redis.sock")}, Timeout: patience})
	must(t, err)
	t.Cleanup(func() { socket.Close() })
	all("a socket", socket)
	for _, servers := range [][]*redisServer{{server}, l.startCluster(t)} {
		for _, s := range servers {
			c := s.client()
			args := []any{}
			for _, word := range strings.Fields(redisRights(t)) {
				args = append(args, word)
			}
			must(t, c.Do(t.Context(), args...).Err())
		}
		user := state.RedisConfig{Cluster: len(servers) > 1, Username: "helogate", Password: "secret"}
		all("the user of the page", storeAt(t, user, servers...))
		user.Prefix = "other:"
		_, err := storeAt(t, user, servers...).Attempt(t.Context(), "k", time.Now(), greylistTimes)
		if err == nil || !strings.Contains(err.Error(), "give the user the rights") {
			t.Errorf("keys of others: %v", err)
		}
	}
}
