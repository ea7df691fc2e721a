package csvfile

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"brinell/bearing"
)

// TestSameRate: a rate that is stated is taken with its digits if the clock's is within a millionth.
func TestSameRate(t *testing.T) {
	const clock = 12345.6
	times := make([]float64, 4000)
	for i := range times {
		times[i] = float64(i) / clock
	}
	for off, want := range map[float64]bool{0: true, 0.99e-6: true, -0.99e-6: true, 1.01e-6: false, -1.01e-6: false} {
		stated := clock * (1 + off)
		table := Table{Header: []string{"time", "a"}, Columns: [][]float64{times, times}, Preamble: []string{fmt.Sprintf("Sampling rate: %.9f Hz", stated)}}
		_, rate, err := table.Clock()
		if err != nil || math.Abs(rate/stated-1) < 1e-9 != want || !want && math.Abs(rate/clock-1) > 1e-9 {
			t.Errorf("%g off: %.6f Hz, %v, stated are %.6f", off, rate, err, stated)
		}
	}
}

// TestLongestNumber: a cell of 64 characters may be a number, a longer one is none.
func TestLongestNumber(t *testing.T) {
	for length, want := range map[int]bool{63: true, 64: true, 65: false} {
		cell := "1." + strings.Repeat("0", length-2)
		table, err := Decode([]byte("a\n"+strings.Repeat("1\n", 20)+cell+"\n"), Options{})
		if (err == nil) != want || err != nil && bearing.CodeOf(err) != "csv_malformed" || err == nil && len(table.Columns[0]) != 21 {
			t.Errorf("%d characters: %v, %d numbers", length, err, len(table.Columns))
		}
	}
}

// TestLongestRemark: of a line before a table 512 bytes are looked at, whether it is marked as a
// comment or not, and a name of a column of more is none.
func TestLongestRemark(t *testing.T) {
	const says = "Sampling rate: 25600"
	for _, mark := range []string{"", "#"} {
		for length, want := range map[int]float64{512: 25600, 513: 2560} {
			line := mark + strings.Repeat(".", length-len(says)) + says
			table, err := Decode([]byte(line+"\na\n"+strings.Repeat("1\n", 20)), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, rate, err := table.Clock(); rate != want || err != nil {
				t.Errorf("%q, %d bytes: %g Hz, %v; want %g", mark, length, rate, err, want)
			}
		}
	}
	for length, want := range map[int]int{512: 0, 513: -1} {
		table := Table{Header: []string{"time" + strings.Repeat(" ", length-4)}, Columns: [][]float64{{0, 0.25, 0.5}}}
		if column, _, err := table.Clock(); column != want || err != nil {
			t.Errorf("a name of %d bytes: column %d, %v; want %d", length, column, err, want)
		}
	}
}

// TestGapSaysUsualStep: the step that a gap is held against is that of most samples, which the gap
// itself does not move.
func TestGapSaysUsualStep(t *testing.T) {
	for gap, says := range map[float64]string{10: "steps by 10 s at sample 201, by 0.001 s elsewhere", 0.1: "steps by 0.1 s at sample 201, by 0.001 s elsewhere"} {
		text := "time,a\n" + wave(400, 1, func(i int, _ float64) string {
			at := float64(i) / 1000
			if i >= 200 {
				at += gap - 0.001
			}
			return fmt.Sprintf("%.6f,1.5", at)
		})
		table, err := Decode([]byte(text), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := table.Clock(); bearing.CodeOf(err) != "time_gaps" || !strings.Contains(err.Error(), says) {
			t.Errorf("a gap of %g s: %v, want %q", gap, err, says)
		}
	}
	// Written with few decimals most times stand still: then the mean is all there is.
	if got := usualStep([]float64{0, 0, 0, 0.01, 0.01, 0.01, 0.02}, 0.02/6); got != 0.02/6 {
		t.Errorf("%g", got)
	}
}

// TestEmptyCell: a cell without a number is named by its line and column, wherever it stands.
func TestEmptyCell(t *testing.T) {
	for row, want := range map[string]string{
		"0.5,": "line 6, column 2 of the CSV file: the cell is empty", ",0.5": "line 6, column 1 of the CSV file: the cell is empty",
		"0.5, ": "line 6, column 2 of the CSV file: the cell is empty", `0.5,""`: "line 6, column 2 of the CSV file: the cell is empty",
		"0.5": "line 6, column 2 of the CSV file: there is no cell", "0.5,1,2": "line 6, column 3 of the CSV file: 3 cells, the lines before have 2",
	} {
		for _, delim := range []string{",", ";", "\t"} {
			good := strings.Repeat("1.5,2.5\n", 4)
			text := strings.ReplaceAll("a,b\n"+good+row+"\n"+strings.Repeat(good, 10), ",", delim)
			if _, err := Decode([]byte(text), Options{}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q with %q: %v, want %q", row, delim, err, want)
			}
		}
	}
}

// TestNameOfOne: the name of the only column may be of several words, if its unit ends it.
func TestNameOfOne(t *testing.T) {
	for line, want := range map[string]string{
		"acc [g]": "acc [g]", `"Beschleunigung Lager A (m/s²)"`: "Beschleunigung Lager A (m/s²)", "v [mm/s]": "v [mm/s]", "acc [mg]": "acc [mg]",
		"Sampling rate: 25600 Hz": "", "Unit: [g]": "", "made by hand (g": "", "value": "value",
	} {
		table, err := Decode([]byte(line+"\n"+strings.Repeat("1.5\n", 20)), Options{})
		if err != nil || strings.Join(table.Header, "|") != want || len(table.Columns) != 1 || len(table.Columns[0]) != 20 {
			t.Errorf("%q: %q, %v, want %q", line, table.Header, err, want)
		}
	}
}
