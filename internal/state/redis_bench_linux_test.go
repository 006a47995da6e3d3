package state_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/helogate/helogate/internal/state"
)

// BenchmarkRedis is a greylist's decision on the server that HELOGATE_BENCH_REDIS names, of triplets that are new.
func BenchmarkRedis(b *testing.B) {
	server := os.Getenv("HELOGATE_BENCH_REDIS")
	if server == "" {
		b.Skip("HELOGATE_BENCH_REDIS names no server")
	}
	rules := redisTimes
	rules.AutoPass = 5
	for _, many := range []int{1, 32, 256} {
		b.Run(fmt.Sprintf("by %d", many), func(b *testing.B) {
			s := openRedis(b, state.RedisConfig{Servers: []string{server}, Prefix: fmt.Sprintf("bench%d:", time.Now().UnixNano())})
			keys := make([]string, 1<<16)
			for i := range keys {
				keys[i] = triplet(uint64(i))
			}
			before := cpu()
			b.ReportAllocs()
			b.ResetTimer()
			workers(b, many, uint64(b.N), func(i uint64) error {
				_, err := s.Attempt(context.Background(), keys[i*40503%uint64(len(keys))], morning, rules)
				return err
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "attempts/s")
			b.ReportMetric(float64((cpu()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}
