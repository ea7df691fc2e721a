package bearing

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"brinell/internal/clamp"
)

// StandardGravity is 1 g in m/s² (exact by definition, ISO 80000-3).
const StandardGravity = 9.80665

// Unit is the unit in which acceleration or velocity was stated.
type Unit string

// The units taken. Inside the program acceleration is in g whatever was stated, and velocity in
// mm/s.
const (
	G              Unit = "g"
	MetresPerSec2  Unit = "m/s2"
	MillimetresSec Unit = "mm/s"     // of a velocity sensor
	RelativeToFull Unit = "relative" // PCM without a scale: amplitudes have no unit
)

// Inside returns the unit in which the program keeps samples that were stated in u: g of any
// acceleration, else u itself.
func (u Unit) Inside() Unit {
	if u == MillimetresSec || u == RelativeToFull {
		return u
	}
	return G
}

// IsVelocity reports whether u is a unit of velocity, and none of acceleration.
func (u Unit) IsVelocity() bool { return u == MillimetresSec }

// Quantity says in a word what is measured in u.
func (u Unit) Quantity() string {
	if u.IsVelocity() {
		return "velocity"
	}
	return "acceleration"
}

// ParseUnit returns the unit of that name, or an error that says what is taken.
func ParseUnit(s string) (Unit, error) {
	switch Unit(s) {
	case G, MetresPerSec2, MillimetresSec:
		return Unit(s), nil
	case "":
		return "", Errorf(Invalid, "unit_missing", "the unit of the samples is missing: state g, m/s2, or mm/s of a velocity sensor")
	}
	return "", Errorf(Invalid, "unit_unknown", "unit %q is not taken: use g, m/s2, or mm/s of a velocity sensor", Clip(s))
}

// Window is one segment of signal from one sensor axis, the unit of ingest and
// diagnosis. Make it with NewWindow: past that gate every field is sane.
type Window struct {
	Sensor     string    // name of the sensor
	Axis       string    // axis of the sensor, "" if it has one
	Start      time.Time // time of the first sample, UTC
	SampleRate float64   // Hz
	ShaftSpeed float64   // Hz, 0 if unknown
	Bearing    string    // bearing designation, "" if unknown
	Unit       Unit      // the unit that the client stated
	Samples    []float32 // acceleration, g, or what Unit.Inside says
}

// Limits bound a window. The zero value of a field means its default.
type Limits struct {
	MaxSamples int // default DefaultMaxSamples
}

// Bounds of a window's fields.
const (
	DefaultMaxSamples = 4 << 20
	MaxSampleRate     = 10e6   // Hz; an ultrasonic sensor samples at 1-2 MHz
	MaxShaftSpeed     = 10_000 // Hz; 600,000 rpm, above any bearing's limit
	MaxAcceleration   = 1e9    // in the stated unit; a projectile in a gun stays below 1e6 g
)

// NewWindow is the one gate: it checks every field, converts acceleration to g
// and Start to UTC, and returns a window that the rest of the program may trust.
// w.Samples is in w.Unit and is converted in place; the window keeps the slice.
//
// Errors are *Error with the codes sensor_name, axis_name, bearing_name,
// start_out_of_range, rate_missing, rate_out_of_range, speed_out_of_range,
// unit_missing, unit_unknown, window_empty, window_too_long, sample_not_finite,
// sample_out_of_range.
func NewWindow(w Window, lim Limits) (*Window, error) {
	if lim.MaxSamples == 0 {
		lim.MaxSamples = DefaultMaxSamples
	}
	switch {
	case !IsName(w.Sensor):
		return nil, nameError("sensor", w.Sensor)
	case w.Axis != "" && !IsName(w.Axis):
		return nil, nameError("axis", w.Axis)
	case !isDesignation(w.Bearing):
		return nil, Errorf(Invalid, "bearing_name", "bearing %q: use at most 64 printable ASCII characters", Clip(w.Bearing)).At("/bearing")
	case w.Start.Before(minStart) || !w.Start.Before(maxStart):
		return nil, Errorf(Invalid, "start_out_of_range", "start must lie between 1970 and 2262").At("/start")
	case w.SampleRate == 0:
		return nil, Errorf(Invalid, "rate_missing", "the sampling rate is missing: state sample_rate_hz").At("/sample_rate_hz")
	case !SampleRates.Has(w.SampleRate):
		return nil, Errorf(Invalid, "rate_out_of_range", "sampling rate %g Hz is outside %s", w.SampleRate, SampleRates).At("/sample_rate_hz")
	case w.ShaftSpeed != 0 && !ShaftSpeeds.Has(math.Round(w.ShaftSpeed*60e9)/1e9): // the bounds themselves pass
		return nil, Errorf(Invalid, "speed_out_of_range", "shaft speed %g rpm is outside %s; leave it out if it is unknown", w.ShaftSpeed*60, ShaftSpeeds).At("/shaft_speed_rpm")
	case len(w.Samples) == 0:
		return nil, Errorf(Invalid, "window_empty", "the window has no samples").At("/samples")
	case len(w.Samples) > lim.MaxSamples:
		return nil, Errorf(Invalid, "window_too_long", "the window has %d samples, the limit is %d: send shorter windows", len(w.Samples), lim.MaxSamples).At("/samples").Over(float64(lim.MaxSamples), float64(len(w.Samples)))
	}
	if w.Unit != RelativeToFull {
		if _, err := ParseUnit(string(w.Unit)); err != nil {
			return nil, err.(*Error).At("/unit")
		}
	}
	if err := toG(w.Samples, w.Unit); err != nil {
		return nil, err
	}
	w.Start = w.Start.UTC()
	return &w, nil
}

var (
	minStart = time.Unix(0, 0)
	maxStart = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)
)

// toG converts x from unit u, if it is one of acceleration, to g in place and refuses what is none:
// past this, sums of samples and of their fourth powers stay finite.
func toG(x []float32, u Unit) error {
	// Without signs, bits of float32 are in the order of their values, infinities
	// and NaN last. One look at the largest is enough for nearly every window.
	const abs = 1<<31 - 1
	limit := math.Float32bits(MaxAcceleration) // exact
	var largest uint32
	for _, v := range x {
		largest = max(largest, math.Float32bits(v)&abs)
	}
	if largest > limit {
		return badSample(x)
	}
	if u == MetresPerSec2 {
		for i, v := range x {
			x[i] = float32(float64(v) / StandardGravity)
		}
	}
	return nil
}

// badSample refuses the first of x that is no acceleration, nor a velocity.
func badSample(x []float32) error {
	i := slices.IndexFunc(x, func(v float32) bool { return !(v >= -MaxAcceleration && v <= MaxAcceleration) })
	v := x[i]
	if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
		return Errorf(Invalid, "sample_not_finite", "sample %d is %v: every sample must be a finite number", i, v).At("/samples")
	}
	return Errorf(Invalid, "sample_out_of_range", "sample %d is %g: no vibration is beyond %g, check the format and the unit", i, v, float64(MaxAcceleration)).At("/samples")
}

// IsName reports whether s matches [A-Za-z0-9][A-Za-z0-9._-]{0,63}, the grammar
// of sensor and axis names.
func IsName(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

func nameError(field, s string) *Error {
	return Errorf(Invalid, field+"_name", "%s name %q: use 1 to 64 of A-Z a-z 0-9 . _ - and begin with a letter or a digit", field, Clip(s)).At("/" + field)
}

// isDesignation reports whether s may name a bearing: printable ASCII, so that
// designations such as "6205-2RS/C3" pass.
func isDesignation(s string) bool {
	if len(s) > 64 {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// ID returns the identity of the window: 26 characters that depend on sensor,
// axis and start (in UTC nanoseconds) alone. A diagnosis has its window's ID.
func (w *Window) ID() string {
	h := sha256.New()
	var n [8]byte
	for _, s := range []string{w.Sensor, w.Axis} {
		binary.LittleEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	binary.LittleEndian.PutUint64(n[:], uint64(w.Start.UnixNano()))
	h.Write(n[:])
	return idEncoding.EncodeToString(h.Sum(nil)[:16])
}

// Digest returns the SHA-256 of what the window says: samples (as Unit.Inside says, little-endian
// float32), rate, speed, unit and bearing. Two windows of one ID with different
// digests contradict each other.
func (w *Window) Digest() [sha256.Size]byte {
	h := sha256.New()
	buf := make([]byte, 0, 4096)
	for _, v := range []float64{w.SampleRate, w.ShaftSpeed} {
		buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(v))
	}
	for _, s := range []string{string(w.Unit), w.Bearing} {
		buf = binary.LittleEndian.AppendUint64(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	h.Write(buf)
	buf = buf[:4096]
	for x := w.Samples; len(x) > 0; {
		n := min(len(x), len(buf)/4)
		for i, v := range x[:n] {
			binary.LittleEndian.PutUint32(buf[4*i:], math.Float32bits(v))
		}
		h.Write(buf[:4*n])
		x = x[n:]
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Duration returns the time that the window covers.
func (w *Window) Duration() time.Duration {
	return clamp.Seconds(float64(len(w.Samples)) / w.SampleRate)
}
