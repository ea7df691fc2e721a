package diagnose

import (
	"context"

	"brinell/bearing"
)

// Replay judges a stored window again, after the same windows of its sensor as when it
// was received: those that past has and that arrived before it. was is the diagnosis
// that was given. What is registered of the sensor is as it is now, and so are model and
// settings. Alarms are taken from was: they rest on more than windows.
func (c *Core) Replay(ctx context.Context, past Past, w *bearing.Window, was bearing.Diagnosis) (bearing.Diagnosis, error) {
	controls, _, err := readControls(ctx, past, w.Sensor, w.Axis)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	var before []*observation
	err = past.History(ctx, w.Sensor, func(d bearing.Diagnosis) error {
		if d.Axis == w.Axis && d.ID != was.ID && !later(d.State.Epoch, d.ReceivedAt, was.State.Epoch, was.ReceivedAt) {
			before = append(before, part(d)...)
		}
		return nil
	})
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	s := c.fold(before, controls)
	reg, err := c.register(w)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	e, done, err := c.engineOf(ctx, was.Model.Digest)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	defer done()
	o, names, err := c.observe(e, w, reg, s.live.bearing)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	skewed(o, was.ReceivedAt)
	o.epoch = was.State.Epoch
	for _, f := range was.Quality.Flags {
		if f.Code == bearing.ClockBack {
			o.quality.Flags = append(o.quality.Flags, f)
		}
	}
	if behind := s.live.last.Sub(o.start); o.epoch == s.live.epoch && !s.live.last.IsZero() && behind > c.horizon {
		c.late(o, behind)
		s = newSensor(c.baseline)
	} else if s.before(o) {
		s = newSensor(c.baseline)
	}
	m, j := s.add(o)
	d := c.answer(e, w, o, names, &m, j, c.now().UTC())
	d.Alarms = was.Alarms
	return d, nil
}
