// Package storetest is the suite that every store passes, and a store in memory that passes it, for
// tests. The suite says what a store promises to those who use it; what one promises of its files,
// of a loss of power and of a full disk are tests of its own package.
package storetest

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"brinell/bearing"
)

// Store is what the suite holds a store to: what the core, the library of models, webhooks and
// the live feed need of it. Each of these declares its part where it uses it.
type Store interface {
	Append(
		ctx context.Context, d bearing.Diagnosis, w *bearing.Window, also *bearing.Effects,
	) (bearing.Diagnosis, error)
	Diagnosis(ctx context.Context, id string) (bearing.Diagnosis, error)
	Window(ctx context.Context, id string) (*bearing.Window, error)
	History(ctx context.Context, sensor string, each func(bearing.Diagnosis) error) error
	Sensors(ctx context.Context) ([]string, error)
	Axes(ctx context.Context, sensor string) ([]string, error)
	ForgetSensor(ctx context.Context, sensor string) error

	State(ctx context.Context, sensor, axis string) (bearing.StoredState, error)
	PutStates(ctx context.Context, sensor string, folded bool, states ...bearing.AxisState) error
	Unfolded(ctx context.Context) ([]string, error)

	AlarmMachine(ctx context.Context, sensor, axis string) ([]byte, error)
	PutAlarms(ctx context.Context, sensor, axis string, e *bearing.Effects) error
	Alarm(ctx context.Context, id string) (bearing.Alarm, error)
	AlarmAxes(ctx context.Context, sensor string) ([]string, error)
	AlarmLog(ctx context.Context, after int64, limit int) (changes []bearing.AlarmChange, last int64, err error)
	DueShelves(ctx context.Context, now time.Time, after, limit int) (ids []string, err error)
	Arrivals(ctx context.Context, each func(sensor, axis string, starts, received []time.Time)) error

	Position(ctx context.Context) (bearing.Position, error)
	Events(ctx context.Context, after bearing.Position, q bearing.EventQuery, limit int) ([]bearing.Event, error)

	PutResource(
		ctx context.Context, kind, key string, doc []byte, match int64,
	) (version int64, created bool, err error)
	DeleteResource(ctx context.Context, kind, key string, match int64) error
	Resource(ctx context.Context, kind, key string) (bearing.Resource, error)
	ResourceVersion(ctx context.Context, kind, key string) (version int64, err error)
	Resources(ctx context.Context, kind, after string, limit int) ([]bearing.Resource, error)
	ResourcesOf(
		ctx context.Context, kind string, of bearing.Parts, after bearing.Part, limit int,
	) ([]bearing.Resource, error)
	CountOf(ctx context.Context, kind string, of bearing.Parts, most int) (int, error)

	Close() error
}

// Config is how a store is to be opened. Zero fields mean no bound, no clock but the present
// time, and nobody who is told.
type Config struct {
	Dir       string                // what was kept there by a store that was closed is there again
	RawCap    int64                 // bytes of raw samples, as the store counts them
	RawAge    time.Duration         // how long raw samples are kept after they were received
	Age       time.Duration         // the same of diagnoses
	Now       func() time.Time      // called from any goroutine
	Committed func([]bearing.Event) // told of what is stored, in its order, before Append returns
}

// Open opens a store for a test. Whatever the store wants to say against it at the end of the
// test, it says by itself.
type Open func(t *testing.T, cfg Config) Store

// Run holds the stores that open makes against what every store promises.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, Open)
	}{
		{"what was stored comes back, also after a restart", roundTrip},
		{"a window that is stored again has its first answer, another one is refused", identity},
		{"a diagnosis is of its window", refusals},
		{"what is told of is stored and can be read", order},
		{"windows that come at once", together},
		{"history is in the order in which it was stored", historyOrder},
		{"raw samples go first where there are most", rawCap},
		{"samples and diagnoses are kept as long as they are to be", ages},
		{"states come back with what they do not cover", states},
		{"nothing is left of a sensor that is forgotten", forgotten},
		{"alarms change with their window or not at all", effects},
		{"what is no news is not told twice", effectsOnce},
		{"shelves that are over", dueShelves},
		{"an alarm is told with what it was before", before},
		{"the last arrivals of every axis", lastArrivals},
		{"every event in its place", events},
		{"versions of resources", versions},
		{"resources that are parts", parts},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open) })
	}
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

// window returns window i of a sensor axis, with samples that depend on salt, and a diagnosis.
func window(sensor, axis string, i, salt int) (bearing.Diagnosis, *bearing.Window) {
	rng := rand.New(rand.NewPCG(uint64(i), uint64(salt)))
	x := make([]float32, 64)
	for j := range x {
		x[j] = rng.Float32() - 0.5
	}
	w := &bearing.Window{
		Sensor:     sensor,
		Axis:       axis,
		Start:      epoch.Add(time.Duration(i) * time.Second),
		SampleRate: 12000,
		ShaftSpeed: 29.95,
		Unit:       bearing.G,
		Samples:    x,
	}
	return bearing.Diagnosis{
		ID:            w.ID(),
		Sensor:        sensor,
		Axis:          axis,
		Start:         w.Start,
		ReceivedAt:    w.Start.Add(time.Minute),
		SampleRate:    w.SampleRate,
		SampleCount:   len(x),
		Unit:          w.Unit,
		Fault:         bearing.Faults[i%len(bearing.Faults)],
		Probabilities: bearing.Values{{Name: "normal", Value: 0.25}},
		Features:      bearing.Values{{Name: "rms", Value: 0.1}},
		Model:         bearing.ModelRef{Name: "m", Version: "1", Digest: "d"},
		Segments:      1,
	}, w
}

// refused wants an error of a kind with a code.
func refused(t *testing.T, what string, err error, kind bearing.Kind, code string) {
	t.Helper()
	if bearing.KindOf(err) != kind || bearing.CodeOf(err) != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// put stores window i of a sensor, and what it changes beside itself.
func put(t *testing.T, s Store, sensor, axis string, i int, also *bearing.Effects) bearing.Diagnosis {
	t.Helper()
	d, w := window(sensor, axis, i, 0)
	d, err := s.Append(t.Context(), d, w, also)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// starts returns of the history of a sensor the numbers of its windows.
func starts(t *testing.T, s Store, sensor string) (out []int) {
	t.Helper()
	err := s.History(t.Context(), sensor, func(d bearing.Diagnosis) error {
		out = append(out, int(d.Start.Sub(epoch)/time.Second))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// reopen closes a store and opens it at its place again.
func reopen(t *testing.T, s Store, open Open, cfg Config) Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, cfg)
}
