package diagnose_test

import (
	"testing"
	"time"

	"brinell/bearing"
)

// TestLengths: of single windows of CWRU and MFPT those that are flagged as short are named less
// often the shorter they are; of ones that are just long enough for their bearing at least three
// quarters are named of what a second names.
func TestLengths(t *testing.T) {
	core := theCore(t)
	recs := corpora(t, 1e6)
	right := map[string]int{}
	for _, c := range []struct {
		name    string
		samples int     // or
		seconds float64 // of the window
	}{{"2048", 2048, 0}, {"4096", 4096, 0}, {"half", 0, 0.55}, {"second", 0, 1}} {
		wrong, flagged, n := 0, 0, 0
		for _, r := range recs {
			if r.Truth.Fault == "" || r.Truth.Fault == bearing.Normal || r.ShaftSpeed == 0 {
				continue
			}
			length := c.samples + int(c.seconds*r.SampleRate)
			if length > len(r.Samples) {
				continue
			}
			d, err := core.Diagnose(&bearing.Window{Sensor: "corpus", Start: time.Unix(1, 0), SampleRate: r.SampleRate, ShaftSpeed: r.ShaftSpeed, Bearing: r.Bearing,
				Unit: bearing.G, Samples: r.Samples[:length]})
			if err != nil {
				t.Fatal(err)
			}
			n++
			if d.Quality.Has("window_short") {
				flagged++
			}
			switch d.Fault {
			case r.Truth.Fault:
				right[c.name]++
			case bearing.InnerRace, bearing.OuterRace, bearing.Ball, bearing.Normal:
				wrong++
			}
		}
		t.Logf("%s: %d windows, %d flagged, %d named rightly, %d wrongly", c.name, n, flagged, right[c.name], wrong)
		if short := c.samples > 0; short && flagged*10 < n*9 || !short && flagged > 0 {
			t.Errorf("%s: %d of %d flagged", c.name, flagged, n)
		}
	}
	if right["2048"]*2 > right["second"] || right["4096"]*3 > right["half"]*2 || right["half"]*4 < right["second"]*3 {
		t.Error("the flag does not tell where less is named")
	}
}
