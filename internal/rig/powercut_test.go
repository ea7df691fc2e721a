package rig

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"brinell/bearing"
	"brinell/internal/store"
)

// recording is what a service did, and what its clients know.
type recording struct {
	name string
	base string // its directory before the record began
	ops  []op
	*journal
}

// scenarios are what is recorded: what a service does to its files in its life.
var scenarios = []struct {
	name    string
	args    []string
	prepare func(t *testing.T, dir string)
	drive   func(t *testing.T, j *journal, s *service)
}{
	{name: "writers", drive: func(t *testing.T, j *journal, s *service) { fill(t, j, s, 8, 25, 1024) }},
	{name: "checkpoint", drive: func(t *testing.T, j *journal, s *service) { fill(t, j, s, 4, 60, 16384) }}, // past 1,000 pages of log
	{name: "retention", args: []string{"--raw-cap", "64KiB"}, drive: func(t *testing.T, j *journal, s *service) { fill(t, j, s, 3, 40, 2048) }},
	{name: "migration", prepare: oldSchema, drive: func(t *testing.T, j *journal, s *service) { fill(t, j, s, 2, 20, 1024) }},
	{name: "resources", drive: func(t *testing.T, j *journal, s *service) {
		var wg sync.WaitGroup
		wg.Go(func() { fill(t, j, s, 2, 30, 1024) })
		for i := range 40 {
			put(t, s.url+fmt.Sprintf("/v1/machines/m%d", i%7), fmt.Sprintf(`{"note":"%d"}`, i))
		}
		wg.Wait()
	}},
	{name: "promotion", drive: func(t *testing.T, j *journal, s *service) {
		var wg sync.WaitGroup
		wg.Go(func() { fill(t, j, s, 2, 20, 1024) })
		promote(t, s.url)
		wg.Wait()
	}},
	{name: "stop", drive: func(t *testing.T, j *journal, s *service) {
		fill(t, j, s, 4, 10, 2048)
		s.stop(t) // folds the log into the database and removes it
	}},
}

func fill(t *testing.T, j *journal, s *service, sensors, windows, samples int) {
	if _, err := j.load(t.Context(), s.url, sensors, 0, windows, samples); err != nil {
		t.Error(err)
	}
}

func put(t *testing.T, url, body string) {
	req, err := http.NewRequestWithContext(t.Context(), "PUT", url, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Errorf("%s: %s", url, resp.Status)
	}
}

// oldSchema leaves a database as the programs of schema 1 left it, with a few rows.
func oldSchema(t *testing.T, dir string) {
	db, err := store.Open(t.Context(), store.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", filepath.Join(dir, "brinell.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	rows, err := raw.Query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('diagnoses', 'samples', 'usage')")
	if err != nil {
		t.Fatal(err)
	}
	drop := ""
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		drop += "DROP TABLE " + name + ";"
	}
	rows.Close()
	if _, err := raw.Exec(drop + "ALTER TABLE usage DROP COLUMN diagnoses; ALTER TABLE usage DROP COLUMN raw; PRAGMA user_version = 1; PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
}

// record runs all scenarios with a program and returns what it did.
func record(t *testing.T, b build) []recording {
	t.Helper()
	var out []recording
	for _, c := range scenarios {
		dir, base := filepath.Join(t.TempDir(), "data"), t.TempDir()
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if c.prepare != nil {
			c.prepare(t, dir)
		}
		if err := os.CopyFS(base, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		trace := filepath.Join(t.TempDir(), "trace")
		r := recording{name: c.name, base: base, journal: newJournal()}
		s := serve(t, b.behind(tracer(trace)...), b.bin, dir, c.args...)
		c.drive(t, r.journal, s)
		s.kill()
		var err error
		if r.ops, err = readTrace(trace, dir); err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, o := range r.ops {
			if o.kind == "ack" && r.acked[o.id] {
				seen++
			}
		}
		// The kill may overtake the record of the last answers.
		if seen < len(r.acked)-8 || seen == 0 {
			t.Fatalf("%s: %d acknowledgements in the record, %d at the clients", c.name, seen, len(r.acked))
		}
		out = append(out, r)
	}
	return out
}

// cuts makes n images of the recordings and checks each; failed is told what is wrong
// with one.
func cuts(t *testing.T, recs []recording, n int, failed func(where string, err error)) {
	t.Helper()
	scratch := "/dev/shm" // the images are read, not kept
	if _, err := os.Stat(scratch); err != nil {
		scratch = t.TempDir()
	}
	type job struct {
		dir, where string
		j          *journal
		acked      []string
	}
	jobs := make(chan job)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range 2 {
		wg.Go(func() {
			for k := range jobs {
				if err := verify(context.Background(), k.dir, k.j, k.acked); err != nil {
					mu.Lock()
					failed(k.where, err)
					mu.Unlock()
				}
				_ = os.RemoveAll(k.dir)
			}
		})
	}
	for ri, r := range recs {
		rng := rand.New(rand.NewPCG(uint64(ri), 0xc07))
		images := n / len(recs)
		if ri < n%len(recs) {
			images++
		}
		at := make([]int, len(r.ops)+1) // images after so many operations
		for range images {
			at[rng.IntN(len(r.ops)+1)]++
		}
		d := newDisk()
		if err := d.load(r.base); err != nil {
			t.Fatal(err)
		}
		var acked []string
		for k := 0; ; k++ {
			for i := range at[k] {
				dir, err := os.MkdirTemp(scratch, "brinell-image-")
				if err == nil {
					err = d.image(rng, dir)
				}
				if err != nil {
					t.Fatal(err)
				}
				jobs <- job{dir, fmt.Sprintf("%s, cut after %d of %d, image %d", r.name, k, len(r.ops), i), r.journal, acked[:len(acked):len(acked)]}
			}
			if k == len(r.ops) {
				break
			}
			if o := r.ops[k]; o.kind == "ack" {
				acked = append(acked, o.id)
			} else {
				d.do(o)
			}
		}
	}
	close(jobs)
	wg.Wait()
}

// verify opens a data directory as it was found and compares it with what clients
// know: it opens without help, it is sound, what was acknowledged is there as it was
// sent, and nothing is there that nobody sent.
func verify(ctx context.Context, dir string, j *journal, acked []string) error {
	db, err := store.Open(ctx, store.Config{Dir: dir})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Check(ctx); err != nil {
		return err
	}
	lost := 0
	for _, id := range acked {
		if strings.HasPrefix(id, "version ") || strings.HasPrefix(id, "model ") {
			continue // they are checked together, below
		}
		if _, err := db.Diagnosis(ctx, id); err != nil {
			lost++
		}
	}
	if lost > 0 {
		return fmt.Errorf("%d of %d acknowledged windows are lost", lost, len(acked))
	}
	want := int64(0)
	for _, id := range acked {
		var v int64
		if n, _ := fmt.Sscanf(id, "version %d", &v); n == 1 {
			want = max(want, v)
		}
	}
	if want > 0 {
		rows, err := db.Resources(ctx, bearing.KindMachine, "", 1000)
		if err != nil {
			return err
		}
		newest := int64(0)
		for _, r := range rows {
			newest = max(newest, r.Version)
		}
		if newest < want {
			return fmt.Errorf("version %d was acknowledged, the newest is %d", want, newest)
		}
	}
	if err := verifyModel(ctx, db, acked); err != nil {
		return err
	}
	return all(ctx, db, func(d bearing.Diagnosis) error {
		digest, ok := j.tried[d.ID]
		if !ok {
			return fmt.Errorf("window %s of %s was never sent", d.ID, d.Sensor)
		}
		w, err := db.Window(ctx, d.ID)
		if bearing.CodeOf(err) == "samples_expired" {
			return nil
		}
		if err != nil {
			return err
		}
		if w.Digest() != digest {
			got := w.Digest()
			return fmt.Errorf("window %s has digest %s, sent was %s", d.ID, digestOf(got), digestOf(digest))
		}
		return nil
	})
}

// all calls each with every stored diagnosis, and finds none twice.
func all(ctx context.Context, db *store.DB, each func(bearing.Diagnosis) error) error {
	seen := map[string]bool{}
	for q := (bearing.Query{Limit: bearing.MaxPage}); ; {
		page, err := db.Diagnoses(ctx, q)
		if err != nil {
			return err
		}
		for _, d := range page.Diagnoses {
			if seen[d.ID] {
				return fmt.Errorf("window %s is there twice", d.ID)
			}
			seen[d.ID] = true
			if err := each(d); err != nil {
				return err
			}
		}
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			return nil
		}
	}
}

// TestPowerCut cuts the power of the real program anywhere, BRINELL_IMAGES times, and
// finds every acknowledged window on what is left. A program that is built with
// synchronous=NORMAL loses some, which shows that the rig would see it.
func TestPowerCut(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed: the power cannot be cut")
	}
	began := time.Now()
	n := count(t, "BRINELL_IMAGES", 64)
	recs := record(t, sound(t))
	failures := 0
	cuts(t, recs, n, func(where string, err error) {
		if failures++; failures <= 10 {
			t.Errorf("%s: %v", where, err)
		}
	})
	ops := 0
	for _, r := range recs {
		ops += len(r.ops)
		t.Logf("%s: %d operations, %d acknowledged windows", r.name, len(r.ops), len(r.acked))
	}
	t.Logf("%d images of %d recordings, %d operations: %d failed, in %.0f s", n, len(recs), ops, failures, time.Since(began).Seconds())

	var lost atomic.Int64
	few := min(max(n/4, 28), 600) // more than half of them lose something
	cuts(t, record(t, planted(t, "synchronous")), few, func(string, error) { lost.Add(1) })
	if lost.Load() == 0 {
		t.Error("the rig sees nothing wrong with synchronous=NORMAL: it shows nothing")
	}
	t.Logf("with synchronous=NORMAL %d of %d images have lost windows", lost.Load(), few)
}
