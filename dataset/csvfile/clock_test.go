package csvfile

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf16"

	"brinell/bearing"
)

// wave is a table of n samples at rate Hz, a line each as line makes it of number and time.
func wave(n int, rate float64, line func(i int, t float64) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(line(i, float64(i)/rate) + "\n")
	}
	return b.String()
}

func utf16le(s string) string {
	b := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// TestLoggers: tables as loggers write them: rate, unit, and the samples themselves.
func TestLoggers(t *testing.T) {
	value := func(i int) float64 { return float64(i%7-3) / 8 }
	comma := func(format string, v ...any) string { return strings.ReplaceAll(fmt.Sprintf(format, v...), ".", ",") }
	plain := func(i int, at float64) string { return fmt.Sprintf("%.6f,%g", at, value(i)) }
	for name, c := range map[string]struct {
		text   string
		rate   float64
		unit   string
		column int // of the samples
	}{
		"time_s":                {"time_s,acceleration_g\n" + wave(4000, 12000, plain), 12000, "g", 1},
		"t, unit in square":     {"t [s],a [m/s2]\n" + wave(4000, 25600, plain), 25600, "m/s2", 1},
		"velocity":              {"t [s],v_mm/s\n" + wave(4000, 25600, plain), 25600, "mm/s", 1},
		"velocity, in brackets": {"Time (s),Velocity [mm/s]\n" + wave(4000, 2560, plain), 2560, "mm/s", 1},
		"velocity, a line of units": {"Zeit;Schwinggeschwindigkeit\n[s];[mm/s]\n" +
			wave(4000, 12800, func(i int, at float64) string { return comma("%.7f;%g", at, value(i)) }), 12800, "mm/s", 1},
		"millimetres":  {"t [s],x [mm]\n" + wave(4000, 2560, plain), 2560, "", 1},
		"milliseconds": {"Time (ms),X\n" + wave(4000, 20000, func(i int, at float64) string { return fmt.Sprintf("%.3f,%g", 1e3*at, value(i)) }), 20000, "", 1},
		"German": {"Messung 4;Pumpe 2\nAbtastrate;9999\n\nZeit;Beschleunigung\n[s];[g]\n" +
			wave(4000, 12800, func(i int, at float64) string { return comma("%.7f;%g", at, value(i)) }), 12800, "g", 1},
		"stamps": {"timestamp,acc\n" + wave(4000, 12000, func(i int, at float64) string {
			us := int64(math.Round(at * 1e6))
			return fmt.Sprintf("2026-10-25T02:%02d:%02d.%06d+02:00,%g", 59, us/1e6, us%1e6, value(i))
		}), 12000, "", 1},
		"stamps without a zone, time behind": {"acc (g);Zeit\n" + wave(4000, 8000, func(i int, at float64) string {
			return comma("%g", value(i)) + fmt.Sprintf(";24.12.2026 18:00:%06.3f", 10+math.Round(at*1e3)/1e3)
		}), 8000, "g", 0},
		"quoted, decimal commas": {"\"Time (s)\",\"Acceleration (g)\"\n" + wave(4000, 12000, func(i int, at float64) string {
			return `"` + comma("%.6f", at) + `","` + comma("%g", value(i)) + `"`
		}), 12000, "g", 1},
		"UTF-16":               {utf16le("Zeit (s)\tg\n" + wave(4000, 12000, func(i int, at float64) string { return comma("%.6f\t%g", at, value(i)) })), 12000, "g", 1},
		"preamble with a rate": {"Device: X\nSampling Rate: 25,6 kHz\nvalue\n" + wave(4000, 1, func(i int, _ float64) string { return fmt.Sprint(value(i)) }), 25600, "", 0},
		"LVM": {"LabVIEW Measurement\t\nWriter_Version\t2\nSeparator\tTab\n***End_of_Header***\t\n\t\nChannels\t1\t\nSamples\t4000\t\nDelta_X\t0.0001\t\n***End_of_Header***\t\nX_Value\tUntitled\n" +
			wave(4000, 10000, func(i int, at float64) string { return fmt.Sprintf("%.6f\t%g", at, value(i)) }), 10000, "", 1},
		"no clock":           {wave(4000, 1, func(i int, _ float64) string { return fmt.Sprint(value(i), ",", -value(i)) }), 0, "", 0},
		"numbers of samples": {"t,a\n" + wave(4000, 1, func(i int, _ float64) string { return fmt.Sprint(i, ",", value(i)) }), 0, "", 1},
		"a data frame":       {"0,1\n" + wave(4000, 1, func(i int, _ float64) string { return fmt.Sprintf("%.4f,%.4f", value(i), 0.5) }), 0, "", 0},
	} {
		table, err := Decode([]byte(c.text), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, rate, err := table.Clock()
		if err != nil || rate != c.rate || table.Unit(c.column) != c.unit || len(table.Columns[c.column]) != 4000 {
			t.Errorf("%s: %v, %g Hz of %d columns, unit %q, %d samples", name, err, rate, len(table.Columns), table.Unit(c.column), len(table.Columns[c.column]))
			continue
		}
		for i, v := range table.Columns[c.column] {
			if v != value(i) && name != "a data frame" || name == "a data frame" && math.Abs(v-value(i)) > 1e-4 {
				t.Errorf("%s: sample %d is %g, want %g", name, i, v, value(i))
				break
			}
		}
	}
}

// TestGaps: a recording that misses samples is no recording at its rate.
func TestGaps(t *testing.T) {
	for name, c := range map[string]struct {
		at   func(i int) float64 // in samples
		want string
	}{
		"none":      {func(i int) float64 { return float64(i) }, ""},
		"1.4 steps": {func(i int) float64 { return float64(i) + 0.4*float64(i/2000) }, ""},
		"2 steps":   {func(i int) float64 { return float64(i + i/2000) }, "time_gaps"},
		"back":      {func(i int) float64 { return float64(i - 100*(i/2000)) }, "time_gaps"},
	} {
		table, err := Decode([]byte("time,a\n"+wave(4000, 1, func(i int, _ float64) string { return fmt.Sprintf("%.9f,1.5", c.at(i)/10000) })), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := table.Clock(); bearing.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestDamagedTable: what is damaged is not passed over as lines before a table.
func TestDamagedTable(t *testing.T) {
	good := strings.Repeat("1.5,2.5\n", 20)
	for name, c := range map[string]struct{ text, want string }{
		"a word early":    {"1.5,2.5\n3.5,x\n" + good, "line 2, column 2"},
		"NaN at the end":  {"a,b\n" + good + "1.5,NaN\n", "line 22, column 2"},
		"NaN alone":       {"a\n" + strings.Repeat("1.5\n", 20) + "NaN\nNaN\n", "line 22"},
		"half a line":     {"a,b\n" + good + "1.5", "line 22"},
		"words, numbers":  {"a,b\n" + good + "pause\n1.5,2.5\n", "line 22"},
		"many words":      {"a,b\n" + good + strings.Repeat("end\n", maxFooter+1), "line 22"},
		"a word late":     {"a,b\n" + good + "1.5,x\n", "line 22, column 2"},
		"cells are lost":  {"a,b\n" + good + "1.5\n" + good, "line 22"},
		"too many rows":   {good + good, "more than 30 rows"},
		"no table at all": {strings.Repeat("some words, and more\n", 600), "no finite number"},
	} {
		if _, err := Decode([]byte(c.text), Options{MaxRows: 30}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestFooter: words behind a table are none of it.
func TestFooter(t *testing.T) {
	for _, end := range []string{"End of data\n", "end,of data\n\n\"bye\"", strings.Repeat("end\n", maxFooter)} {
		table, err := Decode([]byte("a,b\n"+strings.Repeat("1.5,2.5\n", 20)+end), Options{})
		if err != nil || len(table.Columns) != 2 || len(table.Columns[0]) != 20 || len(table.Columns[1]) != 20 {
			t.Errorf("%.20q: %v, %v", end, table.Columns, err)
		}
	}
}
