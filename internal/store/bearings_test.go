package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brinell/bearing"
)

// someBearing returns one of a few bearings with figures that depend on i.
func someBearing(i int) bearing.KnownBearing {
	b := bearing.KnownBearing{Designation: fmt.Sprintf("NU %d", i%7), Source: fmt.Sprint("drawing ", i), Licence: "own"}
	if i%2 == 0 {
		b.Geometry = bearing.Geometry{Elements: 9, ElementDia: 7 + float64(i%100)/1000, PitchDia: 39}
	} else {
		b.Stated = bearing.Orders{BPFO: 3.585 + float64(i%100)/10000, BPFI: 5.415, BSF: 2.357, FTF: 0.398}
	}
	return b
}

// TestBearings compares random puts with a map, across restarts.
func TestBearings(t *testing.T) {
	dir := t.TempDir()
	db := open(t, Config{Dir: dir})
	rng := rand.New(rand.NewPCG(1, 2))
	want := make(map[string]bearing.KnownBearing)
	for i := range 60 {
		b := someBearing(rng.IntN(1000))
		if err := db.PutBearing(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		want[bearing.DesignationKey(b.Designation)] = b
		if i%20 == 19 {
			shut(t, db)
			db = open(t, Config{Dir: dir})
		}
		got, err := db.Bearings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var sorted []bearing.KnownBearing
		for _, key := range slices.Sorted(maps.Keys(want)) {
			sorted = append(sorted, want[key])
		}
		if d := cmp.Diff(sorted, got); d != "" {
			t.Fatal(d)
		}
	}
	for _, there := range []bool{true, false} {
		if got, err := db.DeleteBearing(t.Context(), "nu3"); err != nil || got != there {
			t.Errorf("deleted %v, %v; want %v", got, err, there)
		}
	}
	delete(want, "NU3")
	if got, err := db.Bearings(t.Context()); err != nil || len(got) != len(want) {
		t.Errorf("%d rows after one was deleted, %v; want %d", len(got), err, len(want))
	}
	// A designation that is written otherwise is the same.
	b := someBearing(1)
	b.Designation = "nu-1"
	if err := db.PutBearing(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Bearings(t.Context()); err != nil || len(got) != len(want) {
		t.Errorf("%d rows, %v; want %d", len(got), err, len(want))
	}
}

// TestBearingsAmongWindows: rows share transactions with windows.
func TestBearingsAmongWindows(t *testing.T) {
	db := open(t, Config{})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 20 {
				if _, err := put(t, db, fmt.Sprintf("s%d", g), i, 0); err != nil {
					t.Error(err)
				}
				if err := db.PutBearing(t.Context(), someBearing(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	s, err := db.Stats(t.Context())
	rows, rerr := db.Bearings(t.Context())
	if err != nil || rerr != nil || s.Diagnoses != 80 || len(rows) != 7 {
		t.Errorf("%+v, %d bearings, %v, %v", s, len(rows), err, rerr)
	}
}

// TestBearingNotStored: a commit that fails is reported, and nothing is there.
func TestBearingNotStored(t *testing.T) {
	var broken atomic.Bool // the writer probes meanwhile
	broken.Store(true)
	db := open(t, Config{commit: func(tx *sql.Tx) error {
		if broken.Load() {
			_ = tx.Rollback()
			return errors.New("no disk")
		}
		return tx.Commit()
	}})
	if err := db.PutBearing(t.Context(), someBearing(0)); err == nil {
		t.Error("acknowledged")
	}
	if rows, err := db.Bearings(t.Context()); err != nil || len(rows) != 0 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	broken.Store(false)
	if err := db.PutBearing(t.Context(), someBearing(0)); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// Stored or not, the caller is answered.
	if err := db.PutBearing(ctx, someBearing(0)); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestDamagedBearingIsFound(t *testing.T) {
	dir := t.TempDir()
	db := open(t, Config{Dir: dir})
	if err := db.PutBearing(t.Context(), someBearing(0)); err != nil {
		t.Fatal(err)
	}
	raw(t, dir, "INSERT INTO bearings VALUES ('X', CAST('{' AS BLOB))")
	if _, err := db.Bearings(t.Context()); err == nil {
		t.Error("read")
	}
	if err := db.Check(t.Context()); err == nil {
		t.Error("check found nothing")
	}
	raw(t, dir, "DELETE FROM bearings WHERE key = 'X'")
}
