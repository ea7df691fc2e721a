package bearing

import "encoding/json"

// Resource is a record that users write: a JSON document with a version that rises
// with each write and is never used again.
type Resource struct {
	Key     string
	Version int64
	Doc     json.RawMessage
}

// Part is a place among resources that are parts of things, inspections of sensors: in the order
// of the things, then of their keys.
type Part struct{ Of, Key string }

// Parts are the things whose parts are asked for.
type Parts interface {
	Covers(of string) bool
	// Next returns from which name on, the given one or a later one, there may be one that is
	// covered; false for none.
	Next(of string) (string, bool)
}

// OnePart are the parts of one thing.
type OnePart string

// Covers implements Parts.
func (p OnePart) Covers(of string) bool { return of == string(p) }

// Next implements Parts.
func (p OnePart) Next(of string) (string, bool) { return string(p), of <= string(p) }

// Versions that a write may ask for beside a number: any, that there is none, and that
// there is one.
const (
	AnyVersion  int64 = 0
	NoVersion   int64 = -1
	SomeVersion int64 = -2
)

// MatchVersion returns Changed version_mismatch if a version, 0 where there is none, is
// not what a write asks for.
func MatchVersion(version, want int64) error {
	switch {
	case want == AnyVersion, want == version, want == NoVersion && version == 0, want == SomeVersion && version != 0:
		return nil
	case version == 0:
		return Errorf(Changed, "version_mismatch", "there is none to change: leave If-Match out to make it")
	case want == NoVersion:
		return Errorf(Changed, "version_mismatch", "there is one already: leave If-None-Match out to replace it")
	}
	return Errorf(Changed, "version_mismatch", "it was written meanwhile: read it again, and state its ETag in If-Match")
}

// Kinds of resources.
const (
	KindMachine    = "machine"
	KindSensor     = "sensor"
	KindInspection = "inspection"
	KindWebhook    = "webhook"
	KindBaseline   = "baseline"
	KindDelivery   = "delivery"
	KindSetting    = "setting" // of the service itself
)

// Machine is what sensors sit on.
type Machine struct {
	Name     string `json:"name"`
	Title    string `json:"title,omitempty" doc:"for people"`
	Location string `json:"location,omitempty"`
	Note     string `json:"note,omitempty"`
}

// Validate checks the texts of a machine.
func (m Machine) Validate() error {
	return texts("title", m.Title, "location", m.Location, "note", m.Note)
}

// Sensor is what is known of a sensor beside its windows. All fields may be left out:
// a sensor needs no registration. What a window states goes before what stands here.
type Sensor struct {
	Name       string     `json:"name"`
	Machine    string     `json:"machine,omitempty" doc:"name of a machine"`
	SampleRate float64    `json:"sample_rate_hz,omitempty" doc:"the only rate that its windows may have"`
	Unit       Unit       `json:"unit,omitempty" doc:"the only unit that its windows may have"`
	Axis       string     `json:"axis,omitempty" doc:"the only axis that its windows may have"`
	FullScale  float64    `json:"full_scale,omitempty" doc:"largest acceleration that it can measure, in g, or velocity in mm/s"`
	NoiseFloor float64    `json:"noise_floor,omitempty" doc:"RMS below which its windows are noise, in g, or of velocity in mm/s"`
	Bearing    string     `json:"bearing,omitempty" doc:"designation of the bearing, where a window states none"`
	SpeedRPM   float64    `json:"shaft_speed_rpm,omitempty" doc:"shaft speed, where a window states none: leave out to have it estimated"`
	SpeedFrom  string     `json:"speed_source,omitempty" doc:"where its shaft speed comes from: stated by every window, registered here whatever windows state, or estimated; left out, the first of these that is there"`
	Model      string     `json:"model,omitempty" doc:"digest of the model that judges its windows, see /v1/models; left out, or deleted since, the active one"`
	Alarm      *AlarmRule `json:"alarm,omitempty" doc:"its alarm rule; left out, the default one"`
}

// Sources of a shaft speed.
const (
	SpeedStated     = "stated"
	SpeedRegistered = "registered"
	SpeedEstimated  = "estimated"
)

// Validate checks a sensor as far as it stands for itself.
func (s Sensor) Validate() error {
	if s.Machine != "" && !IsName(s.Machine) {
		return Errorf(Invalid, "machine_name", "%q is no name of a machine", Clip(s.Machine)).At("/machine")
	}
	if s.Axis != "" && !IsName(s.Axis) {
		return Errorf(Invalid, "axis_name", "%q is no name of an axis", Clip(s.Axis)).At("/axis")
	}
	if s.Unit != "" {
		if _, err := ParseUnit(string(s.Unit)); err != nil {
			return err.(*Error).At("/unit")
		}
	}
	for _, f := range []struct {
		name  string
		value float64
		may   Range
	}{
		{"sample_rate_hz", s.SampleRate, SampleRates}, {"full_scale", s.FullScale, FullScales},
		{"noise_floor", s.NoiseFloor, NoiseFloors}, {"shaft_speed_rpm", s.SpeedRPM, ShaftSpeeds},
	} {
		if f.value != 0 && !f.may.Has(f.value) {
			return Errorf(Invalid, "field_invalid", "%s %g is outside %s: leave it out if it is not known", f.name, f.value, f.may).At("/" + f.name)
		}
	}
	switch s.SpeedFrom {
	case "", SpeedStated, SpeedEstimated:
	case SpeedRegistered:
		if s.SpeedRPM == 0 {
			return Errorf(Invalid, "field_invalid", "speed_source registered wants a shaft_speed_rpm").At("/shaft_speed_rpm")
		}
	default:
		return Errorf(Invalid, "field_invalid", "speed_source %q is none of stated, registered and estimated", Clip(s.SpeedFrom)).At("/speed_source")
	}
	if err := texts("bearing", s.Bearing, "model", s.Model); err != nil {
		return err
	}
	if s.Alarm != nil {
		if err := s.Alarm.Validate(); err != nil {
			e := err.(*Error)
			return e.At("/alarm" + e.Pointer)
		}
	}
	return nil
}

// maxText is the length of a text field, bytes.
const maxText = 500

// texts checks pairs of name and text.
func texts(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if len(pairs[i+1]) > maxText {
			return Errorf(Invalid, "field_invalid", "%s has %d bytes, at most %d may stand there", pairs[i], len(pairs[i+1]), maxText).At("/" + pairs[i])
		}
	}
	return nil
}
