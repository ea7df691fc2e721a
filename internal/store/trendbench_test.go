package store

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"brinell/bearing"
)

// BenchmarkTrend is of 20,000 windows, and shows what each costs of a processor.
func BenchmarkTrend(b *testing.B) {
	db := open(b, Config{})
	all, err := os.ReadFile("testdata/diagnoses.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	doc, _, _ := bytes.Cut(all, []byte("\n"))
	var d bearing.Diagnosis
	if err := json.Unmarshal(doc, &d); err != nil {
		b.Fatal(err)
	}
	const n = 20_000
	done := make(chan error, 64)
	for w := range 64 {
		go func() {
			for i := w; i < n; i += 64 {
				x := &bearing.Window{Sensor: "pump", Axis: d.Axis, Start: epoch.Add(time.Duration(i) * time.Second), SampleRate: 12000, Unit: bearing.G, Samples: make([]float32, 16)}
				e := d
				e.ID, e.Sensor, e.Start, e.Features = x.ID(), x.Sensor, x.Start, nil
				for _, v := range d.Features {
					v.Value *= 0.9 + 0.2*rand.Float64()
					e.Features = append(e.Features, v)
				}
				if _, err := db.Append(context.Background(), e, x, nil); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 64 {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	var r, s syscall.Rusage
	_ = syscall.Getrusage(0, &r)
	for b.Loop() {
		if _, err := db.Trend(b.Context(), bearing.TrendQuery{Sensor: "pump", Axis: d.Axis, Feature: "rms"}, nil); err != nil {
			b.Fatal(err)
		}
	}
	_ = syscall.Getrusage(0, &s)
	b.ReportMetric(float64(s.Utime.Nano()+s.Stime.Nano()-r.Utime.Nano()-r.Stime.Nano())/1e3/n/float64(b.N), "cpu-us/window")
}
