package kernel

import "math"

// The passes of the assembly.
const (
	sweepReLU = iota
	sweepReLUBack
	sweepAdd
	sweepScale
	sweepScaleReLU
	sweepNormBack
	sweepSums
	sweepMaxPool2
	sweepMaxPool2Back
	sweepMaxPool2BackReLU
	sweepAdam
	sweepSGD
	sweepNesterov
	sweepShrink
	sweepPeak
)

// ReLU sets y to max(0, x), element by element; y may be x. NaN stays NaN. It
// panics if y is shorter than x.
func ReLU(y, x []float32) {
	y = y[:len(x)]
	n := runAsm(sweepReLU, span{n: len(x)}, y, x)
	reLU(y[n:], x[n:])
}

func reLU(y, x []float32) {
	for i, v := range x {
		y[i] = rectify(v)
	}
}

// ReLUBack sets dx to dy where y > 0 and else to 0; dx may be dy.
func ReLUBack(dx, y, dy []float32) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	n := runAsm(sweepReLUBack, span{n: len(y)}, dx, y, dy)
	reLUBack(dx[n:], y[n:], dy[n:])
}

func reLUBack(dx, y, dy []float32) {
	for i, v := range y {
		if v > 0 {
			dx[i] = dy[i]
		} else {
			dx[i] = 0
		}
	}
}

// Add adds x to y, element by element. It panics if y is shorter than x.
func Add(y, x []float32) {
	y = y[:len(x)]
	n := runAsm(sweepAdd, span{n: len(x)}, y, x)
	add(y[n:], x[n:])
}

func add(y, x []float32) {
	for i, v := range x {
		y[i] += v
	}
}

// Columns prepares coefficients for the passes over rows of c channels: dst gets
// copies of row, one behind the other, so many that vectors fit in whole. It
// returns dst, which it allocates if too short.
func Columns(dst, row []float32) []float32 {
	n := columnsLen(len(row))
	if cap(dst) < n {
		dst = make([]float32, n)
	}
	dst = dst[:n]
	for i := 0; i < n; i += copy(dst[i:], row) {
	}
	return dst
}

// columnsLen is the least multiple of c elements that is a multiple of quantum.
func columnsLen(c int) int {
	n := c
	for n%quantum != 0 {
		n += c
	}
	return n
}

// quantum is the number of elements of which assembly takes multiples.
const quantum = 16

// Scale sets y to scale·x + shift by channel, and with relu to max(0, that). scale
// and shift are from Columns; len(x) is a multiple of the channels. y may be x.
func Scale(y, x, scale, shift []float32, relu bool) {
	y, shift = y[:len(x)], shift[:len(scale)]
	name := sweepScale
	if relu {
		name = sweepScaleReLU
	}
	n := runAsm(name, span{n: wholePeriods(len(x), len(scale)), period: len(scale)}, y, x, scale, shift)
	scaleShift(y[n:], x[n:], scale, shift, relu)
}

func scaleShift(y, x, scale, shift []float32, relu bool) {
	for len(x) > 0 {
		k := min(len(x), len(scale))
		for i, v := range x[:k] {
			v = v*scale[i] + shift[i]
			if relu {
				v = rectify(v)
			}
			y[i] = v
		}
		x, y = x[k:], y[k:]
	}
}

// NormBack sets dx to u·dy + v·x + w by channel, the gradient of a batch-norm.
// u, v and w are from Columns. dx may be dy.
func NormBack(dx, dy, x, u, v, w []float32) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	v, w = v[:len(u)], w[:len(u)]
	n := runAsm(sweepNormBack, span{n: wholePeriods(len(x), len(u)), period: len(u)}, dx, dy, x, u, v, w)
	normBack(dx[n:], dy[n:], x[n:], u, v, w)
}

func normBack(dx, dy, x, u, v, w []float32) {
	for len(x) > 0 {
		k := min(len(x), len(u))
		for i, xi := range x[:k] {
			dx[i] = u[i]*dy[i] + v[i]*xi + w[i]
		}
		dx, dy, x = dx[k:], dy[k:], x[k:]
	}
}

// Sums adds the channels of x and of x·y to sum and product, which have as many
// elements as Columns gives for the channels: element i collects the elements i,
// i+len(sum), ... of x; Fold adds up those of one channel. Sums are in float64.
func Sums(sum, product []float64, x, y []float32) {
	y, product = y[:len(x)], product[:len(sum)]
	n := sumsAsm(sum, product, x[:wholePeriods(len(x), len(sum))], y)
	sums(sum, product, x[n:], y[n:])
}

func sums(sum, product []float64, x, y []float32) {
	for len(x) > 0 {
		k := min(len(x), len(sum))
		for i, v := range x[:k] {
			sum[i] += float64(v)
			product[i] += float64(v) * float64(y[i])
		}
		x, y = x[k:], y[k:]
	}
}

// Fold adds the copies of each of c channels in sum to dst.
func Fold(dst, sum []float64) {
	for i, v := range sum {
		dst[i%len(dst)] += v
	}
}

// MaxPool2 sets each row of y to the larger of two consecutive rows of x, all c
// wide; the number of rows is that of y. A NaN in the second never wins.
func MaxPool2(y, x []float32, c int) {
	if len(y) == 0 {
		return
	}
	_ = x[2*len(y)-1]
	if c%quantum == 0 && runAsm(sweepMaxPool2, span{n: len(y), period: c}, y, x) > 0 {
		return
	}
	maxPool2(y, x, c)
}

func maxPool2(y, x []float32, c int) {
	for o := 0; o < len(y); o += c {
		first, second := x[2*o:2*o+c], x[2*o+c:2*o+2*c]
		for j, v := range first {
			if second[j] > v {
				v = second[j]
			}
			y[o+j] = v
		}
	}
}

// MaxPool2Back gives the gradient dy of MaxPool2 to the element of x that won,
// and 0 to the other. With relu x is the result of a ReLU, whose gradient is taken
// too: a winner that is not above 0 gets 0.
func MaxPool2Back(dx, x, dy []float32, c int, relu bool) {
	if len(dy) == 0 {
		return
	}
	_, _ = x[2*len(dy)-1], dx[2*len(dy)-1]
	name := sweepMaxPool2Back
	if relu {
		name = sweepMaxPool2BackReLU
	}
	if c%quantum == 0 && runAsm(name, span{n: len(dy), period: c}, dx, x, dy) > 0 {
		return
	}
	maxPool2Back(dx, x, dy, c, relu)
}

func maxPool2Back(dx, x, dy []float32, c int, relu bool) {
	for o := 0; o < len(dy); o += c {
		first, second := x[2*o:2*o+c], x[2*o+c:2*o+2*c]
		d0, d1 := dx[2*o:2*o+c], dx[2*o+c:2*o+2*c]
		for j, g := range dy[o : o+c] {
			won, later := first[j], second[j] > first[j]
			if later {
				won = second[j]
			}
			if relu && !(won > 0) {
				g = 0
			}
			if later {
				d0[j], d1[j] = 0, g
			} else {
				d0[j], d1[j] = g, 0
			}
		}
	}
}

// AdamStep are the numbers of one step of Adam, bias corrections folded in.
type AdamStep struct {
	Beta1, Beta2, Rate, Epsilon, Decay float32
}

// Adam moves w against its gradient g with the moments m and v:
//
//	m ← β1 m + (1-β1) g,  v ← β2 v + (1-β2) g²
//	w ← w - (rate m/(√v + ε) + decay w)
func Adam(w, g, m, v []float32, s AdamStep) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	n := runAsm(sweepAdam, span{n: len(w), c: [8]float32{s.Beta1, 1 - s.Beta1, s.Beta2, 1 - s.Beta2, s.Rate, s.Epsilon, s.Decay}}, w, g, m, v)
	adam(w[n:], g[n:], m[n:], v[n:], s)
}

func adam(w, g, m, v []float32, s AdamStep) {
	for i, x := range g {
		m[i] = s.Beta1*m[i] + (1-s.Beta1)*x
		v[i] = s.Beta2*v[i] + (1-s.Beta2)*x*x
		w[i] -= s.Rate*m[i]/(float32(math.Sqrt(float64(v[i])))+s.Epsilon) + s.Decay*w[i]
	}
}

// SGD moves w against its gradient g with the velocity v:
//
//	g' = g + decay w,  v ← momentum v + g'
//	w ← w - rate v     (or w - rate (g' + momentum v) with Nesterov)
func SGD(w, g, v []float32, momentum, rate, decay float32, nesterov bool) {
	g, v = g[:len(w)], v[:len(w)]
	name := sweepSGD
	if nesterov {
		name = sweepNesterov
	}
	n := runAsm(name, span{n: len(w), c: [8]float32{momentum, rate, decay}}, w, g, v)
	sgd(w[n:], g[n:], v[n:], momentum, rate, decay, nesterov)
}

func sgd(w, g, v []float32, momentum, rate, decay float32, nesterov bool) {
	for i, x := range w {
		d := g[i] + decay*x
		v[i] = momentum*v[i] + d
		if nesterov {
			w[i] = x - rate*(d+momentum*v[i])
		} else {
			w[i] = x - rate*v[i]
		}
	}
}

// Shrink is the proximal step of t Σ|w|: w ← sign(w) max(|w| - t, 0).
func Shrink(w []float32, t float32) {
	n := runAsm(sweepShrink, span{n: len(w), c: [8]float32{t}}, w)
	shrink(w[n:], t)
}

func shrink(w []float32, t float32) {
	for i, v := range w {
		switch {
		case v > t:
			w[i] = v - t
		case v < -t:
			w[i] = v + t
		case v == v:
			w[i] = 0
		}
	}
}

func wholePeriods(n, period int) int { return n - n%period }
