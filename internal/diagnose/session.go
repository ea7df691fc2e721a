package diagnose

import (
	"brinell/bearing"
	"brinell/internal/alarm"
)

// Session judges windows of one sensor one after the other, without storing them: a
// file, or a recording that is evaluated.
type Session struct {
	core *Core
	s    *sensor
}

// Session returns a session of a sensor from which nothing has come.
func (c *Core) Session() *Session {
	s := newSensor(c.baseline)
	s.alarms = &alarm.Machine{}
	return &Session{c, s}
}

// Diagnose judges the next window.
func (s *Session) Diagnose(w *bearing.Window) (bearing.Diagnosis, error) {
	return s.core.diagnose(w, s.s)
}
