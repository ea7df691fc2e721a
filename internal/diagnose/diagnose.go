package diagnose

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"brinell/features"
	"brinell/features/lines"
	"brinell/internal/admit"
	"brinell/internal/bearing"
	"brinell/models"
)

// Appender keeps diagnoses. Append returns after the diagnosis, the window and what
// they change beside themselves are durable: d itself, or the first diagnosis of a repeated window with
// Duplicate set.
type Appender interface {
	Append(ctx context.Context, d bearing.Diagnosis, w *bearing.Window, also *bearing.Effects) (bearing.Diagnosis, error)
}

// Catalogue knows bearings. bearing.LookupBearing is one, Lookup of a
// bearing.Catalogue another.
type Catalogue func(designation string) (bearing.KnownBearing, bool)

// Historian returns a sensor's stored diagnoses in the order of their start, so that
// what a sensor had taught is there again after a restart.
type Historian interface {
	History(ctx context.Context, sensor, axis string, each func(bearing.Diagnosis) error) error
}

// Core judges windows with the active model. It is safe for concurrent use.
type Core struct {
	active    atomic.Pointer[engine]
	features  features.Config
	store     Appender
	catalogue Catalogue
	registry  Sensors
	crowd     crowd
	horizon   time.Duration
	metrics   *metrics
	baseline  Method
	zones     Zones
	build     string
	now       func() time.Time
	gate      *admit.Gate

	mu      sync.Mutex
	sensors map[[2]string]*sensor   // by name and axis
	arrived map[[2]string]*arrivals // likewise
}

// engine is a model made ready: everything that must change together when the
// model changes.
type engine struct {
	model       *models.Model
	calibration *models.Calibration
	features    string    // hash of their list
	workers     sync.Pool // of *worker
}

// worker is what one diagnosis needs for itself: plans and buffers.
type worker struct {
	extract  *features.Extractor
	values   []float64
	quality  *assessor
	lines    *lines.Analyzer
	classify *models.Classifier
}

// Config are the parts of a Core.
type Config struct {
	Features  features.Config
	Store     Appender  // nil for a core that only judges
	Catalogue Catalogue // nil for the bearings that the program knows
	Sensors   Sensors   // nil for none that are registered
	Metrics   Metrics   // zero for none
	Now       func() time.Time
	Baseline  Method      // zero for Mahalanobis
	Zones     Zones       // zero for the first of KnownZones
	Gate      *admit.Gate // of what is computed at a time; nil for no bound
	Build     string      // version and revision of the program, for Diagnosis.Provenance

	MaxSensors  int           // that windows may bring in by their names alone; zero for no bound
	LateHorizon time.Duration // how far behind its sensor's newest window one may be to take part in its state; zero for DefaultLateHorizon
}

// New returns a core that answers with model m.
func New(m *models.Model, cfg Config) (*Core, error) {
	c := &Core{features: cfg.Features, store: cfg.Store, catalogue: cfg.Catalogue, registry: cfg.Sensors, metrics: newMetrics(cfg.Metrics), now: cfg.Now, gate: cfg.Gate, baseline: cfg.Baseline, zones: cfg.Zones, build: cfg.Build, sensors: make(map[[2]string]*sensor), arrived: make(map[[2]string]*arrivals)}
	c.crowd.most, c.horizon = cfg.MaxSensors, cmp.Or(cfg.LateHorizon, DefaultLateHorizon)
	if c.catalogue == nil {
		c.catalogue = bearing.LookupBearing
	}
	if c.zones == (Zones{}) {
		c.zones = KnownZones[0]
	}
	if c.baseline == "" {
		c.baseline = Mahalanobis
	}
	if c.now == nil {
		c.now = time.Now
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
	e := &engine{model: m, calibration: m.Calibration, features: first.extract.Hash()}
	if e.calibration == nil {
		c := models.Uncalibrated
		e.calibration = &c
	}
	e.workers.New = func() any {
		// Cannot fail: the same configuration made the first worker.
		w, err := newWorker(first.classify.Clone(), c.features)
		if err != nil {
			panic("diagnose: " + err.Error())
		}
		return w
	}
	for _, x := range m.Golden() {
		if _, err := first.classify.Logits(x, m.Preprocessing.SampleRate); err != nil {
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
	return &worker{extract: x, classify: c, quality: newAssessor(), lines: lines.NewAnalyzer()}, nil
}

// Model returns the active model.
func (c *Core) Model() *models.Model { return c.active.Load().model }

// observe looks at w with the active model. What the window does not state is as it is
// registered, and a bearing that is neither is the one that the sensor stated last.
func (c *Core) observe(e *engine, w *bearing.Window, r registered, last string) (*observation, []string, error) {
	k := e.workers.Get().(*worker)
	defer e.workers.Put(k)
	r.bearing = cmp.Or(w.Bearing, r.bearing, last)
	var orders bearing.Orders
	if b, ok := c.catalogue(r.bearing); ok {
		orders = b.Orders()
	}
	t := time.Now()
	o, err := k.observe(w, e.model, r, orders)
	c.metrics.observe("inference", time.Since(t))
	return o, k.extract.Names(), err
}

// Diagnose judges w by itself, as the first window of a sensor, without storing or
// remembering anything.
func (c *Core) Diagnose(w *bearing.Window) (bearing.Diagnosis, error) {
	return c.diagnose(w, newSensor(c.baseline))
}

// diagnose judges w as the next window of a sensor whose memory only the caller has.
func (c *Core) diagnose(w *bearing.Window, s *sensor) (bearing.Diagnosis, error) {
	e := c.active.Load()
	o, names, err := c.observe(e, w, registered{}, s.live.bearing)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	m, j := s.add(o)
	return c.answer(e, w, o, names, &m, j), nil
}

// Session judges windows of one sensor one after the other, without storing them: a
// file, or a recording that is evaluated.
type Session struct {
	core *Core
	s    *sensor
}

// Session returns a session of a sensor of which nothing is known.
func (c *Core) Session() *Session { return &Session{c, newSensor(c.baseline)} }

// Diagnose judges the next window.
func (s *Session) Diagnose(w *bearing.Window) (bearing.Diagnosis, error) {
	return s.core.diagnose(w, s.s)
}

// answer writes down what the witnesses say and what they come to.
func (c *Core) answer(e *engine, w *bearing.Window, o *observation, names []string, m *memory, j judgement) bearing.Diagnosis {
	v, p := judge(o, m, j, e.calibration, c.zones)
	input := w.Digest()
	d := bearing.Diagnosis{
		ID:            o.id,
		Sensor:        w.Sensor,
		Axis:          w.Axis,
		Start:         w.Start,
		ReceivedAt:    c.now().UTC(),
		SampleRate:    w.SampleRate,
		SampleCount:   len(w.Samples),
		Unit:          w.Unit,
		ShaftSpeedRPM: rpm(w.ShaftSpeed),
		Bearing:       w.Bearing,
		Fault:         v.Fault,
		Probabilities: bearing.Values{},
		Features:      make(bearing.Values, len(o.features)),
		Model:         e.model.Ref(),
		Segments:      o.segments,
		Quality:       o.quality,
		Verdict:       v,
		Witnesses:     witnesses(e.model, o, m, j),
		Provenance:    bearing.Provenance{Build: c.build, FeatureList: e.features, Input: hex.EncodeToString(input[:])},
	}
	if v.Fault != "" {
		for i, f := range bearing.Faults {
			d.Probabilities = append(d.Probabilities, bearing.Value{Name: string(f), Value: round(p[i], 6)})
		}
	}
	for i, name := range names {
		d.Features[i] = bearing.Value{Name: name, Value: o.features[i]}
	}
	d.State = m.snapshot(d.Witnesses.Baseline.Version)
	return d
}

// Submit judges w after what its sensor said before, and stores it. When it returns
// without error, diagnosis and samples are on disk.
func (c *Core) Submit(ctx context.Context, w *bearing.Window) (bearing.Diagnosis, error) {
	place, leave, err := c.gate.From(ctx)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	defer leave()
	reg, err := c.register(w)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	if err := c.timely(w); err != nil {
		return bearing.Diagnosis{}, err
	}
	if err := c.crowd.admit(ctx, c.store, w.Sensor, reg.known, c.now()); err != nil {
		return bearing.Diagnosis{}, err
	}
	s, err := c.sensor(ctx, w.Sensor, w.Axis)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	s.mu.Lock()
	last := s.live.bearing
	s.mu.Unlock()
	e := c.active.Load()
	o, names, err := c.observe(e, w, reg, last)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	c.skewed(o)
	s.mu.Lock()
	late := c.late(s, o)
	known := slices.ContainsFunc(s.kept, func(k *observation) bool { return k.id == o.id })
	var m memory
	var j judgement
	switch {
	case known: // a repeat: its first answer comes from the store
		m = s.live.clone()
	case late:
		m, j = newSensor(c.baseline).add(o)
	default:
		m, j = s.add(o)
	}
	d := c.answer(e, w, o, names, &m, j)
	var also *bearing.Effects
	if !known && !late {
		also = s.step(reg.rule, &d)
	}
	s.mu.Unlock()
	place.Computed()

	t := time.Now()
	d, err = c.store.Append(ctx, d, w, also)
	if (err != nil || d.Duplicate) && !known && !late {
		s.mu.Lock()
		s.remove(o)
		if also != nil { // what of it is stored, the store knows
			s.alarms = nil
		}
		s.mu.Unlock()
	}
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	place.Stored()
	c.crowd.add(ctx, w.Sensor, reg.known, c.now())
	c.metrics.observe("store", time.Since(t))
	c.arrive(w, c.now())
	if !d.Duplicate {
		c.metrics.count(d)
		c.metrics.Sensors.observe(&d, reg.known, c.now())
	}
	return d, nil
}

// sensor returns the live state of a sensor, from its stored diagnoses if this is the
// first window since the start.
func (c *Core) sensor(ctx context.Context, name, axis string) (*sensor, error) {
	key := [2]string{name, axis}
	c.mu.Lock()
	s := c.sensors[key]
	if s == nil {
		s = newSensor(c.baseline)
		s.name, s.axis = name, axis
		c.sensors[key] = s
	}
	c.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if h, ok := c.store.(Historian); ok && !s.loaded {
		controls, _, err := readControls(ctx, c.store, name, axis)
		if err != nil {
			return nil, err
		}
		s.base = memory{method: c.baseline, controls: controls}
		s.live, s.kept = s.base, nil
		err = h.History(ctx, name, axis, func(d bearing.Diagnosis) error {
			if d.Quality.Has("late") {
				return nil // it took no part then
			}
			s.add(recall(d))
			return nil
		})
		if err != nil {
			return nil, err
		}
		s.loaded = true
	}
	if a, ok := c.store.(Alarms); ok && s.alarms == nil {
		return s, s.loadAlarms(ctx, a)
	}
	return s, nil
}

// rpm returns hz in revolutions per minute without the rounding of the way
// there and back: 1797 rpm stay 1797.
func rpm(hz float64) float64 { return math.Round(hz*60e6) / 1e6 }

// Evidence returns what the calibration of a verdict takes: the accumulated evidence of
// network and envelope for each of bearing.Faults.
func (s *Session) Evidence() (network, envelope [4]float64) { return s.s.live.evidence() }

// Scores returns the mean scores of lines.Faults over the session's windows, and that
// of the combs that nothing explains.
func (s *Session) Scores() (z [3]float64, free float64) {
	m := &s.s.live
	for i := range z {
		z[i] = m.mean(m.z[i])
	}
	return z, m.mean(m.free)
}

// UnknownScore is the score of what is none of the known faults, from the highest
// score of a known fault's comb and that of any other comb. It is 0 to 1.
func UnknownScore(known, free float64) float64 {
	return 1 / (1 + math.Exp(known-scoreLimit-max(0, free-freeLimit)))
}
