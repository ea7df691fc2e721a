//go:build !race

package dataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// TestNodesBytes: arrays of no or few numbers take no more than FileBytes says, however a MAT file
// is made of them, and the worst takes most of what is set aside for them.
func TestNodesBytes(t *testing.T) {
	element := func(kind uint32, data []byte) []byte {
		b := binary.LittleEndian.AppendUint32(nil, kind)
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(data))), data...)
		return append(b, make([]byte, -len(data)&7)...)
	}
	shaped := func(class byte, dims []byte, name string, rest []byte) []byte {
		return element(14, append(append(append(element(6, []byte{class, 0, 0, 0, 0, 0, 0, 0}), element(5, dims)...), element(1, []byte(name))...), rest...))
	}
	matrix := func(class byte, n int, name string, rest []byte) []byte {
		return shaped(class, binary.LittleEndian.AppendUint32([]byte{1, 0, 0, 0}, uint32(n)), name, rest)
	}
	cells := func(n int, each []byte) []byte {
		head := append([]byte("MATLAB 5.0 MAT-file"+strings.Repeat(" ", 97)), make([]byte, 8)...)
		return append(append(head, 0, 1, 'I', 'M'), matrix(1, n, "c", bytes.Repeat(each, n))...)
	}
	structs := func(fields, n int) []byte {
		var names []byte
		for i := range fields {
			names = append(names, fmt.Sprintf("f%06d\x00", i)...)
		}
		rest := append(append(element(5, []byte{8, 0, 0, 0}), element(1, names)...), bytes.Repeat(element(14, nil), fields*n)...)
		return cells(1, matrix(2, n, "s", rest))
	}
	empty, a := element(14, nil), element(16, []byte("a"))
	worst := int64(0)
	for name, b := range map[string][]byte{
		"empty":                  cells(65000, empty),
		"a letter each":          cells(65000, matrix(4, 1, "", a)),
		"long names":             cells(65000, matrix(4, 1, strings.Repeat("abcdefgh", 8), a)),
		"many dimensions":        cells(13000, shaped(4, bytes.Repeat([]byte{1, 0, 0, 0}, 32), "", a)),
		"too many dimensions":    cells(65000, shaped(4, bytes.Repeat([]byte{1, 0, 0, 0}, 32), "", a)),
		"long texts":             cells(64, matrix(4, 1<<15, "", element(17, bytes.Repeat([]byte("\x00\x4e"), 1<<15)))),
		"structs of a field":     structs(1, 32000),
		"of two":                 structs(2, 21000),
		"of eight":               structs(8, 7000),
		"too many of two":        structs(2, 32000),
		"one of many fields":     structs(30000, 1),
		"structs of many fields": structs(250, 250),
	} {
		const samples = 4096
		o := FileOptions{RateHz: 12000, Unit: "g", Channel: "all"}.Bounded(len(b), samples)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = ReadFile("x.mat", b, o)
		runtime.ReadMemStats(&after)
		took, said := int64(after.TotalAlloc-before.TotalAlloc), FileBytes("x.mat", b, samples)
		if took > said {
			t.Errorf("%s: took %d KiB in all, said %d KiB", name, took>>10, said>>10)
		}
		if int64(len(b)) < nodesBytes/16 {
			worst = max(worst, took)
		}
	}
	if worst < nodesBytes*3/4 {
		t.Errorf("the worst takes %d KiB, %d are set aside", worst>>10, int64(nodesBytes)>>10)
	}
}
