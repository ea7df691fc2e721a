package assess

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/optimize"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/features/dsp"
	"brinell/internal/clamp"
	"brinell/models/train"
)

// The baseline beside our figures: one linear scorer that the three faults share, with
// a bias for each, on how far the harmonics 1 to 4 of a fault's line and their
// side-bands stand out of three envelope spectra (pre-whitened, plain, plain above
// 500 Hz) of windows of 8192 samples at 12 kHz:
//
//	p_c = softmax_c(w · φ_c + b_c)
const (
	linearLength = 8192
	linearRate   = 12000
	linearGroup  = 3 // windows of 0.68 s in 2 s
	linearSlip   = 0.012
	linearWidth  = 3 * 8
	linearRidge  = 0.01
)

var linearFaults = []bearing.Fault{bearing.InnerRace, bearing.OuterRace, bearing.Ball}

// sample is the evidence of one window for the linear scorer.
type sample struct {
	phi [3][]float64
	y   int
	rec *bearing.Recording
}

// linearSamples returns the windows of parts.
func linearSamples(parts []dataset.Part) (out []sample) {
	for _, p := range parts {
		m, ok := train.MachineOf(p.Rec)
		if !ok {
			continue
		}
		n := dataset.NativeLength(linearLength, linearRate, p.Rec.SampleRate)
		fft := dsp.NewRealFFT(n)
		for _, w := range dataset.Segments(p, n, n) {
			s := sample{y: slices.Index(linearFaults, p.Rec.Truth.Fault), rec: p.Rec}
			x := make([]float64, n)
			for i, v := range w {
				x[i] = float64(v)
			}
			c := fft.Coefficients(nil, x)
			df := p.Rec.SampleRate / float64(n)
			for _, kind := range []struct {
				lo    float64
				white bool
			}{{100, true}, {100, false}, {500, false}} {
				band := slices.Clone(c[clamp.Int(math.Ceil(kind.lo/df), 0, n/2) : clamp.Int(min(5000, 0.42*p.Rec.SampleRate)/df, 0, n/2)+1])
				if kind.white {
					dsp.Prewhiten(band)
				}
				a := dsp.NewEnvelopeSpectrum(len(band), clamp.Count(34*m.ShaftSpeed/df)).Amplitude(nil, band)
				step := df / m.ShaftSpeed / 4
				for k, f := range linearFaults {
					s.phi[k] = append(s.phi[k], linearPhi(a, step, m.Orders.Line(f), m.Orders.FTF)...)
				}
			}
			out = append(out, s)
		}
	}
	return out
}

// linearPhi returns the evidence of one order in one spectrum.
func linearPhi(a []float64, step, order, cage float64) (phi []float64) {
	over := func(o float64) float64 {
		from, to := clamp.Int(o*(1-linearSlip)/step, 0, len(a)), clamp.Int(math.Ceil(o*(1+linearSlip)/step), 0, len(a))+1
		half := clamp.Int(0.5/step, 0, len(a))
		mid := clamp.Int(o/step, 0, len(a))
		if mid-half < 1 || to > len(a) || mid+half > len(a) {
			return 0
		}
		around := slices.Clone(a[mid-half : mid+half])
		slices.Sort(around)
		return math.Log(slices.Max(a[from:to])+1e-12) - math.Log(around[len(around)/2]+1e-12)
	}
	for h := 1.0; h <= 4; h++ {
		phi = append(phi, over(h*order))
	}
	for h := 1.0; h <= 2; h++ {
		phi = append(phi, (over(h*order-1)+over(h*order+1))/2, (over(h*order-cage)+over(h*order+cage))/2)
	}
	return phi
}

// linearModel is a fitted scorer.
type linearModel struct {
	mean, scale, w []float64
	b              [3]float64
}

// fitLinear fits the scorer, each bearing and each fault with the same weight.
func fitLinear(samples []sample) linearModel {
	m := linearModel{mean: make([]float64, linearWidth), scale: make([]float64, linearWidth), w: make([]float64, linearWidth)}
	for j := range m.mean {
		var values []float64
		for _, s := range samples {
			for k := range s.phi {
				values = append(values, s.phi[k][j])
			}
		}
		sum, sq := 0.0, 0.0
		for _, v := range values {
			sum += v
			sq += v * v
		}
		n := float64(len(values))
		m.mean[j] = sum / n
		m.scale[j] = math.Sqrt(sq/n-m.mean[j]*m.mean[j]) + 1e-6
	}
	count := map[string]float64{}
	bearings := map[int]map[string]bool{}
	for _, s := range samples {
		count[s.rec.Truth.Specimen]++
		if bearings[s.y] == nil {
			bearings[s.y] = map[string]bool{}
		}
		bearings[s.y][s.rec.Truth.Specimen] = true
	}
	loss := func(x, grad []float64) float64 {
		m := linearModel{m.mean, m.scale, x[:linearWidth], [3]float64(x[linearWidth:])}
		clear(grad)
		total := 0.0
		for i := range samples {
			s := &samples[i]
			weight := 1 / (count[s.rec.Truth.Specimen] * float64(len(bearings[s.y])))
			p := m.logProbabilities(s)
			total -= weight * p[s.y]
			for k := range p {
				d := math.Exp(p[k])
				if k == s.y {
					d--
				}
				for j := range m.w {
					grad[j] += weight * d * (s.phi[k][j] - m.mean[j]) / m.scale[j]
				}
				grad[linearWidth+k] += weight * d
			}
		}
		for j := range m.w {
			total += linearRidge / 2 * x[j] * x[j]
			grad[j] += linearRidge * x[j]
		}
		return total
	}
	grad := make([]float64, linearWidth+3)
	problem := optimize.Problem{
		Func: func(x []float64) float64 { return loss(x, grad) },
		Grad: func(g, x []float64) { loss(x, g) },
	}
	if r, err := optimize.Minimize(problem, make([]float64, linearWidth+3), &optimize.Settings{MajorIterations: 200}, &optimize.LBFGS{}); r != nil && (err == nil || r.X != nil) {
		copy(m.w, r.X)
		m.b = [3]float64(r.X[linearWidth:])
	}
	return m
}

func (m *linearModel) logProbabilities(s *sample) (z [3]float64) {
	top := math.Inf(-1)
	for k := range z {
		z[k] = m.b[k]
		for j, w := range m.w {
			z[k] += w * (s.phi[k][j] - m.mean[j]) / m.scale[j]
		}
		top = max(top, z[k])
	}
	sum := 0.0
	for _, v := range z {
		sum += math.Exp(v - top)
	}
	for k := range z {
		z[k] -= top + math.Log(sum)
	}
	return z
}

// answers sums the scores over groups of consecutive windows.
func (m *linearModel) answers(samples []sample) (out []Answer) {
	for i := 0; i+linearGroup <= len(samples); {
		rec := samples[i].rec
		if samples[i+linearGroup-1].rec != rec {
			i++
			continue
		}
		var z [3]float64
		for _, s := range samples[i : i+linearGroup] {
			p := m.logProbabilities(&s)
			for k := range z {
				z[k] += p[k]
			}
		}
		best := 0
		for k := range z {
			if z[k] > z[best] {
				best = k
			}
		}
		out = append(out, Answer{Recording: rec.Name, Specimen: rec.Truth.Specimen, Truth: rec.Truth.Fault, Group: len(out), Top: linearFaults[best]})
		i += linearGroup
	}
	return out
}

// Linear is what the baseline answers on the outer folds.
type Linear struct {
	Size, ToFan, ToDrive, Sensor, MFPT []Answer
}

// Linear judges the outer folds with the baseline scorer.
func (l *Lab) Linear() Linear {
	var out Linear
	all := func(*bearing.Recording) bool { return true }
	for _, s := range sizes {
		m := fitLinear(linearSamples(whole(l.DE, func(r *bearing.Recording) bool { return !size(s)(r) })))
		out.Size = append(out.Size, m.answers(linearSamples(whole(l.DE, standard(size(s)))))...)
		out.Sensor = append(out.Sensor, m.answers(linearSamples(whole(l.Sensor, standard(size(s)))))...)
	}
	m := fitLinear(linearSamples(whole(l.DE, all)))
	out.ToFan = m.answers(linearSamples(whole(l.FE, standard(all))))
	out.MFPT = m.answers(linearSamples(whole(l.MFPT, nil)))
	m = fitLinear(linearSamples(whole(l.FE, all)))
	out.ToDrive = m.answers(linearSamples(whole(l.DE, standard(all))))
	return out
}
