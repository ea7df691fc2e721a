package diagnose

import (
	"cmp"
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"sort"
	"sync"
	"time"

	"brinell/bearing"
	"brinell/features/lines"
	"brinell/internal/alarm"
)

// memory is what of a sensor's windows the next answer rests on: accumulated evidence
// and baselines. It is a fold over the windows in the order of their epoch and start.
type memory struct {
	method    Method // of the baselines
	epoch     int    // of the newest window
	last      time.Time
	bearing   string // last stated
	weight    float64
	windows   int
	seconds   float64
	logp      bearing.ByFault // weighted sums
	z         lines.ByFault
	cage      float64
	impulsive float64
	free      float64
	tones     float64
	shaft     float64
	half      float64
	netWeight float64
	running   string
	baselines map[string]*baseline // by running state
	folded    int                  // windows, since baselines were restarted

	controls   []control // what users did to the baselines, in its order
	controlled int       // how many of them were done
	frozen     bool      // learn no more
}

func (m memory) clone() memory {
	m.baselines = maps.Clone(m.baselines)
	for k, b := range m.baselines {
		c := *b
		m.baselines[k] = &c
	}
	return m
}

// fold takes the next window in and returns what the baseline said of it before it
// was learnt.
func (m *memory) fold(o *observation) judgement {
	m.control(o.epoch, o.start)
	stale := o.start.Sub(m.last).Abs() > maxGap || o.bearing != m.bearing && o.lines
	m.epoch, m.last = o.epoch, o.start
	if o.bearing != "" {
		m.bearing = o.bearing
	}
	if o.quality.Level == bearing.Unusable {
		return judgement{state: bearing.Absent, reason: "the window is unusable"}
	}
	if stale {
		*m = memory{method: m.method, epoch: m.epoch, last: m.last, bearing: m.bearing, baselines: m.baselines, folded: m.folded, controls: m.controls, controlled: m.controlled, frozen: m.frozen}
	}
	m.accumulate(o)
	if m.baselines == nil {
		m.baselines = make(map[string]*baseline)
	}
	m.running = m.near(o.running)
	b := m.baselines[m.running]
	if b == nil {
		if len(m.baselines) == maxRunning {
			delete(m.baselines, m.dispensable())
		}
		b = &baseline{method: m.method}
		m.baselines[m.running] = b
	}
	m.folded++
	b.used = m.folded
	j := b.judge(o)
	if j.state != bearing.Absent {
		j.state = b.state(m.frozen)
	}
	if v := math.Exp(math.Abs(j.gain)); j.gain != 0 && math.Abs(v/bearing.StandardGravity-1) < unitMargin && !o.quality.Has("unit_suspect") && !o.velocityOnly() {
		degrade(&o.quality, bearing.Flag{Code: "unit_suspect", Value: round(math.Exp(j.gain), 4), Limit: bearing.StandardGravity, Note: "times the usual level: g was taken for m/s², or the other way round"})
	}
	b.learn(o, j, !m.frozen && !o.quality.Has("rate_suspect") && slices.Max(o.z[:]) < scoreLimit)
	return j
}

// near returns the running state that windows of another one are compared with: that of the same
// speeds whose sampling rate is the nearest within rateMargin, else itself. A logger without a
// quartz states another rate with each window, which is the same state of the machine.
func (m *memory) near(running string) string {
	speeds, rate := splitRunning(running)
	nearest, least := running, rateMargin*rate
	for known := range m.baselines {
		s, r := splitRunning(known)
		if off := math.Abs(r - rate); s == speeds && (off < least || off == least && known < nearest) {
			nearest, least = known, off
		}
	}
	return nearest
}

// dispensable returns the running state that makes room for another one: of those that say
// nothing yet, or else of all, the one that was longest away.
func (m *memory) dispensable() (running string) {
	var least *baseline
	for k, b := range m.baselines {
		if least == nil || cmp.Or(cmp.Compare(b.ready(), least.ready()), cmp.Compare(b.used, least.used)) < 0 {
			running, least = k, b
		}
	}
	return running
}

// accumulate adds the window's evidence, older windows weighing less. A window without
// lines adds its seconds only.
func (m *memory) accumulate(o *observation) {
	if o.velocityOnly() {
		return // what is measured of a bearing does not rest on it
	}
	m.windows++
	m.seconds += o.seconds
	if o.network {
		m.netWeight = forgetting*m.netWeight + 1
		for i, v := range o.logp {
			m.logp[i] = forgetting*m.logp[i] + v
		}
	}
	if !o.lines {
		return
	}
	m.weight = forgetting*m.weight + 1
	for i, v := range o.z {
		m.z[i] = forgetting*m.z[i] + max(-zLimit, min(zLimit, v))
	}
	m.cage = forgetting*m.cage + max(-zLimit, min(zLimit, o.cage))
	m.impulsive = forgetting*m.impulsive + o.impulsive
	m.free = forgetting*m.free + min(2*zLimit, o.free.Z)
	m.tones = forgetting*m.tones + o.tones
	m.half = forgetting*m.half + o.half
	m.shaft = forgetting*m.shaft + max(-zLimit, min(zLimit, o.shaft))
}

// evidence is the accumulated evidence as the calibration takes it: means times √N.
func (m *memory) evidence() (n, e bearing.ByFault) {
	if m.netWeight > 0 {
		for i := range n {
			n[i] = m.logp[i] / m.netWeight * math.Sqrt(m.netWeight)
		}
	}
	if m.weight > 0 {
		for i, f := range lines.Faults {
			e[slices.Index(bearing.Faults[:], f)] = max(0, m.mean(m.z[i])-noiseScore) * math.Sqrt(m.weight)
		}
	}
	return n, e
}

// mean is a weighted sum as the mean over windows.
func (m *memory) mean(sum float64) float64 {
	if m.weight == 0 {
		return 0
	}
	return sum / m.weight
}

// snapshot is what is stored of the memory with a diagnosis.
func (m *memory) snapshot(version string) bearing.State {
	s := bearing.State{Windows: m.windows, Seconds: round(m.seconds, 6), Weight: round(m.weight, 6), Baseline: version, Evidence: bearing.Values{}, Epoch: m.epoch}
	for i, f := range bearing.Faults {
		s.Evidence = append(s.Evidence, bearing.Value{Name: "network_" + string(f), Value: round(m.logp[i], 4)})
	}
	for i, f := range lines.Faults {
		s.Evidence = append(s.Evidence, bearing.Value{Name: "envelope_" + string(f), Value: round(m.z[i], 4)})
	}
	b, err := json.Marshal(s)
	if err != nil {
		panic("diagnose: " + err.Error()) // finite numbers only
	}
	sum := sha256.Sum256(b)
	s.Digest = hex.EncodeToString(sum[:])
	return s
}

// sensor is the live state of one sensor axis: the memory before the windows that are
// kept, those windows in their order, and the memory after them.
type sensor struct {
	name, axis string

	// Of the core's mutex.
	holders int           // windows on their way, and others that use it
	tenant  string        // whose windows used it last
	resting *list.Element // of states, nil while it is held
	owner   string        // that it is counted for while it rests, and how much
	size    int64

	mu      sync.Mutex
	loaded  bool           // from the store
	fetched bool           // by those who hold it: there was something
	alarms  *alarm.Machine // nil without a store that keeps it
	base    memory
	kept    []*observation
	live    memory

	telling []telling      // of alarms, on its way to the store
	flying  []*observation // that take part and are not known to be stored
	behind  bool           // there are stored ones that are not in their place, or take no part

	unsaved   []string       // IDs of stored windows that the stored state does not cover
	saveEvery int            // so many of them at most, while none is under way
	saving    bool           // a state is on its way to the store
	saveNow   bool           // the state is to be stored with the next window
	since     []*observation // stored since the history began to be folded; nil while it is not
}

func newSensor(m Method) *sensor {
	return &sensor{base: memory{method: m}, live: memory{method: m}}
}

// add folds a window in at its place and returns the memory after it and what the
// baseline said of it. A late window re-folds what came after it; the answers that
// were given stay.
func (s *sensor) add(o *observation) (memory, judgement) {
	at := sort.Search(len(s.kept), func(i int) bool { return inOrder(s.kept[i], o) > 0 })
	if at == len(s.kept) {
		s.kept = append(s.kept, o)
		j := s.live.fold(o)
		after := s.live.clone()
		s.trim()
		return after, j
	}
	m := s.base.clone()
	for _, k := range s.kept[:at] {
		m.fold(k)
	}
	j := m.fold(o)
	s.kept = slices.Insert(s.kept, at, o)
	s.refold()
	s.trim()
	return m, j
}

// alone judges a window that comes too late for its place by itself. Its running state is that
// which the sensor knows it by, for its alarms to find.
func (s *sensor) alone(o *observation) (memory, judgement) {
	known := s.live.near(o.running)
	m, j := newSensor(s.live.method).add(o)
	if m.running != "" && m.running != known {
		m.baselines[known] = m.baselines[m.running]
		delete(m.baselines, m.running)
		m.running = known
	}
	return m, j
}

// before says that a window is no newer than the memory before those that are kept.
func (s *sensor) before(o *observation) bool {
	return !s.base.last.IsZero() && !later(o.epoch, o.start, s.base.epoch, s.base.last)
}

// landed ends the flight of a window. One that was not stored takes no part. part says that
// it takes part in the state of its sensor, again that it was there before, though it was not
// among those that do. It returns whether the history is to be folded.
func (s *sensor) landed(o *observation, also *bearing.Effects, part, stored, again bool) (behind bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if also != nil {
		s.told(also, stored)
	}
	if stored {
		s.unsaved = append(s.unsaved, o.id)
	}
	if !part {
		return false
	}
	s.flying = slices.DeleteFunc(s.flying, func(f *observation) bool { return f == o })
	if stored && s.since != nil {
		s.since = append(s.since, o)
	}
	// Sending again what is older than the windows that are kept is no reason to fold all.
	behind = o.older != again
	s.behind = s.behind || behind
	if !stored {
		s.remove(o)
	}
	return behind
}

// told ends the flight of what a window changes beside itself. The caller holds s.mu.
func (s *sensor) told(also *bearing.Effects, stored bool) {
	if also.State != nil {
		s.saved(also.State, stored)
	}
	s.telling = slices.DeleteFunc(s.telling, func(t telling) bool { return t.also == also })
	if !stored && also.Machine != nil { // what of it is stored, the store knows
		s.alarms = nil
	}
}

// learn adds windows in their order to a sensor that has none: as add does, without the
// memory after each.
func (s *sensor) learn(all []*observation) {
	old := max(0, len(all)-history)
	for _, o := range all[:old] {
		s.base.fold(o)
	}
	s.live = s.base.clone()
	for _, o := range all[old:] {
		s.live.fold(o)
	}
	s.kept = slices.Clone(all[old:])
}

// remove takes a window out again that could not be stored, or was there before.
func (s *sensor) remove(o *observation) {
	if i := slices.Index(s.kept, o); i >= 0 {
		s.kept = slices.Delete(s.kept, i, i+1)
		s.refold()
	}
}

func (s *sensor) refold() {
	s.live = s.base.clone()
	for _, k := range s.kept {
		s.live.fold(k)
	}
}

// trim moves the oldest windows into the base.
func (s *sensor) trim() {
	for len(s.kept) > history {
		s.base.fold(s.kept[0])
		s.kept = slices.Delete(s.kept, 0, 1)
	}
}
