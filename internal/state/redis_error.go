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
		return "its slots are being moved: see redis-cli --cluster check"
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
	{"NOAUTH", "it requires a password: set password_file, and username if it has users, in [state.redis]"},
	{"WRONGPASS", "correct the password in password_file, or the username"},
	{"NOPERM", "give the user the rights that docs/state.md lists"},
	{"DENIED", "it accepts only local clients: set a password and bind in redis.conf"},
	{"READONLY", "it is a replica: put the master into servers, or use sentinels (master) or a cluster (cluster = true)"},
	{"MASTERDOWN", "it is a replica without its master: start the master, or put it into servers"},
	{"NOREPLICAS", "its replicas are down, and min-replicas-to-write in redis.conf requires them: start them"},
	{"LOADING", "it has just started and loads its data: wait"},
	{"OOM", "its memory is full: raise maxmemory in redis.conf, or set maxmemory-policy volatile-ttl"},
	{"MISCONF", "it cannot write its data to disk: see its log, and how full the disk is"},
	{"BUSY", "a script of another program blocks it: redis-cli script kill"},
	{"CLUSTERDOWN", "a part of the cluster has no master: start its server again, and see redis-cli --cluster check; " +
		"with cluster-require-full-coverage no in redis.conf the other parts keep working"},
	{"TRYAGAIN", "its slots are being moved: see redis-cli --cluster check"},
	{"MOVED", "it is part of a cluster: set cluster = true in [state.redis]"},
	{"CROSSSLOT", "a proxy merges requests: put the servers themselves into servers"},
	{"This instance has cluster support disabled", "it is a single server: set cluster = false in [state.redis]"},
	{"DB index is out of range", "set database in [state.redis] below databases in redis.conf"},
	{"SELECT is not allowed in cluster mode", "it is part of a cluster: set cluster = true and database = 0 in [state.redis]"},
	{"max number of clients reached", "raise maxclients in redis.conf"},
	{"unknown command", "use Redis 7.0 or later; for sentinels set master"},
}

// connectionAdvice is what to do when no answer came.
func (s *redisStore) connectionAdvice(err error) string {
	var noTLS tls.RecordHeaderError
	var badCertificate *tls.CertificateVerificationError
	var noName *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &noTLS):
		return "this port does not use TLS: set tls = false, or put the TLS port into servers"
	case errors.As(err, &badCertificate):
		return "its certificate must be of a known authority and for the name in servers"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "no server listens there: start the server, or correct servers in [state.redis]"
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such socket: start the server, or set unixsocket in redis.conf"
	case errors.Is(err, fs.ErrPermission):
		return "helogate has no permission: add its user to the group redis, and set unixsocketperm 770 in redis.conf"
	case errors.As(err, &noName):
		return "correct servers in [state.redis], or DNS"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, redis.ErrPoolTimeout), errors.As(err, &network) && network.Timeout():
		if s.config.TLS != nil {
			return "no answer in time: check the server and the network; if the port does not use TLS, set tls = false"
		}
		return "no answer in time: check the server and the network"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		if s.config.TLS == nil {
			return "it closed the connection: see its log; if the port uses TLS, set tls = true"
		}
		return "it closed the connection: see its log; if the port does not use TLS, set tls = false"
	}
	return ""
}
