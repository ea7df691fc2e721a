package diagnose

import (
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

// timely refuses a window whose start cannot be meant.
func timely(w *bearing.Window, received time.Time) error {
	if ahead := w.Start.Sub(received); ahead > skewMost || w.Start.Before(firstYear) {
		return bearing.Errorf(bearing.Invalid, "start_out_of_range", "start %s is before 2000, or more than %s ahead of this service's clock (%s): set the clock of the sensor",
			w.Start.Format(time.RFC3339), skewMost, received.Format(time.RFC3339)).At("/start")
	}
	return nil
}

// skewed flags a window that begins in the future. In the order of its sensor's windows it
// stands where it was received: one whose clock was wrong for a moment must not put all
// that follow into the past.
func skewed(o *observation, received time.Time) {
	if ahead := o.start.Sub(received); ahead > skewLimit {
		degrade(&o.quality, bearing.Flag{Code: bearing.ClockSkew, Value: round(ahead.Seconds(), 3), Limit: skewLimit.Seconds(), Note: "seconds by which the window begins after it arrived: the clock of the sensor is wrong"})
		o.start = received
	}
}

// late says whether a window is too far behind its sensor's newest one to take part in
// its state, and flags it. It is judged by itself. The caller holds s.mu.
func (c *Core) late(s *sensor, o *observation) bool {
	behind := s.live.last.Sub(o.start)
	if s.live.last.IsZero() || behind <= c.horizon {
		return false
	}
	o.quality.Flags = append(o.quality.Flags, bearing.Flag{Code: "late", Value: round(behind.Seconds(), 3), Limit: c.horizon.Seconds(), Note: "seconds behind the sensor's newest window: judged by itself, without part in the sensor's state"})
	return true
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
