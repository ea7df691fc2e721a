package diagnose

import (
	"brinell/internal/bearing"
)

// Sensors knows what is registered of a sensor.
type Sensors func(name string) (bearing.Sensor, bool)

// registered is what stands in for what a window does not state.
type registered struct {
	bearing string
	shaft   float64 // Hz
	profile Profile
	rule    *bearing.AlarmRule
	known   bool // it is registered
}

// register returns what is registered of the window's sensor, or why the window cannot
// be one of it.
func (c *Core) register(w *bearing.Window) (r registered, err error) {
	r.rule = &bearing.DefaultRule
	if c.registry == nil {
		return r, nil
	}
	s, ok := c.registry(w.Sensor)
	if !ok {
		return r, nil
	}
	mismatch := func(code, what, field string, registered, stated any) error {
		return bearing.Errorf(bearing.Invalid, code, "sensor %s is registered with %s %v, the window states %v: mend the one that is wrong", w.Sensor, what, registered, stated).At(field)
	}
	switch {
	case s.SampleRate != 0 && s.SampleRate != w.SampleRate:
		return r, mismatch("rate_mismatch", "sampling rate", "/sample_rate_hz", s.SampleRate, w.SampleRate)
	case s.Unit != "" && s.Unit != w.Unit:
		return r, mismatch("unit_mismatch", "unit", "/unit", s.Unit, w.Unit)
	case s.Axis != "" && s.Axis != w.Axis:
		return r, mismatch("axis_mismatch", "axis", "/axis", s.Axis, w.Axis)
	}
	if s.Alarm != nil {
		r.rule = s.Alarm
	}
	r.known = true
	r.bearing, r.shaft, r.profile = s.Bearing, s.SpeedRPM/60, Profile{NoiseFloor: s.NoiseFloor, FullScale: s.FullScale}
	return r, nil
}
