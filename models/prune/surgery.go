package prune

import (
	"fmt"
	"slices"

	"brinell/models/nn"
)

// Keep says which channels stay, ascending, by the layer that they leave: of a
// convolution or dense layer the output channels, of a batch-norm the channels that
// it reads, through a Select. A layer that is not named keeps all.
type Keep map[nn.Path][]int

// Gate is a batch-norm whose scales decide about channels.
type Gate struct {
	Norm     nn.Path
	At       nn.Path // the layer under which Keep names the channels
	Channels int
}

// fate is what becomes of channels that flow into layers.
type fate int

const (
	passes   fate = iota // they come out at the end
	consumed             // a layer with weights reads them
	blocked              // they are missed: a shortcut adds them to others, or a shift does not leave zero zero
)

// fateIn follows the channels through layers in a row.
func fateIn(layers []nn.Layer) fate {
	for _, l := range layers {
		switch l.Flow() {
		case nn.Mixes, nn.Answers:
			return consumed
		case nn.Adds, nn.Shifts:
			return blocked
		case nn.Joins:
			through := false
			for _, b := range l.Branches {
				switch fateIn(b) {
				case blocked:
					return blocked
				case passes:
					through = true
				}
			}
			if !through {
				return consumed
			}
		}
	}
	return passes
}

// walk calls visit for every layer of a chain with its input shape, inner layers
// before the one that holds them, and with the fate of its output. after is the
// fate of the chain's.
func walk(layers []nn.Layer, path func(int) nn.Path, in nn.Shape, classes int, after fate, visit func(layers []nn.Layer, i int, p nn.Path, in nn.Shape, f fate)) {
	for i, l := range layers {
		f := fateIn(layers[i+1:])
		if f == passes {
			f = after
		}
		for b, inner := range l.Branches {
			end := f
			if l.Flow() == nn.Adds {
				end = blocked
			}
			walk(inner, func(j int) nn.Path { return path(i).In(b, j) }, in, classes, end, visit)
		}
		visit(layers, i, path(i), in, f)
		in = l.Output(in, classes)
	}
}

// producer returns the index of the layer with weights that makes the channels of
// layer i, with nothing between them that is not channel by channel, or -1.
func producer(layers []nn.Layer, i int) int {
	for i--; i >= 0; i-- {
		switch layers[i].Flow() {
		case nn.Mixes:
			return i
		case nn.Each:
		default:
			return -1
		}
	}
	return -1
}

// Gates returns the gates of a network in layer order. A batch-norm whose channels
// come from a convolution or dense layer lets those go; one that reads them from a
// shortcut, which needs them all, lets them go for itself by a Select. What is added
// to a shortcut is no gate, nor is a batch-norm of the network's input.
func Gates(net *nn.Network) []Gate {
	var gates []Gate
	walk(net.Spec.Layers, nn.At, net.Spec.Input, net.Classes, consumed, func(layers []nn.Layer, i int, p nn.Path, in nn.Shape, f fate) {
		if layers[i].Op != nn.OpBatchNorm || f == blocked {
			return
		}
		at := p
		if j := producer(layers, i); j >= 0 {
			at = sibling(p, j)
		} else if p == nn.At(i) && !slices.ContainsFunc(layers[:i], func(l nn.Layer) bool { return len(l.Branches) > 0 }) {
			return
		}
		gates = append(gates, Gate{p, at, in.C})
	})
	return gates
}

// sibling is the path of layer j in the chain of the layer at p.
func sibling(p nn.Path, j int) nn.Path {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] == '.' {
			return p[:i+1] + nn.At(j)
		}
	}
	return nn.At(j)
}

// Remove returns a narrower network with the channels of keep and copies of
// their weights. The result equals net with the scale and shift of the removed
// channels set to zero (see Mask), to rounding: a removed channel then emits
// ReLU(0) = 0.
//
// A dense layer after a convolution reads index l·C + c of the flattened
// [L, C], so each removed channel takes L of its inputs with it.
//
// It panics if keep names a layer whose channels cannot go, or channels that are
// not ascending and in range.
func Remove(net *nn.Network, keep Keep) *nn.Network {
	s := surgeon{net: net, keep: keep, left: len(keep)}
	return s.operate()
}

// surgeon builds a network from parts of another one.
type surgeon struct {
	net    *nn.Network
	keep   Keep
	left   int // entries of keep that no layer has used
	copies []func(narrow *nn.Network)
}

func (s *surgeon) operate() *nn.Network {
	spec := s.net.Spec
	spec.Layers, _ = s.chain(spec.Layers, nn.At, nn.At, all(spec.Input.C), spec.Input)
	if s.left > 0 {
		panic("prune: a layer whose channels cannot be removed is named")
	}
	narrow, err := nn.New(spec, s.net.Classes, nil)
	if err != nil {
		panic("prune: " + err.Error())
	}
	for _, f := range s.copies {
		f(narrow)
	}
	return narrow
}

// chain returns the layers narrowed, and which of their output's channels are left.
// in are the channels left of the input, whose shape was before. from and to are
// where the layers stand in the old and in the new network.
func (s *surgeon) chain(layers []nn.Layer, from, to func(int) nn.Path, in []int, before nn.Shape) (out []nn.Layer, left []int) {
	for i, l := range layers {
		p, after := from(i), l.Output(before, s.net.Classes)
		switch l.Flow() {
		case nn.Mixes, nn.Answers:
			kept := s.kept(p, after.C, l.Flow() == nn.Mixes)
			s.matrix(p, to(len(out)), in, before.C, kept, after.C)
			s.vectors(p, to(len(out)), kept)
			if in = kept; l.Flow() == nn.Mixes {
				l.Out = len(kept)
			}
		case nn.Shifts:
			if kept := s.kept(p, before.C, true); len(kept) < before.C {
				out = pick(out, positions(in, kept))
				in = kept
			}
			s.vectors(p, to(len(out)), in)
		case nn.Each, nn.Switches:
			s.vectors(p, to(len(out)), in)
		case nn.Picks:
			var kept, channels []int
			for j, c := range l.Channels {
				if at, ok := slices.BinarySearch(in, c); ok {
					kept, channels = append(kept, j), append(channels, at)
				}
			}
			l.Channels, in = channels, kept
		case nn.Adds, nn.Joins:
			var joined []int
			inner, first := make([][]nn.Layer, len(l.Branches)), 0
			for b, branch := range l.Branches {
				j := len(out)
				var kept []int
				inner[b], kept = s.chain(branch,
					func(k int) nn.Path { return p.In(b, k) }, func(k int) nn.Path { return to(j).In(b, k) }, in, before)
				for _, c := range kept {
					joined = append(joined, first+c)
				}
				end := before
				for _, x := range branch {
					end = x.Output(end, s.net.Classes)
				}
				first += end.C
			}
			l.Branches = inner
			if l.Flow() == nn.Adds && !slices.Equal(joined, in) {
				panic(fmt.Sprintf("prune: layer %s: the shortcut needs channels that are to go", p))
			}
			in = joined
		}
		out = append(out, l)
		before = after
	}
	return out, in
}

// kept returns the channels that stay of the layer at p, which has n.
func (s *surgeon) kept(p nn.Path, n int, removable bool) []int {
	c, ok := s.keep[p]
	if !ok {
		return all(n)
	}
	if !removable || len(c) == 0 || !slices.IsSorted(c) || c[0] < 0 || c[len(c)-1] >= n {
		panic(fmt.Sprintf("prune: layer %s: bad channels %v of %d", p, c, n))
	}
	s.left--
	return c
}

// matrix copies the weights at p [..., width, cols] of the channels in of the input and of
// the columns to those at q.
func (s *surgeon) matrix(p, q nn.Path, in []int, width int, columns []int, cols int) {
	src := s.net.Param(p, nn.Weight).W
	rows := repeat(in, width, len(src)/(width*cols))
	s.copies = append(s.copies, func(narrow *nn.Network) {
		copyMatrix(narrow.Param(q, nn.Weight).W, src, rows, columns, cols)
	})
}

// vectors copies channels of the parameters at p that have an element each to those at q.
func (s *surgeon) vectors(p, q nn.Path, channels []int) {
	for _, src := range s.net.Params() {
		if src.Path != p || len(src.Shape) != 1 {
			continue
		}
		s.copies = append(s.copies, func(narrow *nn.Network) {
			dst := narrow.Param(q, src.Role).W
			for to, from := range channels {
				dst[to] = src.W[from]
			}
		})
	}
}

// pick appends a Select of channels, as one with a Select that stands there.
func pick(layers []nn.Layer, channels []int) []nn.Layer {
	if n := len(layers); n > 0 && layers[n-1].Op == nn.OpSelect {
		was := layers[n-1].Channels
		for i, c := range channels {
			channels[i] = was[c]
		}
		layers = layers[:n-1]
	}
	return append(layers, nn.Select(channels))
}

// positions returns where each of some stands in all.
func positions(all, some []int) []int {
	p := make([]int, len(some))
	for i, c := range some {
		at, ok := slices.BinarySearch(all, c)
		if !ok {
			panic(fmt.Sprintf("prune: channel %d is to stay and not there", c))
		}
		p[i] = at
	}
	return p
}

// Mask sets scale and shift of the channels that keep drops to zero, in place:
// the wide network that Remove's result equals.
func Mask(net *nn.Network, keep Keep) {
	for _, g := range Gates(net) {
		channels, ok := keep[g.At]
		if !ok {
			continue
		}
		gamma, beta := net.Param(g.Norm, nn.Gamma).W, net.Param(g.Norm, nn.Beta).W
		for c := range g.Channels {
			if _, found := slices.BinarySearch(channels, c); !found {
				gamma[c], beta[c] = 0, 0
			}
		}
	}
}

// edit returns a network whose chains are those of net as change makes them, which
// may add and take away layers without weights of their own, with the same weights.
func edit(net *nn.Network, change func(layers []nn.Layer, path func(int) nn.Path) []nn.Layer) *nn.Network {
	var deep func(layers []nn.Layer, path func(int) nn.Path) []nn.Layer
	deep = func(layers []nn.Layer, path func(int) nn.Path) []nn.Layer {
		out := slices.Clone(layers)
		for i := range out {
			out[i].Branches = slices.Clone(out[i].Branches)
			for b, inner := range out[i].Branches {
				out[i].Branches[b] = deep(inner, func(j int) nn.Path { return path(i).In(b, j) })
			}
		}
		return change(out, path)
	}
	spec := net.Spec
	spec.Layers = deep(spec.Layers, nn.At)
	edited, err := nn.New(spec, net.Classes, nil)
	if err != nil {
		panic("prune: " + err.Error())
	}
	to := lasting(edited)
	for i, p := range lasting(net) {
		copy(to[i].W, p.W)
	}
	return edited
}

// lasting returns the parameters but for the switches of nodes.
func lasting(net *nn.Network) []*nn.Param {
	return slices.DeleteFunc(slices.Clone(net.Params()), func(p *nn.Param) bool { return p.Role == nn.Importance || p.Role == nn.Alive })
}

func all(n int) []int {
	x := make([]int, n)
	for i := range x {
		x[i] = i
	}
	return x
}

// repeat returns the rows r·width + c for each of the times blocks and each c
// of channels: the inputs of a kernel's taps, or of a flattened signal's steps.
func repeat(channels []int, width, times int) []int {
	rows := make([]int, 0, len(channels)*times)
	for r := range times {
		for _, c := range channels {
			rows = append(rows, r*width+c)
		}
	}
	return rows
}

// copyMatrix copies the given rows and columns of src, cols wide, to dst.
func copyMatrix(dst, src []float32, rows, columns []int, cols int) {
	i := 0
	for _, r := range rows {
		for _, c := range columns {
			dst[i] = src[r*cols+c]
			i++
		}
	}
}
