package report

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"brinell/models/assess"
)

// plotRuns draws level and distance from the baseline over each run to failure, with
// the limit and the onset of the first lasting alarm.
func (a *Accuracy) plotRuns(path string) error {
	var rows [][]*plot.Plot
	for _, r := range a.Runs {
		p, err := runPlot(r)
		if err != nil {
			return err
		}
		rows = append(rows, []*plot.Plot{p})
	}
	return savePlots(path, rows, 10*vg.Inch, 2.6*vg.Inch)
}

func runPlot(r *assess.RunReport) (*plot.Plot, error) {
	p := plot.New()
	name := r.Specimen
	if r.Channel != "" {
		name += ", channel " + r.Channel
	}
	p.Title.Text = fmt.Sprintf("%s: onset at snapshot %d, raised at %d, %s", name, r.Onset, r.Raised, r.Named)
	p.X.Label.Text, p.Y.Label.Text = "snapshot", "log10"
	var rms, distance, limit plotter.XYs
	for _, s := range r.Snapshots {
		x := float64(s.Number)
		rms = append(rms, plotter.XY{X: x, Y: math.Log10(math.Max(s.RMS, 1e-6))})
		if s.Limit > 0 {
			distance = append(distance, plotter.XY{X: x, Y: math.Log10(math.Max(s.Distance, 1e-3))})
			limit = append(limit, plotter.XY{X: x, Y: math.Log10(s.Limit)})
		}
	}
	for _, l := range []struct {
		name  string
		xy    plotter.XYs
		color color.Color
	}{{"level, g rms", rms, color.Gray{150}}, {"distance from the baseline", distance, blues{}.Colors()[50]}, {"limit", limit, color.RGBA{200, 60, 40, 255}}} {
		line, err := plotter.NewLine(l.xy)
		if err != nil {
			return nil, err
		}
		line.Color = l.color
		p.Add(line)
		p.Legend.Add(l.name, line)
	}
	if r.Onset > 0 {
		mark, err := plotter.NewLine(plotter.XYs{{X: float64(r.Onset), Y: p.Y.Min}, {X: float64(r.Onset), Y: p.Y.Max}})
		if err != nil {
			return nil, err
		}
		mark.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
		p.Add(mark)
		p.Legend.Add("onset", mark)
	}
	p.Legend.Top, p.Legend.Left = true, true
	return p, nil
}

// plotReliability draws accuracy over confidence; the area of a dot is its weight.
func (a *Accuracy) plotReliability(path string) error {
	p := plot.New()
	p.Title.Text = "reliability, bearings left out"
	p.X.Label.Text, p.Y.Label.Text = "confidence", "accuracy"
	diagonal, err := plotter.NewLine(plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}})
	if err != nil {
		return err
	}
	diagonal.Color = color.Gray{160}
	var xy plotter.XYs
	var weight []float64
	for _, r := range a.Figures.Reliability {
		if r.Weight > 0 {
			xy = append(xy, plotter.XY{X: r.Confidence, Y: r.Accuracy})
			weight = append(weight, r.Weight)
		}
	}
	dots, err := plotter.NewScatter(xy)
	if err != nil {
		return err
	}
	style := dots.GlyphStyle
	style.Color, style.Shape = blues{}.Colors()[50], draw.CircleGlyph{}
	dots.GlyphStyleFunc = func(i int) (s draw.GlyphStyle) {
		s = style
		s.Radius = vg.Points(2 + 18*math.Sqrt(weight[i]))
		return s
	}
	p.Add(plotter.NewGrid(), diagonal, dots)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	return savePlots(path, [][]*plot.Plot{{p}}, 4.5*vg.Inch, 4.5*vg.Inch)
}

// plotNoise draws the recall under noise.
func (a *Accuracy) plotNoise(path string) error {
	p := plot.New()
	p.Title.Text = "fan-end bearings, never trained on"
	p.X.Label.Text, p.Y.Label.Text = "signal to noise, dB", "balanced recall"
	var xy plotter.XYs
	for _, n := range a.Figures.Noise {
		xy = append(xy, plotter.XY{X: n.SNR, Y: n.Top})
	}
	if err := addLine(p, xy); err != nil {
		return err
	}
	p.Y.Min, p.Y.Max = 0, 1
	return savePlots(path, [][]*plot.Plot{{p}}, 5*vg.Inch, 3.5*vg.Inch)
}
