package diagnose

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"brinell/features"
	"brinell/internal/bearing"
	"brinell/models"
)

// Appender keeps diagnoses. Append returns after the diagnosis and the window
// are durable: d itself, or the first diagnosis of a repeated window with
// Duplicate set.
type Appender interface {
	Append(ctx context.Context, d bearing.Diagnosis, w *bearing.Window) (bearing.Diagnosis, error)
}

// Core judges windows with the active model. It is safe for concurrent use.
type Core struct {
	active   atomic.Pointer[engine]
	features features.Config
	store    Appender
	metrics  *metrics
	now      func() time.Time
	slots    chan struct{}
}

// engine is a model made ready: everything that must change together when the
// model changes.
type engine struct {
	model   *models.Model
	workers sync.Pool // of *worker
}

// worker is what one diagnosis needs for itself: plans and buffers.
type worker struct {
	extract  *features.Extractor
	values   []float64
	classify *models.Classifier
	p        []float64
}

// Config are the parts of a Core.
type Config struct {
	Features features.Config
	Store    Appender // nil for a core that only judges
	Metrics  Metrics  // zero for none
	Now      func() time.Time
	Workers  int // diagnoses computed at a time; 0 means no bound
}

// New returns a core that answers with model m.
func New(m *models.Model, cfg Config) (*Core, error) {
	c := &Core{features: cfg.Features, store: cfg.Store, metrics: newMetrics(cfg.Metrics), now: cfg.Now}
	if c.now == nil {
		c.now = time.Now
	}
	if cfg.Workers > 0 {
		c.slots = make(chan struct{}, cfg.Workers)
	}
	return c, c.Swap(m)
}

// Swap makes m the active model after warming it up on its golden windows.
// Diagnoses under way finish with the model they began with. On an error the
// old model stays.
func (c *Core) Swap(m *models.Model) error {
	first, err := newWorker(m.Classifier(), c.features)
	if err != nil {
		return err
	}
	e := &engine{model: m}
	e.workers.New = func() any {
		// Cannot fail: the same configuration made the first worker.
		w, err := newWorker(first.classify.Clone(), c.features)
		if err != nil {
			panic("diagnose: " + err.Error())
		}
		return w
	}
	for _, x := range m.Golden() {
		if _, err := first.classify.Classify(first.p, x, m.Preprocessing.SampleRate); err != nil {
			return fmt.Errorf("warm up model %s: %w", m.Name, err)
		}
	}
	e.workers.Put(first)
	c.active.Store(e)
	c.metrics.setModel(m.Ref())
	return nil
}

func newWorker(c *models.Classifier, cfg features.Config) (*worker, error) {
	x, err := features.New(cfg)
	if err != nil {
		return nil, err
	}
	return &worker{extract: x, classify: c, p: make([]float64, c.Labels())}, nil
}

// Model returns the active model.
func (c *Core) Model() *models.Model { return c.active.Load().model }

// Diagnose judges w without storing anything.
func (c *Core) Diagnose(w *bearing.Window) (bearing.Diagnosis, error) {
	e := c.active.Load()
	k := e.workers.Get().(*worker)
	defer e.workers.Put(k)

	// The model speaks first: it refuses what it cannot judge, and then no
	// feature needs computing.
	t0 := time.Now()
	segments, err := k.classify.Classify(k.p, w.Samples, w.SampleRate)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	t1 := time.Now()
	k.values = k.extract.Extract(k.values, w.Samples, w.SampleRate)
	t2 := time.Now()
	c.metrics.observe("inference", t1.Sub(t0))
	c.metrics.observe("features", t2.Sub(t1))

	labels := e.model.Labels
	d := bearing.Diagnosis{
		ID:            w.ID(),
		Sensor:        w.Sensor,
		Axis:          w.Axis,
		Start:         w.Start,
		ReceivedAt:    c.now().UTC(),
		SampleRate:    w.SampleRate,
		SampleCount:   len(w.Samples),
		Unit:          w.Unit,
		ShaftSpeedRPM: rpm(w.ShaftSpeed),
		Bearing:       w.Bearing,
		Fault:         models.FaultOf(labels, k.p),
		Probabilities: make(bearing.Values, len(labels)),
		Features:      make(bearing.Values, len(k.values)),
		Model:         e.model.Ref(),
		Segments:      segments,
	}
	for i, l := range labels {
		d.Probabilities[i] = bearing.Value{Name: l.Name, Value: k.p[i]}
	}
	for i, name := range k.extract.Names() {
		d.Features[i] = bearing.Value{Name: name, Value: k.values[i]}
	}
	return d, nil
}

// Submit judges w and stores it. When it returns without error, diagnosis and
// samples are on disk.
func (c *Core) Submit(ctx context.Context, w *bearing.Window) (bearing.Diagnosis, error) {
	d, err := c.judge(ctx, w)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	t := time.Now()
	d, err = c.store.Append(ctx, d, w)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	c.metrics.observe("store", time.Since(t))
	if !d.Duplicate {
		c.metrics.count(d.Fault)
	}
	return d, nil
}

// judge is Diagnose under the bound on diagnoses computed at a time. The wait
// ends with ctx.
func (c *Core) judge(ctx context.Context, w *bearing.Window) (bearing.Diagnosis, error) {
	if c.slots != nil {
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		case <-ctx.Done():
			return bearing.Diagnosis{}, bearing.Errorf(bearing.Overloaded, "overloaded", "the service is busy: try again later")
		}
	}
	return c.Diagnose(w)
}

// rpm returns hz in revolutions per minute without the rounding of the way
// there and back: 1797 rpm stay 1797.
func rpm(hz float64) float64 { return math.Round(hz*60e6) / 1e6 }
