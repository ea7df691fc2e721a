package dataset

import (
	"fmt"
	"strings"
	"testing"

	"brinell/bearing"
)

// TestClockTolerance: a stated rate may be one in a hundred from that of the samples' times.
func TestClockTolerance(t *testing.T) {
	var b strings.Builder
	b.WriteString("time_s,a_g\n")
	for i := range 64 {
		fmt.Fprintf(&b, "%.9f,1\n", float64(i)/12000)
	}
	for off, want := range map[float64]string{0: "", 0.0099: "", -0.0099: "", 0.0101: "rate_mismatch", -0.0101: "rate_mismatch"} {
		rate := 12000 / (1 + off) // the clock's is off from it by that share
		r, err := ReadFile("x.csv", []byte(b.String()), FileOptions{RateHz: rate})
		if bearing.CodeOf(err) != want || err == nil && r[0].SampleRate != rate {
			t.Errorf("%g Hz of 12000: %v, want %q", rate, err, want)
		}
	}
}

// TestMilli: a column in thousandths of g is told by the unit at the end of its name, and by nothing
// that only looks like it.
func TestMilli(t *testing.T) {
	for name, want := range map[string]float32{
		"mg": 0.5, "mG": 0.5, "acc_mg": 0.5, "acc [mg]": 0.5, "acc(mg)": 0.5, "x [mG]": 0.5,
		"img": 500, "Mg": 500, "acc mg": 500, "mg x": 500, "mgs": 500, "acc [m g]": 500, "g": 500, "acc_g": 500, "omg": 500,
	} {
		text := name + "\n" + strings.Repeat("500\n", 64)
		o := FileOptions{RateHz: 12000, Unit: "g"}
		if want < 1 {
			o.Unit = ""
		}
		r, err := ReadFile("x.csv", []byte(text), o)
		if err != nil || r[0].Samples[0] != want || r[0].Unit != bearing.G {
			t.Errorf("%q: %v, want %g g", name, err, want)
		}
	}
}
