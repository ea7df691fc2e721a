package npyfile

import (
	"archive/zip"
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brinell/bearing"
)

// file builds an NPY file by hand.
func file(header string, data ...byte) []byte {
	b := append([]byte(magic), 1, 0, byte(len(header)), byte(len(header)>>8))
	return append(append(b, header...), data...)
}

func TestRoundTrip(t *testing.T) {
	for _, a := range []Array{
		{Shape: []int{3}, Float: true, Data: []float64{1, -2.5, math.Pi}},
		{Shape: []int{2, 2}, Float: true, Data: []float64{1, 2, 3, 4}},
		{Shape: []int{}, Float: true, Data: []float64{7}},
		{Shape: []int{0}, Float: true, Data: []float64{}},
	} {
		got, err := Decode(Encode(a))
		if err != nil || cmp.Diff(a, got) != "" {
			t.Errorf("%v: %v\n%s", a.Shape, err, cmp.Diff(a, got))
		}
	}
	got, err := Decode(EncodeFloat32([]float32{1, 0.1}))
	if err != nil || got.Data[1] != float64(float32(0.1)) {
		t.Errorf("float32: %v %v", got, err)
	}
}

// TestTypes reads what NumPy 1.24.2 writes: numpy.save(f, numpy.array([...],
// dtype)) in its header form.
func TestTypes(t *testing.T) {
	f := func(descr string, data []byte, want ...float64) {
		t.Helper()
		n := "1"
		if len(want) == 2 {
			n = "2"
		}
		a, err := Decode(file("{'descr': '"+descr+"', 'fortran_order': False, 'shape': ("+n+",), }         \n", data...))
		if err != nil || cmp.Diff(want, a.Data) != "" {
			t.Errorf("%s: %v %v, want %v", descr, a.Data, err, want)
		}
	}
	f("|i1", []byte{0xff, 1}, -1, 1)
	f("|u1", []byte{0xff, 1}, 255, 1)
	f("<i2", []byte{0xfe, 0xff}, -2)
	f(">i2", []byte{0xff, 0xfe}, -2)
	f("<u2", []byte{0xff, 0xff}, 65535)
	f("<i4", []byte{0xff, 0xff, 0xff, 0xff}, -1)
	f(">u4", []byte{0, 0, 1, 0}, 256)
	f("<i8", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, -1)
	f("<u8", []byte{1, 0, 0, 0, 0, 0, 0, 0}, 1)
	f("<f4", []byte{0, 0, 0x80, 0x3f}, 1)
	f(">f8", []byte{0xc0, 0, 0, 0, 0, 0, 0, 0}, -2)
}

func TestFortranOrder(t *testing.T) {
	a, err := Decode(file("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3)}", 1, 2, 3, 4, 5, 6))
	if err != nil || cmp.Diff([]float64{1, 3, 5, 2, 4, 6}, a.Data) != "" {
		t.Errorf("%v %v", a.Data, err)
	}
}

func TestRefusals(t *testing.T) {
	f := func(name string, b []byte, code string) {
		t.Helper()
		if _, err := Decode(b); bearing.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", name, err, code)
		}
	}
	dict := func(descr, order, shape string) string {
		return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + "}"
	}
	f("empty", nil, "npy_malformed")
	f("no magic", []byte("hello, this is text"), "npy_malformed")
	f("version", []byte(magic+"\x09\x00\x01\x00 "), "npy_malformed")
	f("lying header", []byte(magic+"\x01\x00\xff\xff{"), "npy_malformed")
	f("huge header", []byte(magic+"\x02\x00\xff\xff\xff\xff{"), "npy_malformed")
	f("object", file(dict("'|O'", "False", "(1,)")), "npy_dtype")
	f("structured", file(dict("[('a', '<f8')]", "False", "(1,)")), "npy_dtype")
	f("complex", file(dict("'<c8'", "False", "(1,)")), "npy_dtype")
	f("half", file(dict("'<f2'", "False", "(1,)")), "npy_dtype")
	f("three dimensions", file(dict("'|u1'", "False", "(1, 1, 1)"), 1), "npy_dtype")
	f("product overflows", file(dict("'<f8'", "False", "(4611686018427387904, 4)")), "npy_malformed")
	f("negative", file(dict("'<f8'", "False", "(-1,)")), "npy_malformed")
	f("cut", file(dict("'<f8'", "False", "(2,)"), 1, 2, 3), "npy_malformed")
	f("trailing", file(dict("'|u1'", "False", "(1,)"), 1, 2), "npy_malformed")
	f("expression", file(dict("'<f8'", "False", "(2*3,)")), "npy_malformed")
	f("call", file("__import__('os').system('x')"), "npy_malformed")
	f("missing key", file("{'descr': '<f8', 'shape': (1,)}"), "npy_malformed")
	f("twice", file("{'shape': (1,), 'shape': (1,), 'descr': '<f8', 'fortran_order': False}"), "npy_malformed")
	f("more", file(dict("'|u1'", "False", "(1,)")+"{}", 1), "npy_malformed")
	f("unknown key", file("{'x': (1,)}"), "npy_malformed")
}

func archive(t testing.TB, members map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range members {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestZip(t *testing.T) {
	a, err := DecodeZip(archive(t, map[string][]byte{"X1_DE_time.npy": Encode(Array{Shape: []int{1}, Data: []float64{5}})}))
	if err != nil || len(a) != 1 || a[0].Name != "X1_DE_time" || a[0].Data[0] != 5 {
		t.Errorf("%v %v", a, err)
	}
	f := func(name string, b []byte, code string) {
		t.Helper()
		if _, err := DecodeZip(b); bearing.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", name, err, code)
		}
	}
	f("no zip", []byte("hello"), "npy_malformed")
	f("no array", archive(t, map[string][]byte{"a.txt": nil}), "npy_malformed")
	f("bomb", archive(t, map[string][]byte{"a.npy": make([]byte, 64<<20)}), "npz_too_large")
	many := make(map[string][]byte)
	for i := range maxMembers + 1 {
		many[strings.Repeat("a", i+1)+".npy"] = nil
	}
	f("many", archive(t, many), "npz_too_large")
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode(Array{Shape: []int{2, 2}, Float: true, Data: []float64{1, 2, 3, 4}}))
	f.Add(EncodeFloat32([]float32{1, 2}))
	f.Add(file("{'descr': '>i2', 'fortran_order': True, 'shape': (1, 2), }", 1, 2, 3, 4))
	f.Add(archive(f, map[string][]byte{"a.npy": EncodeFloat32([]float32{1})}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := Decode(b); err == nil {
			if len(a.Data) > len(b) {
				t.Errorf("%d numbers of %d bytes", len(a.Data), len(b))
			}
			back, err := Decode(Encode(a))
			if err != nil || len(back.Data) != len(a.Data) {
				t.Errorf("written and read again: %v", err)
			}
		} else if c := bearing.CodeOf(err); c != "npy_malformed" && c != "npy_dtype" {
			t.Errorf("code %s", c)
		}
		if _, err := DecodeZip(b); err != nil && bearing.KindOf(err) == bearing.Internal {
			t.Error(err)
		}
	})
}
