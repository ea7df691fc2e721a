package store

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"brinell/internal/bearing"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("STORE_TEST_VICTIM"); dir != "" {
		victim(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// open opens a store; at the end of the test it is checked and closed.
func open(t testing.TB, cfg Config) *DB {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	db, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if db.closed {
			return
		}
		if err := db.Check(context.Background()); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

// window returns window i of a sensor, with samples that depend on salt.
func window(t testing.TB, sensor string, i, salt int) (bearing.Diagnosis, *bearing.Window) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(i), uint64(salt)))
	x := make([]float32, 64)
	for j := range x {
		x[j] = rng.Float32() - 0.5
	}
	w, err := bearing.NewWindow(bearing.Window{Sensor: sensor, Start: epoch.Add(time.Duration(i) * time.Second), SampleRate: 12000, ShaftSpeed: 29.95, Unit: bearing.G, Samples: x}, bearing.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return diagnosis(w, bearing.Faults[i%len(bearing.Faults)]), w
}

func diagnosis(w *bearing.Window, f bearing.Fault) bearing.Diagnosis {
	return bearing.Diagnosis{ID: w.ID(), Sensor: w.Sensor, Axis: w.Axis, Start: w.Start, ReceivedAt: w.Start.Add(time.Minute), SampleRate: w.SampleRate,
		SampleCount: len(w.Samples), Unit: w.Unit, Bearing: w.Bearing, Fault: f,
		Probabilities: bearing.Values{{Name: "normal", Value: 0.25}}, Features: bearing.Values{{Name: "rms", Value: 0.1}},
		Model: bearing.ModelRef{Name: "m", Version: "1", Digest: "d"}, Segments: 1}
}

func put(t testing.TB, db *DB, sensor string, i, salt int) (bearing.Diagnosis, error) {
	t.Helper()
	d, w := window(t, sensor, i, salt)
	return db.Append(context.Background(), d, w)
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	db := open(t, Config{Dir: dir})
	d, w := window(t, "pump", 1, 0)
	if got, err := db.Append(t.Context(), d, w); err != nil || cmp.Diff(d, got) != "" {
		t.Fatalf("append: %v\n%s", err, cmp.Diff(d, got))
	}
	read := func(db *DB) {
		t.Helper()
		got, err := db.Diagnosis(t.Context(), d.ID)
		if err != nil || cmp.Diff(d, got) != "" {
			t.Errorf("diagnosis: %v\n%s", err, cmp.Diff(d, got))
		}
		back, err := db.Window(t.Context(), d.ID)
		if err != nil || cmp.Diff(w, back) != "" {
			t.Errorf("window: %v\n%s", err, cmp.Diff(w, back))
		}
		if back != nil && back.Digest() != w.Digest() {
			t.Error("the digest of the window read back differs")
		}
	}
	read(db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	read(open(t, Config{Dir: dir}))
}

func TestDuplicatesAndConflicts(t *testing.T) {
	db := open(t, Config{})
	first, err := put(t, db, "pump", 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	// The same window again, judged differently: the first answer stays.
	d, w := window(t, "pump", 1, 0)
	d.Fault, d.ReceivedAt = bearing.Ball, d.ReceivedAt.Add(time.Hour)
	got, err := db.Append(t.Context(), d, w)
	first.Duplicate = true
	if err != nil || cmp.Diff(first, got) != "" {
		t.Errorf("repeat: %v\n%s", err, cmp.Diff(first, got))
	}
	change := map[string]func(*bearing.Window){
		"samples": func(w *bearing.Window) { w.Samples[3]++ },
		"rate":    func(w *bearing.Window) { w.SampleRate++ },
		"speed":   func(w *bearing.Window) { w.ShaftSpeed = 0 },
		"unit":    func(w *bearing.Window) { w.Unit = bearing.MetresPerSec2 },
		"bearing": func(w *bearing.Window) { w.Bearing = "6205" },
	}
	for name, f := range change {
		d, w := window(t, "pump", 1, 0)
		f(w)
		if _, err := db.Append(t.Context(), d, w); bearing.CodeOf(err) != "window_conflict" || bearing.KindOf(err) != bearing.Conflict {
			t.Errorf("other %s: %v", name, err)
		}
	}
	// Another axis is another window.
	d, w = window(t, "pump", 1, 0)
	w.Axis = "x"
	d.ID, d.Axis = w.ID(), "x"
	if got, err := db.Append(t.Context(), d, w); err != nil || got.Duplicate {
		t.Errorf("other axis: %v, duplicate %v", err, got.Duplicate)
	}
	if s, _ := db.Stats(t.Context()); s.Diagnoses != 2 || s.Raw != 2 {
		t.Errorf("%+v, want 2 rows", s)
	}
}

// TestOneBatch puts a window, its repeat and a contradiction into one
// transaction: each gets its own answer.
func TestOneBatch(t *testing.T) {
	db := open(t, Config{})
	var batch []*request
	for _, salt := range []int{0, 0, 1} {
		d, w := window(t, "pump", 1, salt)
		r := &request{d: d, w: w, doc: mustJSON(t, d), digest: w.Digest()}
		r.blob, r.crc = db.codec.encode(w.Samples)
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

func mustJSON(t *testing.T, d bearing.Diagnosis) []byte {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, `{"id":%q,"sensor":%q,"start":%q}`, d.ID, d.Sensor, d.Start.Format(time.RFC3339Nano))
	return []byte(b.String())
}

// TestAgainstModel runs random operations against a map.
func TestAgainstModel(t *testing.T) {
	dir := t.TempDir()
	db := open(t, Config{Dir: dir})
	rng := rand.New(rand.NewPCG(9, 9))
	model := make(map[string]bearing.Diagnosis)
	for range 400 {
		switch sensor, i := fmt.Sprintf("s%d", rng.IntN(3)), rng.IntN(40); rng.IntN(10) {
		case 0:
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			db = open(t, Config{Dir: dir})
		case 1, 2:
			q := bearing.Query{Limit: 1 + rng.IntN(7)}
			if rng.IntN(2) == 0 {
				q.Sensor = sensor
			}
			if rng.IntN(2) == 0 {
				q.Fault = bearing.Faults[rng.IntN(4)]
			}
			if rng.IntN(2) == 0 {
				q.From = epoch.Add(time.Duration(rng.IntN(20)) * time.Second)
			}
			if rng.IntN(2) == 0 {
				q.To = epoch.Add(time.Duration(20+rng.IntN(20)) * time.Second)
			}
			checkQuery(t, db, q, model)
		default:
			got, err := put(t, db, sensor, i, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, known := model[got.ID]; known != got.Duplicate {
				t.Fatalf("%s: duplicate %v, known %v", got.ID, got.Duplicate, known)
			}
			got.Duplicate = false
			model[got.ID] = got
		}
	}
}

func checkQuery(t *testing.T, db *DB, q bearing.Query, model map[string]bearing.Diagnosis) {
	t.Helper()
	var want []bearing.Diagnosis
	for _, d := range model {
		if (q.Sensor == "" || d.Sensor == q.Sensor) && (q.Fault == "" || d.Fault == q.Fault) &&
			(q.From.IsZero() || !d.Start.Before(q.From)) && (q.To.IsZero() || d.Start.Before(q.To)) {
			want = append(want, d)
		}
	}
	var got []bearing.Diagnosis
	for {
		p, err := db.Diagnoses(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.Diagnoses...)
		if q.Cursor = p.NextCursor; q.Cursor == "" {
			break
		}
	}
	if !slices.IsSortedFunc(got, func(a, b bearing.Diagnosis) int { return b.Start.Compare(a.Start) }) {
		t.Errorf("%+v: not newest first", q)
	}
	byID := func(a, b bearing.Diagnosis) int { return strings.Compare(a.ID, b.ID) }
	slices.SortFunc(got, byID)
	slices.SortFunc(want, byID)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%+v (-want +got):\n%s", q, d)
	}
}

// TestPagingWhileStoring: rows that come in between do not shift a page.
func TestPagingWhileStoring(t *testing.T) {
	db := open(t, Config{})
	for i := range 30 {
		if _, err := put(t, db, "pump", i, 0); err != nil {
			t.Fatal(err)
		}
	}
	seen := make(map[string]int)
	q := bearing.Query{Limit: 7}
	for next := 100; ; next++ {
		p, err := db.Diagnoses(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range p.Diagnoses {
			seen[d.ID]++
		}
		if _, err := put(t, db, "pump", next, 0); err != nil {
			t.Fatal(err)
		}
		if q.Cursor = p.NextCursor; q.Cursor == "" {
			break
		}
	}
	for i := range 30 {
		d, _ := window(t, "pump", i, 0)
		if seen[d.ID] != 1 {
			t.Errorf("window %d seen %d times", i, seen[d.ID])
		}
	}
}

func TestQueryErrors(t *testing.T) {
	db := open(t, Config{})
	f := func(q bearing.Query, code string) {
		t.Helper()
		if _, err := db.Diagnoses(t.Context(), q); bearing.CodeOf(err) != code {
			t.Errorf("%+v: %v, want %s", q, err, code)
		}
	}
	f(bearing.Query{Limit: bearing.MaxPage + 1}, "limit_out_of_range")
	f(bearing.Query{Limit: -1}, "limit_out_of_range")
	f(bearing.Query{Cursor: "x"}, "cursor_invalid")
	f(bearing.Query{Cursor: "AAAA"}, "cursor_invalid")
	if _, err := db.Diagnosis(t.Context(), "none"); bearing.CodeOf(err) != "diagnosis_not_found" {
		t.Error(err)
	}
}

// TestQueryPlans: every filter is served by an index in order.
func TestQueryPlans(t *testing.T) {
	db := open(t, Config{})
	for bits := range 32 {
		var q bearing.Query
		if bits&1 != 0 {
			q.Sensor = "s"
		}
		if bits&2 != 0 {
			q.Fault = bearing.Ball
		}
		if bits&4 != 0 {
			q.From = epoch
		}
		if bits&8 != 0 {
			q.To = epoch
		}
		if bits&16 != 0 {
			q.Cursor = position{1, 2}.String()
		}
		text, args, err := selectPage(q)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := db.read.Query("EXPLAIN QUERY PLAN "+text, args...)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var a, b, c int
			var detail string
			if err := rows.Scan(&a, &b, &c, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(detail, "TEMP B-TREE") || strings.HasPrefix(detail, "SCAN") && !strings.Contains(detail, "USING INDEX") {
				t.Errorf("%+v: %s", q, detail)
			}
		}
		rows.Close()
	}
}

func TestConcurrency(t *testing.T) {
	db := open(t, Config{MaxBatch: 8})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 30 {
				// Two goroutines share each sensor, so half are repeats.
				if _, err := put(t, db, fmt.Sprintf("s%d", g/2), i, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if s, _ := db.Stats(t.Context()); s.Diagnoses != 120 {
		t.Errorf("%d rows, want 120", s.Diagnoses)
	}
}

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

// TestPragmasAreReadBack plants a connection without durability.
func TestPragmasAreReadBack(t *testing.T) {
	weak := slices.Clone(pragmas)
	for i := range weak {
		if weak[i].name == "synchronous" {
			weak[i].set = "NORMAL"
		}
	}
	db := sql.OpenDB(newConnector(filepath.Join(t.TempDir(), "x.db"), weak, pragmas))
	defer db.Close()
	if err := db.Ping(); err == nil || !strings.Contains(err.Error(), "synchronous") {
		t.Errorf("got %v, want a refusal of synchronous", err)
	}
}

func TestSecondProgramIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, Config{Dir: dir})
	if _, err := Open(t.Context(), Config{Dir: dir}); bearing.CodeOf(err) != "store_locked" {
		t.Errorf("got %v", err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	db := open(t, Config{Dir: dir})
	if _, err := db.write.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := Open(t.Context(), Config{Dir: dir}); bearing.CodeOf(err) != "store_newer" {
		t.Errorf("got %v", err)
	}
}

func TestDamageIsFound(t *testing.T) {
	db := open(t, Config{})
	d, err := put(t, db, "pump", 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.write.Exec("UPDATE samples SET crc = crc + 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Window(t.Context(), d.ID); !errors.Is(err, errDamaged) {
		t.Errorf("window: %v", err)
	}
	if err := db.Check(t.Context()); !errors.Is(err, errDamaged) {
		t.Errorf("check: %v", err)
	}
	_, _ = db.write.Exec("UPDATE samples SET crc = crc - 1")
}

// TestFailedCommit: all waiters of the batch learn of it, nothing is stored, and
// the next batch goes through.
func TestFailedCommit(t *testing.T) {
	db := open(t, Config{})
	broken := errors.New("broken disk")
	db.commit = func(tx *sql.Tx) error { return broken }
	if _, err := put(t, db, "pump", 1, 0); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := db.Ready(); !errors.Is(err, broken) {
		t.Errorf("ready: %v", err)
	}
	db.commit = (*sql.Tx).Commit
	if s, _ := db.Stats(t.Context()); s.Diagnoses != 0 {
		t.Errorf("%d rows after a failed commit", s.Diagnoses)
	}
	if got, err := put(t, db, "pump", 1, 0); err != nil || got.Duplicate {
		t.Errorf("after recovery: %v, duplicate %v", err, got.Duplicate)
	}
	if err := db.Ready(); err != nil {
		t.Error(err)
	}
}

func TestClose(t *testing.T) {
	db := open(t, Config{})
	for range 2 {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := put(t, db, "pump", 1, 0); bearing.CodeOf(err) != "store_closed" {
		t.Errorf("append after close: %v", err)
	}
	if err := db.Ready(); bearing.CodeOf(err) != "store_closed" {
		t.Errorf("ready after close: %v", err)
	}
}

// victim appends until it is killed, and prints the ID of each window that was
// acknowledged.
func victim(dir string) {
	db, err := Open(context.Background(), Config{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	t := new(testing.T)
	base := int(time.Now().UnixNano() % 1e9)
	for g := range 4 {
		go func() {
			for i := 0; ; i++ {
				d, w := window(t, fmt.Sprintf("s%d", g), base+i, 0)
				if _, err := db.Append(context.Background(), d, w); err == nil {
					fmt.Println(d.ID) // one write: whole lines
				}
			}
		}()
	}
	select {}
}

// TestKill kills the process in the middle of its work and looks for what was
// acknowledged.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	acked := make(map[string]bool)
	for round := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "STORE_TEST_VICTIM="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(150+50*round)*time.Millisecond, func() { _ = cmd.Process.Kill() })
		for s := bufio.NewScanner(out); s.Scan(); {
			if len(s.Text()) == 26 { // the last line may be cut
				acked[s.Text()] = true
			}
		}
		_ = cmd.Wait()
		timer.Stop()
		db := open(t, Config{Dir: dir})
		for id := range acked {
			if _, err := db.Diagnosis(t.Context(), id); err != nil {
				t.Errorf("round %d: acknowledged, but %v", round, err)
			}
		}
		if err := errors.Join(db.Check(t.Context()), db.Close()); err != nil {
			t.Error(err)
		}
	}
	if len(acked) < 50 {
		t.Errorf("only %d windows were acknowledged: the test shows nothing", len(acked))
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			db := open(b, Config{})
			x := make([]float32, 2048)
			rng := rand.New(rand.NewPCG(1, 1))
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
			var mu sync.Mutex
			n := 0
			next := func() int { mu.Lock(); defer mu.Unlock(); n++; return n }
			b.SetParallelism((callers + 1) / 2)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					w := &bearing.Window{Sensor: "pump", Start: epoch.Add(time.Duration(next()) * time.Second), SampleRate: 12000, Unit: bearing.G, Samples: x}
					if _, err := db.Append(context.Background(), diagnosis(w, bearing.Normal), w); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "windows/s")
		})
	}
}
