package report

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"brinell/models/learn/network"
)

// PlotCurves draws the learning curves under a title: loss, accuracy and learning rate
// over epochs.
func PlotCurves(path, title string, epochs []network.EpochLine) error {
	var loss, accuracy, held, rate plotter.XYs
	for _, e := range epochs {
		x := float64(e.Epoch)
		loss = append(loss, plotter.XY{X: x, Y: e.Loss})
		accuracy = append(accuracy, plotter.XY{X: x, Y: e.Accuracy})
		rate = append(rate, plotter.XY{X: x, Y: e.LR})
		if e.Validation != nil {
			held = append(held, plotter.XY{X: x, Y: *e.Validation})
		}
	}
	first, second, third := plot.New(), plot.New(), plot.New()
	first.Title.Text = title
	first.Y.Label.Text, second.Y.Label.Text, third.Y.Label.Text = "loss", "accuracy", "learning rate"
	second.Y.Min, second.Y.Max = 0, 1
	for _, c := range []struct {
		p     *plot.Plot
		name  string
		style int
		xy    plotter.XYs
	}{{first, "training", 0, loss}, {second, "training", 0, accuracy}, {second, "validation", 1, held}, {third, "end of epoch", 2, rate}} {
		c.p.X.Label.Text = "epoch"
		if len(c.xy) == 0 {
			continue
		}
		line, err := plotter.NewLine(c.xy)
		if err != nil {
			return err
		}
		line.Color = palette[c.style%len(palette)]
		c.p.Add(plotter.NewGrid(), line)
		if err := points(c.p, c.name, c.style, c.xy); err != nil {
			return err
		}
	}
	return savePlots(path, [][]*plot.Plot{{first, second, third}}, 4.5*vg.Inch, 3.5*vg.Inch)
}
