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

// TestRetention: raw samples stay within the cap, a chatty sensor does not push
// a quiet one out, and what was removed still counts as stored.
func TestRetention(t *testing.T) {
	probe := open(t, Config{})
	if _, err := put(t, probe, "pump", 0, 0); err != nil {
		t.Fatal(err)
	}
	s, _ := probe.Stats(t.Context())
	limit := 20 * s.RawBytes
	db := open(t, Config{RawCap: limit})
	for i := range 5 {
		if _, err := put(t, db, "quiet", i, 0); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 60 {
		if _, err := put(t, db, "chatty", i, 0); err != nil {
			t.Fatal(err)
		}
		if s, _ := db.Stats(t.Context()); s.RawBytes > limit {
			t.Fatalf("%d bytes kept, the cap is %d", s.RawBytes, limit)
		}
	}
	kept := func(sensor string, n int) (k int) {
		for i := range n {
			d, _ := window(t, sensor, i, 0)
			switch _, err := db.Window(t.Context(), d.ID); bearing.CodeOf(err) {
			case "":
				k++
			case "samples_expired":
			default:
				t.Error(err)
			}
		}
		return k
	}
	if k := kept("quiet", 5); k != 5 {
		t.Errorf("%d of 5 windows of the quiet sensor kept", k)
	}
	if k := kept("chatty", 60); k < 10 || k > 16 {
		t.Errorf("%d windows of the chatty sensor kept, want about 15", k)
	}
	if got, err := put(t, db, "chatty", 0, 0); err != nil || !got.Duplicate {
		t.Errorf("a removed window again: %v, duplicate %v", err, got.Duplicate)
	}
	if _, err := put(t, db, "chatty", 0, 1); bearing.CodeOf(err) != "window_conflict" {
		t.Errorf("a removed window contradicted: %v", err)
	}
	if s, _ := db.Stats(t.Context()); s.Diagnoses != 65 {
		t.Errorf("%d diagnoses, want 65", s.Diagnoses)
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

// TestWindowOverTheCap: samples that alone are over the cap go at once, and the
// diagnosis stays.
func TestWindowOverTheCap(t *testing.T) {
	db := open(t, Config{RawCap: 1})
	d, err := put(t, db, "pump", 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Window(t.Context(), d.ID); bearing.CodeOf(err) != "samples_expired" || bearing.KindOf(err) != bearing.NotFound {
		t.Errorf("got %v", err)
	}
	if got, err := put(t, db, "pump", 1, 0); err != nil || !got.Duplicate {
		t.Errorf("again: %v, duplicate %v", err, got.Duplicate)
	}
}
