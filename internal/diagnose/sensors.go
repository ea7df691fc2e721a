package diagnose

import (
	"brinell/bearing"
)

// Sensors knows what is registered of a sensor.
type Sensors func(name string) (bearing.Sensor, bool)

// registered is what stands in for what a window does not state.
type registered struct {
	bearing   string
	fitted    bearing.KnownBearing // of that designation, zero if it is not known
	unknown   string               // why the bearing is not known, as bearing.Unknown
	most      int                  // samples of a window
	shaft     float64              // Hz
	speedFrom string               // see bearing.Sensor
	model     string               // digest, "" for the active one
	profile   Profile
	rule      *bearing.AlarmRule
	known     bool // it is registered
}

// speed returns the shaft speed that holds for a window, 0 where it is to be estimated, and
// where it comes from.
func (r registered) speed(w *bearing.Window) (hz float64, source string) {
	switch {
	case r.speedFrom == bearing.SpeedEstimated:
		return 0, bearing.SpeedEstimated
	case r.speedFrom == bearing.SpeedRegistered || w.ShaftSpeed == 0 && r.shaft > 0:
		return r.shaft, bearing.SpeedRegistered
	}
	return w.ShaftSpeed, bearing.SpeedStated
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
	case s.SpeedFrom == bearing.SpeedStated && w.ShaftSpeed == 0:
		return r, bearing.Errorf(bearing.Invalid, "speed_missing", "the windows of sensor %s state their shaft speed, as it is registered, and this one does not: state shaft_speed_rpm", w.Sensor).At("/shaft_speed_rpm")
	}
	if s.Alarm != nil {
		r.rule = s.Alarm
	}
	r.known = true
	r.bearing, r.shaft, r.speedFrom, r.model, r.profile = s.Bearing, s.SpeedRPM/60, s.SpeedFrom, s.Model, Profile{NoiseFloor: s.NoiseFloor, FullScale: s.FullScale}
	return r, nil
}
