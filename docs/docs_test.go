// Package docs_test holds the pages to what the program does: every code block is run or loaded, and every link
// resolves.
//
// The language of a block's fence says how it is tried. A reader sees a fence as GitHub shows it; these are the
// languages:
//
//	toml      a configuration of helogate: it is read, and its policy is built
//	console   commands behind "$ ", and what they print. The commands run, in order, as a user without rights, in a sandbox of
//	          the page; "…" stands for any text. Behind "# " stand commands of root, which interop runs
//	smtp      replies that a client reads: a real run gave them (scenes_test.go)
//	log       lines of helogate's log: the same
//	dns       records, a line each as in a Zone; dig in the page's console finds them
//	json      it is JSON, and all its keys are in openapi.yaml
//	go        it compiles
//	list      a list file, for policy.lists
//	sh        a shell script
//	...       the other languages are those of other programs: see runners
//
// A block that no runner can try stands in the list elsewhere, with the test that tries it.
package docs_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/helogate/helogate/internal/docpage"
)

var programs string // the directory of helogate and helogate-qmail-spp

func TestMain(m *testing.M) {
	code := 1
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(programs)
	os.Exit(code)
}

// build builds the programs in a directory that every user can read.
func build() error {
	dir, err := os.MkdirTemp("", "helogate-docs-")
	if err != nil {
		return err
	}
	programs = dir
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if out, err := exec.Command("go", "build", "-o", dir, "../cmd/helogate", "../cmd/helogate-qmail-spp").CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func pages(t *testing.T) map[string]*docpage.Page {
	t.Helper()
	all, err := docpage.Pages("..")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// needs skips a test that needs a program which this machine does not have; where nothing may be skipped, it fails.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("HELOGATE_INTEROP") == "require" {
		t.Fatalf("there is no %s", program)
	}
	t.Skipf("there is no %s", program)
}

// failing is the text of an error with what a program printed.
func failing(err error, out []byte) string {
	return fmt.Sprintf("%v\n%s", err, strings.TrimSpace(string(out)))
}
