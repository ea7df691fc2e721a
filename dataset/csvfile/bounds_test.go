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

// TestLimits: a table has 1024 columns and a number 64 characters, one more is refused.
func TestLimits(t *testing.T) {
	row := func(n int, cell string) string {
		return strings.Repeat(strings.TrimSuffix(strings.Repeat(cell+";", n), ";")+"\n", 4)
	}
	for name, c := range map[string]struct {
		body string
		want string
	}{
		"1024 columns":             {row(1024, "1"), ""},
		"1025 columns":             {row(1025, "1"), "more than 1024 columns"},
		"1024 quoted columns":      {row(1024, `"1"`), ""},
		"1025 quoted columns":      {row(1025, `"1"`), "more than 1024 columns"},
		"1025 columns of blanks":   {strings.ReplaceAll(row(1025, "1"), ";", " "), "more than 1024 columns"},
		"a number of 64":           {row(2, "0."+strings.Repeat("1", 62)), ""},
		"a number of 65":           {row(2, "1;0."+strings.Repeat("1", 63)), "is no finite number"},
		"forms of stamps that mix": {"2026-01-31T12:00:00Z;1\n2026-01-31 12:00:01;2\n31.01.2026 12:00:02;3\n2026-01-31T12:00:03Z;4\n", ""},
	} {
		if _, err := Decode([]byte(c.body), Options{}); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestThousands: 1,797 rpm in a remark may be 1797 or 1.797, and neither is taken; 25,600 Hz are no
// 25.6, and of two separators the last is that of decimals.
func TestThousands(t *testing.T) {
	for remark, want := range map[string][2]float64{
		"Speed: 1,797 rpm": {0, 0}, "Drehzahl: 1.797 U/min": {0, 0}, "Speed: 1797 rpm": {1797, 0}, "Speed: 1797,5 rpm": {1797.5, 0}, "Speed: 29.95 rpm": {29.95, 0},
		"Sample rate: 25,600 Hz": {0, 25600}, "Abtastrate: 12.000 Hz": {0, 12000}, "Abtastrate: 12.000,5 Hz": {0, 12000.5}, "Abtastfrequenz;12,0;kHz": {0, 12000},
		"Sample rate: 1,024,000.5 Hz": {0, 1024000.5}, "Abtastrate [Hz];12.000,00": {0, 12000}, "Sample rate: 25.600 kHz": {0, 25600}, "Sample rate: 25600 Hz": {0, 25600},
	} {
		table, err := Decode([]byte(remark+"\nacc\n1\n2\n3\n4\n"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, rate, err := table.Clock()
		if err != nil || table.RPM() != want[0] || rate != want[1] {
			t.Errorf("%s: %g rpm, %g Hz, %v; want %v", remark, table.RPM(), rate, err, want)
		}
	}
}
