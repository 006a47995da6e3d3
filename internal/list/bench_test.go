package list

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
)

// large is a file of n networks, most of them small and of IPv4, as lists of relays and of access networks are.
func large(n int) []byte {
	var b bytes.Buffer
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		if i%5 == 0 {
			a := netip.AddrFrom16([16]byte{0x20, 1, byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32())})
			fmt.Fprintln(&b, netip.PrefixFrom(a, 32+random.IntN(17)).Masked())
			continue
		}
		v := random.Uint32()
		a := netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
		fmt.Fprintln(&b, netip.PrefixFrom(a, 16+random.IntN(17)).Masked())
	}
	return b.Bytes()
}

func BenchmarkContains(b *testing.B) {
	text := large(250_000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	l, _, err := Read("large", bytes.NewReader(text))
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	random := rand.New(rand.NewPCG(3, 4))
	clients := make([]netip.Addr, 4096)
	for i := range clients {
		v := random.Uint32()
		clients[i] = netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		l.Contains(clients[i%len(clients)])
		i++
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
	runtime.KeepAlive(l)
}

func BenchmarkRead(b *testing.B) {
	text := large(250_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Read("large", bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkContainsName(b *testing.B) {
	var text bytes.Buffer
	for i := range 250_000 {
		fmt.Fprintf(&text, ".host%d.example.org\n", i)
	}
	l, _, err := Read("names", &text)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		l.ContainsName("mx.pool.host77777.example.org")
	}
}
