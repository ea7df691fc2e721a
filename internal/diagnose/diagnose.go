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

	"brinell/bearing"
	"brinell/features"
	"brinell/features/dsp"
	"brinell/features/lines"
	"brinell/internal/admit"
	"brinell/models"
)

// Catalogue knows bearings. bearing.LookupBearing is one, Lookup of a
// bearing.Catalogue another.
type Catalogue func(designation string) (bearing.KnownBearing, bool)

// Core judges windows with the active model. It is safe for concurrent use.
type Core struct {
	active    atomic.Pointer[engine]
	models    Models
	features  features.Config
	store     Store // nil for a core that only judges
	catalogue Catalogue
	registry  Sensors
	crowd     crowd
	controls  sync.Mutex // from the check of a version of controls until they are stored
	horizon   time.Duration
	wall      wall
	metrics   *metrics
	baseline  Method
	zones     Zones
	build     string
	now       func() time.Time
	gate      *admit.Gate
	memory    *admit.Memory

	own *engines // of sensors with a model of their own

	maxSamples int // of a window that is taken

	saveEvery int                  // see savedEvery
	folding   chan struct{}        // holds one while history is folded
	rest      time.Time            // until when none is that nobody waits for; of Watch
	rests     map[string]time.Time // until when none is for a control of a sensor
	folded    bool                 // none is left from before there were states; of Watch
	passed    int                  // shelves that are over and could not be ended; of Watch

	mu      sync.Mutex
	sensors map[[2]string]*sensor   // by name and axis
	states  states                  // of sensors, that are not held
	behind  map[[2]string]bool      // whose history is to be folded
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
	orders   []bearing.Orders // that are tried
	classify *models.Classifier
}

// Models finds a stored model by its digest: NotFound if there is none.
type Models func(ctx context.Context, digest string) (*models.Model, error)

// Config are the parts of a Core.
type Config struct {
	Features  features.Config
	Store     Store     // nil for a core that only judges
	Catalogue Catalogue // nil for the bearings that the program knows
	Sensors   Sensors   // nil for none that are registered
	Models    Models    // for sensors with a model of their own; nil where all have the active one
	Metrics   Metrics   // zero for none
	Now       func() time.Time
	Baseline  Method        // zero for Mahalanobis
	Zones     Zones         // zero for the first of KnownZones
	Gate      *admit.Gate   // of what is computed at a time; nil for no bound
	Memory    *admit.Memory // of what windows take while they are judged and stored; nil for no bound
	Shelf     int64         // bytes of plans that are kept; zero for DefaultShelf
	States    int64         // bytes of the states of sensors that are kept between windows, beside half of what Memory has free; others are recalled; zero for no bound
	Build     string        // version and revision of the program, for Diagnosis.Provenance
	Built     time.Time     // when, at the earliest: a clock before it is wrong; zero for not known

	MaxSamples  int           // of a window that is taken; zero for bearing.DefaultMaxSamples
	MaxSensors  int           // that windows may bring in by their names alone; zero for no bound
	MaxAxes     int           // of a sensor; zero for DefaultMaxAxes
	LateHorizon time.Duration // how far behind its sensor's newest window one may be to take part in its state; zero for DefaultLateHorizon
}

// New returns a core that answers with model m.
func New(m *models.Model, cfg Config) (*Core, error) {
	c := &Core{features: cfg.Features, store: cfg.Store, catalogue: cfg.Catalogue, registry: cfg.Sensors, models: cfg.Models, own: newEngines(cfg.Memory), metrics: newMetrics(cfg.Metrics), now: cfg.Now, gate: cfg.Gate, memory: cfg.Memory, baseline: cfg.Baseline, zones: cfg.Zones, build: cfg.Build, sensors: make(map[[2]string]*sensor), arrived: make(map[[2]string]*arrivals), behind: make(map[[2]string]bool), rests: make(map[string]time.Time), folding: make(chan struct{}, 1), saveEvery: savedEvery}
	c.crowd.most, c.crowd.axesMost = cfg.MaxSensors, cmp.Or(cfg.MaxAxes, DefaultMaxAxes)
	c.maxSamples = cmp.Or(cfg.MaxSamples, bearing.DefaultMaxSamples)
	c.states.most = cfg.States
	c.horizon, c.wall.built = cmp.Or(cfg.LateHorizon, DefaultLateHorizon), cfg.Built
	if c.features.Shelf == nil {
		c.features.Shelf = dsp.NewShelf(kept(cmp.Or(cfg.Shelf, DefaultShelf)))
	}
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
	e, err := c.engine(m)
	if err != nil {
		return err
	}
	c.active.Store(e)
	c.metrics.setModel(m.Ref())
	return nil
}

// engine makes a model ready, and warms it up.
func (c *Core) engine(m *models.Model) (*engine, error) {
	if err := m.CheckTask(); err != nil {
		return nil, err
	}
	first, err := newWorker(m.Classifier(), c.features)
	if err != nil {
		return nil, err
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
	for _, w := range m.GoldenWindows() {
		if _, err := first.classify.Logits(w); err != nil {
			return nil, fmt.Errorf("warm up model %s: %w", m.Name, err)
		}
	}
	e.workers.Put(first)
	return e, nil
}

func newWorker(c *models.Classifier, cfg features.Config) (*worker, error) {
	x, err := features.New(cfg)
	if err != nil {
		return nil, err
	}
	return &worker{extract: x, classify: c, quality: newAssessor(cfg.Shelf), lines: lines.NewAnalyzer(cfg.Shelf)}, nil
}

// Model returns the active model.
func (c *Core) Model() *models.Model { return c.active.Load().model }

// observe looks at w with the active model. What the window does not state is as it is
// registered, and a bearing that is neither is the one that the sensor stated last.
func (c *Core) observe(e *engine, w *bearing.Window, r registered, last string) (*observation, []string, error) {
	k := e.workers.Get().(*worker)
	defer e.workers.Put(k)
	r.bearing, r.most = cmp.Or(w.Bearing, r.bearing, last), c.maxSamples
	var ok bool
	if r.fitted, ok = bearing.Fitted(c.catalogue, r.bearing); !ok {
		r.unknown = bearing.Unknown(bearing.Invalid, c.catalogue, r.bearing, "add its geometry or its orders").Message
	} else if name := r.fitted.Name(); name != r.bearing {
		// However it is spelt, it is the same bearing, and a sensor's evidence goes on.
		if again, ok := bearing.Fitted(c.catalogue, name); ok && again.Name() == name {
			r.bearing = name
		}
	}
	t := time.Now()
	o, err := k.observe(w, e.model, r)
	c.metrics.observe("inference", time.Since(t))
	k.lines.Release()
	return o, k.extract.Names(), err
}

// Diagnose judges w by itself, as the first window of a sensor, without storing or
// remembering anything.
func (c *Core) Diagnose(w *bearing.Window) (bearing.Diagnosis, error) {
	return c.diagnose(w, newSensor(c.baseline))
}

// diagnose judges w as the next window of a sensor whose memory only the caller has.
func (c *Core) diagnose(w *bearing.Window, s *sensor) (bearing.Diagnosis, error) {
	reg, err := c.register(w)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	e, done, err := c.engineOf(context.Background(), reg.model)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	defer done()
	o, names, err := c.observe(e, w, reg, s.live.bearing)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	m, j := s.add(o)
	d := c.answer(e, w, o, names, &m, j, c.now().UTC())
	s.step(reg.rule, &d)
	return d, nil
}

// answer writes down what the witnesses say and what they come to.
func (c *Core) answer(e *engine, w *bearing.Window, o *observation, names []string, m *memory, j judgement, received time.Time) bearing.Diagnosis {
	v, p := judge(o, m, j, e.calibration, c.zones)
	input := w.Digest()
	d := bearing.Diagnosis{
		ID:            o.id,
		Sensor:        w.Sensor,
		Axis:          w.Axis,
		Start:         w.Start,
		ReceivedAt:    received,
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

// Submit judges w, which comes in by entry, after what its sensor said before, and stores it.
// When it returns without error, diagnosis and samples are on disk.
func (c *Core) Submit(ctx context.Context, w *bearing.Window, entry admit.Entry) (bearing.Diagnosis, error) {
	place, leave, err := c.gate.From(ctx, entry, admit.Claim{Bytes: 4 * len(w.Samples)})
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	defer leave()
	reg, err := c.register(w)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	if err := lacking(w); err != nil { // before anything is read for it
		return bearing.Diagnosis{}, err
	}
	received := c.now().UTC() // without the monotonic reading: clocks are set
	if err := c.timely(w, received); err != nil {
		return bearing.Diagnosis{}, err
	}
	if err := c.crowd.admit(ctx, c.store, w.Sensor, c.registry, c.now()); err != nil {
		return bearing.Diagnosis{}, err
	}
	if err := c.crowd.admitAxis(ctx, c.store, w.Sensor, w.Axis); err != nil {
		return bearing.Diagnosis{}, err
	}
	defer c.release(c.holdFor(place.Tenant(), w.Sensor, w.Axis))
	s, err := c.recalled(ctx, w.Sensor, w.Axis)
	if err == errUnfolded { // its history is folded outside of the slot
		err = place.Aside(ctx, func() (err error) {
			s, err = c.sensor(ctx, w.Sensor, w.Axis)
			return err
		})
	}
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	s.mu.Lock()
	last := s.live.bearing
	s.mu.Unlock()
	e, done, err := c.engineOf(ctx, reg.model)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	defer done()
	need := e.need(w, reg)
	held := max(need.judged, need.stored)
	if err := c.memory.Window(ctx, entry, held); err != nil {
		return bearing.Diagnosis{}, err
	}
	defer func() { c.memory.Give(held) }()
	c.mu.Lock()
	c.letGo() // of what this window takes now
	c.mu.Unlock()
	o, names, err := c.observe(e, w, reg, last)
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	c.memory.Give(held - need.stored)
	held = need.stored
	skewed(o, received)
	place.Turn()
	d, also, part, behind := c.next(e, s, w, o, names, reg.rule, received)
	place.Computed()

	t := time.Now()
	// A client that leaves now does not take back what is on its way to the disk.
	d, err = c.store.Append(context.WithoutCancel(ctx), d, w, also)
	if s.landed(o, also, part, err == nil && !d.Duplicate, err == nil && d.Duplicate) {
		c.fallBehind(s)
	}
	if err != nil {
		return bearing.Diagnosis{}, err
	}
	place.Stored()
	c.crowd.add(ctx, w.Sensor, reg.known, c.now())
	c.crowd.addAxis(w.Sensor, w.Axis)
	c.metrics.observe("store", time.Since(t))
	c.arrive(w, c.now(), s.listening())
	c.wall.came(w.Start, received)
	c.metrics.count(d)
	if !d.Duplicate {
		c.metrics.Sensors.observe(&d, reg.known, c.now(), behind)
	}
	return d, nil
}

// next judges what was observed as the sensor's next window, and returns what that changes
// in its alarms. part says that the window takes part in the sensor's state, until it has
// landed; behind is how many windows in a row, this one the last, begin before the sensor's
// newest.
func (c *Core) next(e *engine, s *sensor, w *bearing.Window, o *observation, names []string, rule *bearing.AlarmRule, received time.Time) (d bearing.Diagnosis, also *bearing.Effects, part bool, behind int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var m memory
	var j judgement
	var late bool
	switch {
	case slices.ContainsFunc(s.kept, func(k *observation) bool { return k.id == o.id }):
		m = s.live.clone() // a repeat: its first answer comes from the store
	case c.place(s, o, received):
		late = true
		m, j = s.alone(o)
	case s.before(o):
		m, j = s.alone(o)
		o.older, part = true, true
	default:
		m, j = s.add(o)
		part = true
	}
	d = c.answer(e, w, o, names, &m, j, received)
	o.settle()
	if part {
		s.flying = append(s.flying, o)
	}
	if part || late {
		also = s.step(rule, &d)
	}
	if st := s.save(); st != nil {
		if also == nil {
			also = &bearing.Effects{}
		}
		also.State = st
	}
	if s.alarms != nil {
		behind = s.alarms.Behind.Count
	}
	return d, also, part, behind
}

// rpm returns hz in revolutions per minute without the rounding of the way
// there and back: 1797 rpm stay 1797.
func rpm(hz float64) float64 { return math.Round(hz*60e6) / 1e6 }

// Evidence returns what the calibration of a verdict takes: the accumulated evidence of
// network and envelope for each of bearing.Faults.
func (s *Session) Evidence() (network, envelope bearing.ByFault) { return s.s.live.evidence() }

// Scores returns the mean scores of lines.Faults over the session's windows, and that
// of the combs that nothing explains.
func (s *Session) Scores() (z lines.ByFault, free float64) {
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
