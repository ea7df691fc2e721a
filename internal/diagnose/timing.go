package diagnose

import (
	"cmp"
	"context"
	"sync"
	"time"

	"brinell/internal/bearing"
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

// crowd bounds how many sensors windows bring in by their names alone, in all and a day
// from each source.
type crowd struct {
	most int

	mu      sync.Mutex
	loaded  bool
	names   map[string]struct{} // of all sensors, registered ones too
	newest  int                 // of them not registered, when they were counted
	counted time.Time
	by      map[string]newcomers // by source: keys, of which there are only so many
}

// newcomers are the sensors that a source has brought in since a time, a day at most.
type newcomers struct {
	since time.Time
	n     int
}

// of returns what a source has brought in on the day of a time.
func (c *crowd) of(source string, now time.Time) newcomers {
	if d := c.by[source]; now.Sub(d.since).Abs() < 24*time.Hour {
		return d
	}
	return newcomers{since: now}
}

// recount is how often names are counted that are not registered. It is done only where
// there are as many as there may be with those that are.
const recount = time.Second

// admit refuses the window of one sensor too many.
func (c *crowd) admit(ctx context.Context, store Appender, name string, registered Sensors, now time.Time) error {
	source, ok := bearing.SourceOf(ctx)
	if c.most == 0 && !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, can := store.(interface {
		Sensors(ctx context.Context) ([]string, error)
	}); can && !c.loaded {
		names, err := s.Sensors(ctx)
		if err != nil {
			return err
		}
		for _, n := range names {
			c.put(n)
		}
	}
	c.loaded = true
	is := func(name string) bool {
		if registered == nil {
			return false
		}
		_, ok := registered(name)
		return ok
	}
	if _, known := c.names[name]; known || is(name) {
		return nil
	}
	if ok && c.of(source.Name, now).n >= source.NewSensors {
		return bearing.Errorf(bearing.TooMany, "too_many_sensors", "windows of this key may bring in %d sensors a day: register this one by PUT /v1/sensors/%s, or make a key with more --new-sensors", source.NewSensors, name)
	}
	if c.most == 0 || len(c.names) < c.most {
		return nil
	}
	if now.Sub(c.counted).Abs() >= recount {
		c.newest, c.counted = 0, now
		for n := range c.names {
			if !is(n) {
				c.newest++
			}
		}
	}
	if c.newest < c.most {
		return nil
	}
	return bearing.Errorf(bearing.TooMany, "too_many_sensors", "windows brought in %d sensors, and may bring in no other one: register it by PUT /v1/sensors/%s, or raise --max-sensors; GET /v1/sensors?registered=false lists them", c.newest, name)
}

// add notes that a window of a sensor is stored.
func (c *crowd) add(ctx context.Context, name string, registered bool, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loaded {
		return
	}
	if source, ok := bearing.SourceOf(ctx); ok && !registered {
		if _, known := c.names[name]; !known {
			d := c.of(source.Name, now)
			d.n++
			if c.by == nil {
				c.by = make(map[string]newcomers)
			}
			c.by[source.Name] = d
		}
	}
	c.put(name)
}

func (c *crowd) put(name string) {
	if c.names == nil {
		c.names = make(map[string]struct{})
	}
	if _, known := c.names[name]; !known {
		c.names[name] = struct{}{}
		c.newest++ // registered or not: the next count tells
	}
}
