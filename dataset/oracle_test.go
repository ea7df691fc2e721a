package dataset

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"brinell/bearing"
)

// The checks of the loader's oracles. They are functions that return an error, so
// that tests can show that a planted fault makes them fail.

// amplitude returns the amplitude of the line at f (cycles per sample), by the
// defining sum with a Hann taper. The tests need a few lines of long signals and
// no transform.
func amplitude(x []float64, f float64) float64 {
	var sum complex128
	n := float64(len(x))
	step, turn := cmplx.Rect(1, -2*math.Pi*f), complex(1, 0)
	taper, tturn := cmplx.Rect(1, 2*math.Pi/n), complex(1, 0)
	for i, v := range x {
		if i%1024 == 0 { // rotation by products drifts
			turn = cmplx.Rect(1, -2*math.Pi*math.Mod(f*float64(i), 1))
			tturn = cmplx.Rect(1, 2*math.Pi*float64(i)/n)
		}
		sum += turn * complex(v*(1-real(tturn)), 0)
		turn *= step
		tturn *= taper
	}
	return 2 * cmplx.Abs(sum) / n
}

// envelope returns the squared signal without its mean. Its spectrum at low
// frequencies is that of the squared envelope over the full band.
func envelope(x []float32) []float64 {
	y := make([]float64, len(x))
	var mean float64
	for i, v := range x {
		y[i] = float64(v) * float64(v)
		mean += y[i]
	}
	mean /= float64(len(x))
	for i := range y {
		y[i] -= mean
	}
	return y
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// peak returns the frequency (Hz) of the highest line within span of f, and how
// far it rises above the median of the search. It searches in steps of a quarter
// of the resolution.
func peak(x []float64, rate, f, span float64) (at, rise float64) {
	step := rate / float64(len(x)) / 4
	var all []float64
	var top float64
	for g := f - span; g <= f+span; g += step {
		a := amplitude(x, g/rate)
		all = append(all, a)
		if a > top {
			at, top = g, a
		}
	}
	slices.Sort(all)
	return at, top / all[len(all)/2]
}

// clearRise is how far the line of a plain race fault rises above its
// surroundings: 250 in record 105 and 570 in 130. The healthy record 97 and the
// ball fault 118 have a line of the motor at order 5.40 too, which rises to 15.
const clearRise = 30

// checkEnvelopeLine fails unless the envelope spectrum has a clear line within
// tolerance (relative) of order times the recording's shaft speed.
func checkEnvelopeLine(r bearing.Recording, order, tolerance float64) error {
	want := order * r.ShaftSpeed
	at, rise := peak(envelope(r.Samples), r.SampleRate, want, 0.03*want)
	if rise < clearRise {
		return fmt.Errorf("%s: no line stands out within 3 %% of order %.4f", r.Name, order)
	}
	if math.Abs(at/want-1) > tolerance {
		return fmt.Errorf("%s: line at %.2f Hz, order %.4f at %.2f rpm is %.2f Hz", r.Name, at, order, 60*r.ShaftSpeed, want)
	}
	return nil
}

// checkLowLines fails unless both recordings have lines near all frequencies (Hz)
// and these coincide within 0.5 Hz.
func checkLowLines(a, b bearing.Recording, near []float64) error {
	xa, xb := widen(a.Samples), widen(b.Samples)
	for _, f := range near {
		fa, ra := peak(xa, a.SampleRate, f, 2.5)
		fb, rb := peak(xb, b.SampleRate, f, 2.5)
		if ra < 3 || rb < 3 {
			return fmt.Errorf("no line near %g Hz stands out: rise %.1f in %s, %.1f in %s", f, ra, a.Name, rb, b.Name)
		}
		if math.Abs(fa-fb) > 0.5 || math.Abs(fa-f) > 0.7 {
			return fmt.Errorf("lines near %g Hz: %.2f Hz in %s, %.2f Hz in %s", f, fa, a.Name, fb, b.Name)
		}
	}
	return nil
}

// checkKurtosis fails unless the kurtosis of the samples (Pearson: 3 for Gaussian
// noise; biased: moments divide by n) is want within 1 %.
func checkKurtosis(r bearing.Recording, want float64) error {
	x := widen(r.Samples)
	var mean, m2, m4 float64
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for _, v := range x {
		d := (v - mean) * (v - mean)
		m2 += d
		m4 += d * d
	}
	got := m4 * float64(len(x)) / (m2 * m2)
	if !(math.Abs(got/want-1) <= 0.01) {
		return fmt.Errorf("%s: kurtosis %.3f, want %.3g", r.Name, got, want)
	}
	return nil
}
