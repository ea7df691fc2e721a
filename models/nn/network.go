package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"brinell/internal/kernel"
)

// Role says what a parameter is.
type Role string

// The roles. Mean and Variance are running statistics: saved with the weights,
// never trained.
const (
	Weight   Role = "weight"
	Bias     Role = "bias"
	Gamma    Role = "gamma"
	Beta     Role = "beta"
	Mean     Role = "mean"
	Variance Role = "variance"

	// Of nodes: how much each channel matters, which pruning moves and no optimizer
	// does, and the switch that follows from it.
	Importance Role = "importance"
	Alive      Role = "alive"
)

// Param is one array of parameters of one layer. Shapes: conv weight
// [kernel, in, out], dense weight [in, out], all others [channels].
type Param struct {
	Path  Path
	Role  Role
	Shape []int
	W     []float32
	G     []float32 // gradient, nil for running statistics
}

// Name returns the name under which the parameter is saved, "layers.3.gamma".
func (p *Param) Name() string { return fmt.Sprintf("layers.%s.%s", p.Path, p.Role) }

// Network is a compiled Spec with weights that can be trained. It is not safe
// for concurrent use; inference takes a Plan.
type Network struct {
	Spec    Spec
	Classes int
	chain   *chain
}

// New compiles spec for that many classes, with He-initialised weights drawn
// from rng: normal with variance 2/fan-in, biases 0, gamma 1, beta 0. A nil rng
// leaves the weights zero, for a caller who sets them. The error is a
// *LayerError where a layer does not fit.
//
// Reference: K. He et al., Delving deep into rectifiers, ICCV 2015, eq. 10.
func New(spec Spec, classes int, rng *rand.Rand) (*Network, error) {
	if _, err := spec.Shapes(classes); err != nil {
		return nil, err
	}
	return &Network{spec, classes, newChain(At, spec.Layers, spec.Input, classes, rng)}, nil
}

// Params returns all parameters in layer order. The slices are the network's
// own: writing to W changes it.
func (n *Network) Params() []*Param { return n.chain.all }

// Param returns the parameter of that layer and role, or nil.
func (n *Network) Param(layer Path, r Role) *Param {
	for _, p := range n.chain.all {
		if p.Path == layer && p.Role == r {
			return p
		}
	}
	return nil
}

// Shapes returns the output shape of each layer.
func (n *Network) Shapes() (all []Shape) {
	for i := range n.chain.sites {
		all = append(all, n.chain.sites[i].out)
	}
	return all
}

// Seed restarts the random source of every dropout. New does it where it draws
// weights; a network with weights from elsewhere needs it before training.
func (n *Network) Seed(rng *rand.Rand) {
	for _, d := range n.chain.dropouts() {
		d.seed(rng)
	}
}

// Forward returns the logits [N, 1, Classes] of x [N, L, C]. With train set,
// batch-norm uses and updates batch statistics and dropout is on. The result
// belongs to the network and is valid until the next call. It panics if x does
// not have the spec's input shape.
func (n *Network) Forward(x Tensor, train bool) Tensor {
	if x.L != n.Spec.Input.Len() || x.C != n.Spec.Input.C || len(x.Data) != x.N*x.L*x.C {
		panic("nn: input shape does not match the spec")
	}
	return n.chain.forward(x, train)
}

// Backward adds to every Param.G the gradient of a loss whose gradient with
// respect to the logits of the last Forward is dlogits, which it may overwrite.
func (n *Network) Backward(dlogits Tensor) { n.chain.backward(dlogits, Tensor{}) }

// Inputs calls f with what each layer, inner ones first, read in the last Forward. A
// ReLU may have written over what it and the layer before it read and wrote.
func (n *Network) Inputs(f func(p Path, l Layer, in Shape, x Tensor)) {
	n.chain.each(func(c *chain, i int) {
		s := &c.sites[i]
		f(s.path, s.Layer, s.in, c.input(i))
	})
}

// ZeroGrad sets all gradients to zero.
func (n *Network) ZeroGrad() {
	for _, p := range n.chain.all {
		clear(p.G)
	}
}

// roles says of each role where its elements start, whether they have a gradient, and
// whether they count as parameters of a network. Weights start where they are drawn.
var roles = map[Role]struct {
	start            float32
	trained, counted bool
}{
	Weight:     {trained: true, counted: true},
	Bias:       {trained: true, counted: true},
	Gamma:      {start: 1, trained: true, counted: true},
	Beta:       {trained: true, counted: true},
	Mean:       {},
	Variance:   {start: 1},
	Importance: {start: nodeInit, trained: true}, // leaves with what it prunes
	Alive:      {start: 1},
}

// newParam makes a parameter, with He-initialised weights unless rng is nil.
func newParam(layer Path, d declared, rng *rand.Rand) *Param {
	size := product(d.shape...)
	p := &Param{Path: layer, Role: d.role, Shape: d.shape, W: make([]float32, size)}
	role := roles[d.role]
	if role.trained {
		p.G = make([]float32, size)
	}
	if role.start != 0 {
		for i := range p.W {
			p.W[i] = role.start
		}
	}
	if d.role == Weight && rng != nil {
		sigma := math.Sqrt(2 / float64(size/d.shape[len(d.shape)-1]))
		for i := range p.W {
			p.W[i] = float32(rng.NormFloat64() * sigma)
		}
	}
	return p
}

// shards is the number of pieces into which a batch is split. It is fixed, and
// partial sums are added in its order, so that a seed gives the same weights on
// any number of processors.
const shards = 8

// shard calls f for each piece [lo, hi) of n windows, on as many goroutines as run
// at a time.
func shard(n int, f func(s, lo, hi int)) {
	var next atomic.Int32
	work := func() {
		for s := int(next.Add(1)) - 1; s < shards; s = int(next.Add(1)) - 1 {
			if lo, hi := bounds(s, n); lo < hi {
				f(s, lo, hi)
			}
		}
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n, shards) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

// bounds returns piece s of n windows.
func bounds(s, n int) (lo, hi int) { return s * n / shards, (s + 1) * n / shards }

// partial holds one accumulator per shard for a gradient of size n.
type partial struct{ sums [shards][]float32 }

// grown returns p, or a new one of size n for nil: only what trains needs one.
func (p *partial) grown(n int) *partial {
	if p != nil {
		return p
	}
	p = new(partial)
	for s := range p.sums {
		p.sums[s] = make([]float32, n)
	}
	return p
}

// reduce adds the accumulators of n windows to dst in shard order.
func (p *partial) reduce(dst []float32, n int) {
	for s, sum := range p.sums {
		if lo, hi := bounds(s, n); lo < hi {
			kernel.Add(dst, sum)
		}
	}
}
