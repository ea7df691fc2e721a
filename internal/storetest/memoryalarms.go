package storetest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"brinell/bearing"
)

// Arrivals implements Store.
func (m *Memory) Arrivals(ctx context.Context, each func(sensor, axis string, starts, received []time.Time)) error {
	const kept = 9
	byAxis, err := read(ctx, m, func() (map[axis][]bearing.Diagnosis, error) {
		all, err := diagnoses(m.order, func(*row) bool { return true })
		out := make(map[axis][]bearing.Diagnosis)
		for _, d := range all {
			out[axis{d.Sensor, d.Axis}] = append(out[axis{d.Sensor, d.Axis}], d)
		}
		return out, err
	})
	for key, all := range byAxis {
		slices.SortStableFunc(all, func(a, b bearing.Diagnosis) int { return a.Start.Compare(b.Start) })
		var starts, received []time.Time
		for _, d := range all[max(0, len(all)-kept):] {
			starts, received = append(starts, d.Start), append(received, d.ReceivedAt)
		}
		each(key.sensor, key.name, starts, received)
	}
	return err
}

// effects adds to events what changes of the alarms of a sensor axis.
func (m *Memory) effects(events []bearing.Event, key axis, e *bearing.Effects) []bearing.Event {
	if e == nil {
		return events
	}
	if now, ok := m.machines[key]; e.Machine != nil && (!ok || e.Rev > now.rev) {
		m.machines[key] = machine{slices.Clone(e.Machine), e.Rev}
	}
	for _, a := range e.Alarms {
		now := m.alarms[a.ID]
		if now != nil && a.Version <= now.Version {
			continue // told of already
		}
		doc, err := json.Marshal(a)
		if err != nil {
			panic("storetest: " + err.Error()) // plain data
		}
		seq := int64(len(m.log) + 1)
		ev := bearing.Event{Kind: "alarm", Sensor: a.Sensor, Severity: a.Weight(), Doc: doc}
		ev.Position.Alarm = seq
		if now != nil {
			ev.Before = now.doc
		}
		m.alarms[a.ID] = &alarm{a, doc}
		m.log = append(m.log, bearing.AlarmChange{Seq: seq, Alarm: a, Doc: doc})
		events = append(events, ev)
	}
	return events
}

// PutAlarms implements Store.
func (m *Memory) PutAlarms(ctx context.Context, sensor, name string, e *bearing.Effects) error {
	return m.change(ctx, func() ([]bearing.Event, error) { return m.effects(nil, axis{sensor, name}, e), nil })
}

// AlarmMachine implements Store.
func (m *Memory) AlarmMachine(ctx context.Context, sensor, name string) ([]byte, error) {
	return read(ctx, m, func() ([]byte, error) { return slices.Clone(m.machines[axis{sensor, name}].doc), nil })
}

// AlarmAxes implements Store.
func (m *Memory) AlarmAxes(ctx context.Context, sensor string) ([]string, error) {
	return read(ctx, m, func() (out []string, err error) {
		for key := range m.machines {
			if key.sensor == sensor {
				out = append(out, key.name)
			}
		}
		return names(out), nil
	})
}

// Alarm implements Store.
func (m *Memory) Alarm(ctx context.Context, id string) (bearing.Alarm, error) {
	return read(ctx, m, func() (a bearing.Alarm, err error) {
		stored := m.alarms[id]
		if stored == nil {
			return a, bearing.AlarmNotFound(id)
		}
		return a, json.Unmarshal(stored.doc, &a)
	})
}

// AlarmLog implements Store.
func (m *Memory) AlarmLog(
	ctx context.Context, after int64, limit int,
) (changes []bearing.AlarmChange, last int64, err error) {
	changes, err = read(ctx, m, func() ([]bearing.AlarmChange, error) {
		last = int64(len(m.log))
		from := min(max(after, 0), last)
		return slices.Clone(m.log[from:min(from+int64(limit), last)]), nil
	})
	return changes, last, err
}

// DueShelves implements Store.
func (m *Memory) DueShelves(ctx context.Context, now time.Time, after, limit int) ([]string, error) {
	return read(ctx, m, func() (ids []string, err error) {
		now, longest := now.Truncate(time.Second), now.Add(bearing.MaxShelf+bearing.ShelfSlack).Truncate(time.Second)
		var due []*alarm
		for _, a := range m.alarms {
			if a.ShelvedUntil == nil || !a.Open() {
				continue
			}
			if until := a.ShelvedUntil.Truncate(time.Second); !until.After(now) || !until.Before(longest) {
				due = append(due, a)
			}
		}
		slices.SortFunc(due, func(a, b *alarm) int {
			return cmp.Or(a.ShelvedUntil.Compare(*b.ShelvedUntil), cmp.Compare(a.ID, b.ID))
		})
		for i := after; i < len(due) && len(ids) < limit; i++ {
			ids = append(ids, due[i].ID)
		}
		return ids, nil
	})
}
