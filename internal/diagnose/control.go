package diagnose

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"brinell/bearing"
)

// maxControls bounds what may be done to the baselines of a sensor axis.
const maxControls = 1000

// controlKey is that of the resource with what was done to the baselines of an axis. No
// name has a slash.
func controlKey(sensor, axis string) string { return sensor + "/" + axis }

// control is a BaselineControl as it is stored, with its epoch in the order of the sensor's
// windows. It holds for those of its epoch that start at its time or later, and for all of
// later ones.
type control struct {
	bearing.BaselineControl
	Epoch int `json:"epoch,omitempty"`
}

// control does to the memory what was asked for before a window of an epoch and a start.
func (m *memory) control(epoch int, start time.Time) {
	for ; m.controlled < len(m.controls); m.controlled++ {
		x := &m.controls[m.controlled]
		if later(x.Epoch, x.At, epoch, start) {
			return
		}
		switch x.Action {
		case bearing.BaselineRestart:
			*m = memory{method: m.method, epoch: m.epoch, last: m.last, bearing: m.bearing, controls: m.controls, controlled: m.controlled}
		case bearing.BaselineFreeze:
			m.frozen = true
		case bearing.BaselineResume:
			m.frozen = false
		}
	}
}

// readControls reads what was done to the baselines of an axis, in its order.
func readControls(ctx context.Context, store Past, sensor, axis string) (list []control, version int64, err error) {
	row, err := store.Resource(ctx, bearing.KindBaseline, controlKey(sensor, axis))
	if bearing.CodeOf(err) == "resource_not_found" {
		return nil, bearing.NoVersion, nil
	}
	if err != nil {
		return nil, 0, err
	}
	if err := json.Unmarshal(row.Doc, &list); err != nil {
		return nil, 0, fmt.Errorf("baseline of sensor %q: %w", sensor, err)
	}
	return list, row.Version, nil
}

// effective returns a list of controls without those that the last restart has made moot,
// if there are more than may be. What taught the baselines before it is gone.
func effective(list []control, epoch int, now time.Time) []control {
	for i := len(list) - 1; i > 0 && len(list) > maxControls; i-- {
		if list[i].Action == bearing.BaselineRestart && !later(list[i].Epoch, list[i].At, epoch, now) {
			return list[i:]
		}
	}
	return list
}

// axesOf returns the axes of a sensor from which something has come.
func (c *Core) axesOf(sensor string) (axes []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.arrived {
		if key[0] == sensor {
			axes = append(axes, key[1])
		}
	}
	slices.Sort(axes)
	return axes
}

func sensorNotFound(sensor string) error {
	return bearing.Errorf(bearing.NotFound, "sensor_not_found", "nothing has come from a sensor %q", bearing.Clip(sensor))
}

// Baselines returns what has been learnt of a sensor, with so many of the newest controls.
// NotFound sensor_not_found says that nothing has come from it.
func (c *Core) Baselines(ctx context.Context, sensor string, newest int) (out bearing.Baselines, err error) {
	out = bearing.Baselines{Sensor: sensor, Baselines: []bearing.Baseline{}, Controls: []bearing.BaselineControl{}}
	axes := c.axesOf(sensor)
	if len(axes) == 0 {
		return out, sensorNotFound(sensor)
	}
	var controls []control
	for _, axis := range axes {
		held := c.hold(sensor, axis)
		s, err := c.sensor(ctx, sensor, axis)
		if err != nil {
			c.release(held)
			return out, err
		}
		s.mu.Lock()
		for _, running := range slices.Sorted(maps.Keys(s.live.baselines)) {
			b := s.live.baselines[running]
			row := bearing.Baseline{Axis: axis, Running: running, State: b.state(s.live.frozen), Learned: len(b.learnt), Needed: readyAfter}
			if b.fit != nil {
				row.Method, row.Limit, row.Version = string(b.method), round(b.fit.limit, 4), b.fit.version
			}
			if b.run > 0 {
				row.Run = b.lasting()
			}
			out.Baselines = append(out.Baselines, row)
		}
		older := max(0, len(s.live.controls)-newest)
		out.Older += older
		controls = append(controls, s.live.controls[older:]...)
		s.mu.Unlock()
		c.release(held)
	}
	sortControls(controls)
	older := max(0, len(controls)-newest)
	out.Older += older
	for _, x := range controls[older:] {
		out.Controls = append(out.Controls, x.BaselineControl)
	}
	out.Version, err = c.controlVersion(ctx, sensor, axes)
	return out, err
}

// sortControls sorts controls by when they hold; those of one time stay as they are.
func sortControls(list []control) {
	slices.SortStableFunc(list, func(a, b control) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.At.UnixNano(), b.At.UnixNano()))
	})
}

// controlVersion returns the version of what was done to the baselines of a sensor, 0 for
// nothing: versions rise over all resources, so it is that of the axis written last.
func (c *Core) controlVersion(ctx context.Context, sensor string, axes []string) (version int64, err error) {
	for _, axis := range axes {
		v, err := c.store.ResourceVersion(ctx, bearing.KindBaseline, controlKey(sensor, axis))
		if err != nil {
			return 0, err
		}
		version = max(version, v)
	}
	return version, nil
}

// controlled returns the state of a sensor axis with c.controls locked, since another axis may be
// written. What is stored is folded without the lock: others' controls do not wait for it.
func (c *Core) controlled(ctx context.Context, name, axis string) (*sensor, error) {
	for {
		if _, err := c.sensor(ctx, name, axis); err != nil {
			return nil, err
		}
		c.controls.Lock()
		s, err := c.recalled(ctx, name, axis) // at hand, unless another control came between
		if err == nil {
			return s, nil
		}
		c.controls.Unlock()
		if err != errUnfolded {
			return nil, err
		}
	}
}

// ControlBaseline notes what is to be done to the baselines of a sensor axis. It is on disk
// when it returns, holds for the next window, and for those that were stored since its
// time: their answers stay, but what they taught is learnt again under it. match is the
// version of the Baselines of the sensor that must hold, as for PutResource.
//
// Errors: NotFound sensor_not_found, Invalid control_in_future, Changed version_mismatch,
// Conflict too_many_controls, Overloaded overloaded, also where what is stored would be folded
// for it and was a moment ago, those of the store.
func (c *Core) ControlBaseline(ctx context.Context, sensor string, x bearing.BaselineControl, match int64) error {
	axes := c.axesOf(sensor)
	if len(axes) == 0 {
		return sensorNotFound(sensor)
	}
	if !slices.Contains(axes, x.Axis) {
		return bearing.Errorf(bearing.NotFound, "sensor_not_found", "nothing has come from axis %q of sensor %q: it has %q", bearing.Clip(x.Axis), bearing.Clip(sensor), axes).At("/axis")
	}
	now := c.now()
	if x.At.Sub(now) > skewLimit {
		return bearing.Errorf(bearing.Invalid, "control_in_future", "at %s is ahead of this service's clock (%s): a control holds for windows from a time on that has come; leave at out for now", x.At.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)).At("/at")
	}
	defer c.release(c.hold(sensor, x.Axis))
	s, err := c.controlled(ctx, sensor, x.Axis)
	if err != nil {
		return err
	}
	defer c.controls.Unlock()
	if match != bearing.AnyVersion {
		v, err := c.controlVersion(ctx, sensor, axes)
		if err == nil {
			err = bearing.MatchVersion(v, match)
		}
		if err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list, version, err := readControls(ctx, c.store, sensor, x.Axis)
	if err != nil {
		return err
	}
	epoch := s.present(now)
	if folds := !s.base.last.IsZero() && !later(epoch, x.At, s.base.epoch, s.base.last); folds {
		if rest := c.resting(sensor); rest > 0 {
			e := bearing.Errorf(bearing.Overloaded, "overloaded", "what is stored of this sensor was read again a moment ago, as a control in the past wants it: send this one in %d s, or one for now", 1+int(rest/time.Second))
			e.Retry = rest
			return e
		}
	}
	list = append(list, control{x, epoch})
	sortControls(list)
	if list = effective(list, epoch, now); len(list) > maxControls {
		return bearing.Errorf(bearing.Conflict, "too_many_controls", "the baselines of this axis were controlled %d times since they were restarted: restart them, with which all before is forgotten", len(list)-1)
	}
	doc, err := json.Marshal(list)
	if err != nil {
		return err
	}
	if _, _, err := c.store.PutResource(context.WithoutCancel(ctx), bearing.KindBaseline, controlKey(sensor, x.Axis), doc, version); err != nil {
		return err
	}
	s.loaded = false // the next window learns under it what was stored since its time
	return nil
}
