// Package input is the one path from a window of samples to what a model reads, in
// training and in serving.
//
// A representation is a row of Representations: a name, a shape, a check of its
// settings, and what fills a model's input. Its version is a hash of the constants
// behind it: a model goes with the one that it was trained on. A new representation is
// a row and a file.
package input

import (
	"fmt"
	"math"
	"strings"

	"brinell/bearing"
	"brinell/features/lines"
	"brinell/internal/clamp"
	"brinell/models/nn"
)

// Window is a stretch of signal as a representation reads it.
type Window struct {
	Samples []float32     // acceleration
	Rate    float64       // Hz
	Machine lines.Machine // what the bearing's lines follow from; zero where it is not known

	// Evidence is that of the window where it has been computed already, which saves
	// computing it again; else nil.
	Evidence *lines.Evidence
}

// Preprocessing says how a window becomes what a model reads. It is part of the model
// file.
type Preprocessing struct {
	SampleRate float64 `json:"sample_rate_hz"` // rate of the stretch that the model judges
	Length     int     `json:"length"`         // samples of that stretch
	BandLimit  float64 `json:"band_limit_hz"`  // edge of the low-pass, Hz
	Normalise  string  `json:"normalise"`      // "zscore", or "none" where the representation does its own

	// Transform names the representation, "" stands for the waveform. One that reads whole
	// windows takes them at any length and rate; then SampleRate and Length are those of
	// training windows.
	Transform string `json:"transform,omitempty"`

	// Version is that of the representation: the hash of its constants. Files of format 1
	// state a number instead, Legacy.
	Version string `json:"representation_version,omitempty"`
	Legacy  int    `json:"transform_version,omitempty"`
}

// The normalisations of samples, and none where a representation does its own.
const (
	ZScore = "zscore"
	None   = "none"
)

// Default is that of the CWRU corpus: its fault records are sampled at 12 kHz behind a
// steep filter above 5.5 kHz, its healthy ones at 48 kHz, so all are limited to 5 kHz
// before a network sees them. Otherwise the band above tells healthy from faulty by the
// acquisition. 2048 samples are 170.7 ms, about five turns of a four-pole motor.
var Default = Preprocessing{SampleRate: 12000, Length: 2048, BandLimit: 5000, Normalise: ZScore}

// OfLines is that of models which read evidence: they train on windows of one second.
var OfLines = Preprocessing{SampleRate: 12000, Length: 12000, BandLimit: 5000, Normalise: None, Transform: Lines}

// MaxLength is the longest stretch that a model may read, in samples.
const MaxLength = 1 << 20

// row returns the representation, nil if no row has that name.
func (p Preprocessing) row() *Representation {
	for i := range Representations {
		if r := &Representations[i]; r.Name == p.Transform || p.Transform == "" && r.Name == Waveform {
			return r
		}
	}
	return nil
}

// Representation returns the row of the table that p names. It panics if there is none:
// Validate says so before.
func (p Preprocessing) Representation() *Representation {
	r := p.row()
	if r == nil {
		panic("input: transform " + p.Transform + " is not known")
	}
	return r
}

// Stamped returns p with the version of its representation as this program computes it.
func (p Preprocessing) Stamped() Preprocessing {
	p.Version, p.Legacy = p.Representation().Version(), 0
	return p
}

// Validate reports what makes p unusable.
func (p Preprocessing) Validate() error {
	r := p.row()
	switch {
	case !bearing.SampleRates.Has(p.SampleRate):
		return fmt.Errorf("preprocessing: sampling rate %v Hz is outside %s", p.SampleRate, bearing.SampleRates)
	case p.Length < 1 || p.Length > MaxLength:
		return fmt.Errorf("preprocessing: length %d is out of range", p.Length)
	case !(p.BandLimit > 0) || p.BandLimit >= p.SampleRate/2:
		return fmt.Errorf("preprocessing: band limit %v Hz must be positive and below half the rate", p.BandLimit)
	case r == nil:
		return fmt.Errorf("preprocessing: transform %q is not known: use one of %s", bearing.Clip(p.Transform), strings.Join(Names(), ", "))
	case p.Version != "" && p.Version != r.Version():
		return fmt.Errorf("preprocessing: %s of version %s, this program computes version %s: train the model anew", r.Name, bearing.Clip(p.Version), r.Version())
	case p.Version == "" && p.Legacy != 0 && (p.Legacy != r.legacy || r.legacyVersion != r.Version()):
		return fmt.Errorf("preprocessing: %s of version %d, this program computes version %s: train the model anew", r.Name, p.Legacy, r.Version())
	}
	if err := r.check(p); err != nil {
		return fmt.Errorf("preprocessing: %w", err)
	}
	return nil
}

// Shape returns the shape of what the model reads. p is valid.
func (p Preprocessing) Shape() nn.Shape { return p.Representation().shape(p) }

// InputLength returns the number of values that the model reads. p is valid.
func (p Preprocessing) InputLength() int { return p.Shape().Size() }

// NativeLength returns how many samples at rate cover one stretch, at least 1.
func (p Preprocessing) NativeLength(rate float64) int {
	// Rates are rarely exact multiples; the margin keeps 48000/12000 at 4.
	return clamp.Int(math.Ceil(float64(p.Length)*rate/p.SampleRate-1e-6), 1, math.MaxInt)
}

// CheckRate reports with code rate_too_low that a rate cannot be served.
func (p Preprocessing) CheckRate(rate float64) error {
	if !p.Representation().Whole && rate < p.SampleRate {
		return bearing.Errorf(bearing.Invalid, "rate_too_low", "sampling rate %g Hz is below the model's %g Hz: sample faster, or use a model for lower rates", rate, p.SampleRate).At("/sample_rate_hz")
	}
	return nil
}

// Stretches returns the starts and the length of the stretches of a window of n samples
// at rate that the model judges one by one; nil if the window is too short for one. A
// representation of whole windows has one.
func (p Preprocessing) Stretches(n int, rate float64) (starts []int, length int) {
	if p.Representation().Whole {
		return []int{0}, n
	}
	length = p.NativeLength(rate)
	return Segments(n, length), length
}

// Bytes is not less than what the path to the input takes for a window of n samples at
// rate, beside them, the model, and the evidence that the verdict computes anyway.
func (p Preprocessing) Bytes(n int, rate float64) int64 {
	if p.CheckRate(rate) != nil || n < p.NativeLength(rate) && !p.Representation().Whole {
		return 0
	}
	return p.Representation().bytes(p, n, rate)
}

// Segments returns the starts of the stretches of length n that cover total samples:
// disjoint where total is a multiple of n, otherwise evenly spread so that every sample
// counts. It returns nil if total < n.
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

// Reader fills model input from windows of one rate. It owns its work space: not safe
// for concurrent use.
type Reader struct {
	n    int
	fill filler
}

// filler writes the input for a stretch of a window. It may keep filters and tables of
// the rate that it was made for.
type filler interface {
	fill(dst []float32, w Window) error
	bytes() int64 // kept, once it has filled an input
}

// NewReader returns the reader for windows at rate.
func (p Preprocessing) NewReader(rate float64) (*Reader, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := p.CheckRate(rate); err != nil {
		return nil, err
	}
	f, err := p.Representation().open(p, rate)
	if err != nil {
		return nil, err
	}
	return &Reader{p.InputLength(), f}, nil
}

// Fill writes the model's input for a window of NativeLength samples (of any length for
// a representation of whole windows) to dst, which has InputLength values. The error, a
// *bearing.Error, says what the window lacks.
func (r *Reader) Fill(dst []float32, w Window) error {
	if len(dst) != r.n {
		panic("input: a model's input of the wrong length")
	}
	return r.fill.fill(dst, w)
}

// Bytes is not less than what the reader keeps once it has filled an input.
func (r *Reader) Bytes() int64 { return 64<<10 + r.fill.bytes() }
