package dsp

import "brinell/internal/kernel"

// polyphase is the work space of a Resampler for one length of output, by which
// each of its phases is one filter over vectors of consecutive outputs.
//
// Output j·p + s lies at input sample j·q + ⌊s·q/p⌋ and further by a phase that
// depends on s alone. With the input in q rows, sample t in row t mod q, each tap
// of phase s reads consecutive elements of one row.
type polyphase struct {
	n        int // outputs
	m        int // outputs of a phase, rounded up
	reach    int // elements of the continued input
	width    int // of a row
	taps     []kernel.Taps
	extended []float32 // the continued input
	rows     []float32
	out      []float32 // one row for each phase; unused with a single one
}

// maxPhases bounds the phases for which a polyphase filter is set up; more come
// from rates without a simple ratio.
const maxPhases = 64

var noBias = []float32{0}

func (r *Resampler) newPolyphase(n int) *polyphase {
	f := &polyphase{n: n, m: (n + r.p - 1) / r.p}
	f.reach = (f.m-1)*r.q + (r.p-1)*r.q/r.p + 2*r.half
	f.width = (f.reach + r.q - 1) / r.q
	for s := range r.p {
		first := s * r.q / r.p
		off := make([]int32, 2*r.half)
		for k := range off {
			off[k] = int32((first+k)%r.q*f.width + (first+k)/r.q)
		}
		f.taps = append(f.taps, kernel.NewTaps(off))
	}
	// A row is read up to Slack elements beyond its last output.
	f.extended = make([]float32, f.width*r.q+f.m+kernel.Slack)
	f.rows = f.extended
	if r.q > 1 {
		f.rows = make([]float32, len(f.extended))
	}
	if r.p > 1 {
		f.out = make([]float32, f.m*r.p)
	}
	return f
}

// filter is Process by vectors. It is for p up to maxPhases.
func (r *Resampler) filter(dst, x []float32) []float32 {
	if r.poly == nil || r.poly.n != len(dst) {
		r.poly = r.newPolyphase(len(dst))
	}
	f := r.poly
	r.extend(f.extended[:f.reach], x)
	if r.q > 1 {
		kernel.Transpose(f.width, r.q, f.extended, f.rows, f.width)
	}
	if r.p == 1 {
		kernel.AffineLanes(1, f.n, r.taps[0], f.rows, f.taps[0], noBias, dst, f.n, kernel.Act{})
		return dst
	}
	for s, taps := range f.taps {
		kernel.AffineLanes(1, f.m, r.taps[s*r.q%r.p], f.rows, taps, noBias, f.out[s*f.m:], f.m, kernel.Act{})
	}
	for i := range dst {
		dst[i] = f.out[i%r.p*f.m+i/r.p]
	}
	return dst
}

// extend fills e with x from half-1 samples before its beginning on, continued.
func (r *Resampler) extend(e, x []float32) {
	before := r.half - 1
	n := copy(e[before:], x)
	for i := range before {
		e[i] = continued(x, i-before)
	}
	for i := before + n; i < len(e); i++ {
		e[i] = continued(x, i-before)
	}
}

// continued returns sample j of x, beyond its ends by odd reflection about the end
// samples.
func continued(x []float32, j int) float32 {
	last := len(x) - 1
	switch {
	case j < 0:
		return 2*x[0] - x[min(-j, last)]
	case j > last:
		return 2*x[last] - x[max(2*last-j, 0)]
	}
	return x[j]
}
