package download

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/dataset/matfile"
)

// oneFileCorpus is a corpus with one file of those bytes.
func oneFileCorpus(b []byte) dataset.Corpus {
	sum := sha256.Sum256(b)
	return dataset.Corpus{Name: "test", Entries: []dataset.Entry{{
		File: "named_by_the_table.mat", URL: "https://publisher.invalid/files/7.mat", SHA256: hex.EncodeToString(sum[:]),
	}}}
}

func payload(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i >> 3)
	}
	return b
}

// serve answers /7.mat with content, knows ranges, and calls before on each request
// first; before may answer itself by returning true.
func serve(t *testing.T, content []byte, before func(n int, w http.ResponseWriter, r *http.Request) bool) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var calls atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(calls.Add(1))
		if r.URL.Path != "/7.mat" {
			http.NotFound(w, r)
			return
		}
		if before != nil && before(n, w, r) {
			return
		}
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "7.mat", time.Time{}, bytes.NewReader(content))
	}))
	t.Cleanup(s.Close)
	return s, &calls
}

// cut sends the head of content and breaks the connection.
func cut(w http.ResponseWriter, content []byte, at int) {
	w.Header().Set("ETag", `"v1"`)
	w.Header().Set("Content-Length", fmt.Sprint(len(content)))
	w.Write(content[:at])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func fetchOptions(s *httptest.Server) Options {
	return Options{Base: s.URL, Wait: time.Millisecond}
}

func mustHold(t *testing.T, dir string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, "named_by_the_table.mat"))
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("stored %d bytes (%v), want %d", len(got), err, len(want))
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*.part*"))
	if len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestFetch(t *testing.T) {
	b := payload(300_000)
	s, calls := serve(t, b, nil)
	dir := filepath.Join(t.TempDir(), "new")
	opts := fetchOptions(s)
	var last Progress
	opts.Progress = func(p Progress) { last = p }
	if err := Corpus(t.Context(), s.Client(), oneFileCorpus(b), dir, opts); err != nil {
		t.Fatal(err)
	}
	mustHold(t, dir, b)
	if !last.Done || last.Bytes != 300_000 || last.Size != 300_000 || last.Files != 1 || last.Present {
		t.Errorf("last progress %+v", last)
	}
	if err := Corpus(t.Context(), s.Client(), oneFileCorpus(b), dir, opts); err != nil {
		t.Fatal(err)
	}
	if calls.Load() != 1 || !last.Present {
		t.Errorf("%d requests for a file that is there, progress %+v", calls.Load(), last)
	}
}

func TestFetchResumes(t *testing.T) {
	b := payload(300_000)
	var ranges []string
	s, _ := serve(t, b, func(n int, w http.ResponseWriter, r *http.Request) bool {
		ranges = append(ranges, r.Header.Get("Range")+" "+r.Header.Get("If-Range"))
		if n == 1 {
			cut(w, b, 100_000)
		}
		return false
	})
	dir := t.TempDir()
	if err := Corpus(t.Context(), s.Client(), oneFileCorpus(b), dir, fetchOptions(s)); err != nil {
		t.Fatal(err)
	}
	mustHold(t, dir, b)
	if len(ranges) != 2 || ranges[1] != `bytes=100000- "v1"` {
		t.Errorf("requests %q: the second must ask for the rest", ranges)
	}
}

// A transfer of an earlier call goes on in a later one.
func TestFetchResumesLater(t *testing.T) {
	b := payload(300_000)
	broken := true
	s, calls := serve(t, b, func(n int, w http.ResponseWriter, r *http.Request) bool {
		if broken {
			cut(w, b, 120_000)
		}
		return false
	})
	dir := t.TempDir()
	opts := fetchOptions(s)
	opts.Attempts = 1
	if err := Corpus(t.Context(), s.Client(), oneFileCorpus(b), dir, opts); err == nil {
		t.Fatal("a broken transfer is no error")
	}
	if info, err := os.Stat(filepath.Join(dir, "named_by_the_table.mat.part")); err != nil || info.Size() != 120_000 {
		t.Fatalf("the part file: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "named_by_the_table.mat")); err == nil {
		t.Fatal("an unfinished file has its name")
	}
	broken = false
	if err := Corpus(t.Context(), s.Client(), oneFileCorpus(b), dir, opts); err != nil {
		t.Fatal(err)
	}
	mustHold(t, dir, b)
	if calls.Load() != 2 {
		t.Errorf("%d requests", calls.Load())
	}
}

func TestFetchServerIgnoresRange(t *testing.T) {
	b := payload(300_000)
	s, _ := serve(t, b, func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 1 {
			cut(w, b, 100_000)
		}
		w.Write(b)
		return true
	})
	dir := t.TempDir()
	if err := Corpus(t.Context(), s.Client(), oneFileCorpus(b), dir, fetchOptions(s)); err != nil {
		t.Fatal(err)
	}
	mustHold(t, dir, b)
}

// The file changed at the server between two parts: the ETag tells, and the whole
// file is sent.
func TestFetchChangedFile(t *testing.T) {
	old, b := payload(250_000), payload(300_000)
	old[0] ^= 1
	s, _ := serve(t, b, func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 1 {
			w.Header().Set("ETag", `"v0"`)
			w.Header().Set("Content-Length", fmt.Sprint(len(old)))
			w.Write(old[:100_000])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		return false
	})
	dir := t.TempDir()
	if err := Corpus(t.Context(), s.Client(), oneFileCorpus(b), dir, fetchOptions(s)); err != nil {
		t.Fatal(err)
	}
	mustHold(t, dir, b)
}

func TestFetchPartFiles(t *testing.T) {
	b := payload(300_000)
	for _, x := range []struct {
		name string
		part []byte
	}{
		{"complete", b},
		{"longer than the file", append(append([]byte{}, b...), 1, 2, 3)},
		{"empty", nil},
	} {
		s, _ := serve(t, b, nil)
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "named_by_the_table.mat.part"), x.part, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Corpus(t.Context(), s.Client(), oneFileCorpus(b), dir, fetchOptions(s)); err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		mustHold(t, dir, b)
	}
}

func TestFetchRefusesWrongChecksum(t *testing.T) {
	b := payload(1000)
	s, _ := serve(t, append(payload(999), 0xff), nil)
	dir := t.TempDir()
	err := Corpus(t.Context(), s.Client(), oneFileCorpus(b), dir, fetchOptions(s))
	if e, ok := errors.AsType[*bearing.Error](err); !ok || e.Code != "checksum_mismatch" {
		t.Fatalf("error %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Without a SHA-256 in the table, an error page that is sent as the file is still
// refused, and a real file is taken.
func TestFetchUnverified(t *testing.T) {
	all := named(t, "cwru").Entries
	e := all[slices.IndexFunc(all, func(e dataset.Entry) bool { return strings.HasSuffix(e.URL, "/98.mat") })]
	c := dataset.Corpus{Name: "test", Entries: []dataset.Entry{e}}
	c.Entries[0].URL = "https://publisher.invalid/7.mat"
	s, _ := serve(t, []byte("<html>gone</html>"), nil)
	dir := t.TempDir()
	if err := Corpus(t.Context(), s.Client(), c, dir, fetchOptions(s)); err == nil || !strings.Contains(err.Error(), "not the file") {
		t.Errorf("error %v", err)
	}
	s, _ = serve(t, record98(), nil)
	if err := Corpus(t.Context(), s.Client(), c, dir, fetchOptions(s)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, e.File)); err != nil {
		t.Error(err)
	}
}

func TestFetchErrors(t *testing.T) {
	b := payload(1000)
	s, calls := serve(t, b, func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n < 3 {
			w.WriteHeader(http.StatusBadGateway)
		}
		return n < 3
	})
	dir := t.TempDir()
	if err := Corpus(t.Context(), s.Client(), oneFileCorpus(b), dir, fetchOptions(s)); err != nil || calls.Load() != 3 {
		t.Errorf("a server that recovers: %v after %d requests", err, calls.Load())
	}

	// A file that is not there is asked for once, and does not stop the next one.
	c := oneFileCorpus(b)
	missing := c.Entries[0]
	missing.File, missing.URL = "missing.mat", "https://publisher.invalid/8.mat"
	c.Entries = []dataset.Entry{missing, c.Entries[0]}
	s, calls = serve(t, b, nil)
	dir = t.TempDir()
	if err := Corpus(t.Context(), s.Client(), c, dir, fetchOptions(s)); err == nil || !strings.Contains(err.Error(), "404") || calls.Load() != 2 {
		t.Errorf("a missing file: %v after %d requests", err, calls.Load())
	}
	mustHold(t, dir, b)

	if err := Corpus(t.Context(), nil, dataset.Corpus{Name: "own"}, dir, Options{}); bearing.CodeOf(err) != "nothing_to_fetch" {
		t.Errorf("own data: %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	s, _ = serve(t, b, func(n int, w http.ResponseWriter, r *http.Request) bool {
		cancel()
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	opts := fetchOptions(s)
	opts.Wait = time.Hour
	if err := Corpus(ctx, s.Client(), oneFileCorpus(b), t.TempDir(), opts); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Every published file of the corpora has an address; copies have none.
func TestDownloads(t *testing.T) {
	list := downloads(named(t, "cwru"), Options{})
	if want := 52 + 45 + 4; len(list) != want {
		t.Errorf("%d downloads, want %d", len(list), want)
	}
	for _, d := range list {
		if !strings.HasPrefix(d.url, "https://engineering.case.edu/sites/default/files/") || !strings.HasSuffix(d.file, ".mat") {
			t.Errorf("download %+v", d)
		}
	}
	all := downloads(named(t, "cwru"), Options{Keep: func(dataset.Entry) bool { return true }, Base: "http://localhost:1/x/"})
	if len(all) != 52+8+45+4 || all[0].url != "http://localhost:1/x/97.mat" {
		t.Errorf("%d downloads, the first %s", len(all), all[0].url)
	}
	if m := downloads(named(t, "mfpt"), Options{}); len(m) != 1 || !strings.HasSuffix(m[0].file, ".zip") {
		t.Errorf("MFPT downloads %v", m)
	}
}

// named is a corpus that the program knows.
func named(t *testing.T, name string) dataset.Corpus {
	t.Helper()
	c, err := dataset.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// record98 is a record as the publisher has them: three signals and the speed.
func record98() []byte {
	vector := func(name string, x ...float64) matfile.Variable {
		return matfile.Variable{Name: "X098" + name, Class: "double", Dims: []int{len(x), 1}, Data: x}
	}
	x := make([]float64, 64)
	for i := range x {
		x[i] = float64(i + 1)
	}
	return matfile.Encode([]matfile.Variable{vector("_DE_time", x...), vector("_FE_time", x...), vector("RPM", 1772)}, false, true)
}
