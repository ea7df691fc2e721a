package diagnose

import (
	"context"
	"slices"
	"sync"
	"time"

	"brinell/bearing"
)

// crowd bounds how many sensors windows bring in by their names alone, in all and a day
// from each source, and how many axes a sensor has.
type crowd struct {
	most, axesMost int

	mu      sync.Mutex
	loaded  bool
	names   map[string]struct{} // of all sensors, registered ones too
	axes    map[string][]string // of sensors that have sent since the start
	newest  int                 // of them not registered, when they were counted
	counted time.Time
	by      map[string]newcomers // by source: keys, of which there are only so many

	forgotten int // rises when a sensor is forgotten
}

// newcomers are the sensors that a source has brought in since a time, a day at most.
type newcomers struct {
	since time.Time
	n     int
}

// wait is how long it takes until a source that has brought in all that it may begins anew:
// Never for one that may bring in none.
func (d newcomers) wait(now time.Time) time.Duration {
	if d.n == 0 {
		return bearing.Never
	}
	return d.since.Add(24 * time.Hour).Sub(now)
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
func (c *crowd) admit(ctx context.Context, store Store, name string, registered Sensors, now time.Time) error {
	source, ok := bearing.SourceOf(ctx)
	if c.most == 0 && !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loaded {
		names, err := store.Sensors(ctx)
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
	if d := c.of(source.Name, now); ok && d.n >= source.NewSensors {
		return bearing.Errorf(bearing.TooMany, "too_many_sensors", "windows of this key may bring in %d sensors a day: register this one by PUT /v1/sensors/%s, or make a key with more --new-sensors", source.NewSensors, name).
			After(d.wait(now))
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
	return bearing.Errorf(bearing.TooMany, "too_many_sensors", "windows brought in %d sensors, and may bring in no other one: register it by PUT /v1/sensors/%s, or raise --max-sensors; GET /v1/sensors?registered=false lists them, and DELETE /v1/sensors/{name}?windows=delete gives the place of one back", c.newest, name).
		After(bearing.Never)
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

// DefaultMaxAxes is the default of Config.MaxAxes: three directions of two places, and two
// more.
const DefaultMaxAxes = 8

// admitAxis refuses the window of one axis too many. Axes that are stored count, those of
// windows under way do not yet.
func (c *crowd) admitAxis(ctx context.Context, store Store, name, axis string) error {
	axes, err := c.axesOf(ctx, store, name)
	if err != nil || len(axes) < c.axesMost || slices.Contains(axes, axis) {
		return err
	}
	return bearing.Errorf(bearing.TooMany, "too_many_axes", "sensor %s has %d axes, such as %q, and may have no other one: send this window under one of them or as another sensor, or raise --max-axes", name, len(axes), axes[0]).
		After(bearing.Never)
}

// axesOf returns the axes of a sensor. They are read without the lock: windows of other sensors do
// not wait for it.
func (c *crowd) axesOf(ctx context.Context, store Store, name string) ([]string, error) {
	c.mu.Lock()
	axes, loaded := c.axes[name]
	forgotten := c.forgotten
	c.mu.Unlock()
	if loaded {
		return axes, nil
	}
	read, err := store.Axes(ctx, name)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, axis := range c.axes[name] { // that were stored meanwhile
		if !slices.Contains(read, axis) {
			read = append(read, axis)
		}
	}
	if len(read) > 0 && forgotten == c.forgotten { // else it may be a name that nothing is ever stored of
		c.putAxes(name, read)
	}
	return read, nil
}

func (c *crowd) putAxes(name string, axes []string) {
	if c.axes == nil {
		c.axes = make(map[string][]string)
	}
	c.axes[name] = axes
}

// addAxis notes that a window of an axis is stored.
func (c *crowd) addAxis(name, axis string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if axes := c.axes[name]; !slices.Contains(axes, axis) {
		c.putAxes(name, append(axes, axis))
	}
}

// forget gives the place of a sensor back.
func (c *crowd) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.names, name)
	delete(c.axes, name)
	c.forgotten++
	c.counted = time.Time{} // count at the next one
}
