package rig

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const querySensors = 1000

// rows fills a database with so many diagnoses of a thousand sensors, a tenth of them of
// one, without raw samples. Each has the document of one real diagnosis: what it takes to
// find and unpack them is what is measured, not what they say.
func rows(t *testing.T, dir string, n int) {
	t.Helper()
	s := serve(t, nil, program(t, ""), dir)
	if err := newJournal().post(t.Context(), client, s.url, "s0", 0, 12000); err != nil {
		t.Fatal(err)
	}
	s.stop(t)
	db, err := sql.Open("sqlite", filepath.Join(dir, "brinell.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var doc []byte
	if err := db.QueryRow("SELECT doc FROM diagnoses").Scan(&doc); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"journal_mode = WAL", "synchronous = OFF", "cache_size = -400000"} {
		if _, err := db.Exec("PRAGMA " + p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec("DELETE FROM samples; DELETE FROM usage; DELETE FROM diagnoses"); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	faults := []string{"normal", "normal", "normal", "normal", "normal", "normal", "normal", "inner_race", "outer_race", "inconclusive"}
	counts := make([]int, querySensors)
	for done := 0; done < n; {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		insert, err := tx.Prepare("INSERT INTO diagnoses (id, sensor, fault, start_ns, digest, doc) VALUES (?, ?, ?, ?, ?, ?)")
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < 50_000 && done < n; i, done = i+1, done+1 {
			sensor := 0
			if done%10 != 0 {
				sensor = 1 + rng.IntN(querySensors-1)
			}
			counts[sensor]++
			sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(done)))
			id := strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
			if _, err := insert.Exec(id, fmt.Sprintf("s%d", sensor), faults[rng.IntN(len(faults))], epoch.Add(time.Duration(done)*time.Millisecond).UnixNano(), sum[:], doc); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range counts {
		if c == 0 {
			continue
		}
		if _, err := db.Exec("INSERT INTO usage (sensor, bytes, diagnoses, raw) VALUES (?, 0, ?, 0)", fmt.Sprintf("s%d", i), c); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
}

// slowestPage is the most that p99 of a page may take.
const slowestPage = 10 * time.Millisecond

// TestQuery asks for the last hundred diagnoses of a sensor among BRINELL_ROWS, of the one
// that has a tenth of all and of others, with and without a fault, from a cold cache (as
// root) and a warm one.
func TestQuery(t *testing.T) {
	n := count(t, "BRINELL_ROWS", 20_000)
	long := os.Getenv("BRINELL_ROWS") != ""
	rounds := 4 // each takes the cache from all else that runs here
	if long {
		rounds = 50
	}
	dir := t.TempDir()
	if scratch := os.Getenv("BRINELL_SCRATCH"); scratch != "" { // where there is room for them
		var err error
		if dir, err = os.MkdirTemp(scratch, "brinell-query"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
	}
	began := time.Now()
	rows(t, dir, n)
	info, err := os.Stat(filepath.Join(dir, "brinell.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows, %.1f GB, made in %.0f s", n, float64(info.Size())/1e9, time.Since(began).Seconds())
	s := serve(t, nil, program(t, ""), dir)
	ask := func(query string) time.Duration {
		t.Helper()
		begin := time.Now()
		resp, err := client.Get(s.url + "/v1/diagnoses?limit=100&" + query)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		took := time.Since(begin)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d, %v", query, resp.StatusCode, err)
		}
		if got := bytes.Count(b, []byte(`"received_at"`)); long && got != 100 {
			t.Fatalf("%s: %d diagnoses", query, got)
		}
		return took
	}
	for _, q := range []struct{ name, query string }{{"of the large one", "sensor=s0"}, {"of the large one, by fault", "sensor=s0&fault=inner_race"}, {"of any", "sensor=s%d"}, {"of any, by fault", "sensor=s%d&fault=inner_race"}} {
		var cold, warm []time.Duration
		for i := range rounds {
			query := q.query
			if strings.Contains(query, "%d") {
				query = fmt.Sprintf(query, 1+i*19)
			}
			dropped := os.WriteFile("/proc/sys/vm/drop_caches", []byte("1"), 0) == nil
			if took := ask(query); dropped {
				cold = append(cold, took)
			}
			for range 10 {
				warm = append(warm, ask(query))
			}
		}
		t.Logf("the last 100 %s: warm p50 %v p99 %v; cold p50 %v p99 %v", q.name, quantile(warm, 0.5), quantile(warm, 0.99), quantile(cold, 0.5), quantile(cold, 0.99))
		if long && quantile(warm, 0.99) > slowestPage {
			t.Errorf("warm p99 %v", quantile(warm, 0.99))
		}
		if long && quantile(cold, 0.99) > slowestPage {
			t.Errorf("cold p99 %v", quantile(cold, 0.99))
		}
	}
	var page struct{ Diagnoses []json.RawMessage }
	resp, err := client.Get(s.url + "/v1/diagnoses?limit=1000&sensor=s0")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil || len(page.Diagnoses) != min(1000, n/10) {
		t.Errorf("%d diagnoses on a page, %v", len(page.Diagnoses), err)
	}
}

// TestIngest posts windows as fast as they are taken, of 2,048 samples and of a second,
// with bearing and speed so that all witnesses work and without, and with a disk that takes
// 20 ms to sync. BRINELL_MODEL names another model than the default one, BRINELL_INGEST is
// the length of the long form, which asserts the rate on the slow disk; the short one
// asserts none.
func TestIngest(t *testing.T) {
	if testing.Short() {
		t.Skip("a load takes the machine")
	}
	length, long := length(t, "BRINELL_INGEST", time.Second/3)
	var model []string
	if file := os.Getenv("BRINELL_MODEL"); file != "" {
		model = []string{"--model", file}
	}
	for _, c := range []struct {
		name    string
		more    string
		wrapper []string
		samples int
		conns   int
		least   float64 // windows a second
	}{
		{"2,048 samples, three witnesses", geometry, nil, 2048, 32, 0}, {"one second, three witnesses", geometry, nil, 12000, 32, 0},
		{"2,048 samples, no bearing", "", nil, 2048, 32, 0}, {"one second, no bearing", "", nil, 12000, 32, 0},
		{"2,048 samples, three witnesses, syncs of 20 ms", geometry, []string{"strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:delay_exit=20000"}, 2048, 128, 1000},
	} {
		if c.wrapper != nil {
			if os.Geteuid() != 0 {
				continue
			}
			if _, err := os.Stat("/usr/bin/strace"); err != nil {
				t.Log("strace is not installed: no slow disk")
				continue
			}
		}
		s := serve(t, c.wrapper, program(t, ""), t.TempDir(), model...)
		f := newFlood(t, s.url, c.samples, c.conns, c.more)
		f.rest = time.Second
		f.closed(t.Context(), c.conns, time.Second)
		y := f.closed(t.Context(), c.conns, length)
		f.close()
		s.stop(t)
		t.Logf("%s: %.0f windows/s, %.1f M samples/s, p99 %v, %.0f refused a second, %v else", c.name, y.accepted, y.accepted*float64(c.samples)/1e6, y.acceptedP99, y.shed, y.other)
		if y.accepted == 0 || len(y.other) > 0 {
			t.Errorf("%s: %v", c.name, y)
		}
		if long && y.accepted < c.least {
			t.Errorf("%s: %.0f windows/s, want %.0f", c.name, y.accepted, c.least)
		}
	}
}
