package nn

import "math/rand/v2"

// layer is one compiled layer of a training network. x and y are its input and
// output, dy and dx their gradients; backward adds to the gradients of its
// parameters and fills dx unless dx.Data is nil. It may overwrite dy.
type layer interface {
	forward(x, y Tensor, train bool)
	backward(x, y, dy, dx Tensor)
}

// chain is layers in a row: those of a network, or of a branch.
type chain struct {
	in      Shape
	sites   []site
	inPlace []bool // whether a layer writes over its input
	all     []*Param
	x       Tensor // input of the last forward
	acts    []Tensor
	grads   []Tensor
}

// newChain compiles layers that fit.
func newChain(path func(i int) Path, specs []Layer, in Shape, classes int, rng *rand.Rand) *chain {
	n := len(specs)
	c := &chain{in: in, inPlace: make([]bool, n), acts: make([]Tensor, n), grads: make([]Tensor, n)}
	for i, l := range specs {
		op, out := operations[l.Op], l.Output(in, classes)
		s := site{Layer: l, path: path(i), in: in, out: out, classes: classes, rng: rng}
		for _, d := range op.declared(s) {
			s.params = append(s.params, newParam(s.path, d, rng))
		}
		all := s.params
		for b, specs := range l.Branches {
			inner := newChain(s.path.inside(b), specs, in, classes, rng)
			s.chains, all = append(s.chains, inner), append(all, inner.all...)
		}
		s.layer = op.layer(s)
		if i > 0 {
			if op.join != nil {
				op.join(c.sites[i-1].layer, s.layer)
			}
			c.inPlace[i] = op.inPlace && !operations[specs[i-1].Op].rereads
		}
		c.sites = append(c.sites, s)
		c.all = append(c.all, all...)
		in = out
	}
	return c
}

// each calls f for every site, those of branches before the one that holds them.
func (c *chain) each(f func(c *chain, i int)) {
	for i := range c.sites {
		for _, inner := range c.sites[i].chains {
			inner.each(f)
		}
		f(c, i)
	}
}

// dropouts returns every dropout, in the order of the layers.
func (c *chain) dropouts() (all []*dropout) {
	c.each(func(c *chain, i int) {
		if d, ok := c.sites[i].layer.(*dropout); ok {
			all = append(all, d)
		}
	})
	return all
}

// forward returns the output of the last layer, or x of an empty chain.
func (c *chain) forward(x Tensor, train bool) Tensor {
	c.x = x
	for i := range c.sites {
		s := &c.sites[i]
		if c.inPlace[i] {
			c.acts[i] = c.acts[i-1]
		} else {
			c.acts[i] = c.acts[i].resize(x.N, s.out.Len(), s.out.C)
		}
		s.layer.forward(c.input(i), c.acts[i], train)
	}
	return c.input(len(c.sites))
}

// backward fills dx, unless it has no data, from the gradient dy of the output.
func (c *chain) backward(dy, dx Tensor) {
	if len(c.sites) == 0 && dx.Data != nil {
		copy(dx.Data, dy.Data)
	}
	for i := len(c.sites) - 1; i >= 0; i-- {
		d := dx
		if i > 0 {
			x := c.acts[i-1]
			if c.inPlace[i] {
				c.grads[i] = dy
			} else {
				c.grads[i] = c.grads[i].resize(x.N, x.L, x.C)
			}
			d = c.grads[i]
		}
		c.sites[i].layer.backward(c.input(i), c.acts[i], dy, d)
		dy = d
	}
}

func (c *chain) input(i int) Tensor {
	if i == 0 {
		return c.x
	}
	return c.acts[i-1]
}
