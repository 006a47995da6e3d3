package state_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/helogate/helogate/internal/state"
	"github.com/helogate/helogate/internal/state/statetest"
)

// ample is a time limit that no operation comes near, on however busy a machine.
const ample = 10 * time.Second

func openRedis(t testing.TB, c state.RedisConfig) state.Store {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = ample
	}
	s, err := state.OpenRedis(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestRedisSuite(t *testing.T) {
	for name, cluster := range map[string]bool{"single": false, "cluster": true} {
		t.Run(name, func(t *testing.T) {
			open := func(t *testing.T, m *miniredis.Miniredis) state.Store {
				return openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}, Cluster: cluster})
			}
			statetest.Run(t, func(t *testing.T) state.Store { return open(t, miniredis.RunT(t)) },
				statetest.Shared(func(t *testing.T) (a, b state.Store) {
					m := miniredis.RunT(t)
					return open(t, m), open(t, m)
				}))
		})
	}
}

var morning = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

var redisTimes = state.Times{Delay: 5 * time.Minute, Window: 24 * time.Hour, Pass: 36 * 24 * time.Hour}

// What is in Redis is as redis_record.go says, for whoever looks at it and for the next version of helogate; and it is
// kept for an hour longer than it lasts.
func TestRedisHolds(t *testing.T) {
	m := miniredis.RunT(t)
	s := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}, Now: func() time.Time { return morning }})
	holds := func(name, want string, lasts time.Duration) {
		t.Helper()
		if got, err := m.Get(name); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
		if got := m.TTL(name); got != lasts+time.Hour {
			t.Errorf("%s is kept for %s, and lasts %s", name, got, lasts)
		}
	}
	try := func(at time.Duration) {
		t.Helper()
		if _, err := s.Attempt(t.Context(), "k", morning.Add(at), redisTimes); err != nil {
			t.Fatal(err)
		}
	}
	try(0)
	holds("helogate:greylist:{k}", "1795251600000 0 - 1 86400000", 24*time.Hour)
	try(time.Minute)
	holds("helogate:greylist:{k}", "1795251600000 60000 - 2 86400000", 24*time.Hour-time.Minute)
	try(15 * time.Minute)
	holds("helogate:greylist:{k}", "1795251600000 900000 900000 3 3111300000", 36*24*time.Hour)

	if _, err := s.Note(t.Context(), state.Returned, "k", morning, time.Hour); err != nil {
		t.Fatal(err)
	}
	holds("helogate:returned:{k}", "1795251600000 0 - 1 3600000", time.Hour)
	put := func(r state.Record) {
		t.Helper()
		r.Bucket, r.Key = state.Callout, "k"
		if err := s.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	put(state.Record{Value: "a b", Expires: morning.Add(time.Minute)})
	holds("helogate:callout:{k}", "- - - 0 1795251660000 a b", time.Minute)
	put(state.Record{First: morning, Last: morning.Add(-time.Second), Count: 7, Expires: morning.Add(time.Minute)})
	holds("helogate:callout:{k}", "1795251600000 -1000 - 7 60000", time.Minute)
	put(state.Record{Expires: morning.Add(-2 * time.Hour)})
	holds("helogate:callout:{k}", "- - - 0 1795244400000", time.Millisecond-time.Hour)
}

// Redis removes what is over by itself, but not while it lasts by the clock of a host that is behind.
func TestRedisRemoves(t *testing.T) {
	m := miniredis.RunT(t)
	s := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}})
	if _, err := s.Attempt(t.Context(), "k", morning, redisTimes); err != nil {
		t.Fatal(err)
	}
	m.FastForward(24*time.Hour + 59*time.Minute)
	if r, found, err := s.Get(t.Context(), state.Greylist, "k", morning.Add(24*time.Hour-time.Minute)); !found || err != nil {
		t.Errorf("for a clock that is an hour behind: %v, %t, %v", r, found, err)
	}
	m.FastForward(time.Minute)
	if keys := m.Keys(); len(keys) > 0 {
		t.Errorf("left: %q", keys)
	}
}

// Others may share a server.
func TestRedisPrefix(t *testing.T) {
	m := miniredis.RunT(t)
	m.Set("session:1", "theirs")
	m.Set("m*[x]:gossip:{k}", "of a kind that a later helogate may have")
	m.Set("mmx:greylist:{k}", "of a pattern that is none")
	a := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}, Prefix: "m*[x]:"})
	b := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}, Prefix: "m*[x]:b:"})
	for i, s := range []state.Store{a, b} {
		if _, err := s.Note(t.Context(), state.Returned, fmt.Sprint(i), morning, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range []state.Store{a, b} {
		var keys []string
		for r, err := range s.All(t.Context(), morning) {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, r.Key)
		}
		if diff := cmp.Diff([]string{fmt.Sprint(i)}, keys); diff != "" {
			t.Error(diff)
		}
	}
}

// Keys of other programs are left alone, and reported.
func TestRedisNotOurs(t *testing.T) {
	m := miniredis.RunT(t)
	s := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}})
	for _, value := range []string{"", "theirs", "1 2 3", "1 2 3 4 x", "1 2 3 4 -", "x 2 3 4 5 6 7", " 2 3 4 5", "1 2 3 4 5x"} {
		m.Set("helogate:greylist:{k}", value)
		_, _, get := s.Get(t.Context(), state.Greylist, "k", morning)
		_, attempt := s.Attempt(t.Context(), "k", morning, redisTimes)
		_, note := s.Note(t.Context(), state.Greylist, "k", morning, time.Hour)
		var all error
		for _, all = range s.All(t.Context(), morning) {
		}
		const want = `greylist "k" is not a record of helogate: delete the key, or set another prefix`
		for name, err := range map[string]error{"get": get, "attempt": attempt, "note": note, "all": all} {
			if err == nil || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%s of %q: %v", name, value, err)
			}
		}
		if got, _ := m.Get("helogate:greylist:{k}"); got != value {
			t.Errorf("%q has become %q", value, got)
		}
	}
}

// Nor is what is there of a client that is to pass at once.
func TestRedisClientNotOurs(t *testing.T) {
	m := miniredis.RunT(t)
	s := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}})
	rules := redisTimes
	rules.AutoPass = 1
	for what, make := range map[string]func(){
		"text": func() { m.Set("helogate:returned:{c}", "theirs") },
		"list": func() { m.Del("helogate:returned:{c}"); m.Push("helogate:returned:{c}", "theirs") },
	} {
		make()
		_, err := s.Attempt(t.Context(), "c a", morning, rules)
		if err == nil || !strings.Contains(err.Error(), `returned "c" is not a record of helogate`) {
			t.Errorf("%s: %v", what, err)
		}
		if m.Exists("helogate:greylist:{c} a") {
			t.Errorf("%s: the attempt is noted", what)
		}
	}
}

// SCAN may return a key more than once, while a server makes room or hands keys to another.
func TestRedisScanTwice(t *testing.T) {
	m := miniredis.RunT(t)
	s := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}})
	if _, err := s.Attempt(t.Context(), "k", morning, redisTimes); err != nil {
		t.Fatal(err)
	}
	m.Server().SetPreHook(func(c *server.Peer, cmd string, args ...string) bool {
		if !strings.EqualFold(cmd, "SCAN") {
			return false
		}
		next := "7"
		if args[0] == "7" {
			next = "0"
		}
		c.WriteLen(2)
		c.WriteBulk(next)
		c.WriteStrings([]string{"helogate:greylist:{k}", "helogate:greylist:{k}", "helogate:greylist:{gone}"})
		return true
	})
	n := 0
	for r, err := range s.All(t.Context(), morning) {
		if n++; err != nil || r.Key != "k" {
			t.Errorf("%v, %v", r, err)
		}
	}
	if n != 1 {
		t.Errorf("%d records, not 1", n)
	}
}

// A server that was restarted does not know the scripts any more.
func TestRedisForgetsScripts(t *testing.T) {
	m := miniredis.RunT(t)
	s := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}})
	for i := range int64(3) {
		r, err := s.Attempt(t.Context(), "k", morning, redisTimes)
		if err != nil || r.Count != i+1 {
			t.Errorf("%v, %v", r, err)
		}
		c, err := net.Dial("tcp", m.Addr())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "SCRIPT FLUSH\r\n")
		c.Read(make([]byte, 5))
		c.Close()
	}
}

func TestRedisConfig(t *testing.T) {
	tlsConfig := &tls.Config{}
	for _, c := range []struct {
		config state.RedisConfig
		want   string
	}{
		{state.RedisConfig{}, `redis: no servers: name one, as "127.0.0.1:6379"`},
		{state.RedisConfig{Servers: []string{"a:1"}, Cluster: true, Master: "m"}, "redis: cluster and master: the servers are a cluster or sentinels, not both"},
		{state.RedisConfig{Servers: []string{"a:1"}, Cluster: true, Database: 1}, "redis: database 1: a cluster has only database 0"},
		{state.RedisConfig{Servers: []string{"a:1"}, Database: -1}, "redis: database -1: it is 0 or more"},
		{state.RedisConfig{Servers: []string{"a:1", "b:1"}}, "redis: 2 servers: set cluster = true for a cluster, or master for sentinels"},
		{state.RedisConfig{Servers: []string{"/run/redis.sock"}, Cluster: true}, "redis: a unix socket is for a single server without TLS: give host:port"},
		{state.RedisConfig{Servers: []string{"/run/redis.sock"}, Master: "m"}, "redis: a unix socket is for a single server without TLS: give host:port"},
		{state.RedisConfig{Servers: []string{"/run/redis.sock"}, TLS: tlsConfig}, "redis: a unix socket is for a single server without TLS: give host:port"},
		{state.RedisConfig{Servers: []string{"a:1"}, Username: "u"}, `redis: username "u" without a password`},
		{state.RedisConfig{Servers: []string{"a:1"}, Cluster: true, Prefix: "{a}:"}, `redis: prefix "{a}:": remove the brace, which decides in a cluster where a key is kept`},
		{state.RedisConfig{Servers: []string{"a:1"}, Timeout: -1}, "redis: timeout -1ns: it must be more than zero"},
	} {
		s, err := state.OpenRedis(t.Context(), c.config)
		if err == nil {
			s.Close()
		}
		if fmt.Sprint(err) != c.want {
			t.Errorf("%v, not %s", err, c.want)
		}
	}
	for _, server := range []string{"", "a", ":1", "a:", "a:b", "a:0", "a:65536", "::1:6379", "redis://a:1", "run/redis.sock", "a:1:2"} {
		s, err := state.OpenRedis(t.Context(), state.RedisConfig{Servers: []string{server}})
		if err == nil {
			s.Close()
			t.Errorf("%q is taken for a server", server)
		}
	}
}

// Settings reach the server.
func TestRedisLogin(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireUserAuth("helogate", "secret of the house")
	s := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}, Username: "helogate", Password: "secret of the house", Database: 5})
	if _, err := s.Attempt(t.Context(), "k", morning, redisTimes); err != nil {
		t.Fatal(err)
	}
	if !m.DB(5).Exists("helogate:greylist:{k}") {
		t.Error("it is not in database 5")
	}
}

// What a server answers instead of an answer is said with what to do.
func TestRedisAdvice(t *testing.T) {
	for _, c := range []struct {
		answer  string
		cluster bool
		want    string
	}{
		{"NOAUTH Authentication required.", false, ": set password_file, and"},
		{"NOPERM this user has no permissions to run the 'get' command", false, ": give the user the rights"},
		{"READONLY You can't write against a read only replica.", false, ": it is a replica: put the master into servers"},
		{"LOADING Redis is loading the dataset in memory", false, ": it has just started and loads its data"},
		{"OOM command not allowed when used memory > 'maxmemory'.", false, ": its memory is full: raise maxmemory"},
		{"MISCONF Redis is configured to save RDB snapshots", false, ": it cannot write its data to disk"},
		{"CLUSTERDOWN Hash slot not served", true, ": a part of the cluster has no master"},
		{"CROSSSLOT Keys in request don't hash to the same slot", true, ": a proxy merges requests"},
		{"MOVED 1 192.0.2.1:6379", false, ": it is part of a cluster: set cluster = true"},
		{"ERR max number of clients reached", false, ": raise maxclients"},
		{"ERR unknown command 'EVALSHA'", false, ": use Redis 7.0 or later"},
		{"ERR whatever", false, "ERR whatever"},
	} {
		m := miniredis.RunT(t)
		s := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}, Cluster: c.cluster})
		if _, err := s.Attempt(t.Context(), "k", morning, redisTimes); err != nil {
			t.Fatal(err)
		}
		m.SetError(c.answer)
		_, _, err := s.Get(t.Context(), state.Greylist, "k", morning)
		if err == nil || !strings.HasPrefix(err.Error(), "redis at "+m.Addr()+": "+c.answer) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.answer, err)
		}
	}
}

// A password is secret, a wrong one, too.
func TestRedisPassword(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireAuth("secret of the house")
	var log bytes.Buffer
	to := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for password, want := range map[string]string{"": "NOAUTH", "guess": "WRONGPASS"} {
		s := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}, Password: password, Log: to})
		_, err := s.Attempt(t.Context(), "k", morning, redisTimes)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "password_file") || strings.Contains(err.Error(), "guess") {
			t.Errorf("%q: %v", password, err)
		}
		s.Close()
	}
	if said := log.String(); !strings.Contains(said, "the shared store cannot be used yet") || strings.Contains(said, "guess") {
		t.Error(said)
	}
}

// Opening does not need the server, and it is used as soon as it is there.
func TestRedisDown(t *testing.T) {
	m := miniredis.RunT(t)
	addr := m.Addr()
	m.Close()
	s := openRedis(t, state.RedisConfig{Servers: []string{addr}})
	_, err := s.Attempt(t.Context(), "k", morning, redisTimes)
	if err == nil || !strings.Contains(err.Error(), "connection refused: no server listens there: start the server") {
		t.Error(err)
	}
	if err := m.Restart(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Attempt(t.Context(), "k", morning, redisTimes); err != nil {
		t.Error(err)
	}
	socket := filepath.Join(t.TempDir(), "redis.sock")
	_, err = openRedis(t, state.RedisConfig{Servers: []string{socket}}).Attempt(t.Context(), "k", morning, redisTimes)
	if err == nil || !strings.Contains(err.Error(), "there is no such socket") {
		t.Error(err)
	}
}

// A mute is a server that takes connections and never answers.
type mute struct {
	net.Listener
	mu    sync.Mutex
	taken []net.Conn
}

func startMute(t *testing.T) *mute {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mute{Listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			m.mu.Lock()
			m.taken = append(m.taken, c)
			m.mu.Unlock()
		}
	}()
	return m
}

// stop ends it and its connections.
func (m *mute) stop() {
	m.Close()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.taken {
		c.Close()
	}
}

// Such a server costs the time limit, or what the context leaves of it, and no more.
func TestRedisHangs(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	within := func(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
		return func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
	}
	cancelled := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(50*time.Millisecond, cancel)
		return ctx, cancel
	}
	for _, bucket := range []state.RedisConfig{{}, {Cluster: true}, {Master: "m"}} {
		for _, c := range []struct {
			limit time.Duration
			ctx   func(context.Context) (context.Context, context.CancelFunc)
			want  string
		}{
			{50 * time.Millisecond, context.WithCancel, "no answer in time: check the server"},
			{time.Minute, within(50 * time.Millisecond), "no answer in time: check the server"},
			{time.Minute, cancelled, "redis: context canceled"},
		} {
			m := startMute(t)
			conf := bucket
			conf.Servers, conf.Timeout = []string{m.Addr().String()}, c.limit
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			s, err := state.OpenRedis(ended, conf)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := c.ctx(t.Context())
			began := time.Now()
			_, err = s.Attempt(ctx, "k", morning, redisTimes)
			cancel()
			if took := time.Since(began); took > ample || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("cluster %t, master %q: %v after %s; want %s", conf.Cluster, conf.Master, err, took, c.want)
			}
			m.stop()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// A caller that gives up, or a connection that hangs, does not disturb the others. What was asked is done.
func TestRedisOneHangs(t *testing.T) {
	for _, cluster := range []bool{false, true} {
		m := miniredis.RunT(t)
		s := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}, Cluster: cluster})
		hangs, goesOn := make(chan struct{}), make(chan struct{})
		var hung atomic.Bool
		m.Server().SetPreHook(func(_ *server.Peer, cmd string, _ ...string) bool {
			if strings.EqualFold(cmd, "EVALSHA") && hung.CompareAndSwap(false, true) {
				close(hangs)
				<-goesOn
			}
			return false
		})
		ctx, giveUp := context.WithCancel(t.Context())
		gaveUp := make(chan error)
		go func() {
			_, err := s.Attempt(ctx, "given up", morning, redisTimes)
			gaveUp <- err
		}()
		<-hangs
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				if _, err := s.Attempt(t.Context(), fmt.Sprint("k", i), morning, redisTimes); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		giveUp()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		close(goesOn)
		if err := s.Close(); err != nil { // which waits for what was asked
			t.Error(err)
		}
		if !m.Exists("helogate:greylist:{given} up") {
			t.Errorf("cluster %t: what was asked is not done: %q", cluster, m.Keys())
		}
	}
}

// A key that a cluster has moved is asked for where it now is, and so is one whose server is not ready.
func TestRedisMoved(t *testing.T) {
	m := miniredis.RunT(t)
	s := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}, Cluster: true})
	var answer atomic.Value // the next, "" is its own
	answer.Store("")
	m.Server().SetPreHook(func(c *server.Peer, cmd string, _ ...string) bool {
		if !strings.EqualFold(cmd, "EVALSHA") && !strings.EqualFold(cmd, "GET") {
			return false
		}
		text := answer.Swap("").(string)
		if text != "" {
			c.WriteError(text)
		}
		return text != ""
	})
	for _, want := range []string{"MOVED 1 " + m.Addr(), "ASK 1 " + m.Addr(), "TRYAGAIN parts are being moved", "LOADING Redis is loading the dataset in memory"} {
		answer.Store(want)
		if _, err := s.Attempt(t.Context(), "k", morning, redisTimes); err != nil {
			t.Errorf("attempt, after %s: %v", want, err)
		}
		answer.Store(want)
		if _, found, err := s.Get(t.Context(), state.Greylist, "k", morning); !found || err != nil {
			t.Errorf("get, after %s: %t, %v", want, found, err)
		}
	}
	if r, _, err := s.Get(t.Context(), state.Greylist, "k", morning); r.Count != 4 || err != nil {
		t.Errorf("%d attempts, not 4, %v", r.Count, err)
	}
}

// A port without TLS is said to be one.
func TestRedisNoTLS(t *testing.T) {
	m := miniredis.RunT(t)
	s := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}, TLS: &tls.Config{}})
	_, err := s.Attempt(t.Context(), "k", morning, redisTimes)
	if err == nil || !strings.Contains(err.Error(), "tls = false") {
		t.Error(err)
	}
}

func TestRedisClosed(t *testing.T) {
	m := miniredis.RunT(t)
	s := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}})
	s.Close()
	if _, err := s.Attempt(t.Context(), "k", morning, redisTimes); !errors.Is(err, state.ErrClosed) {
		t.Error(err)
	}
}

// A record is in Redis as it was put, whatever it is.
func TestRedisRecord(t *testing.T) {
	m := miniredis.RunT(t)
	s := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}})
	rapid.Check(t, func(t *rapid.T) {
		at := func(name string) time.Time {
			if rapid.Bool().Draw(t, "no "+name) {
				return time.Time{}
			}
			return time.UnixMilli(rapid.Int64Range(-1<<40, 1<<44).Draw(t, name)).UTC()
		}
		r := state.Record{
			Bucket: rapid.SampledFrom(state.Buckets).Draw(t, "kind"), Key: string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "key")),
			First: at("first"), Last: at("last"), Passed: at("passed"), Count: rapid.Int64Min(0).Draw(t, "count"),
			Value: string(rapid.SliceOf(rapid.Byte()).Draw(t, "value")), Expires: time.UnixMilli(rapid.Int64Range(1, 1<<44).Draw(t, "expires")).UTC(),
		}
		if err := s.Put(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		got, found, err := s.Get(context.Background(), r.Bucket, r.Key, r.Expires.Add(-time.Millisecond))
		if diff := cmp.Diff(r, got); diff != "" || !found || err != nil {
			t.Fatalf("%t, %v\n%s", found, err, diff)
		}
	})
}
