package diagnose

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"brinell/bearing"
	"brinell/dataset"
)

// What is wrong about a statement is found by the lines of the bearing itself: the speed,
// a rolling element, another bearing. What is right is left alone.
func TestMatch(t *testing.T) {
	const shaft, rate = 29.0, 12000.0
	known, _ := bearing.LookupBearing("6205-2RS")
	other, _ := bearing.LookupBearing("6203-2RS")
	catalogue := []bearing.KnownBearing{known, other}
	fewer := known.Geometry
	fewer.Elements--
	for _, c := range []struct {
		name     string
		geometry bearing.Geometry
		shaft    float64
		want     string
	}{
		{"as stated", known.Geometry, shaft, "as_stated"},
		{"another speed", known.Geometry, 1.07 * shaft, "speed"},
		{"one element fewer", fewer, shaft, "elements"},
		{"another bearing", other.Geometry, shaft, "other_bearing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, err := dataset.Simulate(dataset.SimSpec{Fault: bearing.OuterRace, Geometry: c.geometry, RateHz: rate, ShaftHz: c.shaft,
				Seconds: 2, ResonanceHz: 3000, SNRdB: 5, Slip: 0.002, ShaftHarmonics: []float64{0.3, 0.1, 0.1}}, rand.New(rand.NewPCG(1, 1)))
			if err != nil {
				t.Fatal(err)
			}
			found, err := Match(x, rate, shaft, "6205-2RS", catalogue)
			if err != nil {
				t.Fatal(err)
			}
			best := found[0]
			if best.What != c.want || best.Fault != bearing.OuterRace || best.Score < MatchLimit {
				t.Errorf("best explanation %+v, want %s", best, c.want)
			}
			if off := best.SpeedHz/c.shaft - 1; off < -0.01 || off > 0.01 {
				t.Errorf("speed %.2f Hz, want %.2f", best.SpeedHz, c.shaft)
			}
		})
	}
	var e *bearing.Error
	if _, err := Match(make([]float32, 9000), rate, 0, "", catalogue); !errors.As(err, &e) || e.Code != "speed_missing" {
		t.Errorf("without a speed: %v", err)
	}
	if _, err := Match(make([]float32, 90), rate, shaft, "", catalogue); !errors.As(err, &e) || e.Code != "window_too_short" {
		t.Errorf("of 90 samples: %v", err)
	}
	if _, err := Match(make([]float32, 9000), rate, shaft, "none", catalogue); !errors.As(err, &e) || e.Code != "bearing_unknown" {
		t.Errorf("of no known bearing: %v", err)
	}
}

// TestMatchRate: a rate without a band for lines is refused.
func TestMatchRate(t *testing.T) {
	for _, rate := range []float64{1, 100, 501, 4999} {
		if _, err := Match(make([]float32, 1<<16), rate, 30, "6205-2RS", bearing.KnownBearings); bearing.CodeOf(err) != "rate_too_low" {
			t.Errorf("%g Hz: %v", rate, err)
		}
	}
}

// TestMatchEstimated: of a bearing whose orders are estimated those are found that fit, with its
// elements; of one that is not stated at all it is told of which the lines may be.
func TestMatchEstimated(t *testing.T) {
	const shaft, rate = 29.0, 12000.0
	estimated, ok := bearing.LookupBearing("6309")
	if !ok || !estimated.Estimate.Known() {
		t.Fatal("6309 is not estimated")
	}
	g := bearing.Geometry{Elements: 8, ElementDia: 17.46, PitchDia: 72.5} // as its makers' tables imply
	x, err := dataset.Simulate(dataset.SimSpec{Fault: bearing.OuterRace, Geometry: g, RateHz: rate, ShaftHz: shaft,
		Seconds: 2, ResonanceHz: 3000, SNRdB: 5, Slip: 0.002, ShaftHarmonics: []float64{0.3, 0.1, 0.1}}, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	found, err := Match(x, rate, shaft, "6309", []bearing.KnownBearing{estimated})
	if err != nil {
		t.Fatal(err)
	}
	if best := found[0]; best.What != "as_stated" || best.Score < MatchLimit || !strings.Contains(best.Text, "as estimated: 8 elements, BPFO 3.0") || math.Abs(best.Order/g.Orders().BPFO-1) > 0.01 {
		t.Errorf("%+v, want about %+v", best, g.Orders())
	}
	found, err = Match(x, rate, shaft, "", nil)
	if err != nil || len(found) != 1 || found[0].What != "any_bearing" || found[0].Score < MatchLimit || math.Abs(found[0].Order/g.Orders().BPFO-1) > 0.01 {
		t.Errorf("without a bearing: %+v, %v", found, err)
	}
	for order, want := range map[float64]string{
		3.585: "of the outer race of one with 8 to 11 elements, or the inner race of one with 6 elements, or a rolling element of 1/3.8 of",
		5.415: "of the outer race of one with 13 to 16 elements, or the inner race of one with 9 elements, or a rolling element",
		2.4:   "of the outer race of one with 6 to 7 elements; its",
		13.5:  "of the inner race of one with 20 elements; its",
	} {
		if got := fitting(order); !strings.Contains(got, want) {
			t.Errorf("order %g: %s, want %s", order, got, want)
		}
	}
}
