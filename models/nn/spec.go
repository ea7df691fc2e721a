package nn

import (
	"fmt"
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
	Kernel  int     `json:"kernel,omitempty"`  // taps of conv, width of pools
	Stride  int     `json:"stride,omitempty"`  // of conv
	Padding Padding `json:"padding,omitempty"` // of conv
	Bias    bool    `json:"bias,omitempty"`    // of conv; dense layers always have one
	Rate    float64 `json:"rate,omitempty"`    // of dropout: share set to zero
}

// Conv is a convolution with out channels and no bias, [L, C] -> [L', out].
func Conv(out, kernel, stride int, p Padding) Layer {
	return Layer{Op: OpConv, Out: out, Kernel: kernel, Stride: stride, Padding: p}
}

// ConvBias is Conv with a bias.
func ConvBias(out, kernel, stride int, p Padding) Layer {
	l := Conv(out, kernel, stride, p)
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

// Spec is an architecture as data. It compares with reflect.DeepEqual and
// round-trips through JSON.
type Spec struct {
	Name      string  `json:"name"`
	Reference string  `json:"reference,omitempty"`
	Input     Shape   `json:"input"`
	Layers    []Layer `json:"layers"`
}

// Bounds of a spec, so that one from a file cannot ask for absurd memory.
const (
	maxLayers     = 256
	maxActivation = 1 << 24 // elements of one layer's output for one window
	maxWeights    = 1 << 26 // elements of all weights together
	maxMACs       = 1 << 30 // of one window, fifty times the largest of the zoo
	maxClasses    = 4096
)

// LayerError reports the first layer that does not fit.
type LayerError struct {
	Index  int
	Op     Op
	Reason string
}

func (e *LayerError) Error() string {
	return fmt.Sprintf("layer %d (%s): %s", e.Index, e.Op, e.Reason)
}

// Shapes returns the output shape of every layer for that number of classes, or
// a *LayerError. It is the one place in which shapes are inferred.
func (s Spec) Shapes(classes int) ([]Shape, error) {
	if s.Input.L < 1 || s.Input.C < 1 || s.Input.L > maxActivation || s.Input.C > maxActivation || s.Input.size() > maxActivation {
		return nil, fmt.Errorf("spec %q: input %d x %d is out of range", s.Name, s.Input.L, s.Input.C)
	}
	if classes < 1 || classes > maxClasses {
		return nil, fmt.Errorf("spec %q: %d classes is outside 1..%d", s.Name, classes, maxClasses)
	}
	if len(s.Layers) == 0 || len(s.Layers) > maxLayers || s.Layers[len(s.Layers)-1].Op != OpLogits {
		return nil, fmt.Errorf("spec %q: needs 1 to %d layers, the last of them logits", s.Name, maxLayers)
	}
	shapes := make([]Shape, len(s.Layers))
	in, weights, macs := s.Input, 0, 0
	for i, l := range s.Layers {
		out, reason := l.shape(in, classes)
		if reason == "" && l.Op == OpLogits && i != len(s.Layers)-1 {
			reason = "logits must be the last layer"
		}
		if reason == "" && (out.L > maxActivation || out.C > maxActivation || out.size() > maxActivation) {
			reason = "output is too large"
		}
		if reason == "" {
			if weights += l.Params(in, out); weights > maxWeights {
				reason = "too many weights"
			} else if macs += l.MACs(in, out); macs > maxMACs {
				reason = "too many multiply-accumulates"
			}
		}
		if reason != "" {
			return nil, &LayerError{i, l.Op, reason}
		}
		shapes[i], in = out, out
	}
	return shapes, nil
}

// shape returns the output shape of the layer, or the reason why it has none.
func (l Layer) shape(in Shape, classes int) (out Shape, reason string) {
	const limit = 1 << 20
	switch l.Op {
	case OpConv:
		if l.Out < 1 || l.Kernel < 1 || l.Stride < 1 || max(l.Out, l.Kernel, l.Stride) > limit {
			return out, fmt.Sprintf("out %d, kernel %d and stride %d must lie in 1..%d", l.Out, l.Kernel, l.Stride, limit)
		}
		switch l.Padding {
		case Same:
			return Shape{(in.L + l.Stride - 1) / l.Stride, l.Out}, ""
		case Valid:
			if in.L < l.Kernel {
				return out, fmt.Sprintf("kernel %d is longer than the input's %d steps", l.Kernel, in.L)
			}
			return Shape{(in.L-l.Kernel)/l.Stride + 1, l.Out}, ""
		}
		return out, fmt.Sprintf("padding %q is neither same nor valid", l.Padding)
	case OpMaxPool, OpAvgPool:
		if l.Kernel < 1 || l.Kernel > in.L || l.Kernel > 256 {
			return out, fmt.Sprintf("width %d must lie in 1..256 and not exceed the input's %d steps", l.Kernel, in.L)
		}
		return Shape{in.L / l.Kernel, in.C}, ""
	case OpDropout:
		if !(l.Rate >= 0 && l.Rate < 1) {
			return out, fmt.Sprintf("rate %v is outside [0, 1)", l.Rate)
		}
		return in, ""
	case OpBatchNorm, OpReLU:
		return in, ""
	case OpDense:
		if l.Out < 1 || l.Out > limit {
			return out, fmt.Sprintf("%d units is outside 1..%d", l.Out, limit)
		}
		return Shape{1, l.Out}, ""
	case OpLogits:
		return Shape{1, classes}, ""
	}
	return out, "unknown operation"
}

// padding returns the zeros before and after the signal for input length n.
func (l Layer) padding(n int) (before, after int) {
	if l.Padding != Same {
		return 0, 0
	}
	total := max(0, ((n+l.Stride-1)/l.Stride-1)*l.Stride+l.Kernel-n)
	return total / 2, total - total/2
}

// Params returns the number of trained parameters of the layer. The running
// statistics of batch-norm are not trained and do not count.
func (l Layer) Params(in, out Shape) int {
	switch l.Op {
	case OpConv:
		n := l.Kernel * in.C * out.C
		if l.Bias {
			n += out.C
		}
		return n
	case OpBatchNorm:
		return 2 * in.C
	case OpDense, OpLogits:
		return in.size()*out.C + out.C
	}
	return 0
}

// MACs returns the multiply-accumulates of one window, counting convolutions
// and dense layers, zero padding included, biases and normalisation not.
func (l Layer) MACs(in, out Shape) int {
	switch l.Op {
	case OpConv:
		return out.L * l.Kernel * in.C * out.C
	case OpDense, OpLogits:
		return in.size() * out.C
	}
	return 0
}

// Count is the cost of one layer or of a network.
type Count struct {
	Params int `json:"params"`
	MACs   int `json:"macs"`
}

// Counts returns the cost of each layer and of all together. It panics on a
// spec that Shapes refuses.
func (s Spec) Counts(classes int) (layers []Count, total Count) {
	shapes, err := s.Shapes(classes)
	if err != nil {
		panic("nn: " + err.Error())
	}
	in := s.Input
	for i, l := range s.Layers {
		c := Count{l.Params(in, shapes[i]), l.MACs(in, shapes[i])}
		layers = append(layers, c)
		total.Params += c.Params
		total.MACs += c.MACs
		in = shapes[i]
	}
	return layers, total
}
