package assess

import (
	"context"
	"errors"
	"math"
	"slices"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/features/dsp"
	"brinell/features/lines"
	"brinell/internal/clamp"
	"brinell/models/learn"
	"brinell/models/learn/logistic"
	"brinell/models/nn"
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
type linearModel struct{ learn.Predictor }

// fitLinear fits the scorer, each bearing and each fault with the same weight.
func fitLinear(samples []sample) (linearModel, error) {
	count := map[string]float64{}
	bearings := map[int]map[string]bool{}
	for _, s := range samples {
		count[s.rec.Truth.Specimen]++
		if bearings[s.y] == nil {
			bearings[s.y] = map[string]bool{}
		}
		bearings[s.y][s.rec.Truth.Specimen] = true
	}
	set := learn.Set{X: nn.NewTensor(len(samples), len(linearFaults), linearWidth)}
	for i, s := range samples {
		s.fill(set.X.At(i))
		set.Y = append(set.Y, s.y)
		set.Weight = append(set.Weight, 1/(count[s.rec.Truth.Specimen]*float64(len(bearings[s.y]))))
	}
	settings := &logistic.Settings{Ridge: linearRidge, Iterations: 200, Shared: true}
	p := learn.Problem{Task: learn.Classify, Input: nn.Signal(set.X.L, set.X.C), Outputs: len(linearFaults)}
	e, err := learn.Fit(context.Background(), settings, p, set, learn.Options{})
	if err != nil {
		return linearModel{}, err
	}
	return linearModel{e.Predictor()}, nil
}

// fill writes the evidence as a row of learner's input.
func (s *sample) fill(dst []float32) {
	for k, phi := range s.phi {
		for j, v := range phi {
			dst[k*linearWidth+j] = float32(v)
		}
	}
}

// logProbabilities returns ln p of each fault.
func (m linearModel) logProbabilities(s *sample) (z lines.ByFault) {
	var x [len(z) * linearWidth]float32
	var scores [len(z)]float32
	s.fill(x[:])
	m.Predict(scores[:], x[:])
	learn.Softmax(z[:], scores[:])
	for k := range z {
		z[k] = math.Log(z[k])
	}
	return z
}

// answers sums the scores over groups of consecutive windows.
func (m linearModel) answers(samples []sample) (out []Answer) {
	for i := 0; i+linearGroup <= len(samples); {
		rec := samples[i].rec
		if samples[i+linearGroup-1].rec != rec {
			i++
			continue
		}
		var z lines.ByFault
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
func (l *Lab) Linear() (out Linear, err error) {
	all := func(*bearing.Recording) bool { return true }
	fit := func(parts []dataset.Part) linearModel {
		m, ferr := fitLinear(linearSamples(parts))
		err = errors.Join(err, ferr)
		return m
	}
	judge := func(m linearModel, parts []dataset.Part) []Answer {
		if err != nil {
			return nil
		}
		return m.answers(linearSamples(parts))
	}
	for _, s := range sizes {
		m := fit(whole(l.DE, func(r *bearing.Recording) bool { return !size(s)(r) }))
		out.Size = append(out.Size, judge(m, whole(l.DE, standard(size(s))))...)
		out.Sensor = append(out.Sensor, judge(m, whole(l.Sensor, standard(size(s))))...)
	}
	m := fit(whole(l.DE, all))
	out.ToFan = judge(m, whole(l.FE, standard(all)))
	out.MFPT = judge(m, whole(l.MFPT, nil))
	m = fit(whole(l.FE, all))
	out.ToDrive = judge(m, whole(l.DE, standard(all)))
	return out, err
}
