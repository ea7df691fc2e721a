package diagnose

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"time"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"brinell/bearing"
	"brinell/models/learn/autoencoder"
)

// Method is how far a window is from a sensor's healthy ones.
type Method string

// Mahalanobis measures the distance from their mean by their covariance, Autoencoder
// the error with which a network that learnt to reproduce them reproduces the window.
const (
	Mahalanobis Method = "mahalanobis"
	Autoencoder Method = "autoencoder"
)

// ParseMethod returns the method of that name, Mahalanobis for none.
func ParseMethod(s string) (Method, error) {
	switch m := Method(s); m {
	case "":
		return Mahalanobis, nil
	case Mahalanobis, Autoencoder:
		return m, nil
	}
	return "", bearing.Errorf(bearing.Invalid, "baseline_method", "baseline %q is not known: use mahalanobis or autoencoder", bearing.Clip(s))
}

// denoising is the autoencoder of a baseline: two codes, a tenth of the inputs masked.
// Sizes and share were set before any run was judged with it.
var denoising = autoencoder.Config{Mask: 0.1}

// baseline is what a sensor's healthy windows look like in one running state. Learnt
// windows are only ever appended and a fit is never changed, so that copies share
// them.
type baseline struct {
	method Method
	learnt [][]float64
	levels []float64
	fit    *fit
	onset  time.Time
	run    int // windows beyond the limit in a row
	raised time.Time
	used   int // memory.folded after its last window
}

// ready is 1 for a baseline that says something, else 0.
func (b *baseline) ready() int { return min(1, len(b.learnt)/readyAfter) }

// fit is the distribution of the learnt windows.
type fit struct {
	mean    []float64
	inverse *mat.SymDense      // of the covariance; or
	coder   *autoencoder.Model // what reproduces the windows
	limit   float64
	version string
}

// judgement is what a baseline says of a window.
type judgement struct {
	state    bearing.BaselineState
	reason   string
	distance float64
	limit    float64
	changed  bool
	drift    string
	gain     float64 // nepers, of a changed sensor
	rise     float64 // nepers, least of the bands above the healthy mean
}

// judge compares a window with the baseline, without learning.
func (b *baseline) judge(o *observation) judgement {
	j := judgement{state: b.state(false)}
	if o.vector == nil {
		return judgement{state: bearing.Absent, reason: "the features have not the bands that a baseline compares"}
	}
	if b.off(o) {
		j.reason = "the machine stands still"
		return j
	}
	if b.fit == nil {
		j.reason = fmt.Sprintf("%d of %d healthy windows of this running state learnt", len(b.learnt), readyAfter)
		return j
	}
	j.distance, j.limit = b.fit.distance(o.vector), b.fit.limit
	j.changed = j.distance > j.limit
	if j.changed {
		j.drift, j.gain = b.fit.drift(o.vector)
		j.rise = b.fit.rise(o.vector)
	}
	return j
}

func (b *baseline) state(frozen bool) bearing.BaselineState {
	switch {
	case b.fit == nil && !frozen:
		return bearing.Learning
	case frozen || len(b.learnt) >= frozenAfter:
		return bearing.Frozen
	}
	return bearing.Ready
}

// lasting is the run of changed windows that goes on.
func (b *baseline) lasting() *bearing.Run {
	r := bearing.Run{Onset: b.onset, Count: b.run}
	if !b.raised.IsZero() {
		r.Raised = &b.raised
	}
	return &r
}

// off reports whether the machine stood still: against its usual level, and where none
// is known against that of any machine.
func (b *baseline) off(o *observation) bool {
	if o.level < offLevel {
		return true
	}
	return len(b.levels) >= 5 && o.level < offShare*stat.Mean(b.levels, nil)
}

// learn takes the window in: its part in the run of changed windows, and, if it is
// healthy as far as can be seen, its part in the baseline.
func (b *baseline) learn(o *observation, j judgement, healthy bool) {
	if o.vector == nil || b.off(o) {
		return
	}
	if j.changed {
		if b.run++; b.run == 1 {
			b.onset, b.raised = o.start, time.Time{}
		}
		if b.run == lastingRun {
			b.raised = o.start
		}
		return
	}
	b.run = 0
	if !healthy || len(b.learnt) >= frozenAfter {
		return
	}
	// A level that is ten times the usual one while learning: before, the machine
	// stood still.
	if b.fit == nil && len(b.levels) > 0 && offShare*o.level > stat.Mean(b.levels, nil) {
		b.learnt, b.levels = nil, nil
	}
	b.learnt = append(b.learnt[:len(b.learnt):len(b.learnt)], o.vector)
	b.levels = append(b.levels[:len(b.levels):len(b.levels)], o.level)
	if len(b.learnt)%refitEvery == 0 {
		b.refit()
	}
}

// refit fits what was learnt, but for the last ones that are fewer than refitEvery.
func (b *baseline) refit() {
	if n := len(b.learnt) / refitEvery * refitEvery; n >= readyAfter {
		b.fit = newFit(b.method, b.learnt[:n])
	}
}

// newFit fits the windows that are not held back, and sets the limit from those that
// are: with l the logarithm of their distances, m in number,
//
//	limit = exp(mean(l) + t √(1+1/m) std(l)),  t the quantile of Student's t with m-1
//	degrees of freedom at 1 - 1e-4
//
// the bound that the next healthy window exceeds at that rate, if l is normal. Few
// held-back windows give a wide bound.
func newFit(method Method, learnt [][]float64) *fit {
	var rows, held [][]float64
	for i, v := range learnt {
		if i%heldBack == heldBack-1 {
			held = append(held, v)
		} else {
			rows = append(rows, v)
		}
	}
	f := &fit{mean: make([]float64, len(rows[0]))}
	for j := range f.mean {
		for _, r := range rows {
			f.mean[j] += r[j] / float64(len(rows))
		}
	}
	if method == Autoencoder {
		var err error
		if f.coder, err = autoencoder.Fit(rows, leastSpread, denoising); err != nil {
			panic("diagnose: " + err.Error()) // the configuration is a constant
		}
	} else {
		f.inverse = precision(rows)
	}
	logs := make([]float64, len(held))
	for i, v := range held {
		logs[i] = math.Log(f.distance(v))
	}
	mean, sd := stat.MeanStdDev(logs, nil)
	m := float64(len(held))
	t := distuv.StudentsT{Sigma: 1, Nu: m - 1}.Quantile(1 - falseAlarms)
	f.limit = math.Exp(mean + t*sd*math.Sqrt(1+1/m))
	f.version = f.digest(logs)
	return f
}

// precision returns the inverse of the covariance of the rows, shrunk to its diagonal.
func precision(rows [][]float64) *mat.SymDense {
	p := len(rows[0])
	x := mat.NewDense(len(rows), p, nil)
	for i, r := range rows {
		x.SetRow(i, r)
	}
	cov := mat.NewSymDense(p, nil)
	stat.CovarianceMatrix(cov, x, nil)
	for i := range p {
		for j := range i {
			cov.SetSym(i, j, (1-shrinkage)*cov.At(i, j))
		}
		cov.SetSym(i, i, cov.At(i, i)+leastSpread*leastSpread)
	}
	var chol mat.Cholesky
	if !chol.Factorize(cov) {
		panic("diagnose: a covariance with a positive diagonal added is not positive definite")
	}
	inverse := mat.NewSymDense(p, nil)
	if err := chol.InverseTo(inverse); err != nil {
		panic("diagnose: " + err.Error()) // its condition is bounded by what was added
	}
	return inverse
}

// distance returns the error of the autoencoder on v, or the Mahalanobis distance over
// √p, which is about 1 for the windows of the fit:
//
//	d = √((v-m)ᵀ C⁻¹ (v-m) / p)
//
// Reference: P. C. Mahalanobis, On the generalised distance in statistics, Proc.
// Natl. Inst. Sci. India 2 (1936) 49.
func (f *fit) distance(v []float64) float64 {
	p := len(f.mean)
	if len(v) != p {
		return math.Inf(1)
	}
	if f.coder != nil {
		return f.coder.Error(v)
	}
	d := mat.NewVecDense(p, nil)
	for i := range v {
		d.SetVec(i, v[i]-f.mean[i])
	}
	return math.Sqrt(math.Max(0, mat.Inner(d, f.inverse, d)) / float64(p))
}

// drift tells what a change is: of the sensor where one gain explains it, else of the
// machine.
func (f *fit) drift(v []float64) (what string, gain float64) {
	levels := levelsOf(v)
	for _, i := range levels {
		gain += (v[i] - f.mean[i]) / float64(len(levels))
	}
	same := append([]float64(nil), v...)
	for _, i := range levels {
		same[i] -= gain
	}
	if math.Abs(gain) > sensorGain && f.distance(same) <= f.limit {
		return "sensor", gain
	}
	return "machine", 0
}

// levelsOf returns which elements of a vector are logarithms of levels.
func levelsOf(v []float64) []int {
	levels := []int{0}
	for i := 3; i < len(v); i++ {
		levels = append(levels, i)
	}
	return levels
}

// rise returns by how much the least risen band has risen, nepers.
func (f *fit) rise(v []float64) float64 {
	least := math.Inf(1)
	for _, i := range levelsOf(v) {
		least = min(least, v[i]-f.mean[i])
	}
	return least
}

// digest names the fit by its mean and the distances of the held-back windows.
func (f *fit) digest(logs []float64) string {
	h := sha256.New()
	write := func(v float64) { h.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))) }
	for _, v := range f.mean {
		write(v)
	}
	for _, v := range logs {
		write(v)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// runningState names the state of the machine in which windows may be compared: a range
// of shaft speeds, each a fifth wider than the one below, and the sampling rate.
func runningState(shaft, rate float64) string {
	if shaft <= 0 {
		return fmt.Sprintf("%.0f Hz", rate)
	}
	low := math.Floor(math.Log(shaft) / math.Log(1.2))
	return fmt.Sprintf("%.0f-%.0f rpm, %.0f Hz", 60*math.Pow(1.2, low), 60*math.Pow(1.2, low+1), rate)
}

// splitRunning is the inverse of runningState: the range of speeds as it is written there, and
// the rate.
func splitRunning(running string) (speeds string, rate float64) {
	at := strings.LastIndexByte(running, ',')
	_, _ = fmt.Sscanf(running[at+1:], "%g Hz", &rate)
	return running[:max(at, 0)], rate
}

// atRate is the running state at another sampling rate; none stays none.
func atRate(running string, rate float64) string {
	speeds, _ := splitRunning(running)
	switch {
	case running == "":
		return ""
	case speeds == "":
		return runningState(0, rate)
	}
	return speeds + ", " + runningState(0, rate)
}
