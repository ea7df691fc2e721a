package kernel

import "math"

// Real is a type of sample.
type Real interface{ float32 | float64 }

// Parts is a run of complex numbers, real and imaginary parts apart.
type Parts[T Real] struct{ Re, Im []T }

// NewParts returns n zeros.
func NewParts[T Real](n int) Parts[T] {
	// Runs a power of two apart would fall into the same sets of the cache. A
	// whole number of cache lines keeps vectors aligned.
	const apart = 80
	buf := make([]T, 2*n+2*apart)
	return Parts[T]{buf[:n:n], buf[n+apart : 2*n+apart : 2*n+apart]}
}

// Swap exchanges the parts. A transform of swapped numbers, swapped, is that of
// the other direction.
func (p Parts[T]) Swap() Parts[T] { return Parts[T]{p.Im, p.Re} }

// First returns the first n numbers.
func (p Parts[T]) First(n int) Parts[T] { return Parts[T]{p.Re[:n], p.Im[:n]} }

// FFT is a plan for the discrete Fourier transform of m complex numbers, m a power
// of two or three times one:
//
//	X[k] = Σ_j x[j] exp(-2πi jk/m),  k = 0..m-1
//
// unnormalised. It is read only: any number of goroutines may use it.
//
// The passes are Stockham's, which sort while they compute, of radix 4 and at the
// end 2 and 3. A pass over x with stride s and n = m/s has for p < n/r, q < s
//
//	y[q + s(rp+k)] = exp(-2πi pk/n) Σ_l x[q + s(p + l n/r)] exp(-2πi kl/r)
//
// Reference: C. Van Loan, Computational frameworks for the fast Fourier
// transform (1992), section 1.7.
type FFT[T Real] struct {
	m      int
	passes []pass[T]
}

// pass is one pass of a transform.
type pass[T Real] struct {
	radix, stride int
	w             []T // see twiddles
}

// FFTLen reports whether there is a plan for length m.
func FFTLen(m int) bool {
	if m%3 == 0 {
		m /= 3
	}
	return m > 0 && m&(m-1) == 0
}

// NewFFT returns the plan for length m. It panics if FFTLen does not hold.
func NewFFT[T Real](m int) *FFT[T] {
	if !FFTLen(m) {
		panic("kernel: no transform of this length")
	}
	f := &FFT[T]{m: m}
	for s := 1; s < m; {
		n := m / s
		r := 3
		switch {
		case n%4 == 0:
			r = 4
		case n%2 == 0:
			r = 2
		}
		f.passes = append(f.passes, pass[T]{r, s, twiddles[T](n, s, r)})
		s *= r
	}
	return f
}

// chunk is the stride of the second pass. It is shorter than some vectors, so of
// radix 4 the pass takes several p at once and has each factor as many times.
const chunk = 4

func copies(r, s int) int {
	if r == 4 && s == chunk {
		return chunk
	}
	return 1
}

// twiddles returns exp(-2πi pk/n), p < n/r: for k = 1..r-1 a plane of real parts
// and one of imaginary ones, each factor as often as copies says.
func twiddles[T Real](n, s, r int) []T {
	if r == 3 {
		return nil // it is the last pass: all 1
	}
	c := copies(r, s)
	plane := n / r * c
	w := make([]T, 2*(r-1)*plane)
	for k := 1; k < r; k++ {
		for p := range n / r {
			sin, cos := math.Sincos(-2 * math.Pi * float64(p*k) / float64(n))
			for i := range c {
				w[(2*k-2)*plane+p*c+i] = T(cos)
				w[(2*k-1)*plane+p*c+i] = T(sin)
			}
		}
	}
	return w
}

// Transform computes the transform of x and returns the one of x and work that
// holds it, and the other one; both are overwritten. It panics unless both have m
// numbers. NaN and Inf spread to all results.
func (f *FFT[T]) Transform(x, work Parts[T]) (result, spare Parts[T]) {
	if len(x.Re) != f.m || len(x.Im) != f.m || len(work.Re) != f.m || len(work.Im) != f.m {
		panic("kernel: transform length mismatch")
	}
	for _, p := range f.passes {
		if !passAsm(work, x, p) {
			passGo(work, x, p)
		}
		x, work = work, x
	}
	return x, work
}

// passGo defines the passes.
func passGo[T Real](y, x Parts[T], p pass[T]) {
	switch {
	case p.radix == 4 && p.stride == 1:
		radix4First(y, x, p.w)
	case p.radix == 4:
		radix4(y, x, p.w, p.stride)
	case p.radix == 2:
		radix2(y, x, p.w, p.stride)
	default:
		radix3(y, x)
	}
}

// radix4First is radix4 for stride 1.
func radix4First[T Real](y, x Parts[T], w []T) {
	h := len(x.Re) / 4
	ar, br, cr, dr := x.Re[:h], x.Re[h:2*h], x.Re[2*h:3*h], x.Re[3*h:4*h]
	ai, bi, ci, di := x.Im[:h], x.Im[h:2*h], x.Im[2*h:3*h], x.Im[3*h:4*h]
	w1r, w1i, w2r, w2i, w3r, w3i := w[:h], w[h:2*h], w[2*h:3*h], w[3*h:4*h], w[4*h:5*h], w[5*h:6*h]
	for p := range ar {
		t0r, t0i := ar[p]+cr[p], ai[p]+ci[p]
		t1r, t1i := ar[p]-cr[p], ai[p]-ci[p]
		t2r, t2i := br[p]+dr[p], bi[p]+di[p]
		t3r, t3i := bi[p]-di[p], dr[p]-br[p]
		yr, yi := y.Re[4*p:4*p+4:4*p+4], y.Im[4*p:4*p+4:4*p+4]
		yr[0], yi[0] = t0r+t2r, t0i+t2i
		ur, ui := t1r+t3r, t1i+t3i
		yr[1], yi[1] = ur*w1r[p]-ui*w1i[p], ur*w1i[p]+ui*w1r[p]
		ur, ui = t0r-t2r, t0i-t2i
		yr[2], yi[2] = ur*w2r[p]-ui*w2i[p], ur*w2i[p]+ui*w2r[p]
		ur, ui = t1r-t3r, t1i-t3i
		yr[3], yi[3] = ur*w3r[p]-ui*w3i[p], ur*w3i[p]+ui*w3r[p]
	}
}

func radix4[T Real](y, x Parts[T], w []T, s int) {
	h, c, plane := len(x.Re)/4, copies(4, s), len(w)/6
	for p := range h / s {
		i := p * c
		w1r, w1i, w2r, w2i, w3r, w3i := w[i], w[plane+i], w[2*plane+i], w[3*plane+i], w[4*plane+i], w[5*plane+i]
		i = p * s
		ar, br, cr, dr := x.Re[i:i+s], x.Re[i+h:][:s], x.Re[i+2*h:][:s], x.Re[i+3*h:][:s]
		ai, bi, ci, di := x.Im[i:][:s], x.Im[i+h:][:s], x.Im[i+2*h:][:s], x.Im[i+3*h:][:s]
		i *= 4
		y0r, y1r, y2r, y3r := y.Re[i:][:s], y.Re[i+s:][:s], y.Re[i+2*s:][:s], y.Re[i+3*s:][:s]
		y0i, y1i, y2i, y3i := y.Im[i:][:s], y.Im[i+s:][:s], y.Im[i+2*s:][:s], y.Im[i+3*s:][:s]
		for q := range ar {
			t0r, t0i := ar[q]+cr[q], ai[q]+ci[q]
			t1r, t1i := ar[q]-cr[q], ai[q]-ci[q]
			t2r, t2i := br[q]+dr[q], bi[q]+di[q]
			t3r, t3i := bi[q]-di[q], dr[q]-br[q]
			y0r[q], y0i[q] = t0r+t2r, t0i+t2i
			ur, ui := t1r+t3r, t1i+t3i
			y1r[q], y1i[q] = ur*w1r-ui*w1i, ur*w1i+ui*w1r
			ur, ui = t0r-t2r, t0i-t2i
			y2r[q], y2i[q] = ur*w2r-ui*w2i, ur*w2i+ui*w2r
			ur, ui = t1r-t3r, t1i-t3i
			y3r[q], y3i[q] = ur*w3r-ui*w3i, ur*w3i+ui*w3r
		}
	}
}

// radix2 is the last pass, or the one before that of radix 3.
func radix2[T Real](y, x Parts[T], w []T, s int) {
	h, plane := len(x.Re)/2, len(w)/2
	for p := range h / s {
		wr, wi := w[p], w[plane+p]
		i := p * s
		ar, br, ai, bi := x.Re[i:i+s], x.Re[i+h:][:s], x.Im[i:][:s], x.Im[i+h:][:s]
		i *= 2
		y0r, y1r, y0i, y1i := y.Re[i:][:s], y.Re[i+s:][:s], y.Im[i:][:s], y.Im[i+s:][:s]
		for q := range ar {
			ur, ui := ar[q]-br[q], ai[q]-bi[q]
			y0r[q], y0i[q] = ar[q]+br[q], ai[q]+bi[q]
			y1r[q], y1i[q] = ur*wr-ui*wi, ur*wi+ui*wr
		}
	}
}

// sin60 is the sine of the third part of a turn.
const sin60 = 0.86602540378443864676372317075293618

// radix3 is always the last pass.
func radix3[T Real](y, x Parts[T]) {
	s := len(x.Re) / 3
	ar, br, cr := x.Re[:s], x.Re[s:2*s], x.Re[2*s:3*s]
	ai, bi, ci := x.Im[:s], x.Im[s:2*s], x.Im[2*s:3*s]
	y0r, y1r, y2r := y.Re[:s], y.Re[s:2*s], y.Re[2*s:3*s]
	y0i, y1i, y2i := y.Im[:s], y.Im[s:2*s], y.Im[2*s:3*s]
	for q := range ar {
		tr, ti := br[q]+cr[q], bi[q]+ci[q]
		dr, di := sin60*(br[q]-cr[q]), sin60*(bi[q]-ci[q])
		er, ei := ar[q]-tr/2, ai[q]-ti/2
		y0r[q], y0i[q] = ar[q]+tr, ai[q]+ti
		y1r[q], y1i[q] = er+di, ei-dr
		y2r[q], y2i[q] = er-di, ei+dr
	}
}

// Untangle parts the transforms of two real sequences that went through one
// complex transform, and with u[k] = -i exp(-πik/m) combines them to that of the
// sequence of which they are the even and the odd elements; with the conjugate of
// u it does the opposite:
//
//	E = (Z[k] + conj(Z[m-k]))/2,  D = (Z[k] - conj(Z[m-k]))/2
//	Z[k] ← E + u[k] D,  Z[m-k] ← conj(E - u[k] D),  0 < k ≤ m/2
//
// m = len(z.Re); Z[0] stays. It panics if u has not ⌊m/2⌋+1 elements.
func Untangle[T Real](z, u Parts[T]) {
	m := len(z.Re)
	if len(z.Im) != m || len(u.Re) != m/2+1 || len(u.Im) != m/2+1 {
		panic("kernel: untangle length mismatch")
	}
	untangle(z, u, 1+untangleAsm(z, u))
}

// untangle defines Untangle for k from the given one.
func untangle[T Real](z, u Parts[T], from int) {
	m := len(z.Re)
	for k := from; k <= m/2; k++ {
		ar, ai, br, bi := z.Re[k], z.Im[k], z.Re[m-k], z.Im[m-k]
		er, ei, dr, di := (ar+br)/2, (ai-bi)/2, (ar-br)/2, (ai+bi)/2
		tr, ti := u.Re[k]*dr-u.Im[k]*di, u.Re[k]*di+u.Im[k]*dr
		z.Re[m-k], z.Im[m-k] = er-tr, ti-ei
		z.Re[k], z.Im[k] = er+tr, ei+ti
	}
}

// Deinterleave sets dst to the pairs of x: dst[i] = x[2i] + i x[2i+1]. It panics
// if x has less than twice the elements of dst.
func Deinterleave[T Real](dst Parts[T], x []T) {
	im, x := dst.Im[:len(dst.Re)], x[:2*len(dst.Re)]
	from := deinterleaveAsm(dst, x)
	deinterleave(Parts[T]{dst.Re[from:], im[from:]}, x[2*from:])
}

func deinterleave[T Real](dst Parts[T], x []T) {
	for i := range dst.Re {
		dst.Re[i], dst.Im[i] = x[2*i], x[2*i+1]
	}
}

// Interleave is the opposite, with a factor: dst[2i] + i dst[2i+1] = scale x[i].
func Interleave[T Real](dst []T, x Parts[T], scale T) {
	im, dst := x.Im[:len(x.Re)], dst[:2*len(x.Re)]
	from := interleaveAsm(dst, x, scale)
	interleave(dst[2*from:], Parts[T]{x.Re[from:], im[from:]}, scale)
}

func interleave[T Real](dst []T, x Parts[T], scale T) {
	for i := range x.Re {
		dst[2*i], dst[2*i+1] = scale*x.Re[i], scale*x.Im[i]
	}
}

// Times multiplies: x[i] ← x[i] y[i]. It panics if y is shorter than x.
func Times[T Real](x, y Parts[T]) {
	n := len(x.Re)
	y = y.First(n)
	xi := x.Im[:n]
	from := timesAsm(x, y)
	times(Parts[T]{x.Re[from:], xi[from:]}, Parts[T]{y.Re[from:], y.Im[from:]})
}

func times[T Real](x, y Parts[T]) {
	for i, a := range x.Re {
		b := x.Im[i]
		x.Re[i], x.Im[i] = a*y.Re[i]-b*y.Im[i], a*y.Im[i]+b*y.Re[i]
	}
}
