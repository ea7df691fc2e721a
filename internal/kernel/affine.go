package kernel

// Act is what happens to a sum before it is stored.
type Act struct {
	ReLU bool // max(0, x), NaN stays NaN
	// Pool stores the larger of each two consecutive steps; of an odd number the
	// last step is left out. A NaN never wins against what stands before it.
	Pool bool
}

// Weights are a matrix B [k, n] stored in panels of columns, so that the kernel
// walks through memory in order: wide matrices row by row would map to few places
// of the first cache.
type Weights struct {
	k, n, width int
	data        []float32
}

// Pack stores b [k, n] for products with m rows each by the implementation in use.
// It takes the memory of w where that suffices, and b itself where no panels are
// needed: b must then stay as it is.
func (w Weights) Pack(b []float32, m, k, n int) Weights {
	b = b[:k*n]
	width := 2 * Lanes()
	if n <= width || m == 1 || Lanes() == 1 {
		return Weights{k, n, n, b}
	}
	data := w.data
	if w.width == w.n || cap(data) < k*n {
		data = make([]float32, k*n) // what it has may be somebody's b
	}
	data = data[:k*n]
	for j := 0; j < n; j += width {
		cols, panel := min(width, n-j), data[j*k:]
		for p := range k {
			copy(panel[p*cols:(p+1)*cols], b[p*n+j:])
		}
	}
	return Weights{k, n, width, data}
}

// Affine computes a layer with its activation:
//
//	y[i][j] = bias[j] + Σ_p A[i][p] B[p][j],  A[i][p] = a[i*ars+p]
//	c[i*n+j] = act(y)[i][j]
//
// for i < m steps (m/2 with pooling), j < n channels, p < k, with B [k, n] in w.
// Rows of A may overlap, as those of a convolution do; c must not overlap a, w or
// bias. It panics if a slice is too short.
func Affine(m int, a []float32, ars int, w Weights, bias, c []float32, act Act) {
	if act.Pool {
		m &^= 1
	}
	k, n := w.k, w.n
	if m == 0 || n == 0 {
		return
	}
	_ = bias[n-1]
	if act.Pool {
		_ = c[m/2*n-1]
	} else {
		_ = c[m*n-1]
	}
	if k > 0 {
		_ = a[(m-1)*ars+k-1]
	}
	for j := 0; j < n; j += w.width {
		cols := min(w.width, n-j)
		if k == 0 || !affineAsm(m, cols, k, a, ars, w.data[j*k:], bias[j:], c[j:], n, act) {
			affine(m, cols, k, a, ars, w.data[j*k:], bias[j:], c[j:], n, act)
		}
	}
}

// affine defines a panel of Affine, n wide. Two rows at a time, so that pooling
// finds its pair.
func affine(m, n, k int, a []float32, ars int, b, bias, c []float32, ldc int, act Act) {
	for i := 0; i < m; i += 2 {
		rows := min(2, m-i)
		first := i
		if act.Pool {
			first = i / 2
		}
		dst := c[first*ldc:]
		for j := 0; j < n; j += 4 {
			cols := min(4, n-j)
			var s [2][4]float32
			if rows == 2 && cols == 4 {
				s = tile2x4(k, a[i*ars:], ars, 1, b[j:], n, bias[j:])
			} else {
				for r := range rows {
					for q := range cols {
						s[r][q] = dot(k, a[(i+r)*ars:], 1, b[j+q:], n, bias[j+q])
					}
				}
			}
			for q := range cols {
				x, y := s[0][q], s[1][q]
				if act.ReLU {
					x, y = rectify(x), rectify(y)
				}
				if act.Pool {
					if y > x {
						x = y
					}
					dst[j+q] = x
					continue
				}
				dst[j+q] = x
				if rows == 2 {
					dst[ldc+j+q] = y
				}
			}
		}
	}
}

func rectify(x float32) float32 {
	if x < 0 {
		return 0
	}
	return x
}

// Taps says where the inputs of a convolution stand in a signal with one row
// per channel (or phase of a strided channel): step i of tap p is x[off[p]+i].
type Taps struct {
	off   []int32
	reach int // beyond the largest offset
}

// NewTaps returns the taps of the given offsets. It panics if one is negative.
func NewTaps(off []int32) Taps {
	t := Taps{off: off}
	for _, o := range off {
		if o < 0 {
			panic("kernel: negative tap")
		}
		t.reach = max(t.reach, int(o)+1)
	}
	return t
}

// Slack is how many elements beyond the last step of the last tap AffineLanes may
// read.
const Slack = 16

// AffineLanes computes the same layer as Affine with time in the lanes of a
// vector, for layers of fewer channels than a vector has lanes. Its result has
// one row per channel:
//
//	y[o][i] = bias[o] + Σ_p w[o*k+p] x[off[p]+i],  k = number of taps
//	c[o*ldc+i] = act(y)[o][i]
//
// for o < n channels, i < m steps (m/2 with pooling). What x holds beyond the
// last step has no effect, but it must be there: Slack elements. It panics if a
// slice is too short.
func AffineLanes(n, m int, w, x []float32, taps Taps, bias, c []float32, ldc int, act Act) {
	if act.Pool {
		m &^= 1
	}
	k := len(taps.off)
	if m == 0 || n == 0 || k == 0 {
		return
	}
	_, _, _ = bias[n-1], w[n*k-1], x[taps.reach-1+m+Slack-1]
	if act.Pool {
		_ = c[(n-1)*ldc+m/2-1]
	} else {
		_ = c[(n-1)*ldc+m-1]
	}
	if !affineLanesAsm(n, m, w, x, taps, bias, c, ldc, act) {
		affineLanes(n, m, w, x, taps, bias, c, ldc, act)
	}
}

// affineLanes defines AffineLanes.
func affineLanes(n, m int, w, x []float32, taps Taps, bias, c []float32, ldc int, act Act) {
	k := len(taps.off)
	for o := range n {
		row := w[o*k : (o+1)*k]
		at := func(i int) float32 {
			s := bias[o]
			for p, v := range row {
				s += v * x[int(taps.off[p])+i]
			}
			if act.ReLU {
				s = rectify(s)
			}
			return s
		}
		if !act.Pool {
			for i := range m {
				c[o*ldc+i] = at(i)
			}
			continue
		}
		for i := 0; i < m; i += 2 {
			first, second := at(i), at(i+1)
			if second > first {
				first = second
			}
			c[o*ldc+i/2] = first
		}
	}
}

// Transpose copies rows to columns: dst[c*ldd+i] = src[i*n+c] for i < m, c < n.
func Transpose(m, n int, src, dst []float32, ldd int) {
	if m == 0 || n == 0 {
		return
	}
	_, _ = src[m*n-1], dst[(n-1)*ldd+m-1]
	for c := range n {
		d := dst[c*ldd : c*ldd+m]
		s := src[c:]
		for i := range d {
			d[i] = s[i*n]
		}
	}
}
