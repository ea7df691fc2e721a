// Package autoencoder learns to reproduce vectors of one kind, so that how badly a
// vector is reproduced says how little it is of that kind.
package autoencoder

import (
	"fmt"
	"math"
	"math/rand/v2"

	"brinell/models/nn"
)

// Config are the options of a fit. The zero value is a stacked autoencoder of two codes.
type Config struct {
	Hidden []int   `json:"hidden"`        // sizes of the codes from the outside in, default two thirds and one third of the vector
	Mask   float64 `json:"mask"`          // denoising: share of the inputs that training sets to zero, which the output must show all the same
	Keep   float64 `json:"keep"`          // sparse: share of a code's units that stay, the largest (k-sparse); 0 for all
	Linear bool    `json:"linear"`        // no rectifiers: the code spans what the principal components span
	Epochs int     `json:"epochs"`        // of each layer and of the whole, default 80
	LR     float64 `json:"learning_rate"` // default 0.01
	Seed   uint64  `json:"-"`
}

const batch = 32

func (c Config) withDefaults(n int) Config {
	if len(c.Hidden) == 0 {
		c.Hidden = []int{max(2, 2*n/3), max(1, n/3)}
	}
	if c.Epochs == 0 {
		c.Epochs = 80
	}
	if c.LR == 0 {
		c.LR = 0.01
	}
	return c
}

// Model is a fitted autoencoder. It owns its work space: not safe for concurrent use.
type Model struct {
	mean, scale []float64
	net         *nn.Network
	plan        *nn.Plan
	x           []float32
	v           []float64 // of a predictor
}

// Fit learns to reproduce rows. Values are standardised by their mean and standard
// deviation over the rows, the latter at least least. Codes are trained one after the
// other, each on the codes of clean rows, then all together:
//
//	h = k-sparse(ReLU(W mask(x) + b)),  x̂ = W' h + b',  loss ½ mean (x̂ - x)²
//
// The error says what of the configuration or the rows does not fit. A fit is
// reproduced by its seed.
//
// References: P. Vincent et al., Stacked denoising autoencoders, J. Mach. Learn. Res.
// 11 (2010) 3371; A. Makhzani, B. Frey, k-sparse autoencoders, ICLR 2014.
func Fit(rows [][]float64, least float64, cfg Config) (*Model, error) {
	if len(rows) < 2 {
		return nil, fmt.Errorf("autoencoder: %d rows, need 2", len(rows))
	}
	n := len(rows[0])
	cfg = cfg.withDefaults(n)
	if err := cfg.check(); err != nil {
		return nil, err
	}
	m := &Model{mean: make([]float64, n), scale: make([]float64, n), x: make([]float32, n)}
	m.standardise(rows, least)
	x := nn.NewTensor(len(rows), 1, n)
	for i, r := range rows {
		m.fill(x.At(i), r)
	}
	rng := rand.New(rand.NewPCG(cfg.Seed, 0x6175746f))
	whole, err := nn.New(cfg.spec(n, cfg.Hidden), n, rng)
	if err != nil {
		return nil, err
	}
	if err := cfg.stack(whole, x, rng); err != nil {
		return nil, err
	}
	cfg.train(whole, x, rng)
	m.net, m.plan = whole, whole.Plan()
	return m, nil
}

func (c Config) check() error {
	if !(c.Mask >= 0 && c.Mask < 1 && c.Keep >= 0 && c.Keep <= 1) {
		return fmt.Errorf("autoencoder: mask %g must be in [0, 1) and keep %g in [0, 1]", c.Mask, c.Keep)
	}
	return nil
}

// spec is an autoencoder of vectors of n values through codes of the given sizes.
func (c Config) spec(n int, hidden []int) nn.Spec {
	var layers []nn.Layer
	code := func(h int) {
		layers = append(layers, nn.Dense(h))
		if !c.Linear {
			layers = append(layers, nn.ReLU())
		}
		if c.Keep > 0 {
			layers = append(layers, nn.Winners(c.Keep))
		}
	}
	for _, h := range hidden {
		code(h)
	}
	for i := len(hidden) - 2; i >= 0; i-- {
		code(hidden[i])
	}
	return nn.Spec{Input: nn.Signal(1, n), Layers: append(layers, nn.Logits())}
}

// stack trains one code after the other and puts its weights into the whole. With one
// code there is nothing to stack.
func (c Config) stack(whole *nn.Network, x nn.Tensor, rng *rand.Rand) error {
	if len(c.Hidden) < 2 {
		return nil
	}
	weights := affine(whole)
	for i, h := range c.Hidden {
		one, err := nn.New(c.spec(x.C, []int{h}), x.C, rng)
		if err != nil {
			return err
		}
		c.train(one, x, rng)
		w := affine(one)
		for k, role := range w[0] {
			copy(weights[i][k].W, role.W)
		}
		for k, role := range w[1] {
			copy(weights[len(weights)-1-i][k].W, role.W)
		}
		x = codes(one, x)
	}
	return nil
}

// affine returns the weights and biases of a network's dense layers, in their order.
func affine(n *nn.Network) (layers [][2]*nn.Param) {
	for _, p := range n.Params() {
		switch p.Role {
		case nn.Weight:
			layers = append(layers, [2]*nn.Param{p})
		case nn.Bias:
			layers[len(layers)-1][1] = p
		}
	}
	return layers
}

// codes returns what a network of one code makes of x: the input of its last layer.
func codes(n *nn.Network, x nn.Tensor) (out nn.Tensor) {
	n.Forward(x, false)
	n.Inputs(func(_ nn.Path, l nn.Layer, _ nn.Shape, in nn.Tensor) {
		if l.Op == nn.OpLogits {
			out = nn.NewTensor(in.N, in.L, in.C)
			copy(out.Data, in.Data)
		}
	})
	return out
}

// train fits n to reproduce the rows of x.
func (c Config) train(n *nn.Network, x nn.Tensor, rng *rand.Rand) {
	order := rng.Perm(x.N)
	size := min(batch, x.N)
	in, want, dy := nn.NewTensor(size, 1, x.C), nn.NewTensor(size, 1, x.C), nn.NewTensor(size, 1, x.C)
	adam := &nn.Adam{}
	schedule := nn.Cosine(0)
	for epoch := range c.Epochs {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for at := 0; at+size <= len(order); at += size {
			for k, i := range order[at : at+size] {
				copy(want.At(k), x.At(i))
				copy(in.At(k), x.At(i))
				mask(in.At(k), c.Mask, rng)
			}
			n.ZeroGrad()
			nn.MeanSquare(n.Forward(in, true), want, dy)
			n.Backward(dy)
			adam.Step(n.Params(), c.LR*schedule(float64(epoch)/float64(c.Epochs)))
		}
	}
}

// mask sets a share of x to zero, each value with that probability.
func mask(x []float32, share float64, rng *rand.Rand) {
	if share == 0 {
		return
	}
	for i := range x {
		if rng.Float64() < share {
			x[i] = 0
		}
	}
}

func (m *Model) standardise(rows [][]float64, least float64) {
	for j := range m.mean {
		for _, r := range rows {
			m.mean[j] += r[j] / float64(len(rows))
		}
		for _, r := range rows {
			d := r[j] - m.mean[j]
			m.scale[j] += d * d / float64(len(rows)-1)
		}
		m.scale[j] = max(least, math.Sqrt(m.scale[j]))
	}
}

// fill writes v standardised. What is a hundred deviations off is off enough.
func (m *Model) fill(dst []float32, v []float64) {
	for j := range dst {
		dst[j] = float32(max(-100, min(100, (v[j]-m.mean[j])/m.scale[j])))
	}
}

// Error returns the reconstruction error of v, √(mean (x̂ - x)²) in standard deviations
// of the rows of the fit.
func (m *Model) Error(v []float64) float64 {
	m.fill(m.x, v)
	sum := 0.0
	for j, y := range m.plan.Forward(m.x) {
		d := float64(y - m.x[j])
		sum += d * d
	}
	return math.Sqrt(sum / float64(len(m.x)))
}
