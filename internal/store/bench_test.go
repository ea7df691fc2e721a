package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"brinell/bearing"
)

func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{2, 8, 64} {
		b.Run(fmt.Sprintf("L=2048/callers=%d", callers), func(b *testing.B) {
			db := open(b, Config{})
			x := make([]float32, 2048)
			rng := rand.New(rand.NewPCG(1, 1))
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
			var n atomic.Int64
			b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
			b.ReportAllocs()
			b.SetBytes(4 * int64(len(x)))
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					w := &bearing.Window{Sensor: "pump", Start: epoch.Add(time.Duration(n.Add(1)) * time.Second), SampleRate: 12000, Unit: bearing.G, Samples: x}
					if _, err := db.Append(context.Background(), diagnosis(w, bearing.Normal), w, nil); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "windows/s")
		})
	}
}

// BenchmarkEncode is what a row costs its caller.
func BenchmarkEncode(b *testing.B) {
	db := open(b, Config{})
	w := &bearing.Window{Sensor: "pump", Start: epoch, SampleRate: 12000, Unit: bearing.G, Samples: make([]float32, 2048)}
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range w.Samples {
		w.Samples[i] = float32(rng.NormFloat64())
	}
	d := diagnosis(w, bearing.Normal)
	b.ReportAllocs()
	b.SetBytes(4 * int64(len(w.Samples)))
	for b.Loop() {
		if _, err := db.encode(d, w); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPlace is what every transaction pays twice.
func BenchmarkPlace(b *testing.B) {
	db := open(b, Config{})
	b.ReportAllocs()
	for b.Loop() {
		if err := db.place.check(); err != nil {
			b.Fatal(err)
		}
	}
}
