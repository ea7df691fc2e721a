package prune

import (
	"fmt"
	"math"
	"slices"

	"brinell/internal/clamp"
	"brinell/models/nn"
)

// Masks says which weights stay, by the name of their parameter. Weights of a
// parameter that is not named all stay.
type Masks map[string][]bool

// Apply sets the weights that do not stay to zero, in place.
func (m Masks) Apply(net *nn.Network) {
	for _, p := range net.Params() {
		for i, stays := range m[p.Name()] {
			if !stays {
				p.W[i] = 0
			}
		}
	}
}

// Zeros returns the masks of the weights that are zero now.
func Zeros(net *nn.Network) Masks {
	m := make(Masks)
	for _, p := range net.Params() {
		if p.Role != nn.Weight {
			continue
		}
		stays := make([]bool, len(p.W))
		for i, w := range p.W {
			stays[i] = w != 0
		}
		m[p.Name()] = stays
	}
	return m
}

// Weights selects weights by magnitude, in aligned groups of width consecutive
// inputs of one output (see nn.Layer.Sparse): a group g of a layer goes if
//
//	√(mean_{w in g} w²) / σ_layer ≤ t
//
// with σ the root mean square of the layer's weights that are not zero already, and
// the one t that makes the share of zero weights over all layers the given one.
// The last group of an output may be shorter. Every output keeps its best group.
// Only parameters for which take is true, or all if it is nil, take part. With
// width 1 this is magnitude pruning, else the SIMD-aware pruning of Scalpel. It
// panics if share is outside [0, 1) or width below 1.
//
// Reference: S. Han et al., Learning both weights and connections, NIPS 2015, for
// the threshold as a multiple of the layer's deviation; J. Yu et al., Scalpel, ISCA
// 2017, sec. 4.1, for groups and their importance.
func Weights(net *nn.Network, share float64, width int, take func(*nn.Param) bool) Masks {
	if !(share >= 0 && share < 1) || width < 1 {
		panic(fmt.Sprintf("prune: share %v of weights in groups of %d", share, width))
	}
	var all []group
	total := 0
	for _, p := range net.Params() {
		if p.Role == nn.Weight && (take == nil || take(p)) {
			all = append(all, groupsOf(p, width)...)
			total += len(p.W)
		}
	}
	slices.SortStableFunc(all, func(a, b group) int {
		switch {
		case a.importance < b.importance:
			return -1
		case a.importance > b.importance:
			return 1
		}
		return 0
	})
	m := make(Masks)
	gone := 0
	for _, g := range all {
		mask := m[g.p.Name()]
		if mask == nil {
			mask = make([]bool, len(g.p.W))
			for i := range mask {
				mask[i] = true
			}
			m[g.p.Name()] = mask
		}
		if gone+g.n > clamp.Int(share*float64(total), 0, total) || g.best {
			continue
		}
		for i := range g.n {
			mask[g.first+i*g.step] = false
		}
		gone += g.n
	}
	return m
}

// group is n weights of one output, step apart.
type group struct {
	p              *nn.Param
	first, step, n int
	importance     float64
	best           bool // of its output
}

// groupsOf returns the groups of a weight [inputs..., out].
func groupsOf(p *nn.Param, width int) []group {
	out := p.Shape[len(p.Shape)-1]
	inputs := len(p.W) / out
	var sum float64
	alive := 0
	for _, w := range p.W {
		if w != 0 {
			sum += float64(w) * float64(w)
			alive++
		}
	}
	sigma := math.Sqrt(sum/float64(max(1, alive))) + math.SmallestNonzeroFloat64
	var gs []group
	for o := range out {
		best := len(gs)
		for i := 0; i < inputs; i += width {
			g := group{p: p, first: i*out + o, step: out, n: min(width, inputs-i)}
			sq := 0.0
			for j := range g.n {
				w := float64(p.W[g.first+j*out])
				sq += w * w
			}
			g.importance = math.Sqrt(sq/float64(g.n)) / sigma
			gs = append(gs, g)
			if g.importance > gs[best].importance {
				best = len(gs) - 1
			}
		}
		gs[best].best = true
	}
	return gs
}

// Declare returns net with those layers declared sparse for which sparse, given the
// layer's path and weights, returns a group width above 0.
func Declare(net *nn.Network, sparse func(p nn.Path, w *nn.Param) int) *nn.Network {
	return edit(net, func(layers []nn.Layer, path func(int) nn.Path) []nn.Layer {
		for i := range layers {
			if w := net.Param(path(i), nn.Weight); w != nil {
				layers[i].Group = sparse(path(i), w)
			}
		}
		return layers
	})
}

// Share returns the share of zeros among the weights of the parameters for which
// take is true, or all if it is nil.
func Share(net *nn.Network, take func(*nn.Param) bool) float64 {
	zero, total := 0, 0
	for _, p := range net.Params() {
		if p.Role != nn.Weight || take != nil && !take(p) {
			continue
		}
		for _, w := range p.W {
			if w == 0 {
				zero++
			}
		}
		total += len(p.W)
	}
	return float64(zero) / float64(max(1, total))
}
