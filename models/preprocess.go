package models

import (
	"fmt"
	"math"

	"brinell/bearing"
	"brinell/features/dsp"
	"brinell/features/lines"
	"brinell/internal/clamp"
	"brinell/internal/kernel"
	"brinell/models/nn"
)

// Preprocessing says how samples become network input. It is part of the model
// file and the only path from samples to a network, in training and in serving.
type Preprocessing struct {
	SampleRate float64 `json:"sample_rate_hz"` // rate of the window that the network judges
	Length     int     `json:"length"`         // samples of that window
	BandLimit  float64 `json:"band_limit_hz"`  // edge of the low-pass, Hz
	Normalise  string  `json:"normalise"`      // "zscore": mean 0, population standard deviation 1 per window

	// Transform turns the normalised window into what the network reads: nothing, or
	// "spectrum" into the logarithm of its magnitude spectrum, normalised again. With
	// "lines" the network reads the evidence of package lines instead, which needs the
	// shaft speed and the bearing, takes windows of any length and rate, and does its
	// own normalising; then SampleRate and Length are those of training windows.
	Transform string `json:"transform,omitempty"`
	Version   int    `json:"transform_version,omitempty"` // of the evidence, lines.Version
}

// Spectrum is the transform of a window x of n samples to
//
//	y[k-1] = ln(|X[k]|/√n + spectrumFloor),  k = 1..n/2,  X the Fourier transform of x
//
// brought to mean 0 and standard deviation 1. There is no taper: a window shifted in
// a circle has the same bins. White noise has |X[k]|/√n about 1, and the floor keeps
// the depth of empty bins from mattering: a jump of one standard deviation between
// the ends of a window leaks at least 0.5/√n into every bin, 0.011 for 2048 samples,
// and far below, at 1e-4, is the stop band of the low-pass, where the filters of an
// acquisition would show.
const (
	Spectrum      = "spectrum"
	spectrumFloor = 1e-2
)

// Lines is the transform to the evidence of package lines.
const Lines = "lines"

// InputLength returns the length of what the network reads.
func (p Preprocessing) InputLength() int {
	switch p.Transform {
	case Spectrum:
		return p.Length / 2
	case Lines:
		return lines.Len
	}
	return p.Length
}

// inputShape returns the shape in which the network reads it.
func (p Preprocessing) inputShape() nn.Shape {
	if p.Transform == Lines {
		return nn.Shape{L: lines.Rows, C: lines.RowLen}
	}
	return nn.Shape{L: p.InputLength(), C: 1}
}

// goldenLength returns the length of a golden window: of samples, or of evidence.
func (p Preprocessing) goldenLength() int {
	if p.Transform == Lines {
		return lines.Len
	}
	return p.Length
}

// The normalisations: of samples, and none where a transform does its own.
const (
	ZScore = "zscore"
	None   = "none"
)

// LinesPreprocessing is that of networks that read evidence: they train on windows of
// one second.
var LinesPreprocessing = Preprocessing{SampleRate: 12000, Length: 12000, BandLimit: 5000, Normalise: None, Transform: Lines, Version: lines.Version}

// DefaultPreprocessing is that of the CWRU corpus: its fault records are
// sampled at 12 kHz behind a steep filter above 5.5 kHz, its healthy ones at
// 48 kHz, so all are limited to 5 kHz before a network sees them. Otherwise the
// band above tells healthy from faulty by the acquisition.
var DefaultPreprocessing = Preprocessing{SampleRate: 12000, Length: inputLength, BandLimit: 5000, Normalise: ZScore}

// maxLength is the longest window of a network, in samples.
const maxLength = 1 << 20

// Validate reports what makes p unusable.
func (p Preprocessing) Validate() error {
	switch {
	case !bearing.SampleRates.Has(p.SampleRate):
		return fmt.Errorf("preprocessing: sampling rate %v Hz is outside %s", p.SampleRate, bearing.SampleRates)
	case p.Length < 1 || p.Length > maxLength:
		return fmt.Errorf("preprocessing: length %d is out of range", p.Length)
	case !(p.BandLimit > 0) || p.BandLimit >= p.SampleRate/2:
		return fmt.Errorf("preprocessing: band limit %v Hz must be positive and below half the rate", p.BandLimit)
	case p.Transform == Lines && p.Version != lines.Version:
		return fmt.Errorf("preprocessing: evidence of version %d, this program computes version %d: train the model anew", p.Version, lines.Version)
	case p.Transform == Lines && p.Normalise != None:
		return fmt.Errorf("preprocessing: evidence takes no normalisation, not %q", p.Normalise)
	case p.Transform == Lines:
		return nil
	case p.Transform != "" && p.Transform != Spectrum:
		return fmt.Errorf("preprocessing: transform %q is not known", bearing.Clip(p.Transform))
	case p.Transform == Spectrum && (p.Length < 4 || p.Length&(p.Length-1) != 0):
		return fmt.Errorf("preprocessing: a spectrum needs a length that is a power of two from 4 on, not %d", p.Length)
	case p.Normalise != ZScore:
		return fmt.Errorf("preprocessing: normalisation %q is not known", p.Normalise)
	}
	return nil
}

// NativeLength returns how many samples at rate cover one window, at least 1.
func (p Preprocessing) NativeLength(rate float64) int {
	// Rates are rarely exact multiples; the margin keeps 48000/12000 at 4.
	return clamp.Int(math.Ceil(float64(p.Length)*rate/p.SampleRate-1e-6), 1, math.MaxInt)
}

// CheckRate reports with code rate_too_low that a rate cannot be served.
func (p Preprocessing) CheckRate(rate float64) error {
	if p.Transform != Lines && rate < p.SampleRate {
		return bearing.Errorf(bearing.Invalid, "rate_too_low", "sampling rate %g Hz is below the model's %g Hz: sample faster, or use a model for lower rates", rate, p.SampleRate).At("/sample_rate_hz")
	}
	return nil
}

// Input turns samples of one rate into network input. It keeps the filter and
// is not safe for concurrent use.
type Input struct {
	p   Preprocessing
	res *dsp.Resampler

	// Of a spectrum.
	fft    *dsp.RealFFT32
	window []float32
	bins   []complex64
}

// NewInput returns the input path for samples at rate.
func (p Preprocessing) NewInput(rate float64) (*Input, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := p.CheckRate(rate); err != nil {
		return nil, err
	}
	if p.Transform == Lines {
		return &Input{p: p}, nil
	}
	res, err := dsp.NewResampler(rate, p.SampleRate, p.BandLimit)
	if err != nil {
		return nil, bearing.Errorf(bearing.Invalid, "rate_out_of_range", "the model takes no samples at %g Hz: %v", rate, err).At("/sample_rate_hz")
	}
	in := &Input{p: p, res: res}
	if p.Transform == Spectrum {
		in.fft, in.window, in.bins = dsp.NewRealFFT32(p.Length), make([]float32, p.Length), make([]complex64, p.Length/2+1)
	}
	return in, nil
}

// bytes is not less than what in takes once it has filled an input.
func (in *Input) bytes(rate float64) int64 {
	b := int64(64 << 10)
	if in.res != nil {
		b += in.res.Bytes(in.p.NativeLength(rate))
	}
	if in.fft != nil {
		b += 40 * int64(in.p.Length)
	}
	return b
}

// InputBytes is not less than what classifying n samples at rate takes beside them and the
// network.
func (p Preprocessing) InputBytes(n int, rate float64) int64 {
	if p.Transform == Lines || p.CheckRate(rate) != nil || n < p.NativeLength(rate) {
		return 0
	}
	// The tables of a filter are bounded, its work space follows what it reads at a time.
	const tables = 6 << 20
	return tables + 16*int64(p.NativeLength(rate)) + 60*int64(p.Length)
}

// Fill writes the network input for x, NativeLength samples, to dst of length
// InputLength: resampled and band-limited, then normalised, then transformed. A
// constant x gives zeros. Of a network on lines, x is the evidence itself.
func (in *Input) Fill(dst, x []float32) {
	if len(dst) != in.p.InputLength() {
		panic("models: input has the wrong length")
	}
	if in.p.Transform == Lines {
		copy(dst, x)
		return
	}
	if in.fft == nil {
		in.res.Process(dst, x)
		zscore(dst)
		return
	}
	in.res.Process(in.window, x)
	zscore(in.window)
	in.spectrum(dst)
}

// spectrum writes the transform of in.window to dst.
func (in *Input) spectrum(dst []float32) {
	in.fft.Coefficients(in.bins, in.window)
	scale := 1 / math.Sqrt(float64(in.p.Length))
	for k := range dst {
		c := in.bins[k+1]
		dst[k] = float32(math.Log(scale*math.Hypot(float64(real(c)), float64(imag(c))) + spectrumFloor))
	}
	zscore(dst)
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
	// Rounding of a constant leaves a residue relative to its level.
	if sigma <= 1e-6*math.Abs(mean) || sigma == 0 {
		clear(x)
		return
	}
	var scale, shift [16]float32
	for i := range scale {
		scale[i], shift[i] = float32(1/sigma), float32(-mean/sigma)
	}
	kernel.Scale(x, x, scale[:], shift[:], false)
}

// Segments returns the starts of the windows of length n that cover total
// samples: disjoint where total is a multiple of n, otherwise evenly spread so
// that every sample counts. It returns nil if total < n.
func Segments(total, n int) []int {
	if total < n {
		return nil
	}
	k := (total + n - 1) / n
	starts := make([]int, k)
	for i := 1; i < k; i++ {
		starts[i] = i * (total - n) / (k - 1)
	}
	return starts
}
