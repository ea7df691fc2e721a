package safetensors

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// file is one of two tensors with metadata.
func file(t testing.TB) []byte {
	t.Helper()
	var w Writer
	w.Add(Tensor{Name: "a", Shape: []int{2, 3}, F32: []float32{1, -2, 3, 4, 5, 0.5}})
	w.Add(Tensor{Name: "b", Shape: []int{2}, I32: []int32{-7, 1 << 30}})
	b, err := w.File(map[string]string{"k": "v"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	b := file(t)
	var meta struct{ K string }
	f, err := Parse(b, &meta)
	if err != nil {
		t.Fatal(err)
	}
	if meta.K != "v" || f.Bytes() != 32 || f.Digest() != Checksum(b[len(b)-32:]) || (len(b)-32)%8 != 0 {
		t.Errorf("metadata %v, %d bytes, digest %s", meta, f.Bytes(), f.Digest())
	}
	if d := cmp.Diff([]string{"a", "b"}, f.Unread()); d != "" {
		t.Error(d)
	}
	a, err := f.Float32("a", 2, 3)
	if err != nil || a.Least() != -2 || a.Len() != 6 {
		t.Fatalf("%v, %v", a, err)
	}
	if d := cmp.Diff([]float32{1, -2, 3, 4, 5, 0.5}, a.Values()); d != "" {
		t.Error(d)
	}
	ints, err := f.Int32("b")
	if d := cmp.Diff([]int32{-7, 1 << 30}, ints); d != "" || err != nil {
		t.Error(d, err)
	}
	if len(f.Unread()) != 0 || !f.Has("a") || f.Has("c") || f.Shape("c") != nil {
		t.Errorf("unread %v", f.Unread())
	}
	for what, err := range map[string]error{
		"missing":  second(f.Float32("c", 1)),
		"shape":    second(f.Float32("a", 6)),
		"type":     second(f.Float32("b", 2)),
		"ints":     second(f.Int32("a")),
		"no ints":  second(f.Int32("c")),
		"negative": second(f.Float32("a", 2, -3)),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestNotFinite: what is no number is refused by name.
func TestNotFinite(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		var w Writer
		w.Add(Tensor{Name: "a", Shape: []int{2}, F32: []float32{0, float32(v)}})
		b, err := w.File(nil)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse(b, new(map[string]string))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Float32("a", 2); err == nil || !strings.Contains(err.Error(), "element 1") {
			t.Errorf("%v: %v", v, err)
		}
	}
}

// FuzzParse: whatever the bytes, Parse answers, and what it accepts can be read.
func FuzzParse(f *testing.F) {
	f.Add(file(f))
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Add(binary.LittleEndian.AppendUint64(nil, MaxHeader+1))
	f.Add(bytes.Replace(file(f), []byte(`[2,3]`), []byte(`[9,3]`), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Parse(b, new(map[string]string))
		if err != nil {
			return
		}
		total := 0
		for _, n := range file.Names() {
			size := 4
			for _, s := range file.Shape(n) {
				size *= s
			}
			total += size
			if v, err := file.Float32(n, file.Shape(n)...); err == nil && 4*v.Len() != size {
				t.Errorf("%s: %d elements for shape %v", n, v.Len(), file.Shape(n))
			}
		}
		if total != file.Bytes() {
			t.Errorf("%d of %d bytes belong to tensors", total, file.Bytes())
		}
	})
}
