package features

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Unit is the unit of a feature. It states how the value follows the gain of
// the signal, which the shared property test reads from it.
type Unit string

// The units.
const (
	Dimensionless Unit = "1"   // unchanged by gain
	Acceleration  Unit = "g"   // proportional to gain
	Frequency     Unit = "Hz"  // unchanged by gain, proportional to the rate
	Nats          Unit = "nat" // unchanged by gain
)

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
// frequencies f, without f = 0.
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
			Doc:   fmt.Sprintf("RMS of x-m in band %d of %d of equal width from 0 to half the rate", i+1, bands),
			value: func(a *analysis) float64 { return a.bands[i] },
		})
	}
	return out
}

// hash returns the SHA-256 over names, units and definitions, hex.
func hash(rows []Feature) string {
	h := sha256.New()
	for _, r := range rows {
		io.WriteString(h, r.Name+"\x00"+string(r.Unit)+"\x00"+r.Doc+"\x00")
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
