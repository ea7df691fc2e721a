//go:build amd64 && !purego

package kernel

import "unsafe"

// partial holds vectors of partial sums, one behind the other.
type partial [6 * 8]float64

// sum adds up partial sum i.
func (p *partial) sum(i int) float64 {
	lanes := Lanes() / 2
	var s float64
	for _, v := range p[i*lanes : (i+1)*lanes] {
		s += v
	}
	return s
}

func summariseAsm(x []float32, s *Summary) int {
	var p partial
	n := runStrip[float64](stripSummarise, len(x), strip{p: [6]unsafe.Pointer{ptr(x), ptr(p[:])}})
	if n == 0 {
		return 0
	}
	s.Sum, s.Squares, s.Abs, s.Root = p.sum(0), p.sum(1), p.sum(2), p.sum(3)
	lanes := Lanes() / 2
	for i := range lanes {
		s.Min, s.Max = min(s.Min, p[4*lanes+i]), max(s.Max, p[5*lanes+i])
	}
	return n
}

func deviationsAsm(x []float32, mean, scale float64, s *[3]float64) int {
	var p partial
	n := runStrip[float64](stripDeviations, len(x), strip{p: [6]unsafe.Pointer{ptr(x), ptr(p[:])}, c: [3]float64{mean, scale}})
	if n > 0 {
		s[0], s[1], s[2] = p.sum(0), p.sum(1), p.sum(2)
	}
	return n
}

func binsAsm(dst []int32, x []float32, low, width float64, count int32) int {
	last := count - 1
	return runStrip[float64](stripBins, len(x), strip{
		p: [6]unsafe.Pointer{unsafe.Pointer(unsafe.SliceData(dst)), ptr(x), unsafe.Pointer(&last)},
		c: [3]float64{low, width, float64(count)}})
}

func widenAsm(dst []float64, x []float32, mean float64) int {
	return runStrip[float64](stripWiden, len(x), strip{p: [6]unsafe.Pointer{ptr(dst), ptr(x)}, c: [3]float64{mean}})
}

func addPowerAsm(dst []float64, c Parts[float64], scale float64) int {
	return runStrip[float64](stripAddPower, len(dst), strip{p: [6]unsafe.Pointer{ptr(dst), ptr(c.Re), ptr(c.Im)}, c: [3]float64{scale}})
}

func momentsAsm(p []float64, from float64, s *[5]float64) int {
	var sums partial
	n := runStrip[float64](stripMoments, len(p), strip{p: [6]unsafe.Pointer{ptr(p), ptr(sums[:])}, c: [3]float64{from}})
	if n > 0 {
		for i := range s {
			s[i] = sums.sum(i)
		}
	}
	return n
}
