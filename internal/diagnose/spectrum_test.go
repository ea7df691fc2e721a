package diagnose

import (
	"math"
	"testing"

	"brinell/bearing"
)

// TestSpectrum: a tone has its RMS in its line, and a tone whose amplitude beats has the
// beat in the envelope spectrum, with the amplitude that the squared envelope has.
func TestSpectrum(t *testing.T) {
	const rate, n = 10_240.0, 1 << 15
	c, err := New(model(t, "m", 1), Config{})
	if err != nil {
		t.Fatal(err)
	}
	w := &bearing.Window{Sensor: "a", SampleRate: rate, ShaftSpeed: 25, Unit: bearing.G, Samples: make([]float32, n)}
	for i := range w.Samples {
		at := 2 * math.Pi * float64(i) / rate
		w.Samples[i] = float32(3 + 2*math.Cos(400*at) + (1+0.5*math.Cos(80*at))*math.Sin(3200*at))
	}
	d := bearing.Diagnosis{ShaftSpeedRPM: 1500, Bearing: "6205-2RS"}
	s, err := c.Spectrum(w, d, bearing.SpectrumQuery{Kind: bearing.AmplitudeSpectrum, Lines: 2560})
	if err != nil {
		t.Fatal(err)
	}
	at := func(s bearing.Spectrum, hz float64) float64 { return s.Values[int(math.Round(hz/s.StepHz))] }
	if s.StepHz != 2 || s.Pieces != 11 || len(s.Values) != 2561 || s.Unit != "g RMS" {
		t.Errorf("step %g, %d pieces, %d values, %s", s.StepHz, s.Pieces, len(s.Values), s.Unit)
	}
	for hz, want := range map[float64]float64{0: 0, 400: math.Sqrt2, 3200: math.Sqrt2 / 2, 3120: math.Sqrt2 / 8, 3280: math.Sqrt2 / 8, 1000: 0} {
		if got := at(s, hz); math.Abs(got-want) > 1e-3 {
			t.Errorf("%g Hz: %g, want %g", hz, got, want)
		}
	}
	if v, _ := s.Marks.Get("outer_race"); math.Abs(v-25*3.5848) > 0.01 {
		t.Errorf("outer race at %g Hz", v)
	}
	e, err := c.Spectrum(w, d, bearing.SpectrumQuery{Kind: bearing.EnvelopeSpectrum, Low: 3000, High: 3400, MaxHz: 500})
	if err != nil {
		t.Fatal(err)
	}
	// (1 + cos/2)² = 1.125 + cos + cos(2·)/8
	for hz, want := range map[float64]float64{80: 1 / math.Sqrt2, 160: 0.125 / math.Sqrt2, 240: 0} {
		if got := at(e, hz); math.Abs(got-want) > 2e-3 {
			t.Errorf("envelope at %g Hz: %g, want %g", hz, got, want)
		}
	}
	if last := float64(len(e.Values)-1) * e.StepHz; math.Abs(last-500) > e.StepHz || e.Unit != "g² RMS" {
		t.Errorf("it ends at %g Hz, %s", last, e.Unit)
	}
	for _, q := range []bearing.SpectrumQuery{
		{Kind: bearing.AmplitudeSpectrum, Lines: 1}, {Kind: bearing.AmplitudeSpectrum, Lines: 1 << 20},
		{Kind: bearing.EnvelopeSpectrum, Low: 100, High: 50}, {Kind: bearing.EnvelopeSpectrum, Low: 100, High: rate}, {Kind: bearing.EnvelopeSpectrum, MaxHz: -1},
		{Kind: bearing.EnvelopeSpectrum, Low: math.NaN(), High: 1},
	} {
		if _, err := c.Spectrum(w, d, q); bearing.CodeOf(err) != "parameter_invalid" {
			t.Errorf("%+v: %v", q, err)
		}
	}
	short := *w
	short.Samples = w.Samples[:10]
	if _, err := c.Spectrum(&short, d, bearing.SpectrumQuery{Kind: bearing.AmplitudeSpectrum}); bearing.CodeOf(err) != "window_too_short" {
		t.Errorf("ten samples: %v", err)
	}
}
