package nn

import "math/rand/v2"

// layer is one compiled layer of a training network. x and y are its input and
// output, dy and dx their gradients; backward adds to the gradients of its
// parameters and fills dx unless dx.Data is nil. It may overwrite dy.
type layer interface {
	params() []*Param
	forward(x, y Tensor, train bool)
	backward(x, y, dy, dx Tensor)
}

// chain is layers in a row: those of a network, or of a branch.
type chain struct {
	path   func(i int) Path
	specs  []Layer
	in     Shape
	shapes []Shape
	layers []layer
	all    []*Param
	x      Tensor // input of the last forward
	acts   []Tensor
	grads  []Tensor
}

// newChain compiles layers that fit.
func newChain(path func(i int) Path, specs []Layer, in Shape, classes int, rng *rand.Rand) *chain {
	c := &chain{path: path, specs: specs, in: in, acts: make([]Tensor, len(specs)), grads: make([]Tensor, len(specs))}
	for i, l := range specs {
		out, _ := l.shape(in, classes)
		n := compile(path(i), l, in, out, classes, rng)
		if i > 0 {
			fuse(c.layers[i-1], n)
		}
		c.shapes = append(c.shapes, out)
		c.layers = append(c.layers, n)
		c.all = append(c.all, n.params()...)
		in = out
	}
	return c
}

func compile(at Path, l Layer, in, out Shape, classes int, rng *rand.Rand) layer {
	switch l.Op {
	case OpConv:
		return newConv(at, l, in, out, rng)
	case OpBatchNorm:
		return newBatchNorm(at, in)
	case OpReLU:
		return &relu{}
	case OpMaxPool:
		return &maxPool{k: l.Kernel}
	case OpAvgPool:
		return avgPool{k: l.Kernel}
	case OpDropout:
		d := &dropout{rate: l.Rate}
		if rng != nil {
			d.seed(rng)
		}
		return d
	case OpDense, OpLogits:
		return newDense(at, in, out, rng)
	case OpSelect:
		return selection(l.Channels)
	case OpWinners:
		return &winners{rate: l.Rate}
	case OpNodes:
		return newNodes(at, in)
	case OpResidual, OpBranches:
		var b []*chain
		for i, specs := range l.Branches {
			b = append(b, newChain(func(j int) Path { return at.In(i, j) }, specs, in, classes, rng))
		}
		if l.Op == OpResidual {
			return &residual{body: b[0]}
		}
		return &branches{chains: b}
	}
	panic("nn: unknown operation " + string(l.Op))
}

func (c *chain) params() []*Param { return c.all }

func (c *chain) inputs(f func(p Path, l Layer, x Tensor)) {
	for i, l := range c.layers {
		switch l := l.(type) {
		case *residual:
			l.body.inputs(f)
		case *branches:
			for _, b := range l.chains {
				b.inputs(f)
			}
		}
		f(c.path(i), c.specs[i], c.input(i))
	}
}

// seed gives every dropout a source of its own.
func (c *chain) seed(rng *rand.Rand) {
	for _, l := range c.layers {
		switch l := l.(type) {
		case *dropout:
			l.seed(rng)
		case *residual:
			l.body.seed(rng)
		case *branches:
			for _, b := range l.chains {
				b.seed(rng)
			}
		}
	}
}

// forward returns the output of the last layer, or x of an empty chain.
func (c *chain) forward(x Tensor, train bool) Tensor {
	c.x = x
	for i, l := range c.layers {
		s := c.shapes[i]
		if c.inPlace(i) {
			c.acts[i] = c.acts[i-1]
		} else {
			c.acts[i] = c.acts[i].resize(x.N, s.L, s.C)
		}
		l.forward(c.input(i), c.acts[i], train)
	}
	return c.input(len(c.layers))
}

// backward fills dx, unless it has no data, from the gradient dy of the output.
func (c *chain) backward(dy, dx Tensor) {
	if len(c.layers) == 0 && dx.Data != nil {
		copy(dx.Data, dy.Data)
	}
	for i := len(c.layers) - 1; i >= 0; i-- {
		d := dx
		if i > 0 {
			x := c.acts[i-1]
			if c.inPlace(i) {
				c.grads[i] = dy
			} else {
				c.grads[i] = c.grads[i].resize(x.N, x.L, x.C)
			}
			d = c.grads[i]
		}
		c.layers[i].backward(c.input(i), c.acts[i], dy, d)
		dy = d
	}
}

// inPlace reports whether layer i writes over its input: a ReLU may, because no
// layer reads its own output afterwards, but for one that sets a part of it to zero.
func (c *chain) inPlace(i int) bool {
	if _, ok := c.layers[i].(*relu); !ok || i == 0 {
		return false
	}
	_, ok := c.layers[i-1].(*winners)
	return !ok
}

func (c *chain) input(i int) Tensor {
	if i == 0 {
		return c.x
	}
	return c.acts[i-1]
}
