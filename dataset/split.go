package dataset

import (
	"strings"

	"brinell/bearing"
	"brinell/internal/clamp"
)

// Split is a way to divide recordings into training, validation and test parts,
// chosen by name. The name belongs beside every number that was reached on it.
//
// Window is the length of one model input, WindowRate the rate (Hz) at which it
// is counted; zero means 2048 at 12 kHz. Parts of one recording that go to
// different sides are one window apart.
type Split struct {
	Name       string
	Note       string // what the split shows and what it does not
	Leaky      bool   // neighbouring windows on both sides: a high score means nothing
	Window     int
	WindowRate float64

	folds func(cutter) ([]Fold, error)
}

// Fold is one division. Parts of one side do not overlap those of another.
type Fold struct {
	Name       string // e.g. 7mil (the size that is tested), DE-to-FE, 0hp-to-2hp
	Train      []Part
	Validation []Part
	Test       []Part
}

const (
	defaultWindow     = 2048
	defaultWindowRate = 12000 // Hz
)

// Splits returns all splits, the most honest first.
func Splits() []Split {
	return []Split{
		{
			Name:  "bearing",
			Note:  "leaves one fault size out, of own data some bearings, so that no damaged bearing of the test was seen; the healthy record is split by time",
			folds: byBearing,
		},
		{
			Name:  "end",
			Note:  "trains on the drive end and tests on the fan end (another bearing type, another sensor), and back; healthy by time",
			folds: byEnd,
		},
		{
			Name:  "sensor",
			Note:  "leaves one fault size out and hears it from the sensor at the other end of the machine; needs the recordings of both sensors",
			folds: bySensor,
		},
		{
			Name:  "cross",
			Note:  "trains on one corpus and tests on another: other bearings, machines and acquisition",
			folds: byCorpus,
		},
		{
			Name:  "load",
			Note:  "trains on one load and tests on another: the same damaged bearings on both sides; fault classes only",
			folds: byLoad,
		},
		{
			Name:  "time",
			Note:  "first 50 % of each recording trains, next 10 % validates, last 40 % tests: the same recordings on all sides",
			folds: byTime,
		},
		{
			Name:  "random-leaky",
			Note:  "random windows of the same recordings on all sides, as much published work does; not a measure of diagnosis",
			Leaky: true,
			folds: randomLeaky,
		},
	}
}

// SplitNamed returns the split of that name, or an error that lists the names.
func SplitNamed(name string) (Split, error) {
	var names []string
	for _, s := range Splits() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Split{}, bearing.Errorf(bearing.NotFound, "unknown_split", "split %q is not known: use one of %s", bearing.Clip(name), strings.Join(names, ", "))
}

// WithWindow returns the split for model inputs of length samples at rate Hz.
func (s Split) WithWindow(length int, rate float64) Split {
	s.Window, s.WindowRate = length, rate
	return s
}

// Folds divides the recordings. The parts point into recs. The seed matters to
// random-leaky only: every other split is fixed by the recordings.
//
// It is an error if the recordings do not allow the split, or leave a fold
// without training or test parts.
func (s Split) Folds(recs []bearing.Recording, seed uint64) ([]Fold, error) {
	if s.folds == nil {
		return nil, bearing.Errorf(bearing.NotFound, "unknown_split", "split %q has no definition: take it from SplitNamed", s.Name)
	}
	c := cutter{recs: recs, window: s.Window, rate: s.WindowRate, seed: seed}
	if c.window <= 0 {
		c.window = defaultWindow
	}
	if !(c.rate > 0) {
		c.rate = defaultWindowRate
	}
	folds, err := s.folds(c)
	if err != nil {
		return nil, err
	}
	for _, f := range folds {
		if len(f.Train) == 0 || len(f.Test) == 0 {
			return nil, bearing.Errorf(bearing.Invalid, "split_empty",
				"split %s, fold %s: %d training and %d test parts of at least one window (%d samples at %g Hz): add recordings or longer ones",
				s.Name, f.Name, len(f.Train), len(f.Test), c.window, c.rate)
		}
	}
	return folds, nil
}

// cutter holds what all splits need.
type cutter struct {
	recs   []bearing.Recording
	window int
	rate   float64
	seed   uint64
}

// length returns one window in the recording's own samples.
func (c cutter) length(r *bearing.Recording) int {
	return NativeLength(c.window, c.rate, r.SampleRate)
}

// pieces cuts a recording at the given fractions of its length. Every piece but
// the last gives up one window at its end, so that pieces are a window apart. A
// piece that is shorter than a window has no samples.
func (c cutter) pieces(r *bearing.Recording, ends ...float64) []Part {
	n, gap := len(r.Samples), c.length(r)
	parts := make([]Part, len(ends))
	from := 0
	for i, e := range ends {
		to := clamp.Int(float64(n)*e, 0, n)
		last := to
		if i < len(ends)-1 {
			last -= gap
		}
		if last-from < gap {
			last = from
		}
		parts[i] = Part{Rec: r, From: from, To: last}
		from = to
	}
	return parts
}

// add appends the parts that have samples.
func add(side []Part, parts ...Part) []Part {
	for _, p := range parts {
		if p.Len() > 0 {
			side = append(side, p)
		}
	}
	return side
}

// byTimeInto gives the first half of r to training, the next tenth to validation
// and the last four tenths to the test.
func (c cutter) byTimeInto(f *Fold, r *bearing.Recording) {
	p := c.pieces(r, 0.5, 0.6, 1)
	f.Train, f.Validation, f.Test = add(f.Train, p[0]), add(f.Validation, p[1]), add(f.Test, p[2])
}

// trainInto gives r to training, with its last fifth for validation: validation
// must come from bearings that training knows, or it would be a second test.
func (c cutter) trainInto(f *Fold, r *bearing.Recording) {
	p := c.pieces(r, 0.8, 1)
	f.Train, f.Validation = add(f.Train, p[0]), add(f.Validation, p[1])
}

// testInto gives the whole of r to the test, unless its outer-race fault lies
// outside the load zone: there are such records for some sizes only, so scores
// with them would not compare from fold to fold.
func (c cutter) testInto(f *Fold, r *bearing.Recording) {
	if inLoadZone(r) {
		f.Test = add(f.Test, c.pieces(r, 1)...)
	}
}

// inLoadZone reports whether a fault is where the load is: not on an outer race
// at 3 or 12 o'clock.
func inLoadZone(r *bearing.Recording) bool {
	return r.Truth.Position == "" || r.Truth.Position == "6"
}
