package prune

import (
	"fmt"
	"slices"

	"brinell/models/nn"
)

// Gate is a batch-norm whose scales decide about the channels of the
// convolution or dense layer before it.
type Gate struct {
	Norm     int // layer index of the batch-norm
	Producer int // layer index of the convolution or dense layer
	Channels int
}

// Gates returns the gates of a spec in layer order. A batch-norm with anything
// but its producer right before it is no gate.
func Gates(net *nn.Network) []Gate {
	var gates []Gate
	layers := net.Spec.Layers
	for i := 1; i < len(layers); i++ {
		before := layers[i-1].Op
		if layers[i].Op == nn.OpBatchNorm && (before == nn.OpConv || before == nn.OpDense) {
			gates = append(gates, Gate{i, i - 1, net.Shapes()[i].C})
		}
	}
	return gates
}

// Keep says which output channels of a layer stay: ascending indices by the
// layer index of the producer. A layer that is not named keeps all.
type Keep map[int][]int

// Remove returns a narrower network with the channels of keep and copies of
// their weights. The result equals net with the scale and shift of the removed
// channels set to zero (see Mask), to rounding: a removed channel then emits
// ReLU(0) = 0.
//
// A dense layer after a convolution reads index l·C + c of the flattened
// [L, C], so each removed channel takes L of its inputs with it.
//
// It panics if keep names a layer that is no producer, or channels that are
// not ascending and in range.
func Remove(net *nn.Network, keep Keep) *nn.Network {
	spec := net.Spec
	spec.Layers = slices.Clone(spec.Layers)
	for layer, channels := range keep {
		l := &spec.Layers[layer]
		if l.Op != nn.OpConv && l.Op != nn.OpDense {
			panic(fmt.Sprintf("prune: layer %d (%s) has no removable channels", layer, l.Op))
		}
		if len(channels) == 0 || !slices.IsSorted(channels) || channels[0] < 0 || channels[len(channels)-1] >= l.Out {
			panic(fmt.Sprintf("prune: layer %d: bad channels %v of %d", layer, channels, l.Out))
		}
		l.Out = len(channels)
	}
	narrow, err := nn.New(spec, net.Classes, nil)
	if err != nil {
		panic("prune: " + err.Error())
	}
	in := all(net.Spec.Input.C) // channels that the present layer still reads
	width, length := net.Spec.Input.C, net.Spec.Input.L
	for i, l := range net.Spec.Layers {
		out := in
		switch l.Op {
		case nn.OpConv:
			out = kept(keep, i, l.Out)
			copyMatrix(narrow.Param(i, nn.Weight).W, net.Param(i, nn.Weight).W, repeat(in, width, l.Kernel), out, l.Out)
		case nn.OpDense, nn.OpLogits:
			n := net.Shapes()[i].C
			out = kept(keep, i, n)
			copyMatrix(narrow.Param(i, nn.Weight).W, net.Param(i, nn.Weight).W, repeat(in, width, length), out, n)
		}
		for _, r := range []nn.Role{nn.Bias, nn.Gamma, nn.Beta, nn.Mean, nn.Variance} {
			if p := net.Param(i, r); p != nil {
				q := narrow.Param(i, r)
				for to, from := range out {
					q.W[to] = p.W[from]
				}
			}
		}
		in, width, length = out, net.Shapes()[i].C, net.Shapes()[i].L
	}
	return narrow
}

// Mask sets scale and shift of the channels that keep drops to zero, in place:
// the wide network that Remove's result equals.
func Mask(net *nn.Network, keep Keep) {
	for _, g := range Gates(net) {
		channels, ok := keep[g.Producer]
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

func all(n int) []int {
	x := make([]int, n)
	for i := range x {
		x[i] = i
	}
	return x
}

func kept(keep Keep, layer, n int) []int {
	if c, ok := keep[layer]; ok {
		return c
	}
	return all(n)
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
