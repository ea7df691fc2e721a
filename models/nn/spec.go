package nn

import (
	"fmt"
	"strconv"
	"strings"

	"brinell/internal/kernel"
)

// Op names what a layer does.
type Op string

// The operations. Logits is the last dense layer; its width is the number of
// labels and is not written in the spec.
const (
	OpConv      Op = "conv"
	OpBatchNorm Op = "batchnorm"
	OpReLU      Op = "relu"
	OpMaxPool   Op = "maxpool"
	OpAvgPool   Op = "avgpool"
	OpDropout   Op = "dropout"
	OpDense     Op = "dense"
	OpLogits    Op = "logits"
	OpResidual  Op = "residual"
	OpBranches  Op = "branches"
	OpSelect    Op = "select"
	OpWinners   Op = "winners"
	OpNodes     Op = "nodes"
	OpConv2D    Op = "conv2d"
	OpMaxPool2D Op = "maxpool2d"
	OpAvgPool2D Op = "avgpool2d"
)

// Padding of a convolution.
type Padding string

// Same pads with zeros so that the output has ⌈L/stride⌉ steps, the odd zero at
// the end; Valid does not pad.
const (
	Same  Padding = "same"
	Valid Padding = "valid"
)

// Layer describes one layer as data. Which fields count depends on Op; make it
// by the constructors below, so that a spec reads like the table of a paper.
type Layer struct {
	Op      Op      `json:"op"`
	Out     int     `json:"out,omitempty"`     // channels of conv, units of dense
	Kernel  int     `json:"kernel,omitempty"`  // taps of conv, width of pools; along the height of images
	Width   int     `json:"width,omitempty"`   // the same along the width of images
	Stride  int     `json:"stride,omitempty"`  // of conv
	Padding Padding `json:"padding,omitempty"` // of conv
	Bias    bool    `json:"bias,omitempty"`    // of conv; dense layers always have one
	Rate    float64 `json:"rate,omitempty"`    // of dropout: share set to zero; of winners: share kept

	Group    int       `json:"group,omitempty"`    // of conv and dense: see Sparse
	Channels []int     `json:"channels,omitempty"` // of select
	Branches [][]Layer `json:"branches,omitempty"` // of residual (one) and branches
}

// Conv is a convolution with out channels and no bias, [L, C] -> [L', out].
func Conv(out, kernel, stride int, p Padding) Layer {
	return Layer{Op: OpConv, Out: out, Kernel: kernel, Stride: stride, Padding: p}
}

// ConvBias is Conv with a bias.
func ConvBias(out, kernel, stride int, p Padding) Layer { return Conv(out, kernel, stride, p).Biased() }

// Biased gives a convolution a bias.
func (l Layer) Biased() Layer {
	l.Bias = true
	return l
}

// BatchNorm normalises each channel over batch and time.
func BatchNorm() Layer { return Layer{Op: OpBatchNorm} }

// ReLU is max(0, x).
func ReLU() Layer { return Layer{Op: OpReLU} }

// MaxPool takes the maximum of each k consecutive steps, [L, C] -> [⌊L/k⌋, C].
func MaxPool(k int) Layer { return Layer{Op: OpMaxPool, Kernel: k} }

// AvgPool takes the mean of each k consecutive steps, [L, C] -> [⌊L/k⌋, C].
func AvgPool(k int) Layer { return Layer{Op: OpAvgPool, Kernel: k} }

// Dropout sets a share of the activations to zero while training and scales
// the others by 1/(1-rate); it does nothing in inference.
func Dropout(rate float64) Layer { return Layer{Op: OpDropout, Rate: rate} }

// Dense is a fully connected layer with bias over the flattened input, index
// l*C+c, [L, C] -> [1, out].
func Dense(out int) Layer { return Layer{Op: OpDense, Out: out} }

// Logits is the last Dense layer, with one unit per label.
func Logits() Layer { return Layer{Op: OpLogits} }

// Residual adds the input to what body makes of it, y = x + body(x). The body must
// keep the shape.
//
// Reference: K. He et al., Deep residual learning for image recognition, CVPR 2016.
func Residual(body ...Layer) Layer { return Layer{Op: OpResidual, Branches: [][]Layer{body}} }

// Branches gives the input to every branch and puts their channels side by side,
// [L, C] -> [L', ΣC_b]. All branches must have the same L'.
func Branches(branches ...[]Layer) Layer { return Layer{Op: OpBranches, Branches: branches} }

// Select passes the given channels on, ascending, [L, C] -> [L, len(channels)].
// Pruning puts it where a shortcut keeps the channels themselves from going.
func Select(channels []int) Layer { return Layer{Op: OpSelect, Channels: channels} }

// Winners passes the share rate of a window's elements that is largest in
// magnitude, ⌈rate·L·C⌉ of them and what ties with the last, and sets the others to
// zero: the threshold is found anew for each window.
//
// Reference: Q. Yang et al., Integral pruning on activations and weights for
// efficient neural networks, 2019.
func Winners(rate float64) Layer { return Layer{Op: OpWinners, Rate: rate} }

// Nodes multiplies each channel by a switch that is 0 or 1 and learns when to turn
// it off; it serves node pruning and goes when the nodes are removed.
//
// Reference: J. Yu et al., Scalpel, ISCA 2017.
func Nodes() Layer { return Layer{Op: OpNodes} }

// Sparse declares that the weights of a convolution or dense layer are mostly
// zero, in aligned groups of so many consecutive inputs, and that inference is to
// multiply only the other groups. Group 1 is unstructured sparsity (CSR). Training
// does not enforce it.
func (l Layer) Sparse(group int) Layer {
	l.Group = group
	return l
}

// Spec is an architecture as data. It compares with reflect.DeepEqual and
// round-trips through JSON.
type Spec struct {
	Name      string  `json:"name"`
	Reference string  `json:"reference,omitempty"`
	Input     Shape   `json:"input"`
	Layers    []Layer `json:"layers"`
}

// Path says where a layer stands: its index in Spec.Layers, and for layers of
// combinators the branch and the index in it, "3.0.1".
type Path string

// At is the path of layer i of a spec.
func At(i int) Path { return Path(strconv.Itoa(i)) }

// In is the path of layer i in branch b of the combinator at p.
func (p Path) In(b, i int) Path { return Path(fmt.Sprintf("%s.%d.%d", p, b, i)) }

// inside returns the paths of the layers in branch b.
func (p Path) inside(b int) func(i int) Path { return func(i int) Path { return p.In(b, i) } }

// Layer returns the layer at a path, or false if there is none.
func (s Spec) Layer(p Path) (l Layer, ok bool) {
	layers := s.Layers
	for part := range strings.SplitSeq(string(p), ".") {
		i, err := strconv.Atoi(part)
		switch {
		case err != nil || i < 0:
			return l, false
		case layers == nil: // a branch of l
			if i >= len(l.Branches) {
				return l, false
			}
			layers, ok = l.Branches[i], false
		case i >= len(layers):
			return l, false
		default:
			l, layers, ok = layers[i], nil, true
		}
	}
	return l, ok
}

// LayerError reports the first layer that does not fit.
type LayerError struct {
	Path   Path
	Op     Op
	Reason string
}

func (e *LayerError) Error() string {
	return fmt.Sprintf("layer %s (%s): %s", e.Path, e.Op, e.Reason)
}

// Output returns the shape of the layer's output for input in, which must fit.
func (l Layer) Output(in Shape, classes int) Shape {
	out, _ := l.shape(in, classes)
	return out
}

// widest is the largest width, kernel or stride of a layer.
const widest = 1 << 20

// shape returns the output shape of the layer, or the reason why it has none.
func (l Layer) shape(in Shape, classes int) (out Shape, reason string) {
	op, known := operations[l.Op]
	switch {
	case l.Group != 0 && (!op.sparse || l.Group < 1 || l.Group > kernel.MaxGroup):
		return out, fmt.Sprintf("group %d must lie in 1..%d, and belong to a layer with weights", l.Group, kernel.MaxGroup)
	case (len(l.Branches) > 0) != op.holds:
		return out, "residual and branches need branches, no other layer has them"
	case !known:
		return out, "unknown operation"
	case op.signals && in.W != 1:
		return out, fmt.Sprintf("it reads signals, not images of %v", in)
	case op.shape == nil:
		return in, ""
	}
	s := site{Layer: l, in: in, classes: classes}
	for _, b := range l.Branches {
		s.ends = append(s.ends, end(b, in, classes))
	}
	return op.shape(s)
}

// end returns the output shape of layers in a row that fit.
func end(layers []Layer, in Shape, classes int) Shape {
	for _, l := range layers {
		in, _ = l.shape(in, classes)
	}
	return in
}
