package state_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/helogate/helogate/internal/state"
	"github.com/helogate/helogate/internal/state/statetest"
)

var greylist = state.Times{Delay: 5 * time.Minute, Window: 24 * time.Hour, Pass: 36 * 24 * time.Hour}

func open(t testing.TB, c state.SQLiteConfig) state.Store {
	t.Helper()
	s, err := state.OpenSQLite(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSQLite(t *testing.T) {
	statetest.Run(t,
		func(t *testing.T) state.Store {
			return open(t, state.SQLiteConfig{Path: filepath.Join(t.TempDir(), "state.db")})
		},
		statetest.Shared(func(t *testing.T) (a, b state.Store) {
			path := filepath.Join(t.TempDir(), "state.db")
			return open(t, state.SQLiteConfig{Path: path}), open(t, state.SQLiteConfig{Path: path})
		}))
}

func TestMemory(t *testing.T) {
	statetest.Run(t, func(t *testing.T) state.Store { return open(t, state.SQLiteConfig{}) })
}
