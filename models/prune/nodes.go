package prune

import (
	"cmp"
	"slices"

	"brinell/models/nn"
)

// WithNodes returns net with the switches of node pruning after each ReLU whose
// channels could go. take, unless nil, says of which layers with weights.
func WithNodes(net *nn.Network, take func(p nn.Path, l nn.Layer) bool) *nn.Network {
	after := make(map[nn.Path]bool)
	walk(net.Spec.Layers, nn.At, net.Spec.Input, net.Classes, consumed, func(layers []nn.Layer, i int, p nn.Path, _ nn.Shape, f fate) {
		if layers[i].Op != nn.OpReLU || f == blocked {
			return
		}
		j := i
		if j > 0 && layers[j-1].Op == nn.OpBatchNorm {
			j--
		}
		if j = producer(layers, j); j >= 0 && (take == nil || take(sibling(p, j), layers[j])) {
			after[p] = true
		}
	})
	return edit(net, func(layers []nn.Layer, path func(int) nn.Path) []nn.Layer {
		var out []nn.Layer
		for i, l := range layers {
			if out = append(out, l); after[path(i)] {
				out = append(out, nn.Nodes())
			}
		}
		return out
	})
}

// WithoutNodes returns net without its switches.
func WithoutNodes(net *nn.Network) *nn.Network {
	return edit(net, func(layers []nn.Layer, _ func(int) nn.Path) []nn.Layer {
		return slices.DeleteFunc(layers, func(l nn.Layer) bool { return l.Op == nn.OpNodes })
	})
}

// MoveNodes makes a step of the switches' importance against its gradient and the
// penalty,
//
//	β ← β - lr (∂L/∂β + penalty),
//
// to be called after each step of the optimizer, which leaves β alone.
//
// Reference: J. Yu et al., Scalpel, ISCA 2017, sec. 4.2; the order of steps after
// the authors' code.
func MoveNodes(net *nn.Network, lr, penalty float64) {
	for _, p := range net.Params() {
		if p.Role != nn.Importance {
			continue
		}
		for i, g := range p.G {
			p.W[i] -= float32(lr * (float64(g) + penalty))
		}
	}
}

// AliveNodes returns the channels whose switch is on, or by the largest importance
// as many as the limits ask, by the layer that they leave.
func AliveNodes(net *nn.Network, lim Limits) Keep {
	keep := make(Keep)
	walk(net.Spec.Layers, nn.At, net.Spec.Input, net.Classes, consumed, func(layers []nn.Layer, i int, p nn.Path, in nn.Shape, _ fate) {
		if layers[i].Op != nn.OpNodes {
			return
		}
		j := i - 1 // the ReLU
		if j > 0 && layers[j-1].Op == nn.OpBatchNorm {
			j--
		}
		at := sibling(p, producer(layers, j))
		alpha, beta := net.Param(p, nn.Alive).W, net.Param(p, nn.Importance).W
		order := all(in.C)
		slices.SortStableFunc(order, func(a, b int) int {
			return cmp.Or(cmp.Compare(alpha[b], alpha[a]), cmp.Compare(beta[b], beta[a]))
		})
		n := lim.least(in.C)
		for n < in.C && alpha[order[n]] == 1 {
			n++
		}
		channels := slices.Clone(order[:n])
		slices.Sort(channels)
		keep[at] = channels
	})
	return keep
}
