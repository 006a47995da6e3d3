package check

import "testing"

// A warm verdict of the balanced preset allocates little, whatever client it is about: its text is for who reads it.
func TestWarmVerdictAllocates(t *testing.T) {
	const most = 20
	for name, client := range warmClients {
		p, f, w := warmUp(t, client)
		if n := testing.AllocsPerRun(100, func() { p.Judge(t.Context(), f, w) }); n > most {
			t.Errorf("%s: %v allocations, %d at most", name, n, most)
		}
	}
}
