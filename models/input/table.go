package input

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"brinell/features/lines"
	"brinell/models/nn"
)

// Representation is one way to turn a window into what a model reads.
type Representation struct {
	Name  string
	Doc   string // what a model reads, in a sentence
	Whole bool   // it reads whole windows of any length and rate; else stretches of the settings' length

	// Machine says that it needs the shaft speed and the orders of the bearing, and a
	// window of lines.Need samples.
	Machine bool

	// constants are what changes values under the same settings. They go into Version,
	// and so does steps, which is raised when the steps of the computation change.
	constants []any
	steps     int

	// Of files of format 1, which stated a number: what it was, and the Version that it
	// stands for.
	legacy        int
	legacyVersion string

	check func(p Preprocessing) error
	shape func(p Preprocessing) nn.Shape
	open  func(p Preprocessing, rate float64) (filler, error)
	bytes func(p Preprocessing, n int, rate float64) int64
}

// The names of the representations.
const (
	Waveform = "waveform"
	Spectrum = "spectrum"
	Lines    = "lines"
)

// Representations are all there are.
var Representations = []Representation{
	{
		Name: Waveform, Doc: "the samples themselves, resampled, band-limited and brought to mean 0 and deviation 1",
		steps: 1,
		check: checkNormalised, shape: waveformShape, open: openWaveform, bytes: waveformBytes,
	},
	{
		Name: Spectrum, Doc: "the logarithm of the magnitude spectrum of the waveform, normalised again",
		constants: []any{spectrumFloor}, steps: 1,
		check: checkSpectrum, shape: spectrumShape, open: openSpectrum, bytes: waveformBytes,
	},
	{
		Name: Lines, Doc: "the evidence of features/lines at the bearing's orders", Whole: true, Machine: true,
		constants: lines.Constants(), steps: 1, legacy: 1, legacyVersion: linesOfFormat1,
		check: checkLines, shape: linesShape, open: openLines, bytes: linesBytes,
	},
}

// Names returns the names of the representations.
func Names() (names []string) {
	for i := range Representations {
		names = append(names, Representations[i].Name)
	}
	return names
}

// Version is a hash of what changes values under the same settings, twelve hexadecimal
// digits.
func (r *Representation) Version() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %v", r.Name, r.steps, r.constants))
	return hex.EncodeToString(sum[:6])
}

// String names the representation with its version, as a diagnosis states it.
func (r *Representation) String() string { return r.Name + "@" + r.Version() }
