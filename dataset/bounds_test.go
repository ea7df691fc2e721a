//go:build !race

package dataset

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zlib"

	"brinell/bearing"
	"brinell/dataset/npyfile"
)

// TestFileBytes: whatever a file holds, reading it within bounds takes no more at a time than
// FileBytes says.
func TestFileBytes(t *testing.T) {
	const samples, n = 1 << 18, 4 << 20
	element := func(kind uint32, data []byte) []byte {
		b := binary.LittleEndian.AppendUint32(nil, kind)
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(data))), data...)
		return append(b, make([]byte, -len(data)&7)...)
	}
	array := func(class byte, count int, rest []byte) []byte {
		dims := binary.LittleEndian.AppendUint32([]byte{1, 0, 0, 0}, uint32(count))
		return element(14, append(append(append(element(6, []byte{class, 0, 0, 0, 0, 0, 0, 0}), element(5, dims)...), element(1, []byte("x"))...), rest...))
	}
	mat := func(elements ...[]byte) []byte {
		head := append([]byte("MATLAB 5.0 MAT-file"+strings.Repeat(" ", 97)), make([]byte, 8)...)
		return append(append(head, 0, 1, 'I', 'M'), bytes.Join(elements, nil)...)
	}
	deflated := func(b []byte) []byte {
		var out bytes.Buffer
		z := zlib.NewWriter(&out)
		_, _ = z.Write(b)
		_ = z.Close()
		e := element(15, out.Bytes())
		return e[:8+out.Len()]
	}
	width := func(w byte) []byte { return element(5, []byte{w, 0, 0, 0}) }
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, _ := z.Create("x.npy")
	_, _ = w.Write(npyfile.EncodeFloat32(make([]float32, n)))
	_ = z.Close()

	for name, c := range map[string]struct {
		file string
		body []byte
		code string
	}{
		"names of fields":         {"x.mat", mat(array(2, 0, append(width(1), element(1, bytes.Repeat([]byte("a"), n))...))), "mat_too_large"},
		"names in many structs":   {"x.mat", mat(bytes.Repeat(array(2, 0, append(width(1), element(1, bytes.Repeat([]byte("a"), 1<<14))...)), n>>14)), "mat_too_large"},
		"deflated names":          {"x.mat", mat(deflated(array(2, 0, append(width(1), element(1, bytes.Repeat([]byte("a"), n))...)))), "mat_too_large"},
		"deflated numbers":        {"x.mat", mat(deflated(array(9, n, element(2, make([]byte, n))))), "mat_too_large"},
		"text":                    {"x.mat", mat(array(4, n/2, element(4, bytes.Repeat([]byte("\x00\x4e"), n/2)))), "no_signal"},
		"text that is none":       {"x.mat", mat(array(4, n, element(16, bytes.Repeat([]byte("\xffa"), n/2)))), "no_signal"},
		"bytes as numbers":        {"x.mat", mat(array(9, samples, element(2, bytes.Repeat([]byte{1, 2}, samples/2)))), ""},
		"an archive":              {"x.npz", archive.Bytes(), "npz_too_large"},
		"an array":                {"x.npy", npyfile.EncodeFloat32(make([]float32, samples+1)), "npy_too_large"},
		"bytes of sound":          {"x.wav", wav8(n), "scale_missing"},
		"columns of bytes":        {"x.npy", int8Matrix(samples/4, 4), ""},
		"a line of commas":        {"x.csv", bytes.Repeat([]byte(","), n), "csv_malformed"},
		"a table of many columns": {"x.csv", bytes.Repeat([]byte(strings.Repeat("1,", 999)+"1\n"), n/2000), ""},
		"a table of many rows":    {"x.csv", bytes.Repeat([]byte("1\n"), samples), ""},
		"too many rows":           {"x.csv", bytes.Repeat([]byte("1\n"), samples+1), "window_too_long"},
		"a header without an end": {"x.csv", []byte(strings.Repeat("rate", n/4) + "\n1\n2\n3\n"), ""},
		"remarks":                 {"x.csv", append(bytes.Repeat([]byte(strings.Repeat("sample", n/6/400)+"\n"), 400), strings.Repeat("1\n", 1000)...), ""},
		"our remarks":             {"x.csv", append(bytes.Repeat([]byte("# brinell x\n"), n/12), strings.Repeat("1\n", 1000)...), ""},
	} {
		o := FileOptions{RateHz: 12000, Unit: "g", Channel: "all"}.Bounded(len(c.body), samples)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ReadFile(c.file, c.body, o)
		runtime.ReadMemStats(&after)
		if took, said := int64(after.TotalAlloc-before.TotalAlloc), FileBytes(c.file, c.body, samples); took > said {
			t.Errorf("%s: took %d KiB in all, said %d KiB", name, took>>10, said>>10)
		}
		if bearing.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

// int8Matrix is an NPY file of bytes in columns.
func int8Matrix(rows, columns int) []byte {
	head := fmt.Sprintf("{'descr': '|i1', 'fortran_order': False, 'shape': (%d, %d), }", rows, columns)
	head += strings.Repeat(" ", 117-len(head)) + "\n"
	return append([]byte("\x93NUMPY\x01\x00\x76\x00"+head), make([]byte, rows*columns)...)
}

// wav8 is a WAV file of n samples of a byte.
func wav8(n int) []byte {
	le := binary.LittleEndian
	b := append(le.AppendUint32([]byte("RIFF"), uint32(36+n)), "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"...)
	b = le.AppendUint32(le.AppendUint32(b, 12000), 12000)
	return append(le.AppendUint32(append(b, "\x01\x00\x08\x00data"...), uint32(n)), make([]byte, n)...)
}
