package prune

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

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
			x := make([]float32, in.L*in.C)
			for k := range x {
				x[k] = float32(rng.NormFloat64())
			}
			inputs[i] = append(inputs[i], x)
		}
		repeats[i] = 1
		once := time.Duration(run(i) * float64(windows) * 1e3)
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

// FasterInGroups returns the layers that this machine computes faster with that
// share of their weights zero in groups of width inputs than dense.
func FasterInGroups(net *nn.Network, share float64, width int) []nn.Path {
	var fast []nn.Path
	walk(net.Spec.Layers, nn.At, net.Spec.Input, net.Classes, consumed, func(layers []nn.Layer, i int, p nn.Path, in nn.Shape, _ fate) {
		l := layers[i]
		if l.Op == nn.OpLogits {
			l = nn.Dense(net.Classes)
		}
		if l.Op != nn.OpConv && l.Op != nn.OpDense {
			return
		}
		alone, err := nn.New(nn.Spec{Name: "layer", Input: in, Layers: []nn.Layer{l, nn.Logits()}}, 1, rand.New(rand.NewPCG(1, 1)))
		if err != nil {
			panic("prune: " + err.Error())
		}
		only := func(w *nn.Param) bool { return w.Path == "0" }
		Weights(alone, share, width, only).Apply(alone)
		sparse := Declare(alone, func(at nn.Path, _ *nn.Param) int {
			if at == "0" {
				return width
			}
			return 0
		})
		t := inTurn([]*nn.Plan{alone.Plan(), sparse.Plan()}, 1)
		if t[1] < 0.95*t[0] {
			fast = append(fast, p)
		}
	})
	return fast
}
