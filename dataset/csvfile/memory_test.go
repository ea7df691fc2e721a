//go:build !race

package csvfile

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"
)

// TestMemory: whatever a file holds, reading it takes no more than a few times its bytes, and
// 24 for each cell of a table.
func TestMemory(t *testing.T) {
	const n = 2 << 20
	wide := append([]byte("\xff\xfe"), func() (b []byte) {
		for _, c := range utf16.Encode([]rune(strings.Repeat("€", n/3))) {
			b = binary.LittleEndian.AppendUint16(b, c)
		}
		return b
	}()...)
	for name, c := range map[string]struct {
		body  []byte
		times uint64 // of its bytes
	}{
		"one line of commas":      {bytes.Repeat([]byte(","), n), 4},
		"one line of cells":       {bytes.Repeat([]byte("1;"), n/2), 4},
		"quotes":                  {bytes.Repeat([]byte(`"",`), n/3), 4},
		"blanks":                  {bytes.Repeat([]byte("1 "), n/2), 4},
		"stamps":                  {bytes.Repeat([]byte("2026-01-31T12:00:00.000000Z,"), n/28), 4},
		"vertical tabs":           {bytes.Repeat([]byte("1\v"), n/2), 4},
		"lines of vertical tabs":  {bytes.Repeat([]byte(strings.Repeat("1\v", 1000)+"\n"), n/2001), 4},
		"one number":              {bytes.Repeat([]byte("1"), n), 4},
		"preamble":                {bytes.Repeat([]byte(strings.Repeat("x", n/400)+"\n"), 400), 8},
		"UTF-16":                  {wide, 8},
		"as many cells as can be": {bytes.Repeat([]byte(strings.Repeat("1,", 999)+"1\n"), n/2000), 5 + 24},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = Decode(c.body, Options{})
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > c.times*uint64(len(c.body)) {
			t.Errorf("%s: %d bytes for a body of %d", name, took, len(c.body))
		}
	}
}
