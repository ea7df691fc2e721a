package models

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"brinell/bearing"
	"brinell/models/input"
	"brinell/models/nn"
	"brinell/models/safetensors"
)

// bomb is a model file that would take much more than its size, if it were believed.
type bomb struct {
	name, want string
	file       []byte
}

// tensorHeader is what the header of a file says of a tensor.
type tensorHeader struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

type shape = []int

// withSpec returns a file of a spec, its seals right, with so many bytes of golden windows.
func withSpec(t testing.TB, spec nn.Spec, pre input.Preprocessing, windows int, change func(header map[string]any)) []byte {
	t.Helper()
	m := tiny(t).Manifest
	m.Format, m.Spec, m.Preprocessing = formatVersion, spec, pre
	m.Golden = nil
	for range windows {
		m.Golden = append(m.Golden, GoldenWindow{Samples: pre.Length, Rate: pre.SampleRate})
	}
	data := make([]byte, 4*windows*(pre.Length+len(m.Labels)))
	header := map[string]any{
		goldenWindows: tensorHeader{"F32", shape{windows * pre.Length}, [2]int{0, 4 * windows * pre.Length}},
		goldenLogits:  tensorHeader{"F32", shape{windows, len(m.Labels)}, [2]int{4 * windows * pre.Length, len(data)}},
	}
	meta := map[string]string{}
	header["__metadata__"] = meta
	if change != nil {
		change(header)
	}
	for name, v := range header { // what has no place yet is zeros at the end
		if h, ok := v.(tensorHeader); ok && h.Offsets == [2]int{} {
			size := 4
			for _, n := range h.Shape {
				size *= n
			}
			h.Offsets = [2]int{len(data), len(data) + size}
			header[name], data = h, append(data, make([]byte, size)...)
		}
	}
	m.Digest = safetensors.Checksum(data)
	manifest, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	meta[manifestKey], meta[checksumKey] = string(manifest), safetensors.Checksum(manifest)
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(h))), h...), data...)
}

// withText returns a file with text after a key of its manifest, its seal right.
func withText(t testing.TB, key, text string) []byte {
	t.Helper()
	b := withSpec(t, nn.Spec{Name: "bomb", Input: nn.Signal(64, 1), Layers: []nn.Layer{nn.Logits()}}, inputOf(64), 1, nil)
	n := binary.LittleEndian.Uint64(b)
	var header map[string]any
	if err := json.Unmarshal(b[8:8+n], &header); err != nil {
		t.Fatal(err)
	}
	meta := header["__metadata__"].(map[string]any)
	manifest := meta[manifestKey].(string)
	if !strings.Contains(manifest, key) {
		manifest = strings.Replace(manifest, strings.TrimSuffix(key, "[")+"null", key+"null]", 1)
	}
	manifest = strings.Replace(manifest, key, key+text, 1)
	if !strings.Contains(manifest, text) {
		t.Fatalf("the manifest has no %s: %s", key, manifest)
	}
	meta[manifestKey], meta[checksumKey] = manifest, safetensors.Checksum([]byte(manifest))
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(h))), h...), b[8+n:]...)
}

func inputOf(length int) input.Preprocessing {
	return input.Preprocessing{SampleRate: 12000, Length: length, BandLimit: 5000, Normalise: input.ZScore}
}

func bombs(t testing.TB) (out []bomb) {
	add := func(name, want string, length, windows int, layers ...nn.Layer) {
		spec := nn.Spec{Name: "bomb", Input: nn.Signal(length, 1), Layers: append(layers, nn.Logits())}
		out = append(out, bomb{name, want, withSpec(t, spec, inputOf(length), windows, nil)})
	}
	many := func(n int, l nn.Layer) (layers []nn.Layer) {
		for range n {
			layers = append(layers, l)
		}
		return layers
	}
	add("70 residual layers", "too large activations", 1<<20, 1, many(70, nn.Residual(nn.ReLU()))...)
	add("70 residual layers of many channels", "too large activations", 1<<10, 1, append([]nn.Layer{nn.Conv(1<<10, 1, 1, nn.Same)}, many(70, nn.Residual(nn.ReLU()))...)...)
	add("branches of branches", "too large activations", 1<<16, 1, nn.Branches(many(60, nn.Residual(nn.ReLU()))))
	add("normalised channels", "too large activations", 64, 1, append([]nn.Layer{nn.Conv(1<<14, 1, 64, nn.Same)}, many(100, nn.BatchNorm())...)...)
	add("weights beyond an int", "too large", 1<<10, 1, nn.Conv(1<<20, 1<<20, 1, nn.Same))
	add("weights that the file has not", "the file holds", 1<<10, 1, nn.Dense(1<<13))
	add("a long stride", "stride", 1<<10, 1, nn.Conv(1, 1, 1<<20, nn.Same))
	add("layers", "needs 1 to 256", 1<<10, 1, many(10_000, nn.ReLU())...)
	for name, key := range map[string]string{"layers that are null": `"layers":[`, "scores that are null": `"scores":[`, "labels that are null": `"labels":[`} {
		out = append(out, bomb{name, "cells", withText(t, key, strings.Repeat("null,", 200_000))})
	}
	add("layers without end", "parts", 1<<10, 1, many(60_000, nn.ReLU())...)
	add("a minute for a window", "for each sample", 1<<11, 1, nn.Conv(64, 1<<8, 1, nn.Same), nn.Conv(64, 1<<4, 1, nn.Same))
	add("winners for a sample", "for each sample", 64, 1, nn.Conv(4096, 1, 1, nn.Same), nn.Winners(0.5))
	add("layers for a sample", "for each sample", 4, 1, many(200, nn.ReLU())...)

	// A whole one, of which nothing but its golden logits is wrong: each layer keeps the
	// bounds of one, and all together would take 13 GB.
	layers := append([]nn.Layer{nn.Conv(16, 1, 1, nn.Same)}, many(70, nn.Residual(nn.ReLU()))...)
	layers = append(layers, nn.AvgPool(256), nn.AvgPool(256), nn.Logits())
	out = append(out, bomb{"70 residual layers, whole", "too large", withSpec(t, nn.Spec{Name: "bomb", Input: nn.Signal(1<<20, 1), Layers: layers}, inputOf(1<<20), 1, func(h map[string]any) {
		h["layers.0.weight"] = tensorHeader{"F32", shape{1, 1, 16}, [2]int{}}
		h["layers.73.weight"] = tensorHeader{"F32", shape{256, 3}, [2]int{}}
		h["layers.73.bias"] = tensorHeader{"F32", shape{3}, [2]int{}}
	})})

	spec := nn.Spec{Name: "bomb", Input: nn.Signal(1<<10, 1), Layers: []nn.Layer{nn.Dense(1 << 13), nn.Logits()}}
	sparse := func(name, want string, tensors func(h map[string]any)) {
		out = append(out, bomb{name, want, withSpec(t, spec, inputOf(1<<10), 8, tensors)})
	}
	sparse("sparse weights without end", "the file holds", func(h map[string]any) {
		h["layers.0.weight"+".starts"] = tensorHeader{"I32", shape{0}, [2]int{}}
	})
	sparse("half a million tensors", "one of more than", func(h map[string]any) {
		for i := range 50_000 {
			h[fmt.Sprint(i)] = tensorHeader{"I32", shape{0}, [2]int{}}
		}
	})
	sparse("half a million dimensions", "dimensions", func(h map[string]any) {
		h["x"] = tensorHeader{"I32", make([]int, 500_000), [2]int{}}
	})
	sparse("other metadata", "the file holds", func(h map[string]any) {
		for i := range 50_000 {
			h["__metadata__"].(map[string]string)[fmt.Sprint(i)] = "x"
		}
	})
	for _, n := range []uint64{1 << 63, 1 << 31, safetensors.MaxHeader + 1} {
		out = append(out, bomb{fmt.Sprintf("a header of %d bytes", n), "header of", append(binary.LittleEndian.AppendUint64(nil, n), make([]byte, 100)...)})
	}
	proof := nn.Spec{Name: "bomb", Input: nn.Signal(1<<14, 1), Layers: []nn.Layer{nn.Conv(1, 1<<13, 1, nn.Same), nn.AvgPool(256), nn.Logits()}}
	out = append(out, bomb{"golden windows that take minutes", "missing", withSpec(t, proof, inputOf(1<<14), maxGolden, nil)})
	return out
}

// TestModelBombs: a file is refused for what its spec asks before that is allocated: what
// a refusal takes is a few times what the file has.
func TestModelBombs(t *testing.T) {
	for _, b := range bombs(t) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(b.file)
		runtime.ReadMemStats(&after)
		if bearing.CodeOf(err) != "model_rejected" || !strings.Contains(err.Error(), b.want) {
			t.Errorf("%s: got %v, want model_rejected about %q", b.name, err, b.want)
		}
		most := 8*len(b.file) + 1<<20
		if b.name == "layers" { // of which a manifest may have maxParts, to say that they are too many
			most += 8 << 20
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > uint64(most) {
			t.Errorf("%s: %d bytes were allocated to refuse %d", b.name, took, len(b.file))
		}
	}
}
