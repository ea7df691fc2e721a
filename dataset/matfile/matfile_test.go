package matfile

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brinell/bearing"
)

var sample = []Variable{
	{Name: "X118_DE_time", Class: Double, Dims: []int{4, 1}, Data: []float64{0.1, -2, math.Pi, 1e-300}},
	{Name: "rpm", Class: Double, Dims: []int{1, 1}, Data: []float64{1797}},
	{Name: "note", Class: Char, Dims: []int{1, 5}, Text: "hello"},
	{Name: "bearing", Class: Struct, Dims: []int{1, 1}, Fields: []Variable{
		{Name: "sr", Class: Double, Dims: []int{1, 1}, Data: []float64{48828}},
		{Name: "gs", Class: Double, Dims: []int{3, 1}, Data: []float64{1, 2, 3}},
	}},
}

func TestRoundTrip(t *testing.T) {
	for _, big := range []bool{false, true} {
		for _, compress := range []bool{false, true} {
			f, err := Decode(Encode(sample, big, compress))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(sample, f.Variables); d != "" {
				t.Errorf("big endian %v, compressed %v:\n%s", big, compress, d)
			}
		}
	}
	f, _ := Decode(Encode(sample, false, true))
	v, ok := f.Lookup("bearing")
	if !ok {
		t.Fatal("no struct")
	}
	if sr, ok := v.Field("sr"); !ok {
		t.Error("no field sr")
	} else if x, ok := sr.Scalar(); !ok || x != 48828 {
		t.Errorf("sr = %v", x)
	}
	if gs, _ := v.Field("gs"); gs == nil {
		t.Error("no field gs")
	} else if x, ok := gs.Vector(); !ok || len(x) != 3 {
		t.Errorf("gs = %v", x)
	}
	if _, ok := v.Field("none"); ok {
		t.Error("a field that is not there")
	}
}

// raw builds a file by hand: header, then elements.
func raw(elements ...[]byte) []byte {
	b := Encode(nil, false, false)
	for _, e := range elements {
		b = append(b, e...)
	}
	return b
}

func tag(kind uint32, data ...byte) []byte {
	return encoder{binary.LittleEndian}.tag(kind, data, true)
}

func words(v ...int) []byte { return encoder{binary.LittleEndian}.words(v...) }

// matrix is an array with the given flags word, dimensions and content.
func matrix(flags int, dims []int, name string, content ...byte) []byte {
	body := tag(miUINT32, words(flags, 0)...)
	body = append(body, tag(miINT32, words(dims...)...)...)
	body = append(body, tag(miINT8, []byte(name)...)...)
	return tag(miMATRIX, append(body, content...)...)
}

// TestStorage: numbers stored narrower than their class, and the small form of
// an element, which MATLAB writes for short names and scalars.
func TestStorage(t *testing.T) {
	small := []byte{miINT16, 0, 4, 0, 0xfe, 0xff, 7, 0} // two int16 in the tag
	for name, c := range map[string]struct {
		content []byte
		want    []float64
	}{
		"small int16": {small, []float64{-2, 7}},
		"int8":        {tag(miINT8, 0xff, 1), []float64{-1, 1}},
		"uint8":       {tag(miUINT8, 0xff, 1), []float64{255, 1}},
		"uint16":      {tag(miUINT16, 0xff, 0xff, 1, 0), []float64{65535, 1}},
		"int32":       {tag(miINT32, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0), []float64{-1, 1}},
		"uint32":      {tag(miUINT32, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0), []float64{4294967295, 1}},
		"single":      {tag(miSINGLE, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0), []float64{1, -2}},
		"int64":       {tag(miINT64, append(words(-1, -1), words(1, 0)...)...), []float64{-1, 1}},
		"uint64":      {tag(miUINT64, append(words(2, 0), words(1, 0)...)...), []float64{2, 1}},
	} {
		f, err := Decode(raw(matrix(6, []int{1, 2}, "x", c.content...)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(c.want, f.Variables[0].Data); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}

// TestOddVariablesAreSkipped: they must not hide the others.
func TestOddVariablesAreSkipped(t *testing.T) {
	good := matrix(6, []int{1, 1}, "x", tag(miDOUBLE, make([]byte, 8)...)...)
	f, err := Decode(raw(
		matrix(6|0x800, []int{1, 1}, "i", append(tag(miDOUBLE, make([]byte, 8)...), tag(miDOUBLE, make([]byte, 8)...)...)...),
		matrix(5, []int{1, 1}, "s"), good, matrix(16, []int{1, 1}, "f"), tag(miMATRIX, append(tag(miUINT32, words(17, 0)...), tag(miINT8, []byte("o")...)...)...)))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"i: complex", "s: sparse", "f: function", "o: opaque"}, f.Skipped); d != "" {
		t.Error(d)
	}
	if len(f.Variables) != 1 || f.Variables[0].Name != "x" {
		t.Errorf("%+v", f.Variables)
	}
}

func TestCellsAndStructArrays(t *testing.T) {
	one := matrix(6, []int{1, 1}, "", tag(miDOUBLE, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f)...)
	cell := matrix(1, []int{1, 2}, "c", append(one, tag(miMATRIX)...)...)
	fields := append(tag(miINT32, words(4)...), tag(miINT8, []byte("a\x00\x00\x00")...)...)
	array := matrix(2, []int{1, 2}, "s", append(append(fields, one...), one...)...)
	f, err := Decode(raw(cell, array))
	if err != nil {
		t.Fatal(err)
	}
	if c := f.Variables[0].Cells; len(c) != 2 || c[0].Data[0] != 1 || len(c[1].Data) != 0 {
		t.Errorf("cell %+v", c)
	}
	if s := f.Variables[1].Cells; len(s) != 2 || s[1].Fields[0].Name != "a" || s[1].Fields[0].Data[0] != 1 {
		t.Errorf("struct array %+v", s)
	}
}

func TestRefusals(t *testing.T) {
	f := func(name string, b []byte, code string) {
		t.Helper()
		if _, err := Decode(b); bearing.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", name, err, code)
		}
	}
	good := Encode(sample, false, true)
	f("empty", nil, "mat_malformed")
	f("short", good[:100], "mat_malformed")
	f("level 4", make([]byte, 200), "mat_version")
	f("level 7.3", append([]byte("MATLAB 7.3 MAT-file"), make([]byte, 512)...), "mat_version")
	f("HDF5", append([]byte("\x89HDF\r\n\x1a\n"), make([]byte, 512)...), "mat_version")
	f("cut", good[:len(good)-40], "mat_malformed")
	f("lying length", raw([]byte{miMATRIX, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f}), "mat_malformed")
	f("lying dimensions", raw(matrix(6, []int{1000, 1}, "x", tag(miDOUBLE, make([]byte, 8)...)...)), "mat_malformed")
	f("huge dimensions", raw(matrix(6, []int{1 << 30, 1 << 30}, "x")), "mat_too_large")
	f("negative dimension", raw(matrix(6, []int{-1, 1}, "x")), "mat_too_large")
	f("cell of many", raw(matrix(1, []int{1 << 20, 1}, "x")), "mat_malformed")
	f("no array", raw(tag(miDOUBLE, make([]byte, 8)...)), "mat_malformed")
	f("nested compression", raw(compressed(compressed(matrix(6, []int{0, 0}, "x")))), "mat_malformed")
	f("no zlib", raw(tag(miCOMPRESSED, 1, 2, 3, 4, 5, 6, 7, 8)), "mat_malformed")
	bomb := Encode([]Variable{{Name: "x", Class: Double, Dims: []int{1 << 22, 1}, Data: make([]float64, 1<<22)}}, false, true)
	f("bomb", bomb, "mat_too_large")
	deep := matrix(6, []int{0, 0}, "", tag(miDOUBLE)...)
	for range maxDepth + 1 {
		deep = matrix(1, []int{1, 1}, "", deep...)
	}
	f("deep", raw(deep), "mat_too_large")
}

// compressed wraps an element as a writer would.
func compressed(element []byte) []byte {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(element)
	w.Close()
	return encoder{binary.LittleEndian}.tag(miCOMPRESSED, z.Bytes(), false)
}

// TestPublishedFiles reads one file of each kind as published.
func TestPublishedFiles(t *testing.T) {
	dir := os.Getenv("BRINELL_DATA")
	if dir == "" {
		t.Skip("BRINELL_DATA is not set: it names the directory of the public recordings")
	}
	read := func(archive, file string) *File {
		t.Helper()
		z, err := zip.OpenReader(filepath.Join(dir, archive))
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		for _, m := range z.File {
			if path.Base(m.Name) == file {
				r, err := m.Open()
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				b, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				f, err := Decode(b)
				if err != nil {
					t.Fatal(err)
				}
				return f
			}
		}
		t.Fatalf("no %s in %s", file, archive)
		return nil
	}
	f := read("cwru-12k-drive-end.zip", "12k_Drive_End_B007_0_118.mat")
	if v, ok := f.Lookup("X118_DE_time"); !ok || len(v.Data) != 122571 {
		t.Errorf("118: %v, %d samples", ok, len(v.Data))
	}
	f = read("mfpt.zip", "InnerRaceFault_vload_1.mat")
	v, ok := f.Lookup("bearing")
	if !ok || v.Class != Struct {
		t.Fatalf("MFPT: %+v", f.Skipped)
	}
	for name, n := range map[string]int{"gs": 146484, "sr": 1, "rate": 1, "load": 0} {
		if x, ok := v.Field(name); !ok || len(x.Data) != n {
			t.Errorf("MFPT %s: %v, %+v, want %d numbers", name, ok, x.Dims, n)
		}
	}
	if load, _ := v.Field("load"); load == nil || load.Text != "0" { // text in this file, a number in others
		t.Errorf("MFPT load: %+v", load)
	}
	f = read("ims-test2-bearing1.zip", "2004.02.18.17.12.39.mat")
	if v, ok := f.Lookup("x"); !ok || len(v.Data) != 20480 {
		t.Error("IMS: no x")
	}
}

// FuzzDecode: no panic, no more memory than the bytes allow, and what is read
// can be written and read again.
func FuzzDecode(f *testing.F) {
	for _, big := range []bool{false, true} {
		f.Add(Encode(sample, big, false))
		f.Add(Encode(sample, big, true))
	}
	f.Add(raw(matrix(6|0x800, []int{1, 1}, "i"), matrix(1, []int{1, 1}, "c", tag(miMATRIX)...)))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Decode(b)
		if err != nil {
			if k := bearing.KindOf(err); k != bearing.Malformed && k != bearing.Unsupported && k != bearing.TooLarge {
				t.Errorf("kind %s: %v", k, err)
			}
			return
		}
		for _, v := range file.Variables {
			// A number takes a byte at least, unless it was compressed.
			if len(v.Data) > inflateFree+inflateRatio*len(b) {
				t.Errorf("%d numbers of %d bytes", len(v.Data), len(b))
			}
		}
	})
}
