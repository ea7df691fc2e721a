package nn

import "fmt"

// Bounds of a spec, about ten times what the largest of the zoo has: one from a file must
// not ask for absurd memory or time. They are of a whole network, with the layers of its
// combinators, and are held against the spec before anything is allocated.
const (
	maxLayers      = 256
	maxDepth       = 4       // of combinators in combinators
	maxWeights     = 1 << 24 // elements
	maxActivations = 1 << 21 // elements of all buffers of a plan together, for one window
	maxMACs        = 1 << 28 // of one window
	maxClasses     = 4096
)

// huge is where counts end: what is more is as much. Two of them can be added.
const huge = 1 << 60

// product multiplies counts, which are not negative, up to huge.
func product(factors ...int) int {
	n := 1
	for _, f := range factors {
		if f > 0 && n > huge/f {
			return huge
		}
		n *= f
	}
	return n
}

// elements counts those of a shape from outside, up to huge; 0 is of a shape that is none.
func (s Shape) elements() int {
	if min(s.H, s.W, s.C) < 0 {
		return 0
	}
	return product(s.H, s.W, s.C)
}

// sum adds two counts, up to huge.
func sum(a, b int) int { return min(huge, a+b) }

// Shapes returns the output shape of every layer for that number of classes, or
// a *LayerError. It is the one place in which shapes are inferred, and in which
// all of a spec is bounded.
func (s Spec) Shapes(classes int) ([]Shape, error) {
	if s.Input.elements() == 0 || s.Input.elements() > maxActivations {
		return nil, fmt.Errorf("spec %q: input %v is out of range", s.Name, s.Input)
	}
	if classes < 1 || classes > maxClasses {
		return nil, fmt.Errorf("spec %q: %d classes is outside 1..%d", s.Name, classes, maxClasses)
	}
	if len(s.Layers) == 0 || s.Layers[len(s.Layers)-1].Op != OpLogits || countLayers(s.Layers, maxDepth) > maxLayers {
		return nil, fmt.Errorf("spec %q: needs 1 to %d layers, the last of them logits, and combinators at most %d deep", s.Name, maxLayers, maxDepth)
	}
	return infer(s.Layers, s.Input, classes, At, len(s.Layers)-1)
}

// Depth returns the number of layers with those of combinators, at most one more than a
// network may have.
func (s Spec) Depth() int { return min(countLayers(s.Layers, maxDepth), maxLayers+1) }

// countLayers counts the layers with those of combinators, too many of them where
// combinators stand deeper than depth.
func countLayers(layers []Layer, depth int) int {
	n := len(layers)
	for _, l := range layers {
		for _, b := range l.Branches {
			if depth == 0 || n > maxLayers {
				return maxLayers + 1
			}
			n += 1 + countLayers(b, depth-1)
		}
	}
	return n
}

// infer returns the shapes of layers in a row, of which only the one with index
// logits may be logits.
func infer(layers []Layer, in Shape, classes int, path func(i int) Path, logits int) ([]Shape, error) {
	shapes := make([]Shape, len(layers))
	weights, macs, activations := 0, 0, 0
	for i, l := range layers {
		for b, branch := range l.Branches {
			if _, err := infer(branch, in, classes, path(i).inside(b), -1); err != nil {
				return nil, err
			}
		}
		out, reason := l.shape(in, classes)
		if reason == "" && l.Op == OpLogits && i != logits {
			reason = "logits must be the last layer"
		}
		if reason == "" && out.elements() > maxActivations {
			reason = "output is too large"
		}
		if reason == "" {
			weights, macs, activations = sum(weights, l.Params(in, out)), sum(macs, l.MACs(in, out)), sum(activations, l.elements(in, out))
			switch {
			case weights > maxWeights:
				reason = fmt.Sprintf("too many weights: the layers up to this one have %d, a network may have %d", weights, maxWeights)
			case macs > maxMACs:
				reason = fmt.Sprintf("too many multiply-accumulates: up to this layer a window takes %d, it may take %d", macs, maxMACs)
			case activations > maxActivations:
				reason = fmt.Sprintf("too large activations: the buffers up to this layer have %d elements, those of a network may have %d", activations, maxActivations)
			}
		}
		if reason != "" {
			return nil, &LayerError{path(i), l.Op, reason}
		}
		shapes[i], in = out, out
	}
	return shapes, nil
}

// declared returns the parameters of the layer itself, without those of branches.
func (o operation) declared(s site) []declared {
	if o.params == nil {
		return nil
	}
	return o.params(s)
}

// Params returns the number of trained parameters of the layer. The running
// statistics of batch-norm are not trained and do not count, nor do the switches of
// nodes, which leave with what they prune.
func (l Layer) Params(in, out Shape) int {
	n := l.total(in, Layer.Params)
	for _, d := range operations[l.Op].declared(site{Layer: l, in: in, out: out}) {
		if roles[d.role].counted {
			n = sum(n, product(d.shape...))
		}
	}
	return n
}

// total adds up a count over the branches.
func (l Layer) total(in Shape, count func(l Layer, in, out Shape) int) (n int) {
	for _, b := range l.Branches {
		at := in
		for _, inner := range b {
			out, _ := inner.shape(at, 1) // no logits inside: classes do not matter
			n = sum(n, count(inner, at, out))
			at = out
		}
	}
	return n
}

// MACs returns the multiply-accumulates of one window, counting convolutions
// and dense layers, zero padding included, biases and normalisation not.
func (l Layer) MACs(in, out Shape) int {
	n := l.total(in, Layer.MACs)
	if count := operations[l.Op].macs; count != nil {
		n = sum(n, count(site{Layer: l, in: in, out: out}))
	}
	return n
}

// elements returns how many elements the buffers have, at most, that a plan needs for the
// layer: its input with padding, in both layouts, what it works in, and its output.
func (l Layer) elements(in, out Shape) int {
	n := sum(in.elements(), out.elements())
	if count := operations[l.Op].buffers; count != nil {
		n = sum(n, count(site{Layer: l, in: in, out: out}))
	}
	return sum(n, l.total(in, Layer.elements))
}

// Reads calls f for each run of n elements of an input and the rows of the layer's
// weight that multiply them, once for each output step that they count for. Zero
// padding is left out. A layer without weights reads nothing.
func (l Layer) Reads(in Shape, f func(row, input, n int)) {
	if reads := operations[l.Op].reads; reads != nil {
		reads(site{Layer: l, in: in, out: l.Output(in, 1)}, f)
	}
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

// Elements returns how many elements the buffers of a plan have, at most, of all layers
// together: what pools, normalisations and winners pass over. It panics on a spec that
// Shapes refuses.
func (s Spec) Elements(classes int) (n int) {
	shapes, err := s.Shapes(classes)
	if err != nil {
		panic("nn: " + err.Error())
	}
	in := s.Input
	for i, l := range s.Layers {
		n = sum(n, l.elements(in, shapes[i]))
		in = shapes[i]
	}
	return n
}

// Params returns the parameters that a network of the spec has, in their order, without
// their elements. It panics on a spec that Shapes refuses.
func (s Spec) Params(classes int) []*Param {
	if _, err := s.Shapes(classes); err != nil {
		panic("nn: " + err.Error())
	}
	return paramsOf(At, s.Layers, s.Input, classes)
}

func paramsOf(path func(i int) Path, layers []Layer, in Shape, classes int) (all []*Param) {
	for i, l := range layers {
		out := l.Output(in, classes)
		for _, d := range operations[l.Op].declared(site{Layer: l, in: in, out: out}) {
			all = append(all, &Param{Path: path(i), Role: d.role, Shape: d.shape})
		}
		for b, branch := range l.Branches {
			all = append(all, paramsOf(path(i).inside(b), branch, in, classes)...)
		}
		in = out
	}
	return all
}
