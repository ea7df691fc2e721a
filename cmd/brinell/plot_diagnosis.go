package main

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"brinell/features/lines"
	"brinell/internal/bearing"
)

// faultColors mark the lines of a fault, the same in every picture.
var faultColors = map[bearing.Fault]color.Color{
	bearing.InnerRace: color.RGBA{200, 60, 40, 255},
	bearing.OuterRace: color.RGBA{30, 130, 60, 255},
	bearing.Ball:      color.RGBA{150, 90, 180, 255},
}

// plotDiagnosis draws what a diagnosis rests on: the waveform, its spectrum, and the
// envelope spectrum in orders with the places where each fault has its lines.
func plotDiagnosis(path string, r bearing.Recording, d fileDiagnosis, cat *bearing.Catalogue) error {
	wave, psd, err := signalPlots(r)
	if err != nil {
		return err
	}
	wave.Title.Text = fmt.Sprintf("%s: %s, p = %.2f, witnesses %s, %d windows, %.3g s", r.Name, d.Fault, d.Verdict.Probability, d.Verdict.Agreement, d.Verdict.Windows, d.Verdict.Seconds)
	rows := [][]*plot.Plot{{wave}, {psd}}
	if b, ok := cat.Lookup(r.Bearing); ok && r.ShaftSpeed > 0 && len(r.Samples) >= lines.Need(r.SampleRate, r.ShaftSpeed) {
		env, err := envelopePlot(r, lines.Machine{ShaftSpeed: r.ShaftSpeed, Orders: b.Orders()})
		if err != nil {
			return err
		}
		rows = append(rows, []*plot.Plot{env})
	} else {
		psd.Title.Text += "; no envelope spectrum: it needs --rpm and --bearing"
	}
	return savePlots(path, rows, 10*vg.Inch, 3.2*vg.Inch)
}

// plottedOrders is how far the envelope spectrum is drawn.
const plottedOrders = 20

func envelopePlot(r bearing.Recording, m lines.Machine) (*plot.Plot, error) {
	a := lines.NewAnalyzer(nil)
	e := a.Analyze(r.Samples, r.SampleRate, m)
	spectrum, step := a.Spectrum()
	p := plot.New()
	p.Title.Text = fmt.Sprintf("envelope spectrum, pre-whitened, %d segments of %.0f turns; impulsiveness %.2f", e.Segments, e.Turns, e.Steady)
	p.X.Label.Text, p.Y.Label.Text = fmt.Sprintf("order of the shaft speed (%.4g Hz)", m.ShaftSpeed), "dB over its surroundings"
	xy := make(plotter.XYs, 0, len(spectrum))
	top := 12.0
	for i, v := range spectrum {
		if o := float64(i) * step; o > 0.15 && o <= plottedOrders {
			y := max(-6, v*20/math.Ln10)
			top = max(top, y)
			xy = append(xy, plotter.XY{X: o, Y: y})
		}
	}
	for i := range e.Combs {
		c, f := &e.Combs[i], lines.Faults[i]
		for h := 1; float64(h)*c.Order <= plottedOrders; h++ {
			order := float64(h) * c.Order * (1 + c.Slip)
			mark, err := plotter.NewLine(plotter.XYs{{X: order, Y: -6}, {X: order, Y: top * 1.05}})
			if err != nil {
				return nil, err
			}
			mark.Color, mark.Dashes, mark.Width = faultColors[f], []vg.Length{vg.Points(3), vg.Points(3)}, vg.Points(0.8)
			p.Add(mark)
			if h == 1 {
				p.Legend.Add(fmt.Sprintf("%s: order %.3f, slip %+.1f %%, score %.1f", f, c.Order, 100*c.Slip, c.Z), mark)
			}
		}
	}
	if err := addLine(p, xy); err != nil {
		return nil, err
	}
	var ticks []plot.Tick
	for o := 0; o <= plottedOrders; o++ {
		t := plot.Tick{Value: float64(o)}
		if o%2 == 0 {
			t.Label = fmt.Sprint(o)
		}
		ticks = append(ticks, t)
	}
	p.X.Tick.Marker = plot.ConstantTicks(ticks)
	p.X.Min, p.X.Max = 0, plottedOrders
	p.Y.Max = top * 1.6
	p.Legend.Top, p.Legend.Left = true, true
	return p, nil
}
