package daemon

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/state"
)

// OpenStore opens the store of a configuration. If the file at the default path cannot be opened, the state is kept in
// memory; a failure at a configured path, or an invalid configuration, is an error.
func OpenStore(ctx context.Context, c *config.Config, environ []string, log *slog.Logger) (state.Store, error) {
	switch c.State.Store {
	case config.RedisServer:
		return openRedis(ctx, c, log)
	case config.Memory:
		return state.OpenSQLite(state.SQLiteConfig{Log: log})
	}
	path := c.State.File
	if path == "" {
		path = UsualStateFile(environ, os.Geteuid())
	}
	store, err := openFile(path, c, log)
	switch {
	case err == nil:
		return store, nil
	case c.State.File != "":
		return nil, ConfigError{c.Errorf("state.file", "%w", err)}
	}
	log.Warn("the state file could not be opened, so the state is kept in memory and lost at a restart; set state.file to another path",
		"error", err)
	return state.OpenSQLite(state.SQLiteConfig{Log: log})
}

// openFile opens the file. It makes the directory if the path is the default.
func openFile(path string, c *config.Config, log *slog.Logger) (state.Store, error) {
	if path == "" {
		return nil, fmt.Errorf("there is no home for a file: $HOME is not set")
	}
	if c.State.File == "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
	}
	return state.OpenSQLite(state.SQLiteConfig{Path: path, CommitEvery: c.State.CommitInterval, Log: log})
}

// UsualStateFile returns the default path of the state file: in systemd's state directory, in /var/lib for root, or by
// the XDG Base Directory Specification. It is "" where there is none.
func UsualStateFile(environ []string, uid int) string {
	env := func(name string) string {
		for _, v := range environ {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
	const file = "state.db"
	if dirs := env("STATE_DIRECTORY"); dirs != "" {
		dir, _, _ := strings.Cut(dirs, ":")
		return filepath.Join(dir, file)
	}
	switch home := env("HOME"); {
	case uid == 0:
		return filepath.Join("/var/lib/helogate", file)
	case filepath.IsAbs(env("XDG_STATE_HOME")):
		return filepath.Join(env("XDG_STATE_HOME"), "helogate", file)
	case filepath.IsAbs(home):
		return filepath.Join(home, ".local/state/helogate", file)
	}
	return ""
}

func openRedis(ctx context.Context, c *config.Config, log *slog.Logger) (state.Store, error) {
	r := c.State.Redis
	rc := state.RedisConfig{
		Servers: r.Servers, Cluster: r.Cluster, Master: r.Master, Username: r.Username, Database: r.Database, Prefix: r.Prefix,
		Timeout: c.State.Timeout, Log: log,
	}
	if r.PasswordFile != "" {
		b, err := os.ReadFile(r.PasswordFile)
		if err != nil {
			return nil, ConfigError{c.Errorf("state.redis.password_file", "%w", err)}
		}
		if rc.Password = strings.TrimRight(string(b), "\r\n"); rc.Password == "" {
			return nil, ConfigError{c.Errorf("state.redis.password_file", "%s is empty", r.PasswordFile)}
		}
	}
	if r.TLS {
		rc.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	store, err := state.OpenRedis(ctx, rc)
	if err != nil {
		return nil, ConfigError{c.Errorf("state.redis", "%w", err)}
	}
	return store, nil
}
