package dsp

import "math"

// HannPeriodic returns the Hann taper in its periodic form,
//
//	w[i] = ½ - ½ cos(2πi/n),  i = 0..n-1
//
// which is one period of a sampled cosine: w[0] = 0 and the sum is n/2 for n > 1.
// It is the form for spectra (scipy.signal.get_window("hann", n)); the symmetric
// form, with n-1 in place of n, is for the design of filters and differs in the
// fourth digit at n = 2048. The single value for n = 1 is 1. It panics if n < 1.
//
// Reference: F. J. Harris, On the use of windows for harmonic analysis with the
// discrete Fourier transform, Proc. IEEE 66 (1978), eq. 23.
func HannPeriodic(n int) []float64 {
	if n < 1 {
		panic("dsp: taper length must be positive")
	}
	w := make([]float64, n)
	if n == 1 {
		w[0] = 1
		return w
	}
	for i := range w {
		// sin² keeps its digits near the ends, where 1 - cos cancels.
		s := math.Sin(math.Pi * float64(i) / float64(n))
		w[i] = s * s
	}
	return w
}
