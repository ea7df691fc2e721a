package diagnose

import (
	"cmp"
	"time"

	"brinell/bearing"
)

// DefaultLateHorizon is the default of Config.LateHorizon.
const DefaultLateHorizon = 24 * time.Hour

// Bounds of a window's start against the clock of the service: before, nobody sampled
// bearings into services; after, a clock is wrong.
const (
	skewLimit = 5 * time.Minute // ahead, from which a window is flagged
	skewMost  = 24 * time.Hour  // ahead, from which it is refused
)

var firstYear = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// skewed flags a window that begins in the future. In the order of its sensor's windows it
// stands where it was received: one whose clock was wrong for a moment must not put all
// that follow into the past.
func skewed(o *observation, received time.Time) {
	if ahead := o.start.Sub(received); ahead > skewLimit {
		degrade(&o.quality, bearing.Flag{Code: bearing.ClockSkew, Value: round(ahead.Seconds(), 3), Limit: skewLimit.Seconds(), Note: "seconds by which the window begins after it arrived: the clock of the sensor is wrong"})
		o.start = received
	}
}

// newest returns the place of the sensor's newest window: that in its state, or the one that
// its alarms have seen, where what is stored does not reach so far. The caller holds s.mu.
func (s *sensor) newest() (epoch int, last time.Time) {
	epoch, last = s.live.epoch, s.live.last
	if m := s.alarms; m != nil && later(m.Epoch, m.Last, epoch, last) {
		return m.Epoch, m.Last
	}
	return epoch, last
}

// later says whether a window of one epoch and start stands after another in the order of a
// sensor's windows.
func later(epoch int, start time.Time, than int, at time.Time) bool {
	return epoch > than || epoch == than && start.After(at)
}

// inOrder compares windows in the order of their sensor. Those that came at one time from a
// clock that is ahead are in the order of that.
func inOrder(a, b *observation) int {
	return cmp.Or(cmp.Compare(a.epoch, b.epoch), a.start.Compare(b.start), a.began.Compare(b.began))
}

// place says where in the order of its sensor's windows one stands that has come now, and
// whether it is too far behind the newest to take part in the sensor's state: then it is
// flagged, and judged by itself.
//
// The newest is believed as far as it can be: it cannot begin after a window that comes later
// has come. If it does, a clock has been set back since, that of this service or, with all
// its windows, the sensor's. Which of the two was wrong then, and whether it is right now,
// nobody can tell; what is sure is that what comes now is the present. So the order begins
// anew with it: a new epoch, in which it is the newest. What was there stands before it, and
// what it taught stays. The epoch is stored with the diagnosis, and a restart finds the same
// order. The caller holds s.mu.
func (c *Core) place(s *sensor, o *observation, received time.Time) (late bool) {
	epoch, last := s.newest()
	o.epoch = epoch
	behind := last.Sub(o.start)
	switch ahead := s.ahead(received); {
	case last.IsZero():
		return false
	case ahead > skewLimit && received.Sub(o.start) <= c.horizon:
		o.epoch++
		o.flag(bearing.ClockBack, ahead, skewLimit, "seconds by which the sensor's newest window begins, or its "+
			"baseline was controlled, after this one came: the clock of this service has been set back, and the "+
			"order of the sensor's windows begins anew")
	case behind < 0:
		return false
	case s.alarms != nil && s.alarms.Settles(o.start, received):
		o.epoch++
		o.flag(bearing.ClockBack, behind, skewLimit, "seconds behind the sensor's newest window, as all that have "+
			"come for some time: its clock has been set back, and the order of its windows begins anew")
	case behind > c.horizon:
		c.late(o, behind)
		return true
	}
	return false
}

// ahead returns by how much the sensor's newest window, or a control of its baseline that is to
// come, is ahead of a time that it is: 0 for not. Neither was when it came. The caller holds s.mu.
func (s *sensor) ahead(now time.Time) time.Duration {
	epoch, last := s.newest()
	ahead := time.Duration(0)
	if !last.IsZero() {
		ahead = max(0, last.Sub(now))
	}
	for _, x := range s.live.controls[s.live.controlled:] {
		if x.Epoch == epoch {
			ahead = max(ahead, x.At.Sub(now))
		}
	}
	return ahead
}

// present returns the epoch of what happens now: the next one, where something in this one is
// ahead of the clock. The caller holds s.mu.
func (s *sensor) present(now time.Time) int {
	epoch, _ := s.newest()
	if s.ahead(now) > skewLimit {
		epoch++
	}
	return epoch
}

// late flags a window that has no part in its sensor's state.
func (c *Core) late(o *observation, behind time.Duration) {
	o.flag(bearing.Late, behind, c.horizon,
		"seconds behind the sensor's newest window: judged by itself, without part in the sensor's state")
}

// flag notes a time about the window that says nothing against its signal.
func (o *observation) flag(code string, value, limit time.Duration, note string) {
	f := bearing.Flag{Code: code, Value: round(value.Seconds(), 3), Limit: limit.Seconds(), Note: note}
	o.quality.Flags = append(o.quality.Flags, f)
}
