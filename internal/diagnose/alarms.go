package diagnose

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"brinell/bearing"
	"brinell/internal/alarm"
	"brinell/internal/clamp"
)

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
	switch { // at rest it is not stored
	case s.live.epoch > m.Epoch:
		m.Begin(s.live.epoch, s.live.last)
	case s.live.epoch == m.Epoch && s.live.last.After(m.Last):
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
	if !d.Quality.Has(bearing.Late) {
		d.Alarms = s.alarms.Open()
	}
	if s.alarms.Rev == before {
		return nil
	}
	e := s.effects(s.alarms, d.ReceivedAt, changed...)
	s.telling = append(s.telling, telling{e, len(changed)})
	return e
}

// telling is what a window on its way to the store changes of alarms.
type telling struct {
	also *bearing.Effects
	own  int // the last of its alarms; those before are of windows still under way
}

// effects returns what changed at a time, as it is to be stored. It has what windows under
// way change, too: the machine counts them already, and if one does not come through, what
// it raised must not be known to the machine alone. The caller holds s.mu.
func (s *sensor) effects(m *alarm.Machine, at time.Time, changed ...bearing.Alarm) *bearing.Effects {
	e := effectsOf(m, at, changed...)
	var all []bearing.Alarm
	for _, t := range s.telling {
		all = append(all, t.also.Alarms[len(t.also.Alarms)-t.own:]...)
	}
	e.Alarms = append(all, e.Alarms...)
	return e
}

// effectsOf returns what changed at a time, as it is to be stored.
func effectsOf(m *alarm.Machine, at time.Time, changed ...bearing.Alarm) *bearing.Effects {
	for i := range changed {
		changed[i].Changed = at.UTC()
	}
	doc, err := json.Marshal(m)
	if err != nil {
		panic("diagnose: " + err.Error()) // plain data
	}
	return &bearing.Effects{Alarms: changed, Machine: doc, Rev: m.Rev}
}

// Acknowledge notes who has seen an open alarm, Shelve keeps one from notifying until a
// time, or with the zero time no longer, and CloseAlarm ends one. They return it as it is
// stored.
// version is the one that the caller has seen, 0 for any.
//
// Errors: alarm_not_found, Conflict alarm_closed, Changed version_mismatch, and those
// of the store.
func (c *Core) Acknowledge(ctx context.Context, id string, version int64, by bearing.Signature) (bearing.Alarm, error) {
	return c.changeAlarm(ctx, id, version, func(m *alarm.Machine) (bearing.Alarm, bool) { return m.Acknowledge(id, by) })
}

// Shelve is described with Acknowledge.
func (c *Core) Shelve(ctx context.Context, id string, version int64, until time.Time, by *bearing.Signature) (bearing.Alarm, error) {
	return c.changeAlarm(ctx, id, version, func(m *alarm.Machine) (bearing.Alarm, bool) { return m.Shelve(id, until, by) })
}

// CloseAlarm is described with Acknowledge.
func (c *Core) CloseAlarm(ctx context.Context, id string, version int64, by bearing.Signature) (bearing.Alarm, error) {
	return c.changeAlarm(ctx, id, version, func(m *alarm.Machine) (bearing.Alarm, bool) { return m.Close(id, by) })
}

// Retire ends the alarms of a sensor that is no more, on all of its axes, and forgets
// when it sent, so that it is not called silent for it.
func (c *Core) Retire(ctx context.Context, name string) error {
	if c.store == nil {
		return nil
	}
	axes, err := c.store.AlarmAxes(ctx, name)
	if err != nil {
		return err
	}
	c.mu.Lock()
	for key := range c.arrived {
		if key[0] == name && !slices.Contains(axes, key[1]) {
			axes = append(axes, key[1])
		}
	}
	c.mu.Unlock()
	for _, axis := range axes {
		err := c.alter(ctx, name, axis, func(_ *sensor, m *alarm.Machine) []bearing.Alarm { return m.Retire(c.now().UTC()) })
		if err != nil {
			return err
		}
		c.mu.Lock()
		delete(c.arrived, [2]string{name, axis})
		c.mu.Unlock()
	}
	return nil
}

// alter changes the alarm machine of a sensor axis and stores it, if that changes
// anything.
func (c *Core) alter(ctx context.Context, name, axis string, change func(*sensor, *alarm.Machine) []bearing.Alarm) error {
	defer c.release(c.hold(name, axis))
	s, err := c.sensor(ctx, name, axis)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.alarms == nil {
		return errBeingStored()
	}
	m := s.alarms.Clone()
	changed := change(s, m)
	if m.Rev == s.alarms.Rev {
		return nil
	}
	if err := c.store.PutAlarms(context.WithoutCancel(ctx), s.name, s.axis, s.effects(m, c.now(), changed...)); err != nil {
		s.alarms = nil // whether it is stored is not known: look
		return err
	}
	s.alarms = m
	return nil
}

// errBeingStored says that the disk failed meanwhile, and what is there is not known.
func errBeingStored() error {
	return bearing.Errorf(bearing.Overloaded, "overloaded", "the alarm is being stored: try again")
}

func (c *Core) changeAlarm(ctx context.Context, id string, version int64, change func(*alarm.Machine) (bearing.Alarm, bool)) (bearing.Alarm, error) {
	if c.store == nil {
		return bearing.Alarm{}, bearing.AlarmNotFound(id)
	}
	a, err := c.store.Alarm(ctx, id)
	if err != nil {
		return a, err
	}
	defer c.release(c.hold(a.Sensor, a.Axis))
	s, err := c.sensor(ctx, a.Sensor, a.Axis)
	if err != nil {
		return a, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.alarms == nil {
		return a, errBeingStored()
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
	a, ok := change(m)
	if !ok || a.Version == before {
		return a, nil // acknowledged twice is acknowledged
	}
	// Windows of this sensor wait for the disk: they must not overtake this.
	e := s.effects(m, c.now(), a)
	if err := c.store.PutAlarms(context.WithoutCancel(ctx), s.name, s.axis, e); err != nil {
		s.alarms = nil // whether it is stored is not known: look
		return a, err
	}
	s.alarms = m
	return e.Alarms[len(e.Alarms)-1], nil
}

// arrivals are the last times at which something came from a sensor axis, and what
// they say of itself.
type arrivals struct {
	starts, received []time.Time
	silent           bool // it has been called so
	heard            bool // something has come since the last look, and its silence is to be ended
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
	// What came when the clock was ahead came at the latest now.
	for i, t := range a.received {
		if t.After(now) {
			a.received[i] = now
		}
	}
	since = a.received[len(a.received)-1]
	limit = max(leastSilence, clamp.Nanoseconds(n*float64(interval)))
	// What did not come while the service was away is not the sensor's fault.
	from := since
	if began.After(from) {
		from = began
	}
	return since, limit, now.Sub(from) > limit
}

// Watch calls sensors silent from which nothing comes, and silent no more when something
// does, and ends shelves whose time is over, until ctx ends. It looks every tick.
func (c *Core) Watch(ctx context.Context, tick time.Duration) error {
	if c.store == nil {
		return nil
	}
	began := c.now()
	if err := c.begin(ctx); err != nil {
		return err
	}
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			began = c.look(ctx, began)
		}
	}
}

// look does what a tick of Watch does, and returns when it began by the clock as it is now:
// that may have been set back. What fails, because of the disk, is done at the next one.
func (c *Core) look(ctx context.Context, began time.Time) time.Time {
	if now := c.now(); began.After(now) {
		began = now
	}
	if c.metrics.Behind != nil {
		by, _ := c.wall.behind(c.now())
		c.metrics.Behind.Set(by.Seconds())
	}
	c.heard(ctx)
	c.silence(ctx, began)
	c.unshelve(ctx)
	_ = c.tend(ctx) // at a later look, too
	return began
}

// begin gets what looks are about: when sensors sent.
func (c *Core) begin(ctx context.Context) error {
	return c.store.Arrivals(ctx, func(sensor, axis string, starts, received []time.Time) {
		for _, t := range received {
			c.wall.came(firstYear, t)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if key := [2]string{sensor, axis}; c.arrived[key] == nil { // else it has sent already
			c.arrived[key] = &arrivals{starts: starts, received: received}
		}
	})
}

// shelvesEach is how many shelves a look ends at most: each is a transaction.
const shelvesEach = 256

// unshelve ends the shelves whose time is over, also while the service was away. Those that
// could not be ended, or have a part of a second left, are passed over by the next look if
// there are others.
func (c *Core) unshelve(ctx context.Context) {
	now := c.now()
	due, err := c.store.DueShelves(ctx, now, c.passed, shelvesEach)
	if err != nil {
		return // at a later look
	}
	left := 0
	for _, id := range due {
		a, err := c.changeAlarm(ctx, id, bearing.AnyVersion, func(m *alarm.Machine) (bearing.Alarm, bool) { return m.Unshelve(id, now) })
		if err != nil || a.ShelvedUntil != nil {
			left++
		}
	}
	if c.passed += left; len(due) < shelvesEach {
		c.passed = 0
	}
}

// heard ends the silence of sensors from which something has come that did not end it by
// itself: a window that was late, or there already.
func (c *Core) heard(ctx context.Context) {
	var keys [][2]string
	c.mu.Lock()
	for key, a := range c.arrived {
		if a.heard {
			keys, a.heard = append(keys, key), false
		}
	}
	c.mu.Unlock()
	for _, key := range keys {
		err := c.alter(ctx, key[0], key[1], func(_ *sensor, m *alarm.Machine) []bearing.Alarm { return m.Heard(c.now().UTC()) })
		if err != nil {
			c.mu.Lock()
			if a := c.arrived[key]; a != nil {
				a.heard = true
			}
			c.mu.Unlock()
		}
	}
}

// listening says that nothing is kept of a silence, as of nearly all sensors at nearly
// all times.
func (s *sensor) listening() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.alarms != nil && s.alarms.Silent == nil && !s.alarms.Hushed
}

// silence raises the alarms of the sensors that are overdue now.
func (c *Core) silence(ctx context.Context, began time.Time) {
	now := c.now()
	type late struct {
		key   [2]string
		since time.Time
		limit time.Duration
	}
	var all []late
	c.mu.Lock()
	for key, a := range c.arrived {
		if rule := c.silenceOf(key[0]); rule == nil {
			continue
		} else if since, limit, yes := a.overdue(rule, began, now); yes {
			a.silent = true
			all = append(all, late{key, since, limit})
		}
	}
	c.mu.Unlock()
	for _, l := range all {
		text := fmt.Sprintf("nothing for %s, limit %s", now.Sub(l.since).Round(time.Second), l.limit.Round(time.Second))
		err := c.alter(ctx, l.key[0], l.key[1], func(s *sensor, m *alarm.Machine) (raised []bearing.Alarm) {
			if a, ok := m.Silence(s.name, s.axis, l.since, now.UTC(), text); ok {
				raised = append(raised, a)
			}
			return raised
		})
		if err != nil {
			c.mu.Lock()
			if a := c.arrived[l.key]; a != nil {
				a.silent = false
			}
			c.mu.Unlock()
		}
	}
}

// silenceOf returns the rule by which a sensor is silent, nil for one that may be: a name
// that a window brought in is nobody's to look for. A core without a registry has no other.
func (c *Core) silenceOf(sensor string) *bearing.AlarmRule {
	if c.registry == nil {
		return &bearing.DefaultRule
	}
	s, ok := c.registry(sensor)
	switch {
	case !ok:
		return nil
	case s.Alarm != nil:
		return s.Alarm
	}
	return &bearing.DefaultRule
}

// arrive notes that a window of a sensor axis has come. listening says that it ended no silence
// that is still to be ended.
func (c *Core) arrive(w *bearing.Window, received time.Time, listening bool) {
	key := [2]string{w.Sensor, w.Axis}
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.arrived[key]
	if a == nil {
		a = &arrivals{}
		c.arrived[key] = a
	}
	a.heard = a.heard || !listening || a.silent // which may be about to be told
	a.add(w.Start, received)
}
