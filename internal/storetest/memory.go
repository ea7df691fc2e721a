package storetest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"brinell/bearing"
)

// Memory is a store in memory for tests, which passes the suite. It bounds neither the number of
// resources nor the log of alarms. It is safe for concurrent use.
type Memory struct {
	cfg   Config
	write sync.Mutex // of one who writes, until those who follow are told
	mu    sync.RWMutex
	gone  bool // closed
	*contents
}

// contents are what is stored, and outlive a Memory that is closed.
type contents struct {
	at        bearing.Position
	rows      map[string]*row   // by the ID of the diagnosis
	order     []*row            // as they were stored
	states    map[axis][]byte   // documents
	recent    map[axis][]*row   // that no state covers, as they were stored
	machines  map[axis]machine  // of alarms
	alarms    map[string]*alarm // by ID
	log       []bearing.AlarmChange
	events    []bearing.Event                        // as they were told
	version   int64                                  // the last one of a resource
	resources map[string]map[string]bearing.Resource // by kind and key
}

// axis is that of a sensor.
type axis struct{ sensor, name string }

// row is a diagnosis with its window.
type row struct {
	seq      int64
	id       string
	axis     axis
	received time.Time // by the store's clock
	doc      []byte
	digest   [32]byte
	window   *bearing.Window // nil when its samples are gone
}

func (r *row) diagnosis() (d bearing.Diagnosis, err error) {
	return d, json.Unmarshal(r.doc, &d)
}

func (r *row) size() int64 {
	if r.window == nil {
		return 0
	}
	return 4 * int64(len(r.window.Samples))
}

type machine struct {
	doc []byte
	rev int64
}

type alarm struct {
	bearing.Alarm
	doc []byte
}

// NewMemory returns a store with nothing in it. It has no use for cfg.Dir.
func NewMemory(cfg Config) *Memory {
	empty := &Memory{contents: &contents{}}
	return empty.Clone().Reopen(cfg)
}

// Reopen returns a store with what is in m, as one that is opened at the place of a closed one.
func (m *Memory) Reopen(cfg Config) *Memory {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Memory{cfg: cfg, contents: m.contents}
}

// Close keeps others from writing and reading.
func (m *Memory) Close() error {
	m.write.Lock()
	defer m.write.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone = true
	return nil
}

var errClosed = bearing.Errorf(bearing.Overloaded, "store_closed", "the service is shutting down: try again later")

// change calls f, which changes what is stored or nothing, and tells of it what f returns.
func (m *Memory) change(ctx context.Context, f func() ([]bearing.Event, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.write.Lock()
	defer m.write.Unlock()
	m.mu.Lock()
	if m.gone {
		m.mu.Unlock()
		return errClosed
	}
	events, err := f()
	for i := range events {
		p := &events[i].Position
		m.at = bearing.Position{Diagnosis: max(m.at.Diagnosis, p.Diagnosis), Alarm: max(m.at.Alarm, p.Alarm)}
		*p = m.at
		kept := events[i]
		kept.Before = nil
		m.events = append(m.events, kept)
	}
	m.mu.Unlock()
	if len(events) > 0 && m.cfg.Committed != nil {
		m.cfg.Committed(events)
	}
	return err
}

// reading keeps writers away until the function that it returns is called.
func (m *Memory) reading(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.RLock()
	if m.gone {
		m.mu.RUnlock()
		return nil, errClosed
	}
	return m.mu.RUnlock, nil
}

// read calls f while nobody writes.
func read[T any](ctx context.Context, m *Memory, f func() (T, error)) (T, error) {
	release, err := m.reading(ctx)
	if err != nil {
		var none T
		return none, err
	}
	defer release()
	return f()
}

// Append implements Store.
func (m *Memory) Append(
	ctx context.Context, d bearing.Diagnosis, w *bearing.Window, also *bearing.Effects,
) (out bearing.Diagnosis, err error) {
	if id := w.ID(); d.ID != id || d.Sensor != w.Sensor || d.Axis != w.Axis || !d.Start.Equal(w.Start) {
		return out, fmt.Errorf("append: diagnosis %q is not that of window %s", d.ID, id)
	}
	d.Start, d.ReceivedAt, d.Duplicate = d.Start.Round(0).UTC(), d.ReceivedAt.Round(0).UTC(), false
	doc, err := d.Encode()
	if err != nil {
		return out, fmt.Errorf("encode diagnosis %s: %w", d.ID, err)
	}
	err = m.change(ctx, func() (events []bearing.Event, err error) {
		if first := m.rows[d.ID]; first != nil {
			out, err = first.repeated(w)
			return nil, err
		}
		kept := *w
		kept.Samples = slices.Clone(w.Samples)
		r := &row{
			seq:      m.at.Diagnosis + 1,
			id:       d.ID,
			axis:     axis{d.Sensor, d.Axis},
			received: m.cfg.Now(),
			doc:      doc,
			digest:   w.Digest(),
			window:   &kept,
		}
		e := bearing.Event{Kind: "diagnosis", Sensor: d.Sensor, Severity: d.Weight(), Doc: doc}
		e.Position.Diagnosis = r.seq
		events = append(events, e)
		m.rows[r.id], m.order, m.recent[r.axis] = r, append(m.order, r), append(m.recent[r.axis], r)
		if also != nil && also.State != nil {
			m.putState(d.Sensor, *also.State)
		}
		m.retain()
		out = d
		return m.effects(events, r.axis, also), nil
	})
	return out, err
}

// repeated answers a window whose identity is that of r.
func (r *row) repeated(w *bearing.Window) (bearing.Diagnosis, error) {
	d, err := r.diagnosis()
	if err != nil {
		return d, err
	}
	d.Duplicate = true
	if w.Digest() != r.digest && d.Stated(w).Digest() != r.digest {
		return bearing.Diagnosis{}, bearing.Errorf(bearing.Conflict, "window_conflict",
			"another window of sensor %s, axis %q, starting at %s is stored", d.Sensor, d.Axis, d.Start)
	}
	return d, nil
}

// retain removes what is too much and too old.
func (m *Memory) retain() {
	now := m.cfg.Now()
	newest := m.order[len(m.order)-1]
	old := func(age time.Duration) func(r *row) bool {
		return func(r *row) bool { return age > 0 && r != newest && now.Sub(r.received) > age }
	}
	if m.cfg.Age > 0 {
		m.remove(old(m.cfg.Age))
	}
	for _, r := range m.order {
		if old(m.cfg.RawAge)(r) {
			r.window = nil
		}
	}
	sums, sum := make(map[string]int64), int64(0)
	for _, r := range m.order {
		sums[r.axis.sensor], sum = sums[r.axis.sensor]+r.size(), sum+r.size()
	}
	for m.cfg.RawCap > 0 && sum > m.cfg.RawCap {
		larger := func(a, b string) int { return cmp.Compare(sums[a], sums[b]) }
		most := slices.MaxFunc(slices.Sorted(maps.Keys(sums)), larger)
		oldest := func(r *row) bool { return r.axis.sensor == most && r.window != nil }
		r := m.order[slices.IndexFunc(m.order, oldest)]
		sums[most], sum, r.window = sums[most]-r.size(), sum-r.size(), nil
	}
}

// remove removes diagnoses, and of a sensor whose last one goes what else is kept of it. It returns
// how many they were.
func (m *Memory) remove(which func(*row) bool) int {
	before := len(m.order)
	gone := make(map[string]bool)
	for _, r := range m.order {
		if which(r) {
			gone[r.axis.sensor] = true
			delete(m.rows, r.id)
		}
	}
	m.order = slices.DeleteFunc(m.order, which)
	m.events = slices.DeleteFunc(m.events, func(e bearing.Event) bool {
		of := func(r *row) bool { return r.seq == e.Position.Diagnosis }
		return e.Kind == "diagnosis" && !slices.ContainsFunc(m.order, of)
	})
	for key, rows := range m.recent {
		m.recent[key] = slices.DeleteFunc(rows, which)
	}
	for _, r := range m.order {
		delete(gone, r.axis.sensor)
	}
	of := func(key axis) bool { return gone[key.sensor] }
	maps.DeleteFunc(m.recent, func(key axis, _ []*row) bool { return of(key) })
	maps.DeleteFunc(m.states, func(key axis, _ []byte) bool { return of(key) })
	maps.DeleteFunc(m.machines, func(key axis, _ machine) bool { return of(key) })
	return before - len(m.order)
}

// Diagnosis implements Store.
func (m *Memory) Diagnosis(ctx context.Context, id string) (bearing.Diagnosis, error) {
	return read(ctx, m, func() (bearing.Diagnosis, error) {
		if r := m.rows[id]; r != nil {
			return r.diagnosis()
		}
		return bearing.Diagnosis{}, bearing.DiagnosisNotFound(id)
	})
}

// Window implements Store.
func (m *Memory) Window(ctx context.Context, id string) (*bearing.Window, error) {
	return read(ctx, m, func() (*bearing.Window, error) {
		switch r := m.rows[id]; {
		case r == nil:
			return nil, bearing.DiagnosisNotFound(id)
		case r.window == nil:
			return nil, bearing.Errorf(bearing.NotFound, "samples_expired", "the raw samples of %s were removed", id)
		default:
			w := *r.window
			w.Samples = slices.Clone(w.Samples)
			return &w, nil
		}
	})
}

// History implements Store.
func (m *Memory) History(ctx context.Context, sensor string, each func(bearing.Diagnosis) error) error {
	all, err := read(ctx, m, func() ([]bearing.Diagnosis, error) {
		return diagnoses(m.order, func(r *row) bool { return r.axis.sensor == sensor })
	})
	for i := 0; i < len(all) && err == nil; i++ {
		err = each(all[i])
	}
	return err
}

func diagnoses(rows []*row, which func(*row) bool) (out []bearing.Diagnosis, err error) {
	for _, r := range rows {
		if !which(r) {
			continue
		}
		d, err := r.diagnosis()
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// names returns names in their order, each once.
func names(of []string) []string { slices.Sort(of); return slices.Compact(of) }

// Sensors implements Store.
func (m *Memory) Sensors(ctx context.Context) ([]string, error) {
	return read(ctx, m, func() (out []string, err error) {
		for _, r := range m.order {
			out = append(out, r.axis.sensor)
		}
		return names(out), nil
	})
}

// Axes implements Store.
func (m *Memory) Axes(ctx context.Context, sensor string) ([]string, error) {
	return read(ctx, m, func() (out []string, err error) {
		for _, r := range m.order {
			if r.axis.sensor == sensor {
				out = append(out, r.axis.name)
			}
		}
		return names(out), nil
	})
}

// ForgetSensor implements Store.
func (m *Memory) ForgetSensor(ctx context.Context, sensor string) error {
	return m.change(ctx, func() ([]bearing.Event, error) {
		if m.remove(func(r *row) bool { return r.axis.sensor == sensor }) == 0 {
			return nil, bearing.Errorf(bearing.NotFound, "sensor_not_found", "nothing has come from a sensor %q", sensor)
		}
		return nil, nil
	})
}

// State implements Store.
func (m *Memory) State(ctx context.Context, sensor, name string) (bearing.StoredState, error) {
	return read(ctx, m, func() (s bearing.StoredState, err error) {
		key := axis{sensor, name}
		s.Folded, s.Doc = true, slices.Clone(m.states[key])
		s.Since, err = diagnoses(m.recent[key], func(*row) bool { return true })
		return s, err
	})
}

func (m *Memory) putState(sensor string, s bearing.AxisState) {
	key := axis{sensor, s.Axis}
	m.states[key] = slices.Clone(s.Doc)
	m.recent[key] = slices.DeleteFunc(m.recent[key], func(r *row) bool { return slices.Contains(s.Covers, r.id) })
}

// PutStates implements Store.
func (m *Memory) PutStates(ctx context.Context, sensor string, _ bool, states ...bearing.AxisState) error {
	return m.change(ctx, func() ([]bearing.Event, error) {
		for _, s := range states {
			m.putState(sensor, s)
		}
		return nil, nil
	})
}

// Unfolded implements Store: it has nothing from before there were states.
func (m *Memory) Unfolded(context.Context) ([]string, error) { return nil, nil }

// Position implements Store.
func (m *Memory) Position(ctx context.Context) (bearing.Position, error) {
	return read(ctx, m, func() (bearing.Position, error) { return m.at, nil })
}

// Events implements Store.
func (m *Memory) Events(
	ctx context.Context, after bearing.Position, q bearing.EventQuery, limit int,
) ([]bearing.Event, error) {
	return read(ctx, m, func() (out []bearing.Event, err error) {
		for _, e := range m.events {
			if p := e.Position; p.Diagnosis <= after.Diagnosis && p.Alarm <= after.Alarm || len(out) == limit {
				continue
			}
			if !q.Wants(e.Kind, e.Sensor) {
				e.Doc = nil
			}
			out = append(out, e)
		}
		return out, nil
	})
}

// Clone returns a store with what is in m now, that shares nothing which changes.
func (m *Memory) Clone() *Memory {
	m.mu.RLock()
	defer m.mu.RUnlock()
	c := contents{
		at:        m.at,
		rows:      make(map[string]*row),
		states:    make(map[axis][]byte),
		recent:    make(map[axis][]*row),
		machines:  make(map[axis]machine),
		alarms:    make(map[string]*alarm),
		log:       slices.Clone(m.log),
		events:    slices.Clone(m.events),
		version:   m.version,
		resources: make(map[string]map[string]bearing.Resource),
	}
	maps.Copy(c.states, m.states)
	maps.Copy(c.machines, m.machines)
	maps.Copy(c.alarms, m.alarms)
	for _, r := range m.order {
		again := *r
		c.rows[r.id], c.order = &again, append(c.order, &again)
	}
	for key, all := range m.recent {
		for _, r := range all {
			c.recent[key] = append(c.recent[key], c.rows[r.id])
		}
	}
	for kind, all := range m.resources {
		c.resources[kind] = maps.Clone(all)
	}
	return &Memory{cfg: m.cfg, contents: &c}
}
