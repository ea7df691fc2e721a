package dsp

// AnalyticSignal fills dst with the analytic signal of x and returns it:
//
//	z[i] = x[i] + j H[x][i],  i = 0..n-1
//
// H is the discrete Hilbert transform: of the spectrum, bins of negative
// frequency become 0, of positive frequency are doubled, and 0 Hz and half the
// rate stay (scipy.signal.hilbert). The real part is x up to rounding; the signal
// counts as periodic, so the ends see each other.
//
// len(dst) must be len(x), else it panics; a nil dst is allocated. An empty x
// gives an empty result, a constant itself. NaN and Inf spread to all values. x
// is not changed. Each call plans and allocates: it is for tools and tests.
//
// Reference: S. L. Marple, Computing the discrete-time "analytic" signal via FFT,
// IEEE Trans. Signal Process. 47 (1999), eq. 5.
func AnalyticSignal(dst []complex128, x []float64) []complex128 {
	if dst == nil {
		dst = make([]complex128, len(x))
	}
	if len(dst) != len(x) {
		panic("dsp: analytic signal length mismatch")
	}
	band := newAnalytic(x)
	if band == nil {
		return dst
	}
	for i, v := range band.invert(band.re) {
		dst[i] = complex(v, 0)
	}
	band.quarterTurn()
	for i, v := range band.invert(band.re) {
		dst[i] += complex(0, v)
	}
	return dst
}

// SquaredEnvelope fills dst with the squared envelope of x, sampled at fs Hz, in
// the band from lo to hi Hz, and returns it:
//
//	dst[i] = |z[i]|²,  i = 0..n-1
//
// z is the analytic signal of what is left of x when all bins outside lo ≤ f ≤ hi
// are 0: an ideal filter without delay, whose ringing reaches across the ends. A
// tone of amplitude A in the band gives A². The mean is not removed, nothing is
// tapered; with x in g the result is in g².
//
// len(dst) must be len(x), else it panics; a nil dst is allocated. A band without
// a bin, such as hi < lo, gives zeros. NaN and Inf in x spread to all values. x is
// not changed, and dst may be x. Each call plans and allocates: it is for tools
// and tests.
//
// Reference: R. B. Randall, J. Antoni, Rolling element bearing diagnostics, a
// tutorial, Mech. Syst. Signal Process. 25 (2011) 485, section 5.
func SquaredEnvelope(dst, x []float64, fs, lo, hi float64) []float64 {
	if dst == nil {
		dst = make([]float64, len(x))
	}
	if len(dst) != len(x) {
		panic("dsp: envelope length mismatch")
	}
	band := newAnalytic(x)
	if band == nil {
		return dst
	}
	for k := range band.c {
		if f := float64(k) * fs / float64(len(x)); !(f >= lo && f <= hi) {
			band.c[k] = 0
		}
	}
	band.invert(band.re)
	band.quarterTurn()
	band.invert(band.im)
	for i := range dst {
		dst[i] = band.re[i]*band.re[i] + band.im[i]*band.im[i]
	}
	return dst
}

// analytic holds a one-sided spectrum on its way back to the two parts of an
// analytic signal. Two real inverses take the place of a complex one, so that
// every length has the cost of RealFFT.
type analytic struct {
	plan   *RealFFT
	c      []complex128
	re, im []float64
}

// newAnalytic returns the spectrum of x, or nil if x is empty.
func newAnalytic(x []float64) *analytic {
	if len(x) == 0 {
		return nil
	}
	plan := NewRealFFT(len(x))
	return &analytic{plan, plan.Coefficients(nil, x), make([]float64, len(x)), make([]float64, len(x))}
}

func (a *analytic) invert(dst []float64) []float64 { return a.plan.Inverse(dst, a.c) }

// quarterTurn delays every bin by a quarter of its period, which turns the
// spectrum of the real part into that of the imaginary one. 0 Hz and half the
// rate have none.
func (a *analytic) quarterTurn() {
	for k, c := range a.c {
		a.c[k] = complex(imag(c), -real(c))
	}
	a.c[0] = 0
	if a.plan.n%2 == 0 {
		a.c[len(a.c)-1] = 0
	}
}
