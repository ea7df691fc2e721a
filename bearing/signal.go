package bearing

import "time"

// Kinds of spectra.
const (
	AmplitudeSpectrum = "amplitude"
	EnvelopeSpectrum  = "envelope"
)

// SpectrumQuery says which spectrum of a window is wanted. Zero fields have defaults.
type SpectrumQuery struct {
	Kind  string
	Lines int     // amplitude: of resolution, from 0 Hz to half the rate
	Low   float64 // envelope: Hz, edges of the band that is demodulated
	High  float64
	MaxHz float64 // envelope: up to where its spectrum is returned
}

// Spectrum is a spectrum of one window. Value k lies at k times StepHz.
type Spectrum struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind" enum:"amplitude,envelope"`
	Unit    string    `json:"unit" doc:"of the values: g RMS, or for the squared envelope g² RMS; mm/s in place of g where it is of velocity, relative where it has no unit"`
	StepHz  float64   `json:"step_hz"`
	Samples int       `json:"samples" doc:"that it was computed of: the first of the window"`
	Pieces  int       `json:"pieces" doc:"whose powers were averaged"`
	Low     float64   `json:"band_low_hz,omitempty"`
	High    float64   `json:"band_high_hz,omitempty"`
	Marks   Values    `json:"marks" doc:"frequencies in Hz at which shaft, cage and faults of the window's bearing repeat; empty where speed or bearing are not known"`
	Values  []float64 `json:"values" nullable:"false"`
}

// Sizes of a trend.
const (
	DefaultPoints = 500
	MaxPoints     = 5000
)

// TrendQuery asks how a number of a sensor's diagnoses went. Zero times stand for the
// first and the last diagnosis.
type TrendQuery struct {
	Sensor, Axis string
	Feature      string // name in Diagnosis.Features
	From, To     time.Time
	Points       int
}

// Trend is a feature of a sensor over time, in intervals of equal length.
type Trend struct {
	Sensor  string       `json:"sensor"`
	Axis    string       `json:"axis"`
	Feature string       `json:"feature"`
	From    time.Time    `json:"from"`
	To      time.Time    `json:"to"`
	Step    float64      `json:"step_seconds" doc:"length of an interval"`
	Points  []TrendPoint `json:"points" nullable:"false" doc:"one for each interval that has windows"`
}

// TrendPoint is what a feature was in one interval.
type TrendPoint struct {
	Start   time.Time `json:"start" doc:"of the interval"`
	Windows int       `json:"windows"`
	Min     float64   `json:"min"`
	Mean    float64   `json:"mean"`
	Max     float64   `json:"max"`
}
