package main

import (
	"fmt"
	"math"

	"github.com/mjibson/go-dsp/spectral"
	"github.com/mjibson/go-dsp/window"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"brinell/features/dsp"
	"brinell/internal/bearing"
	"brinell/internal/clamp"
)

// plotSignal draws the first tenth of a second of a recording and its power
// spectral density to a PNG file.
func plotSignal(path string, r bearing.Recording) error {
	wave, psd, err := signalPlots(r)
	if err != nil {
		return err
	}
	return savePlots(path, [][]*plot.Plot{{wave}, {psd}}, 9*vg.Inch, 3.5*vg.Inch)
}

func signalPlots(r bearing.Recording) (wave, psd *plot.Plot, err error) {
	unit := string(unitInside(r.Unit))
	wave = plot.New()
	wave.Title.Text = fmt.Sprintf("%s, %g Hz, first 0.1 s", r.Name, r.SampleRate)
	wave.X.Label.Text, wave.Y.Label.Text = "time, s", "acceleration, "+unit
	n := min(len(r.Samples), clamp.Int(r.SampleRate/10, 0, len(r.Samples))+1)
	xy := make(plotter.XYs, n)
	for i, v := range r.Samples[:n] {
		xy[i] = plotter.XY{X: float64(i) / r.SampleRate, Y: float64(v)}
	}
	if err := addLine(wave, xy); err != nil {
		return nil, nil, err
	}

	psd = plot.New()
	psd.Title.Text = "power spectral density (Welch, Hann taper, half overlap)" + steadiestBand(r)
	psd.X.Label.Text, psd.Y.Label.Text = "frequency, Hz", "dB re 1 "+unit+"²/Hz"
	density, freqs := welch(r)
	xy = make(plotter.XYs, 0, len(density))
	for i, p := range density {
		// The bin at 0 Hz holds the offset of the sensor.
		if i > 0 {
			xy = append(xy, plotter.XY{X: freqs[i], Y: 10 * math.Log10(math.Max(p, 1e-20))})
		}
	}
	return wave, psd, addLine(psd, xy)
}

// steadiestBand says in which band the hits are steadiest, by a vote of the kurtograms of
// up to eight pieces of the recording; nothing where none is impulsive.
func steadiestBand(r bearing.Recording) string {
	const piece, levels, most = 8192, 4, 8
	var windows [][]dsp.Band
	for from := 0; from+piece <= len(r.Samples) && len(windows) < most; from += piece {
		windows = append(windows, dsp.Kurtogram(widen(r.Samples[from:from+piece]), r.SampleRate, levels))
	}
	if len(windows) == 0 {
		return ""
	}
	b := dsp.VoteBand(windows)
	if b.Steady < 1 {
		return "; no band is impulsive"
	}
	return fmt.Sprintf("; most impulsive %.0f-%.0f Hz, spectral kurtosis %.1f", b.Low, b.High, b.Steady)
}

func widen(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// welch returns the one-sided power spectral density by Welch's method over
// pieces of up to 4096 samples.
func welch(r bearing.Recording) (density, freqs []float64) {
	x := widen(r.Samples)
	nfft := 4096
	for nfft > len(x) && nfft > 2 {
		nfft /= 2
	}
	return spectral.Pwelch(x, r.SampleRate, &spectral.PwelchOptions{NFFT: nfft, Noverlap: nfft / 2, Window: window.Hann})
}

func addLine(p *plot.Plot, xy plotter.XYs) error {
	l, err := plotter.NewLine(xy)
	if err != nil {
		return err
	}
	l.Color = blues{}.Colors()[50]
	p.Add(plotter.NewGrid(), l)
	return nil
}
