package interop

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/helogate/helogate/internal/state"
)

// redisLab is a lab for tests that need Redis and nothing else.
func redisLab(t *testing.T) *lab {
	t.Helper()
	if testing.Short() && os.Getenv("HELOGATE_INTEROP") != "require" {
		t.Skip("starts Redis: not with -short")
	}
	if _, err := lookPath("redis-server"); err != nil {
		isMissing(t, "no redis-server here: apt-get install redis-server")
	}
	return &lab{dir: t.TempDir(), host: loopback()}
}

// A redisServer is one of Redis, with a directory of its own.
type redisServer struct {
	*process
	t    *testing.T
	addr netip.AddrPort
	dir  string
	args []string
}

// redisSettings are what testdata/redis.conf is made with.
type redisSettings struct {
	Addr netip.AddrPort
	Bus  uint16 // of a cluster; 0 is a single server
	Dir  string
	More []string
}

// startRedis starts a server, with more lines in its configuration.
func (l *lab) startRedis(t *testing.T, more ...string) *redisServer {
	t.Helper()
	return l.prepareRedis(t, redisSettings{More: more})
}

func (l *lab) prepareRedis(t *testing.T, c redisSettings) *redisServer {
	t.Helper()
	c.Addr = l.mustPort(t)
	s := &redisServer{t: t, addr: c.Addr, dir: filepath.Join(l.dir, fmt.Sprint("redis-", c.Addr.Port()))}
	must(t, os.Mkdir(s.dir, 0o755))
	c.Dir = s.dir
	conf := filepath.Join(s.dir, "redis.conf")
	must(t, render(conf, "testdata/redis.conf", c))
	s.args = []string{conf}
	s.start()
	return s
}

// start starts it, on the data that it left, and waits until it answers.
func (s *redisServer) start() {
	s.t.Helper()
	path, err := lookPath("redis-server")
	must(s.t, err)
	s.process, err = start("redis-server", exec.Command(path, s.args...))
	must(s.t, err)
	s.t.Cleanup(s.process.stop)
	c := s.client()
	err = eventually(func() bool {
		err := c.Ping(context.Background()).Err()
		return err == nil || redis.HasErrorPrefix(err, "NOAUTH") || !s.alive()
	})
	if err != nil || !s.alive() {
		s.t.Fatalf("redis does not answer at %s: %s", s.addr, s.out.String())
	}
}

// kill ends it as a crash does.
func (s *redisServer) kill() {
	s.t.Helper()
	must(s.t, s.cmd.Process.Kill())
	must(s.t, s.wait())
	running.remove(s.process)
}

// client is an administrator's.
func (s *redisServer) client() *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.addr.String(), Protocol: 2})
	s.t.Cleanup(func() { c.Close() })
	return c
}

// redisShards is how many masters a cluster of the tests has.
const redisShards = 3

// startCluster starts a cluster of masters without replicas, and waits until each knows that it is whole.
func (l *lab) startCluster(t *testing.T) []*redisServer {
	t.Helper()
	var nodes []*redisServer
	var buses []uint16
	for range redisShards {
		bus := l.mustPort(t).Port()
		nodes, buses = append(nodes, l.prepareRedis(t, redisSettings{Bus: bus})), append(buses, bus)
	}
	for i, n := range nodes {
		c := n.client()
		must(t, c.Do(t.Context(), "cluster", "set-config-epoch", i+1).Err())
		must(t, c.Do(t.Context(), "cluster", "addslotsrange", shardBegins(i), shardBegins(i+1)-1).Err())
		must(t, c.Do(t.Context(), "cluster", "meet", nodes[0].addr.Addr().String(), nodes[0].addr.Port(), buses[0]).Err())
	}
	for _, n := range nodes {
		clusterIsWhole(t, n)
	}
	return nodes
}

// shardBegins is the first slot of a node's.
func shardBegins(i int) int { return i * 16384 / redisShards }

func clusterIsWhole(t *testing.T, n *redisServer) {
	t.Helper()
	c := n.client()
	must(t, eventually(func() bool {
		info := c.ClusterInfo(t.Context()).Val()
		return hasLine(info, "cluster_state:ok") && hasLine(info, "cluster_slots_ok:16384") && hasLine(info, fmt.Sprint("cluster_known_nodes:", redisShards))
	}))
}

// storeAt opens a store of helogate's.
func storeAt(t *testing.T, c state.RedisConfig, servers ...*redisServer) state.Store {
	t.Helper()
	for _, s := range servers {
		c.Servers = append(c.Servers, s.addr.String())
	}
	if c.Timeout == 0 {
		c.Timeout = patience
	}
	s, err := state.OpenRedis(t.Context(), c)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

var greylistTimes = state.Times{Delay: 5 * time.Minute, Window: 24 * time.Hour, Pass: 36 * 24 * time.Hour, AutoPass: 5}
