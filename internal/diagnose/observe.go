package diagnose

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"brinell/bearing"
	"brinell/features/lines"
	"brinell/models"
	"brinell/models/input"
)

// observation is what one window says by itself, whatever came before it. Two cores
// with one model make the same observation of the same window.
type observation struct {
	id      string
	epoch   int       // in the order of the sensor's windows: bearing.State
	start   time.Time // likewise, in its epoch: Diagnosis.At
	began   time.Time // by the sensor's clock
	seconds float64
	older   bool // came when all windows that are kept were later

	quality  bearing.Quality
	features []float64

	// Of the network, log-probabilities of bearing.Faults.
	network   bool
	noNetwork string // why not
	byFault   bearing.ByFault
	unknown   [len(bearing.Faults)]bool // of byFault: the network has no label for it
	class     bearing.Fault             // the likeliest
	logp      bearing.ByFault
	labels    []float64 // probabilities of the model's own labels
	segments  int
	distance  float64 // of the network's input from those it was trained on, and the limit
	domain    float64

	// Of the envelope, scores of lines.Faults.
	lines      bool
	noLines    string
	unfitted   string // why the bearing is not known, and what to do
	short      shortness
	z          lines.ByFault
	cage       float64
	impulsive  float64
	free       lines.Free
	tones      float64
	shaft      float64
	half       float64 // 1 where the highest comb is one of half its order as well
	found      []bearing.Line
	turns      float64
	bearing    string
	candidates int    // sets of orders that were tried, more than one for estimated ones
	which      string // of several bearings on one sensor the one whose lines stand out most
	speed      float64
	source     string // of the speed
	band       [2]float64

	vector   []float64 // of the baseline
	level    float64   // standard deviation, g
	velocity float64   // mm/s RMS, 0 where the window is too short
	running  string    // speed and rate, for which a baseline holds
	rate     float64
}

// settle lets go of what only the answer needs: a sensor keeps many observations.
func (o *observation) settle() {
	o.features, o.labels, o.found, o.short = nil, nil, nil, shortness{}
}

// observe looks at the window. The errors are *bearing.Error with the codes
// rate_too_low and window_too_short.
func (k *worker) observe(w *bearing.Window, m *models.Model, r registered) (*observation, error) {
	o := &observation{id: w.ID(), start: w.Start, began: w.Start, seconds: float64(len(w.Samples)) / w.SampleRate, rate: w.SampleRate}
	if err := lacking(w); err != nil {
		return nil, err
	}
	o.quality = k.quality.assess(w, r.profile)
	o.velocity = k.quality.velocity
	k.values = k.extract.Extract(k.values, w.Samples, w.SampleRate)
	o.features = append([]float64(nil), k.values...)
	o.vector, o.level = vectorOf(func(name string) (float64, bool) {
		i := slices.Index(k.extract.Names(), name)
		return k.values[max(i, 0)], i >= 0
	})
	if o.quality.Level == bearing.Unusable {
		o.noLines, o.noNetwork = "the window is unusable", "the window is unusable"
		return o, nil
	}
	o.bearing = r.bearing
	if w.Unit.IsVelocity() {
		o.ofVelocity(w, r)
		return o, nil
	}
	e := k.envelope(o, w, r)
	return o, k.network(o, w, m, e)
}

// envelope looks for the bearing's lines, or notes why it cannot.
func (k *worker) envelope(o *observation, w *bearing.Window, r registered) *lines.Evidence {
	k.orders = r.fitted.AppendCandidates(k.orders[:0])
	all := k.orders
	b := r.fitted.Orders()
	o.band[0], o.band[1] = lines.Band(w.SampleRate)
	o.speed, o.source = r.speed(w)
	o.running = runningState(o.speed, w.SampleRate)
	if o.speed == 0 && b.BPFO > 0 && len(all) == 1 {
		o.speed, o.source = k.estimate(w, b), bearing.SpeedEstimated
	}
	o.short = shortOf(o, w.SampleRate, all, r.most)
	o.short.flag(&o.quality)
	switch {
	case b.BPFO == 0 && o.bearing == "":
		o.unfitted = "the bearing is not known: state its designation with a window, it holds for the sensor's later ones"
		o.noLines = o.unfitted
	case b.BPFO == 0:
		o.unfitted = r.unknown
		o.noLines = o.unfitted
	case o.speed == 0 && len(all) > 1:
		o.noLines = "the shaft speed is not known, and the orders of the bearing are estimated only, or several bearings are on the sensor: state shaft_speed_rpm, or the bearing's orders"
	case o.speed == 0 && o.seconds < lines.SpeedSeconds:
		o.noLines = fmt.Sprintf("the shaft speed is not known, and the window is too short to tell it: state shaft_speed_rpm, or send windows of %.2g s or more", lines.AnySpeedSeconds)
	case o.speed == 0:
		o.noLines = "the shaft speed is not known, and no line of the bearing tells it: state shaft_speed_rpm"
	case len(w.Samples) < lines.Need(w.SampleRate, o.speed):
		o.noLines = "the window has too few turns of the shaft to resolve the lines"
		if s := 60 * o.speed; s < fastest && len(w.Samples) >= lines.Need(w.SampleRate, s) {
			o.noLines += fmt.Sprintf(". Are %.4g "+askedHz+" That would be %.4g rpm", s, 60*s)
		}
	case b.BPFO*o.speed > o.band[1]-o.band[0]:
		o.noLines = "the shaft is too fast for the sampling rate: the lines of its bearing lie above the band that is looked at, sample faster"
	default:
		o.lines = true
		e, best := k.lines.Among(w.Samples, w.SampleRate, o.speed, all)
		o.candidates = len(all)
		if r.fitted.Beside != nil {
			o.which = r.fitted.Which(best)
		}
		for i := range e.Combs {
			o.z[i] = round(e.Combs[i].Z, 4)
		}
		// Rounded as they are stored: a memory that is recalled is the memory that was.
		o.cage, o.impulsive, o.tones, o.turns = round(e.CageZ, 4), round(e.Steady, 4), round(e.Tones, 4), round(e.Turns, 3)
		o.shaft, o.half = round(e.Shaft, 4), halved(e)
		o.free = lines.Free{Order: round(e.Free.Order, 4), Z: round(e.Free.Z, 4)}
		o.found = linesFound(e)
		return e
	}
	return nil
}

// outside reports whether the network was asked what it was not trained on.
func (o *observation) outside() bool { return o.network && o.domain > 0 && o.distance > o.domain }

// estimate returns the shaft speed at which the bearing's lines stand out, of the few
// that the spectrum suggests; 0 where none do. A wrong speed puts the bearing's lines
// where none are.
func (k *worker) estimate(w *bearing.Window, b bearing.Orders) float64 {
	best, speed := 0.0, 0.0
	for _, s := range k.suggested(w) {
		if len(w.Samples) < lines.Need(w.SampleRate, s.Hz) {
			continue
		}
		e := k.lines.Analyze(w.Samples, w.SampleRate, lines.Machine{ShaftSpeed: s.Hz, Orders: b})
		if z, ok := believed(e); ok && z >= best {
			best, speed = z, s.Hz
		}
	}
	return round(speed, 6)
}

// suggested returns the shaft speeds that are tried where none is stated.
func (k *worker) suggested(w *bearing.Window) []lines.Speed {
	return k.lines.Speeds(w.Samples, w.SampleRate, suggestions)
}

// believed returns the score of the higher comb of a race, and whether it and the shaft's own
// lines are high enough for a speed that is not stated.
func believed(e *lines.Evidence) (z float64, ok bool) {
	z = max(e.Combs[0].Z, e.Combs[1].Z)
	return z, e.Shaft >= estimatedShaft && z >= estimatedScore
}

// halved returns 1 where the comb with the highest score has lines halfway between its
// own that stand out hardly less: the true order is half of it, and the stated speed or
// rate is probably half of the true one. A rolling element may have such a line, at its
// spin frequency.
func halved(e *lines.Evidence) float64 {
	c := &e.Combs[0]
	for i := range e.Combs {
		if e.Combs[i].Z > c.Z {
			c = &e.Combs[i]
		}
	}
	own := (c.Harmonics[0] + c.Harmonics[1]) / 2
	if half := min(c.Sub[0], c.Sub[1]); half > lineLimit && half > halfShare*own {
		return 1
	}
	return 0
}

// linesFound lists the lines that stand out, the highest first, at most a dozen.
func linesFound(e *lines.Evidence) []bearing.Line {
	found := []bearing.Line{}
	for i := range e.Combs {
		c := &e.Combs[i]
		if c.Z < scoreLimit {
			continue
		}
		for h, v := range c.Harmonics {
			if v < lineLimit {
				continue
			}
			order := c.Order * (1 + c.Slip) * float64(h+1)
			l := bearing.Line{Fault: lines.Faults[i], Harmonic: h + 1, Order: round(order, 4), Hz: round(order*e.Machine.ShaftSpeed, 3), DB: round(v*20/math.Ln10, 2)}
			at := len(found)
			for at > 0 && found[at-1].DB < l.DB {
				at--
			}
			found = append(found[:at], append([]bearing.Line{l}, found[at:]...)...)
		}
	}
	return found[:min(len(found), 12)]
}

// network asks the model, of what its representation reads.
func (k *worker) network(o *observation, w *bearing.Window, m *models.Model, e *lines.Evidence) error {
	o.labels = make([]float64, len(m.Labels))
	x, reads := input.Window{Samples: w.Samples, Rate: w.SampleRate, Evidence: e}, m.Preprocessing.Representation()
	if reads.Machine && e == nil {
		o.noNetwork = o.noLines
		return nil
	}
	if e != nil {
		x.Machine = e.Machine
	}
	if err := m.Preprocessing.CheckRate(w.SampleRate); err != nil {
		o.noNetwork = err.(*bearing.Error).Message
		return nil
	}
	if n := m.Preprocessing.NativeLength(w.SampleRate); !reads.Whole && len(w.Samples) < n {
		o.noNetwork = "the window is shorter than the network's input"
		if !o.quality.Has(windowShort) {
			degrade(&o.quality, bearing.Flag{Code: windowShort, Value: float64(len(w.Samples)), Limit: float64(n), Note: "samples that the network reads"})
		}
		return nil
	}
	n, err := k.classify.Classify(o.labels, x)
	if err, ok := errors.AsType[*bearing.Error](err); ok && err.Kind == bearing.Invalid {
		o.noNetwork = err.Message
		return nil
	}
	if err != nil {
		return err
	}
	if o.segments = n; reads.Machine {
		o.segments = e.Segments
	}
	o.distance, o.domain = k.classify.Distance()
	o.distance = min(o.distance, farthest)
	if slices.ContainsFunc(o.labels, math.IsNaN) { // weights may be finite, and sums not
		o.noNetwork, o.segments, o.distance, o.domain = "the network's sums overflow on this window", 0, 0, 0
		clear(o.labels)
		return nil
	}
	o.network = true
	for i, v := range o.labels {
		o.labels[i] = round(v, 6)
	}
	o.byFault = byFault(m.Labels, o.labels)
	for i, f := range bearing.Faults {
		o.unknown[i] = !slices.ContainsFunc(m.Labels, func(l models.Label) bool { return l.Fault == f })
	}
	o.class = models.FaultOf(m.Labels, o.labels)
	o.logp = o.logs()
	return nil
}

// byFault returns the probability of each of bearing.Faults, summed over the labels
// that name it.
func byFault(labels []models.Label, p []float64) (sums bearing.ByFault) {
	for i, f := range bearing.Faults {
		for j, l := range labels {
			if l.Fault == f {
				sums[i] += p[j]
			}
		}
		sums[i] = round(sums[i], 6)
	}
	return sums
}

// logs returns bounded logarithms of byFault. Where the network names a class that is
// none of bearing.Faults, it tells nothing of those; nor of one that it was never taught,
// which therefore is as likely as the likeliest of the others.
func (o *observation) logs() (logp bearing.ByFault) {
	p := o.byFault
	if o.foreign() {
		p = bearing.Equal()
	}
	for i := range p {
		v := p[i]
		if o.unknown[i] {
			v = slices.Max(p[:])
		}
		logp[i] = math.Max(leastLog, math.Log(v))
	}
	return logp
}

// share is the probability of the likeliest label of the network, 0 where that is not kept.
func (o *observation) share() (top float64) {
	for _, v := range o.labels {
		top = max(top, v)
	}
	return top
}

// foreign reports whether the network names a class of its own, which no other witness
// knows.
func (o *observation) foreign() bool { return o.class != "" && !o.class.Known() }

// degrade adds a flag and lowers good to degraded.
func degrade(q *bearing.Quality, f bearing.Flag) {
	q.Flags = append(q.Flags, f)
	if q.Level == bearing.Good {
		q.Level = bearing.Degraded
	}
}

// round rounds v to n decimals.
func round(v float64, n int) float64 {
	p := math.Pow10(n)
	return math.Round(v*p) / p
}

// vectorOf returns what a baseline compares of the features, as logarithms: the level,
// the shape of the distribution, and the level in bands up to 0.4 of the rate; and the
// level itself. Without the features it needs, nil.
func vectorOf(get func(name string) (float64, bool)) (v []float64, level float64) {
	log := func(f float64) float64 { return math.Log(f + 1e-9) }
	level, ok := get("std")
	kurtosis, _ := get("kurtosis")
	peak, _ := get("peak")
	if !ok {
		return nil, 0
	}
	v = append(v, log(level), log(kurtosis), log(over(peak, level)))
	for _, group := range baselineBands {
		sum := 0.0
		for _, name := range group {
			b, ok := get(name)
			if !ok {
				return nil, level
			}
			sum += b * b
		}
		v = append(v, log(math.Sqrt(sum)))
	}
	return v, level
}

// baselineBands are the bands of the features, taken together where they are many.
var baselineBands = [][]string{
	{"band_rms_01"}, {"band_rms_02"}, {"band_rms_03", "band_rms_04"}, {"band_rms_05", "band_rms_06"},
	{"band_rms_07", "band_rms_08"}, {"band_rms_09", "band_rms_10"}, {"band_rms_11", "band_rms_12"}, {"band_rms_13"},
}

func over(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// lacking says what a window lacks whatever its sensor is: its rate or its length.
func lacking(w *bearing.Window) error {
	if w.Unit.IsVelocity() && w.SampleRate < velocityRate {
		return bearing.Errorf(bearing.Invalid, "rate_too_low", "sampling rate %g Hz is below %d Hz, from which velocity up to %d Hz can be graded: sample faster", w.SampleRate, velocityRate, velocityHigh).At("/sample_rate_hz")
	}
	if !w.Unit.IsVelocity() && w.SampleRate < minRate {
		return bearing.Errorf(bearing.Invalid, "rate_too_low", "sampling rate %g Hz is below %d Hz, from which a bearing can be diagnosed: sample faster", w.SampleRate, minRate).At("/sample_rate_hz")
	}
	if len(w.Samples) < minSamples {
		return bearing.Errorf(bearing.Invalid, "window_too_short", "the window has %d samples, a diagnosis needs at least %d (%.4g s at %g Hz)", len(w.Samples), minSamples, minSamples/w.SampleRate, w.SampleRate).At("/samples").Over(minSamples, float64(len(w.Samples)))
	}
	return nil
}
