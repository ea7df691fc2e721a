package dataset

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// AddNoise returns a copy of the part with white Gaussian noise, such that the
// power of the signal over that of the noise within the band up to half the given
// rate is snr dB:
//
//	σ² = mean(x²) / 10^(snr/10) · rate_of_part / rate
//
// so that recordings of different rates get equally noisy once they are brought to
// one. The noise depends on the recording's name and the seed alone.
func AddNoise(p Part, snr, rate float64, seed uint64) Part {
	h := fnv.New64a()
	h.Write([]byte(p.Rec.Name))
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	x := p.Samples()
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	sigma := math.Sqrt(sum / float64(max(1, len(x))) / math.Pow(10, snr/10) * p.Rec.SampleRate / rate)
	rec := *p.Rec
	rec.Samples = make([]float32, len(p.Rec.Samples))
	copy(rec.Samples, p.Rec.Samples)
	for i := p.From; i < p.To; i++ {
		rec.Samples[i] += float32(sigma * rng.NormFloat64())
	}
	return Part{Rec: &rec, From: p.From, To: p.To}
}
