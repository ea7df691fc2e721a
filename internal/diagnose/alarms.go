package diagnose

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"brinell/internal/alarm"
	"brinell/internal/bearing"
)

// Alarms keeps alarms and the machines that raise them. A core whose store is none
// raises none.
type Alarms interface {
	AlarmMachine(ctx context.Context, sensor, axis string) ([]byte, error)
	PutAlarms(ctx context.Context, sensor, axis string, e *bearing.Effects) error
	Alarm(ctx context.Context, id string) (bearing.Alarm, error)
	Arrivals(ctx context.Context, each func(sensor, axis string, starts, received []time.Time)) error
}

// loadAlarms gets the state of the sensor's alarm machine from the store, or that of
// one at rest. The caller holds s.mu.
func (s *sensor) loadAlarms(ctx context.Context, store Alarms) error {
	m := &alarm.Machine{}
	doc, err := store.AlarmMachine(ctx, s.name, s.axis)
	if err != nil {
		return err
	}
	if doc != nil {
		if err := json.Unmarshal(doc, m); err != nil {
			return fmt.Errorf("alarm machine of sensor %q: %w", s.name, err)
		}
	}
	if s.live.last.After(m.Last) { // at rest it is not stored
		m.Last = s.live.last
	}
	s.alarms = m
	return nil
}

// step takes a diagnosis into the alarm machine and returns what that changes, nil for
// nothing. The caller holds s.mu.
func (s *sensor) step(rule *bearing.AlarmRule, d *bearing.Diagnosis) *bearing.Effects {
	if s.alarms == nil {
		return nil
	}
	before := s.alarms.Rev
	changed := s.alarms.Step(rule, d)
	d.Alarms = s.alarms.Open()
	if s.alarms.Rev == before {
		return nil
	}
	return effectsOf(s.alarms, changed...)
}

func effectsOf(m *alarm.Machine, changed ...bearing.Alarm) *bearing.Effects {
	doc, err := json.Marshal(m)
	if err != nil {
		panic("diagnose: " + err.Error()) // plain data
	}
	return &bearing.Effects{Alarms: changed, Machine: doc, Rev: m.Rev}
}

// Acknowledge notes who has seen an open alarm, and Shelve keeps one from notifying
// until a time, or with the zero time no longer. Both return it as it is stored.
// version is the one that the caller has seen, 0 for any.
//
// Errors: alarm_not_found, Conflict alarm_closed, Changed version_mismatch, and those
// of the store.
func (c *Core) Acknowledge(ctx context.Context, id string, version int64, by bearing.Signature) (bearing.Alarm, error) {
	return c.changeAlarm(ctx, id, version, func(m *alarm.Machine) (bearing.Alarm, bool) { return m.Acknowledge(id, by) })
}

// Shelve is described with Acknowledge.
func (c *Core) Shelve(ctx context.Context, id string, version int64, until time.Time) (bearing.Alarm, error) {
	return c.changeAlarm(ctx, id, version, func(m *alarm.Machine) (bearing.Alarm, bool) { return m.Shelve(id, until) })
}

func (c *Core) changeAlarm(ctx context.Context, id string, version int64, change func(*alarm.Machine) (bearing.Alarm, bool)) (bearing.Alarm, error) {
	store, ok := c.store.(Alarms)
	if !ok {
		return bearing.Alarm{}, bearing.Errorf(bearing.NotFound, "alarm_not_found", "there is no alarm %q", bearing.Clip(id))
	}
	a, err := store.Alarm(ctx, id)
	if err != nil {
		return a, err
	}
	s, err := c.sensor(ctx, a.Sensor, a.Axis)
	if err != nil {
		return a, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.alarms == nil { // the disk failed meanwhile
		return a, bearing.Errorf(bearing.Overloaded, "overloaded", "the alarm is being stored: try again")
	}
	m := s.alarms.Clone()
	now := m.Find(id)
	if now == nil {
		return a, bearing.Errorf(bearing.Conflict, "alarm_closed", "the alarm is over: there is nothing to do")
	}
	if version != bearing.AnyVersion && version != bearing.SomeVersion && version != now.Version {
		return a, bearing.Errorf(bearing.Changed, "version_mismatch", "the alarm has changed meanwhile: read it again, and state its ETag in If-Match")
	}
	before := now.Version
	if a, ok = change(m); !ok || a.Version == before {
		return a, nil // acknowledged twice is acknowledged
	}
	// Windows of this sensor wait for the disk: they must not overtake this.
	if err := store.PutAlarms(ctx, s.name, s.axis, effectsOf(m, a)); err != nil {
		s.alarms = nil // whether it is stored is not known: look
		return a, err
	}
	s.alarms = m
	return a, nil
}

// arrivals are the last times at which something came from a sensor axis, and what
// they say of itself.
type arrivals struct {
	starts, received []time.Time
	silent           bool // it has been called so
}

// intervals that are kept, and how many there must be to know a sensor's own.
const keptIntervals, leastIntervals = 8, 3

func (a *arrivals) add(start, received time.Time) {
	keep := func(ts []time.Time, t time.Time) []time.Time {
		if len(ts) > keptIntervals {
			ts = append(ts[:0], ts[1:]...)
		}
		return append(ts, t)
	}
	a.starts, a.received, a.silent = keep(a.starts, start), keep(a.received, received), false
}

// interval is the sensor's own: the median of that from window to window, as they
// start or as they arrive, whichever is longer. A history that is loaded at once
// arrives faster than it was measured.
func (a *arrivals) interval() (time.Duration, bool) {
	if len(a.received) <= leastIntervals {
		return 0, false
	}
	median := func(ts []time.Time) time.Duration {
		d := make([]time.Duration, len(ts)-1)
		for i := range d {
			d[i] = ts[i+1].Sub(ts[i]).Abs()
		}
		slices.Sort(d)
		return d[len(d)/2]
	}
	return max(median(a.starts), median(a.received)), true
}

// leastSilence is no silence yet, however often a sensor usually sends.
const leastSilence = 10 * time.Second

// overdue says whether the sensor has been silent for too many of its intervals, since
// when, and how long it may be.
func (a *arrivals) overdue(rule *bearing.AlarmRule, began, now time.Time) (since time.Time, limit time.Duration, yes bool) {
	n := rule.Silent
	if n == 0 {
		n = bearing.DefaultSilent
	}
	interval, ok := a.interval()
	if !ok || n < 0 || a.silent {
		return since, 0, false
	}
	since = a.received[len(a.received)-1]
	limit = max(leastSilence, time.Duration(n*float64(interval)))
	// What did not come while the service was away is not the sensor's fault.
	from := since
	if began.After(from) {
		from = began
	}
	return since, limit, now.Sub(from) > limit
}

// Watch calls sensors silent from which nothing comes, until ctx ends. It looks every
// tick.
func (c *Core) Watch(ctx context.Context, tick time.Duration) error {
	store, ok := c.store.(Alarms)
	if !ok {
		return nil
	}
	began := c.now()
	err := store.Arrivals(ctx, func(sensor, axis string, starts, received []time.Time) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if key := [2]string{sensor, axis}; c.arrived[key] == nil { // else it has sent already
			c.arrived[key] = &arrivals{starts: starts, received: received}
		}
	})
	if err != nil {
		return err
	}
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			if err := c.silence(ctx, store, began); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// silence raises the alarms of the sensors that are overdue now.
func (c *Core) silence(ctx context.Context, store Alarms, began time.Time) error {
	now := c.now()
	type late struct {
		key   [2]string
		since time.Time
		limit time.Duration
	}
	var all []late
	c.mu.Lock()
	for key, a := range c.arrived {
		if since, limit, yes := a.overdue(c.ruleOf(key[0]), began, now); yes {
			a.silent = true
			all = append(all, late{key, since, limit})
		}
	}
	c.mu.Unlock()
	for _, l := range all {
		s, err := c.sensor(ctx, l.key[0], l.key[1])
		if err != nil {
			return err
		}
		s.mu.Lock()
		m := &alarm.Machine{}
		if s.alarms != nil {
			m = s.alarms.Clone()
		}
		text := fmt.Sprintf("nothing for %s, limit %s", now.Sub(l.since).Round(time.Second), l.limit.Round(time.Second))
		if a, ok := m.Silence(s.name, s.axis, l.since, now.UTC(), text); ok && s.alarms != nil {
			if err = store.PutAlarms(ctx, s.name, s.axis, effectsOf(m, a)); err == nil {
				s.alarms = m
			}
		}
		s.mu.Unlock()
		if err != nil { // the disk: once more at the next tick
			c.mu.Lock()
			if a := c.arrived[l.key]; a != nil {
				a.silent = false
			}
			c.mu.Unlock()
			return nil
		}
	}
	return nil
}

func (c *Core) ruleOf(sensor string) *bearing.AlarmRule {
	if c.registry != nil {
		if s, ok := c.registry(sensor); ok && s.Alarm != nil {
			return s.Alarm
		}
	}
	return &bearing.DefaultRule
}

// arrive notes that a window of a sensor axis has come.
func (c *Core) arrive(w *bearing.Window, received time.Time) {
	key := [2]string{w.Sensor, w.Axis}
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.arrived[key]
	if a == nil {
		a = &arrivals{}
		c.arrived[key] = a
	}
	a.add(w.Start, received)
}
