package prune

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"brinell/internal/clamp"
	"brinell/internal/kernel"
	"brinell/models/nn"
)

// Timing is the time of one window on one kernel, in microseconds on one thread:
// alone, and as one of 64 in a row.
type Timing struct {
	Kernel string  `json:"kernel"`
	One    float64 `json:"one_us"`
	Batch  float64 `json:"batch64_us"`
}

// Timings measures networks in turn on every kernel that runs here, so that a
// machine whose speed drifts treats all alike: medians over rounds.
func Timings(nets []*nn.Network) [][]Timing {
	out := make([][]Timing, len(nets))
	for _, impl := range kernel.Implementations() {
		restore := kernel.Use(impl)
		plans := make([]*nn.Plan, len(nets))
		for i, n := range nets {
			plans[i] = n.Plan()
		}
		one, batch := inTurn(plans, 1), inTurn(plans, 64)
		for i := range nets {
			out[i] = append(out[i], Timing{impl, one[i], batch[i]})
		}
		restore()
	}
	return out
}

// Time returns the median time of one window in microseconds.
func Time(p *nn.Plan) float64 { return inTurn([]*nn.Plan{p}, 1)[0] }

// inTurn returns the median time of each plan for one window when it gets as many
// in a row, in microseconds.
func inTurn(plans []*nn.Plan, windows int) []float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const rounds, least = 31, 100 * time.Microsecond
	rng := rand.New(rand.NewPCG(1, 1))
	times := make([][]float64, len(plans))
	inputs, repeats := make([][][]float32, len(plans)), make([]int, len(plans))
	run := func(i int) float64 {
		t := time.Now()
		for range repeats[i] {
			for _, x := range inputs[i] {
				plans[i].Forward(x)
			}
		}
		return float64(time.Since(t).Nanoseconds()) / 1e3 / float64(repeats[i]*windows)
	}
	for i, p := range plans {
		in := p.Input()
		for range windows {
			x := make([]float32, in.Size())
			for k := range x {
				x[k] = float32(rng.NormFloat64())
			}
			inputs[i] = append(inputs[i], x)
		}
		repeats[i] = 1
		once := clamp.Nanoseconds(run(i) * float64(windows) * 1e3)
		repeats[i] = max(1, int(least/max(1, once)))
	}
	for range rounds {
		for i := range plans {
			times[i] = append(times[i], run(i))
		}
	}
	medians := make([]float64, len(plans))
	for i, t := range times {
		slices.Sort(t)
		medians[i] = t[len(t)/2]
	}
	return medians
}

// FasterInGroups returns the layers with which the whole network is faster on this
// machine if that share of their weights is zero and they alone are computed in groups
// of width inputs.
func FasterInGroups(net *nn.Network, share float64, width int) []nn.Path {
	plans := []*nn.Plan{net.Plan()}
	var layers []nn.Path
	for _, p := range net.Params() {
		if p.Role != nn.Weight {
			continue
		}
		only := func(at nn.Path, _ *nn.Param) int {
			if at == p.Path {
				return width
			}
			return 0
		}
		sparse := Declare(net, only) // with weights of its own
		Weights(sparse, share, width, func(w *nn.Param) bool { return w.Path == p.Path }).Apply(sparse)
		layers, plans = append(layers, p.Path), append(plans, sparse.Plan())
	}
	const worth = 0.98 // less than noise is not worth an accuracy
	t := inTurn(plans, 1)
	var fast []nn.Path
	for i, p := range layers {
		if t[i+1] < worth*t[0] {
			fast = append(fast, p)
		}
	}
	return fast
}
