package features

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Unit is the unit of a feature. It carries the scaling law: how the value
// follows the gain of the signal and its sampling rate. The shared property test
// holds every row to it.
type Unit string

// The units.
const (
	Dimensionless Unit = "1"   // unchanged by gain
	Acceleration  Unit = "g"   // proportional to gain
	Power         Unit = "g2"  // proportional to the square of gain
	Frequency     Unit = "Hz"  // unchanged by gain, proportional to the rate
	Nats          Unit = "nat" // unchanged by gain
)

// Scale returns the factor by which a value of this unit grows when the signal
// grows by gain > 0 and its sampling rate by rate, and whether the unit is known.
func (u Unit) Scale(gain, rate float64) (factor float64, known bool) {
	switch u {
	case Dimensionless, Nats:
		return 1, true
	case Acceleration:
		return gain, true
	case Power:
		return gain * gain, true
	case Frequency:
		return rate, true
	}
	return 0, false
}

// Domain says of what a feature is computed.
type Domain string

// The domains.
const (
	Time     Domain = "time"
	Spectral Domain = "frequency"
)

// Feature is a row of the catalogue.
type Feature struct {
	Name   string
	Unit   Unit
	Domain Domain
	Source string // where the definition is from
	Doc    string // the definition
	value  func(*analysis) float64
}

// catalogue are the rows before the bands. x has N samples with mean m and
// central moments m_k = (1/N) Σ (x-m)^k; P is the power spectrum of x-m at the
// frequencies f, without f = 0. Of a constant x, m2 and ΣP are 0; what divides by
// them is then 0, and so is what divides by the level of a silent x.
//
// Who changes a definition raises hashVersion.
var catalogue = []Feature{
	{"mean", Acceleration, Time, "elementary", "m", func(a *analysis) float64 { return a.mean }},
	{"std", Acceleration, Time, "elementary", "√m2, the population form", func(a *analysis) float64 { return a.std }},
	{"rms", Acceleration, Time, "elementary", "√((1/N) Σ x²), the mean not removed", func(a *analysis) float64 { return a.rms }},
	{"mean_abs", Acceleration, Time, "elementary", "(1/N) Σ |x|", func(a *analysis) float64 { return a.meanAbs }},
	{"peak", Acceleration, Time, "elementary", "max |x|", func(a *analysis) float64 { return a.peak }},
	{"peak_to_peak", Acceleration, Time, "elementary", "max x - min x", func(a *analysis) float64 { return a.max - a.min }},
	{"crest_factor", Dimensionless, Time, "ISO 13373-1", "peak/rms", func(a *analysis) float64 { return over(a.peak, a.rms) }},
	{"shape_factor", Dimensionless, Time, "common indicator", "rms/mean_abs", func(a *analysis) float64 { return over(a.rms, a.meanAbs) }},
	{"impulse_factor", Dimensionless, Time, "common indicator", "peak/mean_abs", func(a *analysis) float64 { return over(a.peak, a.meanAbs) }},
	{"clearance_factor", Dimensionless, Time, "common indicator", "peak/((1/N) Σ √|x|)², also called margin factor", func(a *analysis) float64 { return over(a.peak, a.rootAbs*a.rootAbs) }},
	{"skewness", Dimensionless, Time, "Pearson", "m3/m2^1.5, biased", func(a *analysis) float64 { return a.skewness }},
	{"kurtosis", Dimensionless, Time, "D. Dyer, R. M. Stewart, J. Mech. Des. 100 (1978) 229", "m4/m2², biased, not the excess: 3 for Gaussian noise", func(a *analysis) float64 { return a.kurtosis }},
	{"entropy", Nats, Time, "C. E. Shannon 1948", "-Σ p ln p over 64 equal bins from min x to max x", func(a *analysis) float64 { return a.entropy }},
	{"frequency_centre", Frequency, Spectral, "common indicator", "Σ f P / Σ P", func(a *analysis) float64 { return a.centre }},
	{"rms_frequency", Frequency, Spectral, "common indicator", "√(Σ f² P / Σ P)", func(a *analysis) float64 { return a.rmsFreq }},
	{"frequency_std", Frequency, Spectral, "common indicator", "√(Σ (f - frequency_centre)² P / Σ P)", func(a *analysis) float64 { return a.freqStd }},
	{"spectral_skewness", Dimensionless, Spectral, "moments of P as a distribution over f", "Σ (f - frequency_centre)³ P / (frequency_std³ Σ P)", func(a *analysis) float64 { return a.specSkew }},
	{"spectral_kurtosis", Dimensionless, Spectral, "moments of P as a distribution over f", "Σ (f - frequency_centre)⁴ P / (frequency_std⁴ Σ P); not the kurtosis of a band's envelope", func(a *analysis) float64 { return a.specKurt }},
}

// bandSource is where the idea of the band rows is from.
const bandSource = "B. Li et al., IEEE Trans. Ind. Electron. 47 (2000) 1060"

// rows returns the catalogue for that many bands.
func rows(bands int) []Feature {
	out := append([]Feature(nil), catalogue...)
	for i := range bands {
		out = append(out, Feature{
			Name: fmt.Sprintf("band_rms_%02d", i+1), Unit: Acceleration, Domain: Spectral, Source: bandSource,
			Doc:   fmt.Sprintf("RMS of x-m in band %d of %d of equal width from 0 to half the rate; a bin on the edge of two belongs to the upper", i+1, bands),
			value: func(a *analysis) float64 { return a.bands[i] },
		})
	}
	return out
}

// hashVersion stands for the definitions behind the names.
const hashVersion = 1

// hash returns the SHA-256, hex, over the names, units and domains in order, and
// over the parameters that change values under the same names. Texts do not
// count: a corrected source must not part a model from its features.
func hash(rows []Feature) string {
	h := sha256.New()
	fmt.Fprintf(h, "version %d, entropy bins %d, longest transform %d\n", hashVersion, entropyBins, maxTransform)
	for _, r := range rows {
		fmt.Fprintf(h, "%q %q %q\n", r.Name, r.Unit, r.Domain)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// over is a/b, and 0 for silence.
func over(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
