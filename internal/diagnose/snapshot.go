package diagnose

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"brinell/bearing"
	"brinell/features/lines"
)

// snapshot is the state of a sensor axis as it is stored: the memory before the windows that
// are kept, and those. Fits of baselines are not in it: they follow from what was learnt.
type snapshot struct {
	Version string      `json:"version"` // of the fold, see foldVersion
	Base    memoryDoc   `json:"base"`
	Kept    []windowDoc `json:"kept"`
	Behind  bool        `json:"behind,omitempty"`
}

type memoryDoc struct {
	Epoch      int                    `json:"epoch,omitempty"`
	Last       time.Time              `json:"last"`
	Bearing    string                 `json:"bearing,omitempty"`
	Weight     float64                `json:"weight"`
	Windows    int                    `json:"windows"`
	Seconds    float64                `json:"seconds"`
	LogP       bearing.ByFault        `json:"logp"`
	Z          lines.ByFault          `json:"z"`
	Cage       float64                `json:"cage"`
	Impulsive  float64                `json:"impulsive"`
	Free       float64                `json:"free"`
	Tones      float64                `json:"tones"`
	Shaft      float64                `json:"shaft"`
	Half       float64                `json:"half"`
	NetWeight  float64                `json:"net_weight"`
	Running    string                 `json:"running,omitempty"`
	Baselines  map[string]baselineDoc `json:"baselines,omitempty"`
	Folded     int                    `json:"folded"`
	Controlled int                    `json:"controlled,omitempty"`
	Frozen     bool                   `json:"frozen,omitempty"`
}

type baselineDoc struct {
	Learnt [][]float64 `json:"learnt,omitempty"`
	Levels []float64   `json:"levels,omitempty"`
	Onset  time.Time   `json:"onset,omitzero"`
	Run    int         `json:"run,omitempty"`
	Raised time.Time   `json:"raised,omitzero"`
	Used   int         `json:"used"`
}

// windowDoc is of an observation what a fold reads.
type windowDoc struct {
	ID        string          `json:"id"`
	Epoch     int             `json:"epoch,omitempty"`
	Began     time.Time       `json:"began"`
	Start     time.Time       `json:"start"`
	Seconds   float64         `json:"seconds"`
	Quality   bearing.Quality `json:"quality"`
	Network   bool            `json:"network,omitempty"`
	LogP      bearing.ByFault `json:"logp"`
	Lines     bool            `json:"lines,omitempty"`
	Z         lines.ByFault   `json:"z"`
	Cage      float64         `json:"cage"`
	Impulsive float64         `json:"impulsive"`
	Free      float64         `json:"free"`
	Tones     float64         `json:"tones"`
	Shaft     float64         `json:"shaft"`
	Half      float64         `json:"half"`
	Bearing   string          `json:"bearing,omitempty"`
	Vector    []float64       `json:"vector,omitempty"`
	Level     float64         `json:"level"`
	Running   string          `json:"running,omitempty"`
	Rate      float64         `json:"rate"`
}

// foldVersion names what a state depends on beside its windows: a program with another fold
// makes states anew from what is stored.
func foldVersion(m Method) string {
	sum := sha256.Sum256(fmt.Append(nil, "fold 2 ", m, " ", forgetting, maxGap, unitMargin, history, maxRunning, rateMargin, zLimit,
		scoreLimit, leastLog,
		readyAfter, frozenAfter, refitEvery, heldBack, falseAlarms, shrinkage, leastSpread, offShare, offLevel,
		lastingRun, sensorGain, baselineBands))
	return hex.EncodeToString(sum[:8])
}

// doc returns the state without the windows that are not known to be stored, as JSON. It
// fails where a value is not finite.
func (s *sensor) doc() ([]byte, error) {
	x := snapshot{Version: foldVersion(s.base.method), Base: s.base.doc(), Kept: make([]windowDoc, 0,
		len(s.kept)), Behind: s.behind}
	for _, o := range s.kept {
		if !slices.Contains(s.flying, o) {
			x.Kept = append(x.Kept, o.doc())
		}
	}
	return json.Marshal(x)
}

// restore makes the state what a snapshot says, and reports whether it is a whole one of this
// fold, under these controls.
func (s *sensor) restore(doc []byte, controls []control) bool {
	var x snapshot
	if err := json.Unmarshal(doc, &x); err != nil || x.Version != foldVersion(s.base.method) ||
		x.Base.Controlled != due(controls, x.Base.Epoch, x.Base.Last) {
		return false
	}
	s.base = x.Base.memory(s.base.method, controls)
	s.behind = x.Behind
	for _, w := range x.Kept {
		s.kept = append(s.kept, w.observation())
	}
	s.refold()
	return true
}

// due returns how many of the controls come before a window of an epoch and a start; none
// before the first window.
func due(controls []control, epoch int, last time.Time) (n int) {
	for n < len(controls) && !last.IsZero() && !later(controls[n].Epoch, controls[n].At, epoch, last) {
		n++
	}
	return n
}

func (m *memory) doc() memoryDoc {
	d := memoryDoc{Epoch: m.epoch, Last: utc(m.last), Bearing: m.bearing, Weight: m.weight, Windows: m.windows,
		Seconds: m.seconds, LogP: m.logp, Z: m.z, Cage: m.cage,
		Impulsive: m.impulsive, Free: m.free, Tones: m.tones, Shaft: m.shaft, Half: m.half,
		NetWeight: m.netWeight, Running: m.running,
		Folded: m.folded, Controlled: m.controlled, Frozen: m.frozen}
	if m.baselines != nil {
		d.Baselines = make(map[string]baselineDoc, len(m.baselines))
	}
	for running, b := range m.baselines {
		d.Baselines[running] = baselineDoc{Learnt: b.learnt, Levels: b.levels, Onset: utc(b.onset), Run: b.run,
			Raised: utc(b.raised), Used: b.used}
	}
	return d
}

func (d *memoryDoc) memory(method Method, controls []control) memory {
	m := memory{method: method, epoch: d.Epoch, last: d.Last, bearing: d.Bearing, weight: d.Weight,
		windows: d.Windows, seconds: d.Seconds, logp: d.LogP, z: d.Z, cage: d.Cage,
		impulsive: d.Impulsive, free: d.Free, tones: d.Tones, shaft: d.Shaft, half: d.Half,
		netWeight: d.NetWeight, running: d.Running,
		folded: d.Folded, controls: controls, controlled: d.Controlled, frozen: d.Frozen}
	if d.Baselines != nil {
		m.baselines = make(map[string]*baseline, len(d.Baselines))
	}
	for running, b := range d.Baselines {
		m.baselines[running] = &baseline{method: method, learnt: b.Learnt, levels: b.Levels, onset: b.Onset,
			run: b.Run, raised: b.Raised, used: b.Used}
		m.baselines[running].refit()
	}
	return m
}

func (o *observation) doc() windowDoc {
	return windowDoc{ID: o.id, Epoch: o.epoch, Began: utc(o.began), Start: utc(o.start), Seconds: o.seconds,
		Quality: o.quality, Network: o.network, LogP: o.logp, Lines: o.lines, Z: o.z, Cage: o.cage,
		Impulsive: o.impulsive, Free: o.free.Z, Tones: o.tones, Shaft: o.shaft, Half: o.half,
		Bearing: o.bearing, Vector: o.vector, Level: o.level,
		Running: o.running, Rate: o.rate}
}

func (d *windowDoc) observation() *observation {
	o := &observation{id: d.ID, epoch: d.Epoch, began: d.Began, start: d.Start, seconds: d.Seconds,
		quality: d.Quality, network: d.Network, logp: d.LogP, lines: d.Lines, z: d.Z, cage: d.Cage,
		impulsive: d.Impulsive, tones: d.Tones, shaft: d.Shaft, half: d.Half, bearing: d.Bearing,
		vector: d.Vector, level: d.Level,
		running: d.Running, rate: d.Rate}
	o.free.Z = d.Free
	return o
}

// utc returns t in UTC without the monotonic reading, which no store keeps; the zero time as
// it is.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.Round(0).UTC()
}
