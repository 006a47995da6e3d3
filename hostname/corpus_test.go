package hostname

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestClassifyOnCorpus measures on real names, which the project does not ship: set HELOGATE_CORPUS to the folder that
// holds them. A file has a name, or a name, a tab and its address, a line.
func TestClassifyOnCorpus(t *testing.T) {
	folder := os.Getenv("HELOGATE_CORPUS")
	if folder == "" {
		t.Skip("HELOGATE_CORPUS is not set: no real names to measure on")
	}
	for _, c := range []struct {
		file        string
		least, most float64 // per cent of the names that may be flagged
	}{
		{"generic.tsv", 90, 100},
		{"generic-cloud.tsv", 85, 100},
		{"generic-spamassassin-examples.tsv", 60, 100},
		{"real-mx.tsv", 0, 0},
		{"real-2002.tsv", 0, 12}, // some are generic: self-hosters on DSL
	} {
		t.Run(c.file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(folder, c.file))
			if err != nil {
				t.Fatal(err)
			}
			names, without, with := 0, map[Class]int{}, map[Class]int{}
			for line := range strings.Lines(string(text)) {
				fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
				if fields[0] == "" || fields[0][0] == '#' {
					continue
				}
				var addr netip.Addr
				if len(fields) > 1 {
					addr, _ = netip.ParseAddr(fields[1])
				}
				class, _ := Classify(fields[0], netip.Addr{})
				without[class]++
				class, _ = Classify(fields[0], addr)
				with[class]++
				names++
			}
			if names == 0 {
				t.Fatal("no names in it")
			}
			flagged := func(m map[Class]int) float64 { return 100 * float64(names-m[Named]) / float64(names) }
			t.Logf("%d names; flagged %.1f %% without address %v, %.1f %% with it %v", names, flagged(without), without, flagged(with), with)
			if f := flagged(with); f < c.least || f > c.most {
				t.Errorf("%.1f %% flagged, want %v to %v", f, c.least, c.most)
			}
		})
	}
}
