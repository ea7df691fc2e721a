package input

import (
	"fmt"
	"math"

	"brinell/features/dsp"
	"brinell/models/nn"
)

// spectrum turns a waveform x of n samples into
//
//	y[k-1] = ln(|X[k]|/√n + spectrumFloor),  k = 1..n/2,  X the Fourier transform of x
//
// brought to mean 0 and standard deviation 1. There is no taper: a window shifted in
// a circle has the same bins. White noise has |X[k]|/√n about 1, and the floor keeps
// the depth of empty bins from mattering: a jump of one standard deviation between
// the ends of a window leaks at least 0.5/√n into every bin, 0.011 for 2048 samples,
// and far below, at 1e-4, is the stop band of the low-pass, where the filters of an
// acquisition would show.
type spectrum struct {
	*waveform
	fft    *dsp.RealFFT32
	window []float32
	bins   []complex64
}

const spectrumFloor = 1e-2

func checkSpectrum(p Preprocessing) error {
	if p.Length < 4 || p.Length&(p.Length-1) != 0 {
		return fmt.Errorf("a spectrum needs a length that is a power of two from 4 on, not %d", p.Length)
	}
	return checkNormalised(p)
}

func spectrumShape(p Preprocessing) nn.Shape { return nn.Signal(p.Length/2, 1) }

func openSpectrum(p Preprocessing, rate float64) (filler, error) {
	w, err := newWaveform(p, rate)
	if err != nil {
		return nil, err
	}
	return &spectrum{w, dsp.NewRealFFT32(p.Length), make([]float32, p.Length), make([]complex64, p.Length/2+1)}, nil
}

func (f *spectrum) fill(dst []float32, w Window) error {
	if err := f.waveform.fill(f.window, w); err != nil {
		return err
	}
	f.transform(dst)
	return nil
}

// transform writes the spectrum of f.window to dst.
func (f *spectrum) transform(dst []float32) {
	f.fft.Coefficients(f.bins, f.window)
	scale := 1 / math.Sqrt(float64(len(f.window)))
	for k := range dst {
		c := f.bins[k+1]
		dst[k] = float32(math.Log(scale*math.Hypot(float64(real(c)), float64(imag(c))) + spectrumFloor))
	}
	zscore(dst)
}

func (f *spectrum) bytes() int64 { return f.waveform.bytes() + 40*int64(len(f.window)) }
