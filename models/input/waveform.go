package input

import (
	"fmt"
	"math"

	"brinell/bearing"
	"brinell/features/dsp"
	"brinell/internal/kernel"
	"brinell/models/nn"
)

// waveform is resampled, band-limited and normalised. A constant gives zeros.
type waveform struct {
	res  *dsp.Resampler
	held int64
}

func checkNormalised(p Preprocessing) error {
	if p.Normalise != ZScore {
		return fmt.Errorf("normalisation %q is not known", bearing.Clip(p.Normalise))
	}
	return nil
}

func waveformShape(p Preprocessing) nn.Shape { return nn.Signal(p.Length, 1) }

func openWaveform(p Preprocessing, rate float64) (filler, error) { return newWaveform(p, rate) }

func newWaveform(p Preprocessing, rate float64) (*waveform, error) {
	res, err := dsp.NewResampler(rate, p.SampleRate, p.BandLimit)
	if err != nil {
		return nil, bearing.Errorf(bearing.Invalid, "rate_out_of_range", "the model takes no samples at %g Hz: %v", rate, err).At("/sample_rate_hz")
	}
	return &waveform{res, res.Bytes(p.NativeLength(rate))}, nil
}

func (f *waveform) fill(dst []float32, w Window) error {
	f.res.Process(dst, w.Samples)
	zscore(dst)
	return nil
}

func (f *waveform) bytes() int64 { return f.held }

// waveformBytes counts the tables of a filter, which are bounded, its work space, which
// follows what it reads at a time, and those of a transform.
func waveformBytes(p Preprocessing, _ int, rate float64) int64 {
	const tables = 6 << 20
	return tables + 16*int64(p.NativeLength(rate)) + 60*int64(p.Length)
}

// zscore brings x to mean 0 and population standard deviation 1 in place, and a
// constant to 0. Sums are in float64, which affords the variance as the mean square
// less the squared mean.
func zscore(x []float32) {
	var part [2][16]float64
	kernel.Sums(part[0][:], part[1][:], x, x)
	var sum, sq [1]float64
	kernel.Fold(sum[:], part[0][:])
	kernel.Fold(sq[:], part[1][:])
	n := float64(len(x))
	mean := sum[0] / n
	sigma := math.Sqrt(max(0, sq[0]/n-mean*mean))
	// Rounding of a constant leaves a residue relative to its level. The inverse of a smaller
	// sigma may be no float32.
	if sigma <= 1e-6*math.Abs(mean) || sigma < 1e-30 {
		clear(x)
		return
	}
	var scale, shift [16]float32
	for i := range scale {
		scale[i], shift[i] = float32(1/sigma), float32(-mean/sigma)
	}
	kernel.Scale(x, x, scale[:], shift[:], false)
}
