package diagnose

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"brinell/bearing"
)

// savedEvery is how many windows of an axis are stored before its state is written again: as
// many are read one by one after a start, in about 4 ms. A state has some 100 kB, compressed.
const savedEvery = 128

// Of folding what is stored, which grows with it and is done for one sensor at a time.
const (
	foldWait = 10 * time.Second       // for those before
	foldRest = 9                      // times as long as it took nothing is folded that nobody waits for, nor for a control
	foldFree = 250 * time.Millisecond // what took less may be done again at once
)

// errUnfolded says that the state of a sensor is to be made from its history first.
var errUnfolded = errors.New("diagnose: the sensor's history is not folded")

// sensor returns the live state of a sensor axis. If this is its first window since the
// start, the state is read from the store, and made there if it has none.
func (c *Core) sensor(ctx context.Context, name, axis string) (*sensor, error) {
	defer c.release(c.hold(name, axis))
	s, err := c.recalled(ctx, name, axis)
	for err == errUnfolded {
		if err = c.unfold(ctx, name, axis); err == nil {
			s, err = c.recalled(ctx, name, axis)
		}
	}
	return s, err
}

// known returns the state of a sensor axis, empty if there is none yet, with so many more windows
// that hold it.
func (c *Core) known(name, axis string, windows int) *sensor {
	key := [2]string{name, axis}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sensors[key]
	if s == nil {
		s = newSensor(c.baseline)
		s.name, s.axis, s.saveEvery = name, axis, c.saveEvery
		c.sensors[key] = s
	}
	if s.holders += windows; s.holders > 0 {
		c.states.drop(s)
	}
	return s
}

// hold keeps the state of a sensor axis while a window of it is on its way, or somebody else uses it:
// whoever has it holds it. At the end of the last one a state in which there is nothing goes: what
// is refused leaves nothing behind. Others go when there are too many.
func (c *Core) hold(name, axis string) *sensor { return c.known(name, axis, 1) }

// release ends hold.
func (c *Core) release(s *sensor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	blank, bytes := s.blank(), s.bytes()
	c.mu.Lock()
	defer c.mu.Unlock()
	key := [2]string{s.name, s.axis}
	s.holders--
	switch {
	case s.holders > 0 || c.sensors[key] != s:
	case blank:
		delete(c.sensors, key)
	default:
		c.states.rest(s, bytes, s.fetched)
		s.fetched = false
		c.letGo()
	}
}

// blank says that nothing was stored of an axis, or is on its way. The caller holds s.mu.
func (s *sensor) blank() bool {
	return s.base.last.IsZero() && len(s.kept)+len(s.flying)+len(s.telling) == 0 && s.since == nil && !s.saving && !s.behind
}

// recalled is sensor, but fails with errUnfolded where that would fold history.
func (c *Core) recalled(ctx context.Context, name, axis string) (*sensor, error) {
	s := c.known(name, axis, 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.saving && !s.loaded { // what is on its way would replace what is read now
		s.mu.Unlock()
		time.Sleep(time.Millisecond)
		s.mu.Lock()
	}
	if c.store == nil {
		return s, nil
	}
	if !s.loaded {
		if err := c.recall(ctx, s); err != nil {
			return nil, err
		}
	}
	// While something is on its way, what is stored is not the newest.
	if s.alarms == nil && len(s.telling) == 0 {
		return s, s.loadAlarms(ctx, c.store)
	}
	return s, nil
}

// recall reads the state of a sensor axis and the windows that came after it. The caller
// holds s.mu.
func (c *Core) recall(ctx context.Context, s *sensor) error {
	controls, _, err := readControls(ctx, c.store, s.name, s.axis)
	if err != nil {
		return err
	}
	st, err := c.store.State(ctx, s.name, s.axis)
	if err != nil {
		return err
	}
	s.base = memory{method: c.baseline, controls: controls}
	s.live, s.kept, s.behind = s.base, nil, false
	if restored := st.Doc != nil && s.restore(st.Doc, controls); !st.Folded || st.Doc != nil && !restored {
		return errUnfolded
	}
	s.unsaved = nil
	for _, d := range st.Since {
		s.unsaved = append(s.unsaved, d.ID)
		for _, o := range part(d) {
			s.include(o)
		}
	}
	for _, o := range s.flying {
		s.include(o)
	}
	if s.behind {
		c.fallBehind(s)
	}
	s.loaded = true
	if st.Doc != nil || len(st.Since) > 0 {
		s.fetched = true
		c.metrics.recalled()
	}
	return nil
}

// include takes in a window that was judged already, unless it is there.
func (s *sensor) include(o *observation) {
	switch {
	case slices.ContainsFunc(s.kept, func(k *observation) bool { return k.id == o.id }):
	case s.before(o):
		s.behind = true
	default:
		s.add(o)
	}
}

// unfold makes the state of an axis from what is stored of its sensor; of all axes, where none
// of them has one.
func (c *Core) unfold(ctx context.Context, name, axis string) error {
	select {
	case c.folding <- struct{}{}:
		defer func() { <-c.folding }()
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(foldWait):
		return bearing.Errorf(bearing.Overloaded, "overloaded", "what is stored of other sensors is being read: send this one again later")
	}
	began := time.Now()
	defer func() { c.rested(name, time.Since(began)) }()
	st, err := c.store.State(ctx, name, axis)
	if err != nil {
		return err
	}
	axes, covers := make(map[string][]*observation), make(map[string][]string)
	err = c.store.History(ctx, name, func(d bearing.Diagnosis) error {
		if !st.Folded || d.Axis == axis {
			axes[d.Axis], covers[d.Axis] = append(axes[d.Axis], part(d)...), append(covers[d.Axis], d.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var states []bearing.AxisState
	for axis := range covers {
		controls, _, err := readControls(ctx, c.store, name, axis)
		if err != nil {
			return err
		}
		st := bearing.AxisState{Axis: axis, Covers: covers[axis]}
		if st.Doc, err = c.fold(axes[axis], controls).doc(); err != nil {
			return err
		}
		states = append(states, st)
	}
	return c.store.PutStates(context.WithoutCancel(ctx), name, true, states...)
}

// rested notes that the history of a sensor was folded, and how long that took.
func (c *Core) rested(name string, took time.Duration) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.rests, func(_ string, until time.Time) bool { return !now.Before(until) })
	if took >= foldFree {
		c.rests[name] = now.Add(foldRest * took)
	}
}

// resting returns for how long no control may have the history of a sensor folded.
func (c *Core) resting(name string) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Until(c.rests[name])
}

// part returns what of a stored diagnosis takes part in the state of its sensor: nothing of one
// that was late.
func part(d bearing.Diagnosis) []*observation {
	if d.Quality.Has(bearing.Late) {
		return nil
	}
	return []*observation{recall(d)}
}

// fold makes the state of an axis from all that takes part in it.
func (c *Core) fold(all []*observation, controls []control) *sensor {
	s := newSensor(c.baseline)
	s.base.controls, s.live.controls = controls, controls
	slices.SortFunc(all, inOrder)
	s.learn(all)
	return s
}

// fallBehind notes that there are stored windows of an axis which are not in their place.
func (c *Core) fallBehind(s *sensor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.behind[[2]string{s.name, s.axis}] = true
}

// tend folds the history of one sensor that nobody waits for, if there is one, and then
// rests: it takes a tenth of a processor at most.
func (c *Core) tend(ctx context.Context) error {
	if c.store == nil || time.Now().Before(c.rest) {
		return nil
	}
	began := time.Now()
	defer func() { c.rest = time.Now().Add(foldRest * time.Since(began)) }()
	c.mu.Lock()
	var key [2]string
	for key = range c.behind {
		break
	}
	some := len(c.behind) > 0
	c.mu.Unlock()
	if some {
		return c.catchUp(ctx, key)
	}
	if c.folded {
		return nil
	}
	names, err := c.store.Unfolded(ctx)
	if err == nil && len(names) > 0 {
		return c.unfold(ctx, names[0], "")
	}
	c.folded = err == nil
	return err
}

// catchUp folds the history of an axis of which there are windows that are not in their place.
func (c *Core) catchUp(ctx context.Context, key [2]string) error {
	defer c.release(c.hold(key[0], key[1]))
	s, err := c.sensor(ctx, key[0], key[1]) // it may have been let go
	if err != nil {
		return err
	}
	c.mu.Lock()
	delete(c.behind, key)
	c.mu.Unlock()
	if err = c.rebuild(ctx, s); err != nil {
		c.fallBehind(s)
	}
	return err
}

// rebuild makes the state of an axis anew from what is stored of it, while windows of the
// axis come.
func (c *Core) rebuild(ctx context.Context, s *sensor) error {
	select {
	case c.folding <- struct{}{}:
		defer func() { <-c.folding }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	s.since, s.behind = []*observation{}, false
	s.mu.Unlock()
	stored := make(map[string]bool)
	var all []*observation
	err := c.store.History(ctx, s.name, func(d bearing.Diagnosis) error {
		if d.Axis == s.axis {
			all, stored[d.ID] = append(all, part(d)...), true
		}
		return nil
	})
	controls, _, cerr := readControls(ctx, c.store, s.name, s.axis)
	var fresh *sensor
	if err = errors.Join(err, cerr); err == nil {
		fresh = c.fold(all, controls)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	since := s.since
	s.since = nil
	if err != nil {
		s.behind = true
		return err
	}
	s.base, s.kept, s.live, s.saveNow = fresh.base, fresh.kept, fresh.live, true
	for _, o := range append(since, s.flying...) {
		if !stored[o.id] {
			s.include(o)
		}
	}
	if s.behind {
		c.fallBehind(s)
	}
	return nil
}

// save returns the state of the axis if it is to be stored with the next window, nil if it
// is not. The caller holds s.mu.
func (s *sensor) save() *bearing.AxisState {
	if s.saving || !s.loaded || !s.saveNow && len(s.unsaved) < s.saveEvery {
		return nil
	}
	doc, err := s.doc()
	if err != nil {
		return nil // a value that is not finite: the windows say it all
	}
	s.saving, s.saveNow = true, false
	return &bearing.AxisState{Axis: s.axis, Doc: doc, Covers: slices.Clone(s.unsaved)}
}

// saved notes what became of a state that save returned. The caller holds s.mu.
func (s *sensor) saved(st *bearing.AxisState, ok bool) {
	s.saving = false
	if ok {
		s.unsaved = slices.DeleteFunc(s.unsaved, func(id string) bool { return slices.Contains(st.Covers, id) })
	} else {
		s.saveNow = true
	}
}

// Forget removes all that is stored of a sensor and all that is known of it, and ends its
// alarms. What is registered of it stays.
func (c *Core) Forget(ctx context.Context, name string) error {
	if c.store == nil {
		return sensorNotFound(name)
	}
	if err := c.Retire(ctx, name); err != nil {
		return err
	}
	if err := c.store.ForgetSensor(ctx, name); err != nil {
		return err
	}
	c.mu.Lock()
	for key, s := range c.sensors {
		if key[0] == name {
			c.states.drop(s)
			delete(c.sensors, key)
		}
	}
	maps.DeleteFunc(c.behind, func(key [2]string, _ bool) bool { return key[0] == name })
	c.mu.Unlock()
	c.crowd.forget(name)
	c.metrics.Sensors.forget(name)
	return nil
}
