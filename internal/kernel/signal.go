package kernel

import "math"

// Summary is what one pass over samples finds.
type Summary struct {
	Sum, Squares, Abs, Root float64 // Σ x, Σ x², Σ |x|, Σ √|x|
	Min, Max                float64 // mean nothing if x holds a NaN, which Squares shows
}

// emptySummary is that of no samples.
var emptySummary = Summary{Min: math.Inf(1), Max: math.Inf(-1)}

// Summarise returns the summary of x. Sums are in float64; those of finite samples
// are finite.
func Summarise(x []float32) Summary {
	s := emptySummary
	n := summariseAsm(x, &s)
	s.add(x[n:])
	return s
}

// add defines Summarise.
func (s *Summary) add(x []float32) {
	for _, v := range x {
		v := float64(v)
		a := math.Abs(v)
		s.Sum += v
		s.Squares += v * v
		s.Abs += a
		s.Root += math.Sqrt(a)
		s.Min, s.Max = min(s.Min, v), max(s.Max, v)
	}
}

// Deviations returns sums of powers in float64:
//
//	s[i] = Σ_j d[j]^(i+2),  d[j] = scale (x[j] - mean),  i = 0..2
func Deviations(x []float32, mean, scale float64) (s [3]float64) {
	n := deviationsAsm(x, mean, scale, &s)
	deviations(x[n:], mean, scale, &s)
	return s
}

func deviations(x []float32, mean, scale float64, s *[3]float64) {
	for _, v := range x {
		d := scale * (float64(v) - mean)
		q := d * d
		s[0] += q
		s[1] += q * d
		s[2] += q * q
	}
}

// Bins sets dst to the bins of a histogram in which the samples fall:
//
//	dst[i] = min(⌊(x[i] - low)/width count⌋, count-1)
//
// for finite low ≤ x[i] ≤ low + width, without a rounding other than those three.
// It panics if dst is shorter than x.
func Bins(dst []int32, x []float32, low, width float64, count int32) {
	dst = dst[:len(x)]
	n := binsAsm(dst, x, low, width, count)
	bins(dst[n:], x[n:], low, width, count)
}

func bins(dst []int32, x []float32, low, width float64, count int32) {
	for i, v := range x {
		dst[i] = min(int32((float64(v)-low)/width*float64(count)), count-1)
	}
}

// Widen sets dst[i] to x[i] - mean in float64. It panics if dst is shorter than x.
func Widen(dst []float64, x []float32, mean float64) {
	dst = dst[:len(x)]
	n := widenAsm(dst, x, mean)
	widen(dst[n:], x[n:], mean)
}

func widen(dst []float64, x []float32, mean float64) {
	for i, v := range x {
		dst[i] = float64(v) - mean
	}
}

// AddPower adds scale |c[i]|² to dst[i]. It panics if c is shorter than dst.
func AddPower(dst []float64, c Parts[float64], scale float64) {
	c = c.First(len(dst))
	n := addPowerAsm(dst, c, scale)
	addPower(dst[n:], Parts[float64]{c.Re[n:], c.Im[n:]}, scale)
}

func addPower(dst []float64, c Parts[float64], scale float64) {
	for i, re := range c.Re {
		dst[i] += scale * (re*re + c.Im[i]*c.Im[i])
	}
}

// Moments returns the sums of p over equally spaced places with powers of those:
//
//	s[i] = Σ_k d[k]^i p[k],  d[k] = from + k,  i = 0..4
func Moments(p []float64, from float64) (s [5]float64) {
	n := momentsAsm(p, from, &s)
	moments(p[n:], from+float64(n), &s)
	return s
}

func moments(p []float64, from float64, s *[5]float64) {
	for k, v := range p {
		d := from + float64(k)
		for i := range s {
			s[i] += v
			v *= d
		}
	}
}
