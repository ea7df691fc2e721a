package diagnose

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"brinell/bearing"
)

// machine returns a second of something like a machine: tones in noise.
func machine(rng *rand.Rand, n int, rate float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		t := float64(i) / rate
		x[i] = float32(0.3*math.Sin(2*math.Pi*30*t) + 0.2*math.Sin(2*math.Pi*873*t+1) + 0.5*rng.NormFloat64())
	}
	return x
}

func codes(q bearing.Quality) (out []string) {
	for _, f := range q.Flags {
		out = append(out, f.Code)
	}
	return out
}

// TestQuality: each defect has its flag and level, and a sound window none.
func TestQuality(t *testing.T) {
	const n, rate = 12000, 12000.0
	a := newAssessor(nil)
	rng := rand.New(rand.NewPCG(1, 1))
	f := func(name string, level bearing.QualityLevel, code string, change func(x []float32)) {
		t.Helper()
		x := machine(rng, n, rate)
		change(x)
		q := a.assess(&bearing.Window{SampleRate: rate, Samples: x}, Profile{NoiseFloor: 1e-3, FullScale: 50})
		if q.Level != level || code != "" && !q.Has(code) || code == "" && len(q.Flags) > 0 {
			t.Errorf("%s: %s %v, want %s %s", name, q.Level, q.Flags, level, code)
		}
	}
	each := func(g func(v float32) float32) func([]float32) {
		return func(x []float32) {
			for i := range x {
				x[i] = g(x[i])
			}
		}
	}
	f("sound", bearing.Good, "", func([]float32) {})
	f("constant", bearing.Unusable, "flatline", each(func(float32) float32 { return 3 }))
	f("zeros", bearing.Unusable, "flatline", func(x []float32) { clear(x) })
	f("two values", bearing.Unusable, "flatline", each(func(v float32) float32 { return float32(math.Copysign(1, float64(v))) }))
	f("clipped", bearing.Degraded, "clipped", each(func(v float32) float32 { return max(-1.4, min(1.4, v)) }))
	f("clipped hard", bearing.Unusable, "clipped", each(func(v float32) float32 { return max(-0.5, min(0.5, v)) }))
	f("offset", bearing.Degraded, "dc_offset", each(func(v float32) float32 { return v + 100 }))
	f("settling", bearing.Degraded, "settling", func(x []float32) {
		for i := range x {
			x[i] += 20 * float32(math.Exp(-float64(i)/6000))
		}
	})
	f("noise floor", bearing.Unusable, "below_noise", each(func(v float32) float32 { return v * 1e-4 }))
	f("out of range", bearing.Unusable, "out_of_range", each(func(v float32) float32 { return v * 100 }))
	f("knock", bearing.Degraded, "transient", func(x []float32) { x[5000], x[5001], x[5002] = 95, -95, 95 })
	f("repeated", bearing.Unusable, "repeated_block", func(x []float32) {
		for i := 2000; i < len(x); i++ {
			x[i] = x[i-2000]
		}
	})
	f("one block again", bearing.Unusable, "repeated_block", func(x []float32) { copy(x[8000:], x[:3000]) })
	f("dropout", bearing.Degraded, "dropout", func(x []float32) { clear(x[4000:4300]) })
	f("coarse", bearing.Degraded, "coarse_adc", each(func(v float32) float32 { return float32(math.Round(float64(v) * 5)) }))
	f("tone", bearing.Degraded, "tonal", func(x []float32) {
		for i := range x {
			x[i] = x[i]/50 + float32(math.Sin(2*math.Pi*1234*float64(i)/rate))
		}
	})
	f("hum", bearing.Degraded, "mains_hum", func(x []float32) {
		for i := range x {
			t := float64(i) / rate
			x[i] = x[i]/50 + float32(math.Sin(2*math.Pi*50*t)+0.7*math.Sin(2*math.Pi*150*t)+0.5*math.Sin(2*math.Pi*250*t))
		}
	})
	f("resampled", bearing.Degraded, "rate_suspect", func(x []float32) {
		// Twice the rate by an ideal filter leaves nothing above a quarter.
		p := a.spectrumOf(gateLength(rate, int(rate)))
		n := len(p.x)
		c := p.fft.Coefficients(nil, widen(x[:n]))
		clear(c[len(c)/2:])
		y := p.fft.Inverse(nil, c)
		for i := range x {
			x[i] = float32(y[i%len(y)])
		}
		for i := n; i < len(x); i++ { // no exact repetition
			x[i] *= 1.001
		}
	})
}

func widen(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// TestQualityInvariances: flags depend on neither gain nor sign.
func TestQualityInvariances(t *testing.T) {
	a := newAssessor(nil)
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 9))
		x := machine(rng, 1500+rng.IntN(3000), 12000)
		switch rng.IntN(4) {
		case 0:
			for i := range x {
				x[i] = max(-0.8, x[i])
			}
		case 1:
			clear(x[100 : 200+rng.IntN(200)])
		case 2:
			copy(x[700:], x[:600])
		}
		want := codes(a.assess(&bearing.Window{SampleRate: 12000, Samples: x}, Profile{}))
		gain := float32(math.Exp2(float64(rng.IntN(3)-1))) * float32(1-2*rng.IntN(2))
		y := make([]float32, len(x))
		for i := range x {
			y[i] = gain * x[i]
		}
		if got := codes(a.assess(&bearing.Window{SampleRate: 12000, Samples: y}, Profile{})); !slices.Equal(want, got) {
			t.Fatalf("seed %d, gain %g: %v, want %v", seed, gain, got, want)
		}
	}
}

func BenchmarkAssess(b *testing.B) {
	a := newAssessor(nil)
	w := &bearing.Window{SampleRate: 12000, Samples: machine(rand.New(rand.NewPCG(1, 1)), 12000, 12000)}
	b.ReportAllocs()
	for b.Loop() {
		a.assess(w, Profile{})
	}
}
