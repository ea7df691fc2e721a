package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"brinell/bearing"
)

// TestRawCap: after every window raw samples are within the cap, to the byte, and fill it.
func TestRawCap(t *testing.T) {
	probe := open(t, Config{})
	if _, err := put(t, probe, "pump", 0, 0); err != nil {
		t.Fatal(err)
	}
	s, _ := probe.Stats(t.Context())
	limit := 20 * s.RawBytes
	db := open(t, Config{RawCap: limit})
	for i := range 60 {
		if _, err := put(t, db, "pump", i, 0); err != nil {
			t.Fatal(err)
		}
		s, err := db.Stats(t.Context())
		if err != nil || s.RawBytes > limit || i >= 25 && s.RawBytes < limit*3/4 || s.Diagnoses != int64(i+1) {
			t.Fatalf("%+v, %v; the cap is %d", s, err, limit)
		}
	}
}

// TestLoweredCap: a store opened with a smaller cap shrinks to it in steps,
// without a window arriving, and gives the room back to the file system.
func TestLoweredCap(t *testing.T) {
	dir := t.TempDir()
	db := open(t, Config{Dir: dir})
	x := make([]float32, 16<<10)
	rng := rand.New(rand.NewPCG(1, 1))
	const n = 700 // more than retentionStep
	var wg sync.WaitGroup
	for g := range 7 {
		samples := slices.Clone(x)
		for i := range samples {
			samples[i] = rng.Float32()
		}
		wg.Go(func() {
			for i := range n / 7 {
				w := &bearing.Window{Sensor: fmt.Sprintf("s%d", g), Start: epoch.Add(time.Duration(i) * time.Second), SampleRate: 12000, Unit: bearing.G, Samples: samples}
				if _, err := db.Append(t.Context(), diagnosis(w, bearing.Normal), w, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	shut(t, db)
	before := fileSize(t, dir)
	const limit = 1 << 20
	db = open(t, Config{Dir: dir, RawCap: limit})
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		s, err := db.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var free int
		if err := db.read.QueryRow("PRAGMA freelist_count").Scan(&free); err != nil {
			t.Fatal(err)
		}
		if s.RawBytes <= limit && free <= freeSlack {
			if s.Diagnoses != n || s.Raw == 0 {
				t.Errorf("%+v, want %d diagnoses and some samples", s, n)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%+v, %d free pages: did not shrink", s, free)
		}
	}
	shut(t, db)
	if after := fileSize(t, dir); before-after < 10<<20 {
		t.Errorf("the file had %d bytes and has %d", before, after)
	}
}

func fileSize(t *testing.T, dir string) int64 {
	t.Helper()
	s, err := os.Stat(filepath.Join(dir, "brinell.db"))
	if err != nil {
		t.Fatal(err)
	}
	return s.Size()
}
