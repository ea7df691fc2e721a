package dataset

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"brinell/bearing"
)

var sim6205 = bearing.Geometry{Elements: 9, ElementDia: 0.3126, PitchDia: 1.537}

func TestSimulateLines(t *testing.T) {
	o := sim6205.Orders()
	for _, x := range []struct {
		fault bearing.Fault
		order float64
		side  float64 // order of the modulation
	}{
		{bearing.InnerRace, o.BPFI, 1},
		{bearing.OuterRace, o.BPFO, 0},
		{bearing.Ball, 2 * o.BSF, o.FTF},
	} {
		s := SimSpec{
			Geometry: sim6205, Fault: x.fault, ShaftHz: 29.95, RateHz: 12000, Seconds: 10, Slip: 0.005,
			LoadZone: 0.8, ShaftHarmonics: []float64{0.05, 0.02}, SNRdB: 0,
		}
		y, err := Simulate(s, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Fatal(err)
		}
		if len(y) != 120000 {
			t.Errorf("%s: %d samples, want 120000", x.fault, len(y))
		}
		r := bearing.Recording{Name: string(x.fault), Samples: y, SampleRate: s.RateHz, ShaftSpeed: s.ShaftHz}
		if err := checkEnvelopeLine(r, x.order, 0.005); err != nil {
			t.Error(err)
		}
		if err := checkEnvelopeLine(r, x.order*1.05, 0.005); err == nil {
			t.Errorf("%s: a line is found where there is none", x.fault)
		}
		if x.side == 0 {
			continue
		}
		env := envelope(y)
		line := amplitude(env, (x.order+x.side)*s.ShaftHz/s.RateHz)
		s.LoadZone = 0
		flat, _ := Simulate(s, rand.New(rand.NewPCG(1, 2)))
		without := amplitude(envelope(flat), (x.order+x.side)*s.ShaftHz/s.RateHz)
		if line < 3*without {
			t.Errorf("%s: load zone gives no side line: %.3g with, %.3g without", x.fault, line, without)
		}
	}
}

func TestSimulateSNR(t *testing.T) {
	for _, db := range []float64{-10, 0, 12.5} {
		s := SimSpec{Geometry: sim6205, Fault: bearing.OuterRace, ShaftHz: 30, RateHz: 12000, Seconds: 2, Slip: 0.01, ShaftHarmonics: []float64{0.1}, SNRdB: db}
		noisy, err := Simulate(s, rand.New(rand.NewPCG(3, 4)))
		if err != nil {
			t.Fatal(err)
		}
		s.SNRdB = math.Inf(1)
		clean, err := Simulate(s, rand.New(rand.NewPCG(3, 4)))
		if err != nil {
			t.Fatal(err)
		}
		var signal, noise float64
		for i := range clean {
			signal += float64(clean[i]) * float64(clean[i])
			d := float64(noisy[i]) - float64(clean[i])
			noise += d * d
		}
		if got := 10 * math.Log10(signal/noise); math.Abs(got-db) > 0.1 {
			t.Errorf("signal-to-noise ratio %.3f dB, want %g", got, db)
		}
	}
}

func TestSimulateSeed(t *testing.T) {
	s := SimSpec{Geometry: sim6205, Fault: bearing.InnerRace, ShaftHz: 30, RateHz: 12000, Seconds: 0.5, Slip: 0.02, LoadZone: 0.5, SNRdB: 3}
	a, _ := Simulate(s, rand.New(rand.NewPCG(7, 8)))
	b, _ := Simulate(s, rand.New(rand.NewPCG(7, 8)))
	c, _ := Simulate(s, rand.New(rand.NewPCG(7, 9)))
	if !slices.Equal(a, b) {
		t.Error("the same seed gives other samples")
	}
	if slices.Equal(a, c) {
		t.Error("another seed gives the same samples")
	}
}

func TestSimulateRefuses(t *testing.T) {
	good := SimSpec{Geometry: sim6205, Fault: bearing.Ball, ShaftHz: 30, RateHz: 12000, Seconds: 0.1, SNRdB: 10}
	if _, err := Simulate(good, rand.New(rand.NewPCG(1, 1))); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*SimSpec){
		"fault":     func(s *SimSpec) { s.Fault = "cage" },
		"geometry":  func(s *SimSpec) { s.Geometry = bearing.Geometry{} },
		"rate":      func(s *SimSpec) { s.RateHz = math.NaN() },
		"length":    func(s *SimSpec) { s.Seconds = 1e9 },
		"empty":     func(s *SimSpec) { s.Seconds = 0 },
		"shaft":     func(s *SimSpec) { s.ShaftHz = 0 },
		"resonance": func(s *SimSpec) { s.ResonanceHz = 6000 },
		"damping":   func(s *SimSpec) { s.Damping = 1 },
		"slip":      func(s *SimSpec) { s.Slip = 0.5 },
		"load zone": func(s *SimSpec) { s.LoadZone = -1 },
		"amplitude": func(s *SimSpec) { s.Amplitude = math.Inf(1) },
		"snr":       func(s *SimSpec) { s.SNRdB = math.NaN() },
		"harmonics": func(s *SimSpec) { s.ShaftHarmonics = make([]float64, 300) },
	} {
		s := good
		change(&s)
		if _, err := Simulate(s, rand.New(rand.NewPCG(1, 1))); bearing.CodeOf(err) != "simulation_invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
	normal := SimSpec{Fault: bearing.Normal, ShaftHz: 30, RateHz: 12000, Seconds: 1, SNRdB: 20}
	y, err := Simulate(normal, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	var p float64
	for _, v := range y {
		p += float64(v) * float64(v)
	}
	if p /= float64(len(y)); math.Abs(p-0.01) > 1e-4 {
		t.Errorf("noise power of a healthy bearing is %g, want 0.01", p)
	}
}
