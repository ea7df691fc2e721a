package csvfile

import (
	"strings"
	"testing"
)

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
