package prune

import (
	"slices"

	"brinell/models"
	"brinell/models/learn"
	"brinell/models/learn/network"
	"brinell/models/nn"
)

// WithWinners returns net with a Winners layer of the given rate before the layer
// with weights at each path; one that is there gets the new rate, and rate 1 takes
// it away.
func WithWinners(net *nn.Network, rates map[nn.Path]float64) *nn.Network {
	return edit(net, func(layers []nn.Layer, path func(int) nn.Path) []nn.Layer {
		var out []nn.Layer
		for i, l := range layers {
			if r, ok := rates[path(i)]; ok {
				if n := len(out); n > 0 && out[n-1].Op == nn.OpWinners {
					out = out[:n-1]
				}
				if r < 1 {
					out = append(out, nn.Winners(r))
				}
			}
			out = append(out, l)
		}
		return out
	})
}

// WinnerPlaces returns the layers whose input dynamic activation pruning may cut:
// those with weights but for the first, which reads the signal itself.
func WinnerPlaces(net *nn.Network) []nn.Path {
	var places []nn.Path
	for _, p := range net.Params() {
		if p.Role == nn.Weight {
			places = append(places, p.Path)
		}
	}
	return places[1:]
}

// SensitivityRates are the winner rates of a sweep.
var SensitivityRates = []float64{1, 0.8, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02}

// Sensitivity sweeps the winner rate of each place alone and measures the accuracy
// on val, which must not be the test part.
//
// Reference: Q. Yang et al., Integral pruning, 2019 (outline).
func Sensitivity(net *nn.Network, val learn.Set, rates []float64) []models.Sweep {
	var curves []models.Sweep
	for _, p := range WinnerPlaces(net) {
		c := models.Sweep{Layer: p, Rates: rates}
		for _, r := range rates {
			c.Accuracy = append(c.Accuracy, network.Accuracy(WithWinners(net, map[nn.Path]float64{p: r}), val))
		}
		c.Smooth = isotonic(c.Accuracy)
		curves = append(curves, c)
	}
	return curves
}

// isotonic returns the falling sequence nearest to y in least squares, by pooling
// adjacent violators.
//
// Reference: R. E. Barlow et al., Statistical inference under order restrictions,
// 1972.
func isotonic(y []float64) []float64 {
	type block struct {
		mean float64
		n    int
	}
	var blocks []block
	for _, v := range y {
		b := block{v, 1}
		for len(blocks) > 0 && blocks[len(blocks)-1].mean < b.mean {
			last := blocks[len(blocks)-1]
			b = block{(last.mean*float64(last.n) + b.mean*float64(b.n)) / float64(last.n+b.n), last.n + b.n}
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, b)
	}
	out := make([]float64, 0, len(y))
	for _, b := range blocks {
		out = append(out, slices.Repeat([]float64{b.mean}, b.n)...)
	}
	return out
}

// ChooseRates returns for each curve the smallest rate whose smoothed accuracy is
// no more than budget below that of rate 1.
func ChooseRates(curves []models.Sweep, budget float64) map[nn.Path]float64 {
	rates := make(map[nn.Path]float64)
	for _, c := range curves {
		rates[c.Layer] = 1
		for i, a := range c.Smooth {
			if a >= c.Smooth[0]-budget-1e-12 {
				rates[c.Layer] = c.Rates[i]
			}
		}
	}
	return rates
}

// Operations counts the multiplications of one window, a mean over windows.
type Operations struct {
	MACs     float64 `json:"macs"`     // of the layers with weights, zeros included
	Weights  float64 `json:"weights"`  // left where the weight is zero
	Natural  float64 `json:"natural"`  // left where weight or activation is zero, were it not for winners
	Both     float64 `json:"both"`     // left where weight or activation is zero
	Nonzero  int     `json:"nonzero"`  // weights
	OfInputs float64 `json:"inputs"`   // share of activations that are not zero
	Windows  int     `json:"windows"`  // that were counted
	Layers   []Layer `json:"by_layer"` // the same for each layer
}

// Layer is the part of Operations that one layer has.
type Layer struct {
	Layer nn.Path `json:"layer"`
	MACs  float64 `json:"macs"`
	Both  float64 `json:"both"`
	Rate  float64 `json:"rate"` // share of its input that is not zero
}

// CountOperations counts on the windows of x. A multiplication is left only where
// neither operand is zero; padding counts as zero.
func CountOperations(net *nn.Network, x nn.Tensor) Operations {
	o := Operations{Windows: x.N}
	if rates := Rates(net); len(rates) > 0 {
		for p := range rates {
			rates[p] = 1
		}
		o.Natural = CountOperations(WithWinners(net, rates), x).Both
	}
	count := 0
	net.Forward(x, false)
	inputs, nonzero := 0, 0
	net.Inputs(func(p nn.Path, l nn.Layer, in nn.Shape, x nn.Tensor) {
		w := net.Param(p, nn.Weight)
		if w == nil {
			return
		}
		out := l.Output(in, net.Classes)
		// Left multiplications of an input are the nonzero weights of its row.
		rows := make([]int, len(w.W)/out.C)
		for i, v := range w.W {
			if v != 0 {
				rows[i/out.C]++
				o.Nonzero++
			}
		}
		steps, both, alive := out.Len(), 0, 0
		for n := range x.N {
			both += left(l, rows, in, x.At(n))
		}
		for _, v := range x.Data {
			if v != 0 {
				alive++
			}
		}
		sum := 0
		for _, r := range rows {
			sum += r
		}
		macs := float64(l.MACs(in, out))
		o.MACs += macs
		o.Weights += float64(steps * sum)
		o.Both += float64(both) / float64(x.N)
		o.Layers = append(o.Layers, Layer{p, macs, float64(both) / float64(x.N), float64(alive) / float64(len(x.Data))})
		if count > 0 { // the signal is never cut
			inputs, nonzero = inputs+len(x.Data), nonzero+alive
		}
		count++
	})
	if o.Natural == 0 {
		o.Natural = o.Both
	}
	o.OfInputs = float64(nonzero) / float64(max(1, inputs))
	return o
}

// left counts the multiplications that are left of one window x: of an element that is
// not zero, the nonzero weights of each row that it meets.
func left(l nn.Layer, rows []int, in nn.Shape, x []float32) (n int) {
	l.Reads(in, func(row, input, run int) {
		for i, v := range x[input : input+run] {
			if v != 0 {
				n += rows[row+i]
			}
		}
	})
	return n
}

// Rates returns the winner rates that net has, by the layer that reads them.
func Rates(net *nn.Network) map[nn.Path]float64 {
	rates := make(map[nn.Path]float64)
	walk(net.Spec.Layers, nn.At, net.Spec.Input, net.Classes, consumed, func(layers []nn.Layer, i int, p nn.Path, _ nn.Shape, _ fate) {
		if i > 0 && layers[i-1].Op == nn.OpWinners && net.Param(p, nn.Weight) != nil {
			rates[p] = layers[i-1].Rate
		}
	})
	return rates
}
