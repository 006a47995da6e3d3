package main

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/helogate/helogate/internal/listen"
)

// Each server is asked over each kind of socket, and ends when it is interrupted.
func TestServeAndAsk(t *testing.T) {
	for _, what := range []string{"dunno", "listener"} {
		address := "unix:" + filepath.Join(t.TempDir(), what)
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- run(ctx, []string{"-serve", what, address}) }()
		for ctx.Err() == nil { // until it listens
			err := run(ctx, []string{"-c", "3", "-n", "100", "-clients", "10", "-warm", address})
			if err == nil {
				break
			}
			select {
			case err := <-served:
				t.Fatal(what, err)
			default:
			}
		}
		stop()
		if err := <-served; err != nil {
			t.Error(what, err)
		}
	}
}

func TestMistakes(t *testing.T) {
	l, err := listen.On("127.0.0.1:0", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, args := range [][]string{
		{}, {"a", "b"}, {"-x", "a"}, {"-serve", "coffee", "127.0.0.1:0"}, {"-serve", "dunno", l.Addr().String()},
		{"-first", "x", "127.0.0.1:1"}, {"-clients", "0", "127.0.0.1:1"}, {"-n", "0", "127.0.0.1:1"},
	} {
		if run(t.Context(), args) == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
