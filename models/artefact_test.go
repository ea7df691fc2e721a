package models

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brinell/bearing"
	"brinell/models/input"
	"brinell/models/learn/network"
	"brinell/models/nn"
	"brinell/models/safetensors"
)

// tiny returns a small untrained model, whole in every other respect.
func tiny(t testing.TB) *Model { return tinyOf(t, "") }

// tinyOf is tiny with that transform of its windows.
func tinyOf(t testing.TB, transform string) *Model {
	t.Helper()
	pre := input.Preprocessing{SampleRate: 12000, Length: 64, BandLimit: 5000, Normalise: input.ZScore, Transform: transform}
	rng := rand.New(rand.NewPCG(1, 2))
	labels := []Label{{"normal", bearing.Normal}, {"inner_race", bearing.InnerRace}, {"outer_race", bearing.OuterRace}}
	spec := nn.Spec{Name: "tiny", Input: nn.Signal(pre.InputLength(), 1), Layers: []nn.Layer{
		nn.Conv(3, 8, 4, nn.Same), nn.BatchNorm(), nn.ReLU(), nn.MaxPool(2), nn.Dense(4), nn.ReLU(), nn.Logits()}}
	net, err := nn.New(spec, len(labels), rng)
	if err != nil {
		t.Fatal(err)
	}
	m := &Model{Estimator: network.Of(net), Manifest: Manifest{
		Name: "tiny", Version: "1", Labels: labels, Licence: "test",
		Preprocessing: pre,
		Training:      Training{Corpus: "own", Split: "time", Seen: []Seen{{"a/DE", "DE/x", 0, 1000}}},
	}}
	var windows []input.Window
	for range 3 {
		w := make([]float32, 64)
		for i := range w {
			w[i] = float32(rng.NormFloat64())
		}
		windows = append(windows, input.Window{Samples: w, Rate: 12000})
	}
	if err := m.SetGolden(windows); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSaveOpen(t *testing.T) {
	for _, transform := range []string{"", input.Spectrum} {
		t.Run(transform, func(t *testing.T) { testSaveOpen(t, tinyOf(t, transform)) })
	}
}

func testSaveOpen(t *testing.T, m *Model) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m.Manifest, got.Manifest); d != "" {
		t.Errorf("manifest (-saved +opened):\n%s", d)
	}
	for i, p := range m.Network().Params() {
		if d := cmp.Diff(p.W, got.Network().Params()[i].W); d != "" {
			t.Errorf("%s:\n%s", p.Name(), d)
		}
	}
	again, err := got.Encode()
	if err != nil {
		t.Fatal(err)
	}
	first, _ := m.Encode()
	if !bytes.Equal(first, again) {
		t.Error("encoding an opened model gives other bytes")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); bearing.CodeOf(err) != "model_not_found" {
		t.Errorf("missing file: %v", err)
	}
}

// edit decodes the container, lets f change header, manifest and tensor bytes,
// and puts it together again.
func edit(t *testing.T, b []byte, f func(header map[string]any, manifest map[string]any, data []byte) []byte) []byte {
	t.Helper()
	n := binary.LittleEndian.Uint64(b)
	var header, manifest map[string]any
	if err := json.Unmarshal(b[8:8+n], &header); err != nil {
		t.Fatal(err)
	}
	meta := header["__metadata__"].(map[string]any)
	if err := json.Unmarshal([]byte(meta[manifestKey].(string)), &manifest); err != nil {
		t.Fatal(err)
	}
	data := f(header, manifest, bytes.Clone(b[8+n:]))
	text, _ := json.Marshal(manifest)
	meta[manifestKey] = string(text)
	meta[checksumKey] = safetensors.Checksum(text)
	h, _ := json.Marshal(header)
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(h))), h...), data...)
}

func TestOpenRefuses(t *testing.T) {
	good, err := tiny(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(edit(t, good, func(_, _ map[string]any, d []byte) []byte { return d })); err != nil {
		t.Fatalf("unchanged: %v", err)
	}
	f := func(name, want string, change func(header, manifest map[string]any, data []byte) []byte) {
		t.Helper()
		_, err := Decode(edit(t, good, change))
		if bearing.CodeOf(err) != "model_rejected" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want model_rejected about %q", name, err, want)
		}
	}
	f("flipped bit", "do not match the digest", func(_, _ map[string]any, d []byte) []byte { d[3] ^= 1; return d })
	f("cut", "tensor", func(_, _ map[string]any, d []byte) []byte { return d[:len(d)-4] })
	f("trailing bytes", "tensors cover", func(_, _ map[string]any, d []byte) []byte { return append(d, 0, 0, 0, 0) })
	f("other preprocessing", "golden window", func(_, m map[string]any, d []byte) []byte {
		m["preprocessing"].(map[string]any)["band_limit_hz"] = 2000
		return d
	})
	f("unknown transform", `transform "wavelet" is not known`, func(_, m map[string]any, d []byte) []byte {
		m["preprocessing"].(map[string]any)["transform"] = "wavelet"
		return d
	})
	f("transform of another version", "train the model anew", func(_, m map[string]any, d []byte) []byte {
		m["preprocessing"].(map[string]any)["representation_version"] = "0123456789ab"
		return d
	})
	f("transform of another spec", "the spec takes", func(_, m map[string]any, d []byte) []byte {
		m["preprocessing"].(map[string]any)["transform"] = input.Spectrum
		delete(m["preprocessing"].(map[string]any), "representation_version")
		return d
	})
	f("wider spec", "need F32 [24 5]", func(_, m map[string]any, d []byte) []byte {
		m["spec"].(map[string]any)["layers"].([]any)[4].(map[string]any)["out"] = 5
		return d
	})
	f("huge spec", "output is too large", func(_, m map[string]any, d []byte) []byte {
		m["spec"].(map[string]any)["layers"].([]any)[0].(map[string]any)["out"] = 1 << 20
		m["spec"].(map[string]any)["layers"].([]any)[4].(map[string]any)["out"] = 1 << 20
		return d
	})
	f("missing tensor", "tensors cover", func(h, _ map[string]any, d []byte) []byte { delete(h, "layers.0.weight"); return d })
	f("other type", "F16", func(h, _ map[string]any, d []byte) []byte {
		h["layers.0.weight"].(map[string]any)["dtype"] = "F16"
		return d
	})
	f("newer format", "format 3", func(_, m map[string]any, d []byte) []byte { m["format"] = 3; return d })
	f("unknown learner", `learner "oracle" is not known: this program has network`, func(_, m map[string]any, d []byte) []byte { m["learner"] = "oracle"; return d })
	f("golden windows of another length", "are no stretch of the model", func(_, m map[string]any, d []byte) []byte {
		m["golden"].([]any)[0].(map[string]any)["samples"] = 63
		return d
	})
	f("fewer golden windows", "golden.logits", func(_, m map[string]any, d []byte) []byte { m["golden"] = m["golden"].([]any)[:1]; return d })
	f("no golden windows", "golden.logits", func(_, m map[string]any, d []byte) []byte { delete(m, "golden"); return d })
	f("unknown field", "unknown field", func(_, m map[string]any, d []byte) []byte { m["exec"] = "x"; return d })
	f("one label twice", "repeated", func(_, m map[string]any, d []byte) []byte {
		m["labels"].([]any)[1].(map[string]any)["name"] = "normal"
		return d
	})
	b := bytes.Replace(good, []byte("own"), []byte("cwr"), 1)
	if _, err := Decode(b); !strings.Contains(err.Error(), "manifest does not match its checksum") {
		t.Errorf("edited by hand: %v", err)
	}
	for name, b := range map[string][]byte{"empty": nil, "short": {1, 2, 3}, "lying header": binary.LittleEndian.AppendUint64(nil, 1<<40)} {
		if _, err := Decode(b); bearing.CodeOf(err) != "model_rejected" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// The calibration that a file was given stands in its manifest and among what its digest
// covers, and both must be the same.
func TestCalibrationFile(t *testing.T) {
	m := tiny(t)
	bare, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	m.Calibration = &Calibration{Network: 0.5, Envelope: 1.25, Bias: bearing.ByFault{0.1}, Conformal: 0.75, Alpha: 0.25, Bearings: 3,
		Fit: &Fit{Corpus: "own", Split: "bearing", Groups: 4, Specimens: []string{"a", "b", "c"}, Seen: 1}}
	good, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(good)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m.Calibration, got.Calibration); diff != "" {
		t.Errorf("calibration written (-), read (+):\n%s", diff)
	}
	if old, err := Decode(bare); err != nil || old.Digest == got.Digest {
		t.Errorf("the digest does not tell the calibrated weights: %v", err)
	}
	for want, change := range map[string]func(c map[string]any){
		"not the manifest's calibration": func(c map[string]any) { c["network"] = 0.9 },
		"contradict each other":          func(c map[string]any) { c["bearings"] = 4 },
		"belongs to nothing":             func(c map[string]any) { delete(c, "fit") },
	} {
		_, err := Decode(edit(t, good, func(_, m map[string]any, d []byte) []byte {
			change(m["calibration"].(map[string]any))
			return d
		}))
		if bearing.CodeOf(err) != "model_rejected" || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want model_rejected about %q", err, want)
		}
	}
}

func TestLeakError(t *testing.T) {
	m := tiny(t)
	f := func(rec string, from, to int, want bool) {
		t.Helper()
		if got := m.LeakError(rec, from, to) != nil; got != want {
			t.Errorf("%s [%d, %d): leaks %v, want %v", rec, from, to, got, want)
		}
	}
	f("a/DE", 0, 10, true)
	f("a/DE", 999, 1200, true)
	f("a/DE", 1000, 1200, false)
	f("b/DE", 0, 10, false)
	m.Training.Seen[0].From = 500
	f("a/DE", 0, 500, false)
	f("a/DE", 0, 501, true)
}

func TestClassify(t *testing.T) {
	for _, transform := range []string{"", input.Spectrum} {
		t.Run(transform, func(t *testing.T) { testClassify(t, tinyOf(t, transform)) })
	}
}

func testClassify(t *testing.T, m *Model) {
	c := m.Classifier()
	p := make([]float64, c.Labels())
	x := make([]float32, 300)
	for i := range x {
		x[i] = float32(math.Sin(float64(i)))
	}
	f := func(n int, rate float64, segments int, code string) {
		t.Helper()
		got, err := c.Classify(p, input.Window{Samples: x[:n], Rate: rate})
		if bearing.CodeOf(err) != code || got != segments {
			t.Errorf("%d samples at %v Hz: %d segments, %v; want %d, code %q", n, rate, got, err, segments, code)
		}
		if err == nil && math.Abs(p[0]+p[1]+p[2]-1) > 1e-6 {
			t.Errorf("probabilities %v do not sum to 1", p)
		}
	}
	f(64, 12000, 1, "")
	f(128, 12000, 2, "")
	f(129, 12000, 3, "")
	f(256, 48000, 1, "")
	f(255, 48000, 0, "window_too_short")
	f(63, 12000, 0, "window_too_short")
	f(64, 11999, 0, "rate_too_low")
	// Segments are judged one by one, and their probabilities averaged.
	f(129, 12000, 3, "")
	mean, q := append([]float64(nil), p...), make([]float64, len(p))
	for _, s := range input.Segments(129, 64) {
		if _, err := c.Classify(q, input.Window{Samples: x[s : s+64], Rate: 12000}); err != nil {
			t.Fatal(err)
		}
		for i, v := range q {
			mean[i] -= v / 3
		}
	}
	for i, d := range mean {
		if math.Abs(d) > 1e-12 {
			t.Errorf("label %d: the mean over segments is off by %v", i, d)
		}
	}
	if a := testing.AllocsPerRun(20, func() { c.Classify(p, input.Window{Samples: x, Rate: 12000}) }); a > 1 {
		t.Errorf("Classify allocates %v times, want at most the segment list", a)
	}
}

func FuzzDecode(f *testing.F) {
	good, err := tiny(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	sparse, err := tinySparse(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sparse)
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	for _, b := range bombs(f) {
		if len(b.file) < 64<<10 {
			f.Add(b.file)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		// As it is, and with seals that fit, so that what lies behind them is tried.
		m, err := Decode(b)
		if err != nil {
			if bearing.CodeOf(err) != "model_rejected" {
				t.Errorf("code %s", bearing.CodeOf(err))
			}
			if m, err = Decode(sealed(b)); err != nil {
				return
			}
		}
		// What is accepted can be served.
		c := m.Classifier()
		if _, err := c.Classify(make([]float64, c.Labels()), m.GoldenWindows()[0]); err != nil {
			t.Error(err)
		}
	})
}

// tinySparse is tiny with a dense layer in groups of eight, most of them zero.
func tinySparse(t testing.TB) *Model {
	t.Helper()
	m := tiny(t)
	w := m.Network().Param("4", nn.Weight).W
	for i := range w {
		if i%13 != 0 {
			w[i] = 0
		}
	}
	m.Spec.Layers = slices.Clone(m.Network().Spec.Layers)
	m.Spec.Name, m.Spec.Input = m.Network().Spec.Name, m.Network().Spec.Input
	m.Spec.Layers[4].Group = 8
	net, err := nn.New(m.Spec, len(m.Labels), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Network().Params() {
		copy(net.Params()[i].W, p.W)
	}
	m.SetNetwork(net)
	if err := m.SetGolden(m.GoldenWindows()); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestSparseFile: weights that are mostly zero come back to the bit from a smaller
// file, and broken groups are refused.
func TestSparseFile(t *testing.T) {
	dense, err := tiny(t).Size()
	if err != nil {
		t.Fatal(err)
	}
	m := tinySparse(t)
	good, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if size, _ := m.Size(); size >= dense+200 { // three tensors need more header
		t.Errorf("%d bytes with zeros, %d without", size, dense)
	}
	got, err := Decode(good)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Network().Params() {
		if d := cmp.Diff(p.W, got.Network().Params()[i].W); d != "" {
			t.Errorf("%s:\n%s", p.Name(), d)
		}
	}
	f := func(name, want string, change func(header map[string]any, data []byte)) {
		t.Helper()
		_, err := Decode(edit(t, good, func(h, m map[string]any, d []byte) []byte {
			change(h, d)
			m["digest"] = safetensors.Checksum(d)
			return d
		}))
		if bearing.CodeOf(err) != "model_rejected" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want model_rejected about %q", name, err, want)
		}
	}
	at := func(h map[string]any, tensor string) int {
		return int(h["layers.4.weight"+tensor].(map[string]any)["data_offsets"].([]any)[0].(float64))
	}
	f("no columns", "missing", func(h map[string]any, d []byte) {
		h["x"] = h["layers.4.weight"+".columns"]
		delete(h, "layers.4.weight"+".columns")
	})
	f("column between", "column 3", func(h map[string]any, d []byte) { d[at(h, ".columns")] = 3 })
	f("start beyond", "belong together", func(h map[string]any, d []byte) { d[at(h, ".starts")+16] = 99 })
	f("float columns", "no row of I32", func(h map[string]any, d []byte) { h["layers.4.weight"+".columns"].(map[string]any)["dtype"] = "F32" })
}

// sealed returns b with the digest and checksum of what it holds, or b if it holds
// nothing of the kind.
func sealed(b []byte) []byte {
	if len(b) < 8 {
		return b
	}
	n := binary.LittleEndian.Uint64(b)
	var header, manifest map[string]any
	if n > uint64(len(b)-8) || json.Unmarshal(b[8:8+n], &header) != nil {
		return b
	}
	meta, _ := header["__metadata__"].(map[string]any)
	text, _ := meta[manifestKey].(string)
	if json.Unmarshal([]byte(text), &manifest) != nil || manifest == nil {
		return b
	}
	data := b[8+n:]
	manifest["digest"] = safetensors.Checksum(data)
	m, _ := json.Marshal(manifest)
	meta[manifestKey], meta[checksumKey] = string(m), safetensors.Checksum(m)
	h, _ := json.Marshal(header)
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(h))), h...), data...)
}

// TestFormat1: a file of format 1, whose golden windows were evidence, is read, proved,
// and written in format 2 with raw windows and the same answers.
func TestFormat1(t *testing.T) {
	old, err := os.ReadFile("testdata/format1-lines.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode(old)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if got.Format != 2 || got.Preprocessing.Version == "" || len(got.GoldenWindows()) == 0 || len(got.GoldenWindows()[0].Samples) != 12000 {
		t.Errorf("format %d, preprocessing %+v, %d golden windows", got.Format, got.Preprocessing, len(got.GoldenWindows()))
	}
	for i, p := range m.Network().Params() {
		if !slices.Equal(p.W, got.Network().Params()[i].W) {
			t.Errorf("%s differs", p.Name())
		}
	}
	for want, change := range map[string]func(m map[string]any){
		"train the model anew": func(m map[string]any) { m["preprocessing"].(map[string]any)["transform_version"] = 2 },
		"no list of golden":    func(m map[string]any) { m["golden"] = []any{map[string]any{"samples": 12000, "sample_rate_hz": 12000}} },
	} {
		if _, err := Decode(edit(t, old, func(_, m map[string]any, d []byte) []byte { change(m); return d })); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error about %q", err, want)
		}
	}
	// The evidence that the file states must still give its logits.
	damaged := edit(t, old, func(h, m map[string]any, d []byte) []byte {
		at := int(h[goldenLogits].(map[string]any)["data_offsets"].([]any)[0].(float64))
		d[at+3] ^= 0x80 // the sign of the first golden logit
		m["digest"] = safetensors.Checksum(d)
		return d
	})
	if _, err := Decode(damaged); err == nil || !strings.Contains(err.Error(), "golden window") {
		t.Errorf("wrong golden answers: %v", err)
	}
}

// TestGoldenGoesTheWholeWay: golden windows of a model on lines are samples, so that a
// change of the evidence behind the same weights is refused.
func TestGoldenGoesTheWholeWay(t *testing.T) {
	old, err := os.ReadFile("testdata/format1-lines.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode(old)
	if err != nil {
		t.Fatal(err)
	}
	good, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(g map[string]any){
		"another speed":  func(g map[string]any) { g["shaft_speed_hz"] = 20 },
		"another rate":   func(g map[string]any) { g["sample_rate_hz"] = 15000 },
		"another orders": func(g map[string]any) { g["orders"] = []any{4.1, 6.2, 2.8, 0.41} },
	} {
		_, err := Decode(edit(t, good, func(_, m map[string]any, d []byte) []byte {
			for _, g := range m["golden"].([]any) {
				change(g.(map[string]any))
			}
			return d
		}))
		if err == nil || !strings.Contains(err.Error(), "do not belong together") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for want, change := range map[string]func(g map[string]any){
		"missing or out of range": func(g map[string]any) { delete(g, "orders") },
		"too few or too many":     func(g map[string]any) { g["shaft_speed_hz"] = 1 },
		"are out of range":        func(g map[string]any) { g["sample_rate_hz"] = 0.5 },
	} {
		_, err := Decode(edit(t, good, func(_, m map[string]any, d []byte) []byte {
			change(m["golden"].([]any)[0].(map[string]any))
			return d
		}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error about %q", err, want)
		}
	}
}

// TestGoldenRates: each rate takes a filter, so a file has few, and of windows at more rates
// those of the first are taken.
func TestGoldenRates(t *testing.T) {
	m := tiny(t)
	var windows []input.Window
	for i := range 6 {
		rate := 12000 * float64(1+i)
		windows = append(windows, input.Window{Samples: make([]float32, m.Preprocessing.NativeLength(rate)), Rate: rate})
	}
	if err := m.SetGolden(windows); err != nil || len(m.Golden) != 4 {
		t.Fatalf("%v, %d golden windows", err, len(m.Golden))
	}
	good, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(good); err != nil {
		t.Error(err)
	}
	rows := make([]GoldenWindow, 5)
	for i := range rows {
		rate := 12000 * float64(1+i)
		rows[i] = GoldenWindow{Samples: m.Preprocessing.NativeLength(rate), Rate: rate}
	}
	if err := checkGoldenRows(m.Preprocessing, rows); err == nil || !strings.Contains(err.Error(), "sampling rates") {
		t.Errorf("one rate too many: %v", err)
	}
	if err := checkGoldenRows(m.Preprocessing, rows[:4]); err != nil {
		t.Errorf("as many as may be: %v", err)
	}
	for _, n := range []int{64, 65} {
		rows := make([]GoldenWindow, n)
		for i := range rows {
			rows[i] = GoldenWindow{Samples: m.Preprocessing.Length, Rate: 12000}
		}
		if err := checkGoldenRows(m.Preprocessing, rows); (err == nil) != (n == 64) {
			t.Errorf("%d golden windows: %v", n, err)
		}
	}
	// As many samples as may be, in one window of a model on lines, and one more.
	for n, want := range map[int]bool{1 << 22: true, 1<<22 + 1: false} {
		row := GoldenWindow{Samples: n, Rate: 1e6, ShaftSpeed: 30, Orders: &[4]float64{3.58, 5.42, 2.36, 0.4}}
		if err := checkGoldenRows(input.OfLines, []GoldenWindow{row}); (err == nil) != want {
			t.Errorf("%d samples: %v", n, err)
		}
	}
}

// TestCardBounds: what a manifest says in words is bounded, just under and just over, and so
// are its labels and scores.
func TestCardBounds(t *testing.T) {
	good, err := tiny(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	text := func(n int) string { return strings.Repeat("x", n) }
	list := func(n int) (l []any) {
		for range n {
			l = append(l, map[string]any{"split": "time"})
		}
		return l
	}
	for _, c := range []struct {
		name   string
		change func(m map[string]any, over int)
	}{
		{"licence", func(m map[string]any, over int) { m["licence"] = text(2000 + over) }},
		{"reference", func(m map[string]any, over int) { m["spec"].(map[string]any)["reference"] = text(2000 + over) }},
		{"corpus", func(m map[string]any, over int) { m["training"].(map[string]any)["corpus"] = text(200 + over) }},
		{"recording", func(m map[string]any, over int) {
			m["training"].(map[string]any)["seen"].([]any)[0].(map[string]any)["recording"] = text(200 + over)
		}},
		{"slimming", func(m map[string]any, over int) {
			m["training"].(map[string]any)["slimming"] = map[string]any{"method": text(200 + over)}
		}},
		{"fold of a score", func(m map[string]any, over int) { m["scores"] = []any{map[string]any{"fold": text(200 + over)}} }},
		{"bearing of a score", func(m map[string]any, over int) {
			m["scores"] = []any{map[string]any{"bearings": []any{map[string]any{"specimen": text(200 + over)}}}}
		}},
		{"scores", func(m map[string]any, over int) { m["scores"] = list(64 + over) }},
	} {
		for over := range 2 {
			_, err := Decode(edit(t, good, func(_, m map[string]any, d []byte) []byte { c.change(m, over); return d }))
			if (err == nil) != (over == 0) {
				t.Errorf("%s, %d over the bound: %v", c.name, over, err)
			}
		}
	}
	m := tiny(t).Manifest
	m.Format, m.Labels = formatVersion, nil
	m.Spec = tiny(t).Network().Spec
	for i := range 257 {
		m.Labels = append(m.Labels, Label{fmt.Sprint("class_", i), bearing.Fault(fmt.Sprint("class_", i))})
		if err := m.validate(); len(m.Labels) >= 256 && (err == nil) != (len(m.Labels) == 256) {
			t.Errorf("%d labels: %v", len(m.Labels), err)
		}
	}
}

// TestFaultOf: probabilities of labels with one fault add up, and the first of equals wins.
func TestFaultOf(t *testing.T) {
	labels := []Label{{"ball 7", bearing.Ball}, {"normal", bearing.Normal}, {"ball 14", bearing.Ball}, {"inner", bearing.InnerRace}}
	for _, c := range []struct {
		p    []float64
		want bearing.Fault
	}{{[]float64{0.3, 0.4, 0.2, 0.1}, bearing.Ball}, {[]float64{0.1, 0.4, 0.2, 0.3}, bearing.Normal}, {[]float64{0.1, 0.3, 0.2, 0.4}, bearing.InnerRace}, {[]float64{0.2, 0.3, 0.1, 0.3}, bearing.Ball}} {
		if got := FaultOf(labels, c.p); got != c.want {
			t.Errorf("%v: %s, want %s", c.p, got, c.want)
		}
	}
}

// TestZeroWeights: a layer of which pruning has left nothing is saved and opened.
func TestZeroWeights(t *testing.T) {
	m := tinySparse(t)
	clear(m.Network().Param("4", nn.Weight).W)
	clear(m.Network().Param("0", nn.Weight).W)
	if err := m.SetGolden(m.GoldenWindows()); err != nil {
		t.Fatal(err)
	}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Network().Params() {
		if !slices.Equal(p.W, got.Network().Params()[i].W) {
			t.Errorf("%s differs", p.Name())
		}
	}
}
