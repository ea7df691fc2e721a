package matfile

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// TestText: character arrays in the three forms in which they are stored; half a pair of UTF-16 is
// one sign of replacement, and what stands behind it is read.
func TestText(t *testing.T) {
	decode := func(kind uint32, data []byte) string {
		t.Helper()
		f, err := Decode(raw(matrix(4, []int{1, max(1, len(data)/2)}, "s", tag(kind, data...)...)))
		if err != nil || len(f.Variables) != 1 {
			t.Fatalf("%v, %+v", err, f)
		}
		return f.Variables[0].Text
	}
	units := func(u ...uint16) (b []byte) {
		for _, v := range u {
			b = binary.LittleEndian.AppendUint16(b, v)
		}
		return b
	}
	const text = "Lager 6205 größer µm 軸受 𝛼"
	if got := decode(miUTF16, units(utf16.Encode([]rune(text))...)); got != text {
		t.Errorf("UTF-16: %q", got)
	}
	if got := decode(miUTF8, []byte(text)); got != text {
		t.Errorf("UTF-8: %q", got)
	}
	for _, u := range [][]uint16{{0xd800, 'a'}, {0xdc00, 'a'}, {'a', 0xd800}, {0xd800, 0xd800, 0xdc00, 'b'}, {0xd800, 0x5000}} {
		if got, want := decode(miUTF16, units(u...)), string(utf16.Decode(u)); got != want {
			t.Errorf("%x: %q, want %q", u, got, want)
		}
	}
}

// TestLongText: of a text 65,536 bytes are read, and a name may have 4096.
func TestLongText(t *testing.T) {
	for length, want := range map[int]int{1<<16 - 1: 1<<16 - 1, 1 << 16: 1 << 16, 1<<16 + 1: 1 << 16} {
		f, err := Decode(raw(matrix(4, []int{1, length}, "s", tag(miUTF8, bytes.Repeat([]byte("a"), length)...)...)))
		if err != nil || len(f.Variables[0].Text) != want {
			t.Errorf("%d bytes: %v, %d of them", length, err, len(f.Variables[0].Text))
		}
	}
	one := tag(miDOUBLE, slices.Repeat([]byte{0}, 8)...)
	for length, want := range map[int]bool{4096: true, 4097: false} {
		f, err := Decode(raw(matrix(6, []int{1, 1}, strings.Repeat("x", length), one...)))
		if (err == nil) != want || err == nil && len(f.Variables[0].Name) != length {
			t.Errorf("a name of %d bytes: %v", length, err)
		}
	}
}
