package train

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/features/lines"
	"brinell/internal/clamp"
	"brinell/models"
	"brinell/models/input"
	"brinell/models/learn"
	"brinell/models/nn"
)

// Augmentation is what networks on evidence train on besides the windows of a
// corpus.
type Augmentation struct {
	Simulated int  `json:"simulated"` // windows of simulated machines, for each fault; negative for none
	Noisy     int  `json:"noisy"`     // copies of each real window with noise at a random level
	OnlySim   bool `json:"only_sim"`  // no real windows at all
}

// DefaultAugmentation stands for the zero value.
var DefaultAugmentation = Augmentation{Simulated: 8000, Noisy: 2}

// noisy copies have signal-to-noise ratios between these, dB.
const noisyLow, noisyHigh = 0.0, 20.0

// MachineOf returns what the lines of a recording follow from, and false where speed
// or bearing is not known.
func MachineOf(r *bearing.Recording) (lines.Machine, bool) {
	orders := r.Fitted
	if b, ok := bearing.LookupBearing(r.Bearing); ok && orders == (bearing.Orders{}) {
		orders = b.Orders()
	}
	if orders == (bearing.Orders{}) || r.ShaftSpeed <= 0 {
		return lines.Machine{}, false
	}
	return lines.Machine{ShaftSpeed: r.ShaftSpeed, Orders: orders}, true
}

// evidenceHop is the step between real training windows as a share of their length.
const evidenceHop = 0.5

// simSeed draws the simulated machines: the same for all folds and seeds, so that
// they differ in what they are about.
const simSeed = 1

// EvidenceSets is Sets for models on evidence, with the simulated windows at hand, from
// Simulated; nil to simulate them.
func (r Recipe) EvidenceSets(labels []models.Label, fold dataset.Fold, sim *Simulation) (s Sets) {
	augment := r.Augment
	if augment == (Augmentation{}) {
		augment = DefaultAugmentation
	}
	real, trained := evidence(fold.Train, r.Task, labels, r.Preprocessing, evidenceHop, augment.Noisy)
	var held evidenceJobs
	s.Validation, held = evidence(fold.Validation, r.Task, labels, r.Preprocessing, 1, 0)
	t := tally{tell: r.Evidence, total: real.Len() + s.Validation.Len()}
	simulate := augment.Simulated > 0 && sim == nil
	if simulate {
		t.total += augment.Simulated * len(labels)
	}
	t.fill(real, trained)
	t.fill(s.Validation, held)
	if simulate {
		sim = simulatedSet(labels, augment.Simulated, simSeed, &t)
	}
	golden := trained.golden(real.Len())
	switch {
	case augment.Simulated <= 0:
		s.Train, s.Golden = real, golden
	case augment.OnlySim:
		s.Train, s.Golden = sim.Set, sim.Golden
	default:
		s.Train = Join(sim.Set, real)
		s.Golden = slices.Concat(sim.Golden[:len(sim.Golden)/2], golden[len(golden)/2:])
	}
	return s
}

// rows returns the rows of a tensor.
func rows(x nn.Tensor) [][]float32 {
	out := make([][]float32, x.N)
	for i := range out {
		out[i] = x.At(i)
	}
	return out
}

type evidenceJobs []evidenceJob

// evidenceJob is windows of one rate and machine that become rows of a set.
type evidenceJob struct {
	windows [][]float32
	rate    float64
	machine lines.Machine
	first   int
	noisy   int // copies
	seed    uint64
}

// evidence is windows for models on evidence: each window is followed by its noisy
// copies. The jobs are yet to fill the rows.
func evidence(parts []dataset.Part, task dataset.Task, labels []models.Label, pre input.Preprocessing, hop float64, noisy int) (s learn.Set, jobs evidenceJobs) {
	for _, p := range parts {
		name, ok := task.Label(*p.Rec)
		y := slices.IndexFunc(labels, func(l models.Label) bool { return l.Name == name })
		m, known := MachineOf(p.Rec)
		if !ok || y < 0 || !known {
			continue
		}
		n := pre.NativeLength(p.Rec.SampleRate)
		if n < lines.Need(p.Rec.SampleRate, m.ShaftSpeed) {
			continue // too slow a shaft for windows of that length
		}
		w := dataset.Segments(p, n, max(1, clamp.Count(hop*float64(n))))
		h := fnv.New64a()
		h.Write([]byte(p.Rec.Name))
		jobs = append(jobs, evidenceJob{w, p.Rec.SampleRate, m, len(s.Y), noisy, h.Sum64()})
		add(&s, p.Rec.Name, y, len(w)*(1+noisy))
	}
	s.X = nn.NewTensor(len(s.Y), lines.Rows, lines.RowLen)
	return s, jobs
}

// golden returns golden windows of the jobs, which fill that many rows.
func (jobs evidenceJobs) golden(rows int) (golden []input.Window) {
	if len(jobs) == 0 {
		return nil
	}
	each := 1 + jobs[0].noisy
	chosen := spread(rows/each, wholeCount)
	golden = make([]input.Window, len(chosen))
	for _, j := range jobs {
		for k, x := range j.windows {
			if g, ok := chosen[j.first/each+k]; ok {
				golden[g] = input.Window{Samples: slices.Clone(x), Rate: j.rate, Machine: j.machine}
			}
		}
	}
	return golden
}

// tally counts evidence as it is computed. The zero value tells nobody.
type tally struct {
	tell        func(done, total int)
	mu          sync.Mutex
	done, total int
}

func (t *tally) add(n int) {
	if t.tell == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done += n
	t.tell(t.done, t.total)
}

// fill fills the rows of a set.
func (t *tally) fill(s learn.Set, jobs evidenceJobs) {
	each(len(jobs), func(a *lines.Analyzer, i int) {
		jobs[i].fill(a, s.X)
		t.add(len(jobs[i].windows) * (1 + jobs[i].noisy))
	})
}

func (j evidenceJob) fill(a *lines.Analyzer, x nn.Tensor) {
	rng := rand.New(rand.NewPCG(j.seed, 0x6e6f697365))
	row := j.first
	for _, w := range j.windows {
		a.Analyze(w, j.rate, j.machine).Fill(x.At(row))
		row++
		for range j.noisy {
			var power float64
			for _, v := range w {
				power += float64(v) * float64(v)
			}
			snr := noisyLow + (noisyHigh-noisyLow)*rng.Float64()
			sigma := math.Sqrt(power / float64(len(w)) / math.Pow(10, snr/10))
			z := make([]float32, len(w))
			for i, v := range w {
				z[i] = v + float32(sigma*rng.NormFloat64())
			}
			a.Analyze(z, j.rate, j.machine).Fill(x.At(row))
			row++
		}
	}
}

// each calls do for 0..n-1, on all processors, with an analyzer of its own for each.
func each(n int, do func(a *lines.Analyzer, i int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			a := lines.NewAnalyzer(nil)
			for i := range next {
				do(a, i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// Simulation is evidence of simulated machines, with some of the windows as they came.
type Simulation struct {
	learn.Set
	Golden []input.Window
}

// Simulated returns evidence of simulated machines, n for each label. The same seed
// gives the same.
func Simulated(labels []models.Label, n int, seed uint64) *Simulation {
	return simulatedSet(labels, n, seed, new(tally))
}

func simulatedSet(labels []models.Label, n int, seed uint64, t *tally) *Simulation {
	s := &Simulation{Set: learn.Set{X: nn.NewTensor(n*len(labels), lines.Rows, lines.RowLen)}}
	for i := range n * len(labels) {
		add(&s.Set, "simulation", i%len(labels), 1)
	}
	chosen := spread(s.Len(), wholeCount)
	s.Golden = make([]input.Window, len(chosen))
	each(s.Len(), func(a *lines.Analyzer, i int) {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		sim := simulate(a, labels[s.Y[i]].Fault, rng)
		for !sim.fill(s.X.At(i)) { // nothing to see: draw another machine
			sim = simulate(a, labels[s.Y[i]].Fault, rng)
		}
		if g, ok := chosen[i]; ok {
			s.Golden[g] = sim.window
		}
		t.add(1)
	})
	return s
}

// simulation is one simulated machine with its evidence.
type simulation struct {
	window input.Window
	e      *lines.Evidence
	fault  bearing.Fault
}

func simulate(a *lines.Analyzer, fault bearing.Fault, rng *rand.Rand) simulation {
	spec := dataset.DrawSim(fault, rng)
	x, err := dataset.Simulate(spec, rng)
	if err != nil {
		panic("train: " + err.Error()) // what is drawn is valid
	}
	w := input.Window{Samples: x, Rate: spec.RateHz, Machine: lines.Machine{ShaftSpeed: spec.ShaftHz, Orders: spec.Geometry.Orders()}}
	return simulation{w, a.Analyze(x, w.Rate, w.Machine), fault}
}

// visible is the Z of a comb from which on a race fault can be seen at all.
const visible = 2.5

// fill writes the evidence to dst, and reports whether it may be taught. A race fault
// whose comb does not stand out of the noise looks like no fault, and teaching it as
// one would teach guessing. Rolling elements are taught as they come: they show
// themselves in other ways too, and a fault that is not to be seen is theirs first.
func (s simulation) fill(dst []float32) bool {
	for i, f := range lines.Faults {
		if f == s.fault && f != bearing.Ball && s.e.Combs[i].Z < visible {
			return false
		}
	}
	s.e.Fill(dst)
	return true
}

// Join returns one set of both. Groups keep their names.
func Join(a, b learn.Set) learn.Set {
	out := learn.Set{X: nn.NewTensor(a.Len()+b.Len(), a.X.L, a.X.C), Names: slices.Concat(a.Names, b.Names)}
	for i := range a.Len() {
		copy(out.X.At(i), a.X.At(i))
	}
	for i := range b.Len() {
		copy(out.X.At(a.Len()+i), b.X.At(i))
	}
	out.Y = slices.Concat(a.Y, b.Y)
	out.Group = slices.Clone(a.Group)
	for _, g := range b.Group {
		out.Group = append(out.Group, len(a.Names)+g)
	}
	return out
}
