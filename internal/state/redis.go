package state

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// RedisConfig says where the records of a fleet are. Servers is all that it needs.
type RedisConfig struct {
	Servers  []string         // host:port, or the path of a socket: one server, some of a cluster, or the sentinels
	Cluster  bool             // Servers are of a cluster
	Master   string           // Servers are sentinels, and this is the name that they know the master by
	Username string           // of an ACL; "" is the default user
	Password string           // "" is none; never in an error or a log. Not sent to sentinels
	Database int              // a cluster has 0 alone
	TLS      *tls.Config      // nil is none
	Prefix   string           // of every key; "" is "helogate:"
	Timeout  time.Duration    // the longest that one operation may take; 0 is 500 ms
	Log      *slog.Logger     // nil logs nothing
	Now      func() time.Time // from which the end of what is Put is counted; nil is time.Now
}

const (
	defaultRedisPrefix  = "helogate:"
	defaultRedisTimeout = 500 * time.Millisecond
)

// redisConnections is the most to each server, besides those of its pipe. They are made as they are needed.
const redisConnections = 32

// A redisStore is a Store on Redis 7.0 or later.
//
// Each record is one key (see redisName), and each step one command or one script.
type redisStore struct {
	client  redis.UniversalClient
	pipe    pipe
	config  RedisConfig
	closing sync.Once
	closed  error
}

// OpenRedis returns a store on a Redis server, on the master that sentinels name, or on a cluster. What is wrong in the
// configuration is an error. That no server can be used is not, for mail must flow: it is said in the log, and every
// operation has the error until the server is back.
func OpenRedis(ctx context.Context, c RedisConfig) (Store, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	if c.Prefix == "" {
		c.Prefix = defaultRedisPrefix
	}
	if c.Timeout == 0 {
		c.Timeout = defaultRedisTimeout
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	redis.SetLogger(libraryLog{c.Log}) // there is one for all clients; without, it writes to standard error
	client, pipe, err := newRedisClient(c)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	s := &redisStore{client: client, pipe: pipe, config: c}
	if _, err := s.Stats(ctx, c.Now()); err != nil {
		c.Log.Warn("the shared store cannot be used yet", "error", err)
	}
	return s, nil
}

// check says what is wrong, in the words of the configuration file.
func (c RedisConfig) check() error {
	sockets := slices.ContainsFunc(c.Servers, isSocket)
	switch {
	case len(c.Servers) == 0:
		return errors.New(`no servers: name one, as "127.0.0.1:6379"`)
	case c.Cluster && c.Master != "":
		return errors.New("cluster and master: the servers are a cluster or sentinels, not both")
	case c.Cluster && c.Database != 0:
		return fmt.Errorf("database %d: a cluster has only database 0", c.Database)
	case c.Database < 0:
		return fmt.Errorf("database %d: it is 0 or more", c.Database)
	case len(c.Servers) > 1 && !c.Cluster && c.Master == "":
		return fmt.Errorf("%d servers: set cluster = true for a cluster, or master for sentinels", len(c.Servers))
	case sockets && (c.Cluster || c.Master != "" || c.TLS != nil):
		return errors.New("a unix socket is for a single server without TLS: give host:port")
	case c.Username != "" && c.Password == "":
		return fmt.Errorf("username %q without a password", c.Username)
	case c.Cluster && strings.Contains(c.Prefix, "{"):
		return fmt.Errorf("prefix %q: remove the brace, which decides in a cluster where a key is kept", c.Prefix)
	case c.Timeout < 0:
		return fmt.Errorf("timeout %s: it must be more than zero", c.Timeout)
	}
	for _, server := range c.Servers {
		if err := checkServer(server); err != nil {
			return err
		}
	}
	return nil
}

func isSocket(server string) bool { return strings.HasPrefix(server, "/") }

func checkServer(server string) error {
	if isSocket(server) {
		return nil
	}
	host, port, err := net.SplitHostPort(server)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" {
		return fmt.Errorf(`server %q: it must be host:port, as "127.0.0.1:6379" or "[::1]:6379", or the whole path of a socket`, server)
	}
	return nil
}

func newRedisClient(c RedisConfig) (redis.UniversalClient, pipe, error) {
	o := &redis.UniversalOptions{
		Addrs: c.Servers, MasterName: c.Master, IsClusterMode: c.Cluster, DB: c.Database,
		Username: c.Username, Password: c.Password, TLSConfig: c.TLS,
		ContextTimeoutEnabled: true,
		DialTimeout:           c.Timeout, ReadTimeout: c.Timeout, WriteTimeout: c.Timeout, PoolTimeout: c.Timeout,
		// One more try is for a connection that the server has closed in the meantime.
		DialerRetries: 1, MaxRetries: 1, MinRetryBackoff: 5 * time.Millisecond, MaxRetryBackoff: 50 * time.Millisecond,
		PoolSize: redisConnections, PipelinePoolSize: pipeConnections,
		ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10, // a record is some hundred bytes
		PipelineReadBufferSize: 32 << 10, PipelineWriteBufferSize: 32 << 10,
		// Nothing is asked of a server but what is used: Redis 7.0 knows no more, and an ACL need not allow more.
		Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if !c.Cluster {
		client := redis.NewUniversalClient(o).(*redis.Client) // a failover client is one, too
		pipe, err := newServerPipe(client)
		return client, pipe, err
	}
	cluster := o.Cluster()
	cluster.MaxRetries = -1 // it tries again by itself, where the key then is
	cluster.DisableRoutingPolicies = true
	client := redis.NewClusterClient(cluster)
	return client, clusterPipe{client}, nil
}

// libraryLog takes what the Redis library says of its connections.
type libraryLog struct{ log *slog.Logger }

func (l libraryLog) Printf(ctx context.Context, format string, v ...any) {
	if l.log.Enabled(ctx, slog.LevelDebug) {
		l.log.DebugContext(ctx, fmt.Sprintf(format, v...))
	}
}
