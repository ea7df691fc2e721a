package diagnose

import (
	"math/rand/v2"
	"slices"
	"testing"

	"brinell/bearing"
	"brinell/dataset"
)

// TestBeside: of two bearings on one sensor the damaged one is named with its fault, whichever it
// is; and over a window of neither none is.
func TestBeside(t *testing.T) {
	const shaft, rate = 29.0, 12000.0
	core, err := New(model(t, "m", 1), Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]bearing.Fault{"6205-2RS": bearing.OuterRace, "6203-2RS": bearing.InnerRace, "": bearing.Normal} {
		spec := dataset.SimSpec{Fault: fault, RateHz: rate, ShaftHz: shaft, Seconds: 2, ResonanceHz: 3000, SNRdB: 5, Slip: 0.002, ShaftHarmonics: []float64{0.3, 0.1, 0.1}}
		known, _ := bearing.LookupBearing("6205-2RS")
		if name != "" {
			known, _ = bearing.LookupBearing(name)
		}
		spec.Geometry = known.Geometry
		x, err := dataset.Simulate(spec, rand.New(rand.NewPCG(1, 1)))
		if err != nil {
			t.Fatal(err)
		}
		w, err := bearing.NewWindow(bearing.Window{Sensor: "motor", Start: firstYear, SampleRate: rate, ShaftSpeed: shaft, Bearing: "6205-2RS + 6203-2RS", Unit: bearing.G, Samples: x}, bearing.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		d, err := core.Diagnose(w)
		if err != nil {
			t.Fatal(err)
		}
		e := d.Witnesses.Envelope
		at := slices.IndexFunc(d.Verdict.Why, func(r bearing.Reason) bool { return r.Code == "bearing_one_of" })
		if !e.Available || at < 0 || d.Verdict.Why[at].Met != (name != "") {
			t.Errorf("%q: %+v, %+v", name, e, d.Verdict.Why)
		}
		if name != "" && e.Fault != fault {
			t.Errorf("%s: the envelope says %s, want %s", name, e.Fault, fault)
		}
		if d.Fault == fault && d.Verdict.Bearing != name || d.Verdict.Bearing != "" && d.Verdict.Bearing != name {
			t.Errorf("%s: %s of %q", name, d.Fault, d.Verdict.Bearing)
		}
		t.Logf("%q: %s, %s", name, d.Fault, d.Verdict.Summary)
	}
}
