package hostname

import (
	"cmp"
	"hash/fnv"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A sample is a line of the corpus: a name, and its address if the line has one.
type sample struct {
	name string
	addr netip.Addr
}

// readCorpus reads a file of real names, which the project does not ship: set HELOGATE_CORPUS to the folder that holds
// them. A file has a name, or a name, a tab and its address, a line.
func readCorpus(t *testing.T, file string) []sample {
	t.Helper()
	folder := os.Getenv("HELOGATE_CORPUS")
	if folder == "" {
		t.Skip("HELOGATE_CORPUS is not set: no real names to measure on")
	}
	text, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	var samples []sample
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if fields[0] == "" || fields[0][0] == '#' {
			continue
		}
		s := sample{name: fields[0]}
		if len(fields) > 1 {
			s.addr, _ = netip.ParseAddr(fields[1])
		}
		samples = append(samples, s)
	}
	if len(samples) == 0 {
		t.Fatalf("no names in %s", file)
	}
	return samples
}

// withAddress gives a sample without an address the ones that its name contains, if it contains four octets: forwards
// and backwards. Which one is right does not matter if the name is auto-generated with both.
func withAddress(s sample) []netip.Addr {
	if s.addr.IsValid() {
		return []netip.Addr{s.addr}
	}
	var r reading
	r.read(Canonical(s.name))
	for i := range r.n {
		if r.chain(i) == 4 {
			o := r.octetsAt(i, 4)
			return []netip.Addr{
				netip.AddrFrom4([4]byte{byte(o[0]), byte(o[1]), byte(o[2]), byte(o[3])}),
				netip.AddrFrom4([4]byte{byte(o[3]), byte(o[2]), byte(o[1]), byte(o[0])}),
			}
		}
	}
	return []netip.Addr{{}}
}

// generatedBy reports whether a name is auto-generated with every one of the addresses.
func generatedBy(name string, addrs []netip.Addr) bool {
	return !slices.ContainsFunc(addrs, func(a netip.Addr) bool { return classOf(name, a) == Custom })
}

func percent(part, whole int) float64 { return 100 * float64(part) / float64(max(1, whole)) }

// Classify reaches its goals on real names.
func TestClassifyOnCorpus(t *testing.T) {
	for _, c := range []struct {
		file          string
		without, with [2]float64 // per cent of the names that are auto-generated, at least and at most
		errorIs       bool       // whether an auto-generated name is the error
	}{
		{"generic.tsv", [2]float64{97, 100}, [2]float64{98, 100}, false},
		{"generic-cloud.tsv", [2]float64{97, 100}, [2]float64{97, 100}, false},
		{"generic-spamassassin-examples.tsv", [2]float64{70, 100}, [2]float64{70, 100}, false},
		{"real-mx.tsv", [2]float64{0, 0.3}, [2]float64{0, 0.3}, true},
		// Nine of ten of these are right: people ran a server on a line with the provider's name. See below.
		{"real-2002.tsv", [2]float64{0, 10}, [2]float64{0, 10.5}, true},
	} {
		t.Run(c.file, func(t *testing.T) {
			samples := readCorpus(t, c.file)
			without, with := 0, 0
			wrong := map[string]int{}
			for _, s := range samples {
				if generatedBy(s.name, []netip.Addr{{}}) {
					without++
				}
				generated := generatedBy(s.name, withAddress(s))
				if generated {
					with++
				}
				if generated == c.errorIs {
					wrong[registeredOf(Canonical(s.name))]++
				}
			}
			a, b := percent(without, len(samples)), percent(with, len(samples))
			t.Logf("%d names; generated %.1f %% without address, %.1f %% with it; most errors: %s", len(samples), a, b, mostOf(wrong))
			if a < c.without[0] || a > c.without[1] || b < c.with[0] || b > c.with[1] {
				t.Errorf("%.1f %% and %.1f %% generated, want %v and %v", a, b, c.without, c.with)
			}
		})
	}
}

// mostOf lists the ten domains with the most names.
func mostOf(domains map[string]int) string {
	sorted := slices.SortedFunc(maps.Keys(domains), func(a, b string) int {
		return cmp.Or(domains[b]-domains[a], strings.Compare(a, b))
	})
	return strings.Join(sorted[:min(10, len(sorted))], " ")
}

// The doubtful small relays of 2002 have names that are generated, but not for an access line.
func TestDoubtfulOnCorpus(t *testing.T) {
	samples := readCorpus(t, "real-2002.tsv")
	doubtful := 0
	for _, s := range samples {
		class, why := Classify(s.name, s.addr)
		if class != Custom {
			t.Logf("%s %s %s: %s", class, s.name, s.addr, why)
		}
		if class == Generic || class == Hosting {
			doubtful++
		}
	}
	if p := percent(doubtful, len(samples)); p > 4 {
		t.Errorf("%.1f %% are generated, and not on an access line", p)
	}
}

// Nine of ten default names of hosters are distinguished from those of access networks. The file has some of the
// latter, with a label that says so.
func TestHostingOnCorpus(t *testing.T) {
	own, hosting := 0, 0
	for _, s := range readCorpus(t, "generic-cloud.tsv") {
		if strings.Contains(s.name, ".res.") || strings.Contains(s.name, ".biz.") {
			continue
		}
		own++
		if classOf(s.name, netip.Addr{}) == Hosting {
			hosting++
		}
	}
	if p := percent(hosting, own); p < 90 {
		t.Errorf("%.1f %% of %d are hosting", p, own)
	} else {
		t.Logf("%.1f %% of %d are hosting", p, own)
	}
}

// The words of the table help on domains that they do not come from. Each file of generic names is split by
// registered domain into five folds; for each the table lacks the words that no other fold has.
func TestWordsOnUnseenDomains(t *testing.T) {
	for file, least := range map[string]float64{"generic.tsv": 95, "generic-cloud.tsv": 90} {
		samples := readCorpus(t, file)
		seenIn := foldsOfWords(samples)
		all, unseen := 0, 0
		full := words
		for _, s := range samples {
			if generatedBy(s.name, []netip.Addr{{}}) {
				all++
			}
		}
		for f := range folds {
			words = maps.Clone(full)
			maps.DeleteFunc(words, func(word string, _ wordKind) bool { return seenIn[word] == 1<<f })
			t.Logf("%s: fold %d does without %d words", file, f, len(full)-len(words))
			for _, s := range samples {
				if foldOf(s) == f && generatedBy(s.name, []netip.Addr{{}}) {
					unseen++
				}
			}
			words = full
		}
		with, without := percent(all, len(samples)), percent(unseen, len(samples))
		t.Logf("%s: %.1f %% generated, %.1f %% without the words of one fold alone", file, with, without)
		if without < least {
			t.Errorf("%s: %.1f %% without the words of one fold alone, want %.0f", file, without, least)
		}
	}
}

const folds = 5

func foldOf(s sample) int {
	h := fnv.New32a()
	h.Write([]byte(registeredOf(Canonical(s.name))))
	return int(h.Sum32() % folds)
}

// foldsOfWords returns in which folds each word is, bit n for fold n.
func foldsOfWords(samples []sample) map[string]int {
	seenIn := map[string]int{}
	for _, s := range samples {
		for _, word := range strings.FieldsFunc(Canonical(s.name), func(c rune) bool { return c < 'a' || c > 'z' }) {
			seenIn[word] |= 1 << foldOf(s)
		}
	}
	return seenIn
}
