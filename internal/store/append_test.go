package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"brinell/bearing"
)

// TestOneBatch puts a window, its repeat and a contradiction into one
// transaction: each gets its own answer.
func TestOneBatch(t *testing.T) {
	db := open(t, Config{})
	var batch []*request
	for _, salt := range []int{0, 0, 1} {
		r, err := db.encode(window(t, "pump", 1, salt))
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, r)
	}
	res, err := db.store(batch)
	if err != nil {
		t.Fatal(err)
	}
	if res[0].err != nil || res[0].d.Duplicate || res[1].err != nil || !res[1].d.Duplicate || bearing.CodeOf(res[2].err) != "window_conflict" {
		t.Errorf("got %+v", res)
	}
}

// held is a commit that waits until open is closed, so that requests pile up
// into one batch behind the one that waits.
type held struct {
	began chan struct{} // one value for each commit that began
	open  chan struct{}
	fail  atomic.Pointer[func(*sql.Tx) error]
}

func (h *held) commit(tx *sql.Tx) error {
	h.began <- struct{}{}
	<-h.open
	if f := h.fail.Load(); f != nil {
		return (*f)(tx)
	}
	return tx.Commit()
}

// TestAppendKeepsNoSamples: a caller that gave up may use the memory of its
// samples again while their row still waits.
func TestAppendKeepsNoSamples(t *testing.T) {
	h := &held{began: make(chan struct{}, 100), open: make(chan struct{})}
	db := open(t, Config{commit: h.commit})
	d, w := window(t, "pump", 1, 0)
	want := append([]float32(nil), w.Samples...)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-h.began
		cancel()
	}()
	if _, err := db.Append(ctx, d, w, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	clear(w.Samples)
	w.Sensor, w.Axis, w.Bearing = "other", "other", "other"
	close(h.open)
	if _, err := put(t, db, "pump", 2, 0); err != nil { // the first is stored before it
		t.Fatal(err)
	}
	got, err := db.Window(t.Context(), d.ID)
	if err != nil || cmp.Diff(want, got.Samples) != "" || got.Sensor != "pump" {
		t.Errorf("stored as %+v, %v", got, err)
	}
}

// TestFailedCommit: all waiters of the batch learn of it, nothing of it is
// stored or told to those who follow, and the next batch goes through.
func TestFailedCommit(t *testing.T) {
	broken := errors.New("broken disk")
	for _, c := range []struct {
		name string
		fail func(*sql.Tx) error
		is   func(error) bool
	}{
		{"before", func(tx *sql.Tx) error { return broken }, func(err error) bool { return errors.Is(err, broken) }},
		{"in COMMIT", func(tx *sql.Tx) error { // a debt that SQLite itself refuses to commit
			_, err := tx.Exec("PRAGMA defer_foreign_keys = ON; INSERT INTO samples VALUES (999, 'x', 0, 1, 1, x'00')")
			if err != nil {
				return nil
			}
			return tx.Commit()
		}, func(err error) bool { return err != nil && bearing.KindOf(err) == bearing.Internal }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &held{began: make(chan struct{}, 100), open: make(chan struct{})}
			h.fail.Store(&c.fail)
			var told atomic.Int64
			db := open(t, Config{commit: h.commit, Committed: func(events []bearing.Event) { told.Add(int64(len(events))) }})
			var wg sync.WaitGroup
			const n = 6
			for i := range n {
				wg.Go(func() {
					if _, err := put(t, db, "pump", i, 0); !c.is(err) {
						t.Errorf("window %d: got %v", i, err)
					}
				})
			}
			<-h.began
			time.Sleep(50 * time.Millisecond) // the others wait in the queue: one batch
			close(h.open)
			wg.Wait()
			if err := db.Ready(); !c.is(err) {
				t.Errorf("ready: %v", err)
			}
			if s, _ := db.Stats(t.Context()); s.Diagnoses != 0 || s.RawBytes != 0 {
				t.Errorf("%+v after failed commits", s)
			}
			if n := told.Load(); n != 0 {
				t.Errorf("%d events were told of what is not stored", n)
			}
			h.fail.Store(nil)
			if got, err := put(t, db, "pump", 1, 0); err != nil || got.Duplicate {
				t.Errorf("after recovery: %v, duplicate %v", err, got.Duplicate)
			}
			if n := told.Load(); n != 1 {
				t.Errorf("after recovery: %d events were told, want one", n)
			}
			if err := db.Ready(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestReadyRecovers: after an outage the writer finds out by itself that the
// disk is well again, or a service taken out of rotation would never return.
func TestReadyRecovers(t *testing.T) {
	t.Parallel() // it waits
	var down atomic.Bool
	down.Store(true)
	db := open(t, Config{commit: func(tx *sql.Tx) error {
		if down.Load() {
			return errors.New("broken disk")
		}
		return tx.Commit()
	}})
	if _, err := put(t, db, "pump", 1, 0); err == nil {
		t.Fatal("stored on a broken disk")
	}
	down.Store(false)
	for end := time.Now().Add(10 * time.Second); db.Ready() != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(db.Ready())
		}
	}
}

// TestFull: a full disk has its own code and, with room again, goes away.
func TestFull(t *testing.T) {
	db := open(t, Config{})
	limit := func(pages int) {
		t.Helper()
		if _, err := db.write.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // SQLite takes the present size instead
	stored := 0
	var err error
	for ; err == nil; stored++ {
		_, err = put(t, db, "pump", stored, 0)
	}
	if bearing.CodeOf(err) != "storage_full" || bearing.KindOf(err) != bearing.Overloaded {
		t.Errorf("got %v", err)
	}
	if err := db.Ready(); bearing.CodeOf(err) != "storage_full" {
		t.Errorf("ready: %v", err)
	}
	limit(1 << 20)
	if got, err := put(t, db, "pump", stored-1, 0); err != nil || got.Duplicate {
		t.Errorf("with room again: %v, duplicate %v", err, got.Duplicate)
	}
	if s, _ := db.Stats(t.Context()); s.Diagnoses != int64(stored) {
		t.Errorf("%d rows, want %d", s.Diagnoses, stored)
	}
}

// TestCloseStoresWhatWaits: every request in the queue at Close is answered, and
// what was acknowledged is there.
func TestCloseStoresWhatWaits(t *testing.T) {
	dir := t.TempDir()
	h := &held{began: make(chan struct{}, 1000), open: make(chan struct{})}
	db := open(t, Config{Dir: dir, MaxBatch: 4, commit: h.commit})
	var acked atomic.Int64
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			switch _, err := put(t, db, "pump", i, 0); bearing.CodeOf(err) {
			case "":
				acked.Add(1)
			case "store_closed":
			default:
				t.Error(err)
			}
		})
	}
	<-h.began
	time.AfterFunc(20*time.Millisecond, func() { close(h.open) })
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	s, err := open(t, Config{Dir: dir}).Stats(t.Context())
	if err != nil || s.Diagnoses != acked.Load() || s.Diagnoses == 0 {
		t.Errorf("%d rows, %v; %d acknowledged", s.Diagnoses, err, acked.Load())
	}
}

// TestGivenUp: a caller whose time is over leaves, and what it left is stored.
func TestGivenUp(t *testing.T) {
	h := &held{began: make(chan struct{}, 10), open: make(chan struct{})}
	now := epoch.Add(time.Hour)
	db := open(t, Config{commit: h.commit, Now: func() time.Time { return now }})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-h.began // or nothing of it would be stored
		cancel()
	}()
	d, w := window(t, "pump", 1, 0)
	if _, err := db.Append(ctx, d, w, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	close(h.open)
	if got, err := db.Append(t.Context(), d, w, nil); err != nil || !got.Duplicate {
		t.Errorf("again: %v, duplicate %v; the first one was stored", err, got.Duplicate)
	}
	if s, _ := db.Stats(t.Context()); !s.LastCommit.Equal(now) {
		t.Errorf("last commit %v, want %v", s.LastCommit, now)
	}
}
