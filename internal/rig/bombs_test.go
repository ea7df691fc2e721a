package rig

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// packed is a body of a head and many megabytes of a part after it, compressed. Streams of
// either encoding may stand behind one another, so that only one of the many is made.
func packed(compress func([]byte) []byte, head, part []byte) []byte {
	const piece, pieces = 4 << 20, 10
	return append(compress(head), bytes.Repeat(compress(bytes.Repeat(part, piece/len(part))), pieces)...)
}

// bombs are bodies of less than 64 KiB that expand to 40 MiB.
func bombs() (out []attack) {
	post := func(name, target, media, encoding string, body []byte, status int, code string) {
		out = append(out, attack{name: name, method: "POST", target: target, key: "ingest", header: []string{"Content-Type", media, "Content-Encoding", encoding}, body: body, status: status, code: code})
	}
	header := npy("{'descr': '<f4', 'fortran_order': False, 'shape': (10485760,), }\n", nil)
	post("zeros in gzip", windowsOf+query, "application/octet-stream", "gzip", packed(gzipped, nil, []byte{0}), 413, "decompressed_too_large")
	post("zeros in zstd", windowsOf+query, "application/octet-stream", "zstd", packed(zstandard, nil, []byte{0}), 413, "decompressed_too_large")
	post("NPY in gzip", windowsOf+query, "application/x-npy", "gzip", packed(gzipped, header, []byte{0}), 413, "decompressed_too_large")
	post("NPY in zstd", windowsOf+query, "application/x-npy", "zstd", packed(zstandard, header, []byte{0}), 413, "decompressed_too_large")
	post("WAV in gzip", windowsOf+query+"&scale=1", "audio/wav", "gzip", packed(gzipped, riff(chunk("fmt ", -1, format(1, 1, 12000, 2, 16))), []byte{0}), 413, "decompressed_too_large")
	post("JSON in gzip", windowsOf, "application/json", "gzip", packed(gzipped, []byte(`{"samples":[0`), []byte(",0")), 413, "decompressed_too_large")
	post("a line in gzip", "/v1/windows", ndjson, "gzip", packed(gzipped, []byte(`{"samples":[0`), []byte(",0")), 200, "body_too_large")
	post("a line in zstd", "/v1/windows", ndjson, "zstd", packed(zstandard, []byte(`{"samples":[0`), []byte(" ")), 200, "body_too_large")
	post("blank lines in gzip", "/v1/windows", ndjson, "gzip", packed(gzipped, nil, []byte("\n")), 200, "too_many_lines")
	post("lines in gzip", "/v1/windows", ndjson, "gzip", packed(gzipped, nil, []byte("{}\n")), 200, "sensor_name")
	return append(out, attack{name: "layers of a model", method: "POST", target: "/v1/models", key: "admin", header: []string{"Content-Type", "application/octet-stream"}, body: layered(), status: 422, code: "model_rejected"})
}

// layered is a model file of 55 KB, whole but for its golden logits, of which each layer
// takes little more than 100 MB, and all of them 7 GB.
func layered() []byte {
	const length, channels, layers = 1 << 13, 1 << 10, 70
	sum := func(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }
	var header strings.Builder
	size := 0
	for _, t := range []struct {
		name  string
		shape []int
	}{{"layers.0.weight", []int{1, 1, channels}}, {fmt.Sprintf("layers.%d.weight", layers+3), []int{channels, 2}}, {fmt.Sprintf("layers.%d.bias", layers+3), []int{2}},
		{"golden.windows", []int{1, length}}, {"golden.logits", []int{1, 2}}} {
		n := 4
		for _, s := range t.shape {
			n *= s
		}
		fmt.Fprintf(&header, `,%q:{"dtype":"F32","shape":%s,"data_offsets":[%d,%d]}`, t.name, strings.ReplaceAll(fmt.Sprint(t.shape), " ", ","), size, size+n)
		size += n
	}
	data := make([]byte, size)
	manifest := fmt.Sprintf(`{"format":1,"name":"bomb","version":"1","digest":%q,"licence":"none","labels":[{"name":"normal","fault":"normal"},{"name":"ball","fault":"ball"}],`+
		`"preprocessing":{"sample_rate_hz":12000,"length":%d,"band_limit_hz":5000,"normalise":"zscore"},`+
		`"spec":{"name":"bomb","input":{"length":%d,"channels":1},"layers":[{"op":"conv","out":%d,"kernel":1,"stride":1,"padding":"same"},%s{"op":"avgpool","kernel":256},{"op":"avgpool","kernel":32},{"op":"logits"}]}}`,
		sum(data), length, length, channels, strings.Repeat(`{"op":"residual","branches":[[{"op":"relu"}]]},`, layers))
	text := fmt.Sprintf(`{"__metadata__":{"brinell":%q,"brinell.sha256":%q}%s}`, manifest, sum([]byte(manifest)), header.String())
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), data...)
}

const ndjson = "application/x-ndjson"

// bombed is what came of decompression bombs.
type bombed struct {
	took, canary []time.Duration // shortest first
	grown        float64         // MiB of the most that was resident
}

// String gives the figures of docs/guarantees.md.
func (b bombed) String() string {
	return fmt.Sprintf("each refused in p99 %v, slowest %v; resident %.1f MiB more at most; canary: %d windows, p99 %v", quantile(b.took, 0.99), b.took[len(b.took)-1], b.grown, len(b.canary), quantile(b.canary, 0.99))
}

// bombard sends so many bombs to a program, four at a time, and says which has another
// answer than it should, and whether they take memory.
func bombard(t *testing.T, b build, bombs []attack, n int) (out bombed, err error) {
	t.Helper()
	g := newGauntlet(t, b)
	defer g.kill()
	stop := make(chan struct{})
	times := make(chan []time.Duration)
	go func() { times <- g.canary(t, stop) }()
	// What as many lines take that are not packed it may take.
	lines := attack{method: "POST", target: "/v1/windows", key: "ingest", header: []string{"Content-Type", ndjson}, body: bytes.Repeat([]byte("{}\n"), 10_000)}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := g.send(lines); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	before := g.status(t, "VmHWM")
	var mu sync.Mutex
	jobs := make(chan attack)
	for range 4 {
		wg.Go(func() {
			for a := range jobs {
				begin := time.Now()
				got, serr := g.send(a)
				took := time.Since(begin)
				mu.Lock()
				if a.target != "/v1/windows" { // whose answer has a line for each
					out.took = append(out.took, took)
				}
				if serr != nil {
					err = errors.Join(err, fmt.Errorf("%s: no answer: %w", a.name, serr))
				} else if got.status != a.status || got.code != a.code {
					err = errors.Join(err, fmt.Errorf("%s: %d %s, want %d %s: %.200s", a.name, got.status, got.code, a.status, a.code, got.body))
				}
				mu.Unlock()
			}
		})
	}
	for i := range n {
		jobs <- bombs[i%len(bombs)]
	}
	close(jobs)
	wg.Wait()
	out.grown = g.status(t, "VmHWM") - before
	close(stop)
	out.canary = <-times
	slices.Sort(out.took)
	if out.grown > 32 {
		err = errors.Join(err, fmt.Errorf("%.0f MiB more were resident", out.grown))
	}
	if foreign := g.holdings(t); len(foreign) > 0 {
		err = errors.Join(err, fmt.Errorf("of bombs there is stored: %v", foreign))
	}
	return out, err
}

// TestBombs sends small bodies that expand to 40 MiB, in every encoding and form, while a
// canary sends good windows: each is refused, and memory does not grow by more than 32 MiB.
// A program without a bound of what comes out is caught. BRINELL_BOMBS is how many; the long
// form asserts times.
func TestBombs(t *testing.T) {
	n, bombs := count(t, "BRINELL_BOMBS", 22), bombs()
	b, err := bombard(t, sound(t), bombs, n)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d bombs: %v", n, b)
	if len(b.canary) == 0 {
		t.Fatal("the canary sang nothing")
	}
	if n > 22 && (quantile(b.took, 0.99) > 100*time.Millisecond || quantile(b.canary, 0.99) > 250*time.Millisecond) {
		t.Error("that is too slow")
	}
	_, err = bombard(t, planted(t, "unbounded"), bombs, 3)
	sees(t, "unbounded", err)
}
