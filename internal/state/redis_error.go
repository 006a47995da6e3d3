package state

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// explain says of an error which server has it, and what to do.
func (s *redisStore) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, redis.ErrClosed):
		return ErrClosed
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("redis: %w", err)
	}
	what := "redis at " + strings.Join(s.config.Servers, ", ")
	if advice := s.advice(err); advice != "" {
		return fmt.Errorf("%s: %w: %s", what, err, advice)
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (s *redisStore) advice(err error) string {
	if s.config.Master != "" && errors.Is(err, redis.Nil) {
		return fmt.Sprintf("no sentinel knows a master %q: set master to the name in the sentinels' configuration", s.config.Master)
	}
	if redis.HasErrorPrefix(err, "MOVED") && s.config.Cluster {
		return "its parts are being moved: see redis-cli --cluster check"
	}
	for _, a := range redisAdvice {
		if redis.HasErrorPrefix(err, a.begins) {
			return a.say
		}
	}
	return s.connectionAdvice(err)
}

// redisAdvice is what to do about what a server answers, by how the answer begins.
var redisAdvice = []struct{ begins, say string }{
	{"NOAUTH", "it asks for a password: set password_file, and username if it has users, in [state.redis]"},
	{"WRONGPASS", "correct the password in password_file, or the username"},
	{"NOPERM", "give the user its rights, as docs/state.md lists them"},
	{"DENIED", "it takes only who comes from its own machine: set a password in redis.conf, and bind"},
	{"READONLY", "it is a replica: name the master in servers, or have it found, by sentinels (master) or as a cluster (cluster = true)"},
	{"MASTERDOWN", "it is a replica that has lost its master: start the master, or name it in servers"},
	{"NOREPLICAS", "its replicas are away, and min-replicas-to-write in redis.conf wants them: start them"},
	{"LOADING", "it has just started and reads its data: it answers when it has"},
	{"OOM", "its memory is full: raise maxmemory in redis.conf, or set maxmemory-policy volatile-ttl"},
	{"MISCONF", "it cannot write its data to disk: see its log, and how full the disk is"},
	{"BUSY", "a script of somebody else's keeps it busy: redis-cli script kill"},
	{"CLUSTERDOWN", "a part of the cluster has no master: start its server again, and see redis-cli --cluster check; " +
		"with cluster-require-full-coverage no in redis.conf the other parts go on meanwhile"},
	{"TRYAGAIN", "its parts are being moved: see redis-cli --cluster check"},
	{"MOVED", "it is of a cluster: set cluster = true in [state.redis]"},
	{"CROSSSLOT", "a proxy in between takes keys together: name the servers themselves"},
	{"This instance has cluster support disabled", "it is a single server: set cluster = false in [state.redis]"},
	{"DB index is out of range", "set database in [state.redis] below databases in redis.conf"},
	{"SELECT is not allowed in cluster mode", "it is of a cluster: set cluster = true and database = 0 in [state.redis]"},
	{"max number of clients reached", "raise maxclients in redis.conf"},
	{"unknown command", "helogate needs Redis 7.0 or later, and servers that are no sentinels unless master is set"},
}

// connectionAdvice is what to do when no answer came.
func (s *redisStore) connectionAdvice(err error) string {
	var noTLS tls.RecordHeaderError
	var badCertificate *tls.CertificateVerificationError
	var noName *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &noTLS):
		return "it speaks no TLS there: set tls = false, or name its port for TLS in servers"
	case errors.As(err, &badCertificate):
		return "its certificate must be of a known authority, and for the name in servers"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there: start the server, or correct servers in [state.redis]"
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such socket: start the server, or set unixsocket in redis.conf"
	case errors.Is(err, fs.ErrPermission):
		return "helogate may not open it: let its user into the group redis, and set unixsocketperm 770 in redis.conf"
	case errors.As(err, &noName):
		return "correct servers in [state.redis], or DNS"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, redis.ErrPoolTimeout), errors.As(err, &network) && network.Timeout():
		if s.config.TLS != nil {
			return "no answer in time: see whether the server runs, and what is between; if it speaks no TLS there, set tls = false"
		}
		return "no answer in time: see whether the server runs, and what is between"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		if s.config.TLS == nil {
			return "it closed the connection: see its log; if it speaks TLS there, set tls = true"
		}
		return "it closed the connection: see its log; if it speaks no TLS there, set tls = false"
	}
	return ""
}
