package dataset

import (
	"math"
	"testing"

	"brinell/bearing"
)

func TestAddNoise(t *testing.T) {
	rec := bearing.Recording{Name: "a", SampleRate: 48000, Samples: make([]float32, 40000)}
	for i := range rec.Samples {
		rec.Samples[i] = float32(math.Sin(float64(i)))
	}
	p := Part{&rec, 10000, 30000}
	noisy := AddNoise(p, 10, 12000, 1)
	var noise float64
	for i, v := range noisy.Samples() {
		d := float64(v - p.Samples()[i])
		noise += d * d
	}
	// A tenth of the signal's power in a quarter of the band.
	if got, want := noise/20000, 0.5/10*4; math.Abs(got-want) > 0.02*want {
		t.Errorf("noise power %.4f, want %.4f", got, want)
	}
	if noisy.Rec.Samples[9999] != rec.Samples[9999] || noisy.Rec.Samples[30000] != rec.Samples[30000] {
		t.Error("samples outside the part changed")
	}
	again, other := AddNoise(p, 10, 12000, 1), AddNoise(p, 10, 12000, 2)
	if again.Samples()[0] != noisy.Samples()[0] || other.Samples()[0] == noisy.Samples()[0] {
		t.Error("the noise must follow the seed")
	}
}
