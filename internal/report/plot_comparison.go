package report

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"brinell/internal/kernel"
	"brinell/models"
	"brinell/models/prune"
)

// palette tells methods apart, also in shades of grey by the shapes beside it.
// Colours: M. Okabe, K. Ito, Color universal design, 2008.
var (
	palette = []color.Color{
		color.RGBA{0x00, 0x72, 0xb2, 0xff}, color.RGBA{0xd5, 0x5e, 0x00, 0xff}, color.RGBA{0x00, 0x9e, 0x73, 0xff}, color.RGBA{0xcc, 0x79, 0xa7, 0xff},
		color.RGBA{0x00, 0x00, 0x00, 0xff}, color.RGBA{0x56, 0xb4, 0xe9, 0xff}, color.RGBA{0xe6, 0x9f, 0x00, 0xff},
	}
	shapes = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.CrossGlyph{}, draw.RingGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}}
)

// plotComparison draws the pictures of a report, each as PNG and SVG.
func plotComparison(dir string, r prune.Report) error {
	pictures := []struct {
		name          string
		make          func(prune.Report) ([][]*plot.Plot, error)
		width, height vg.Length
	}{
		{"pareto", paretoPlots, 4.6 * vg.Inch, 3.6 * vg.Inch},
		{"scales", scalePlots, 4 * vg.Inch, 3 * vg.Inch},
		{"channels", channelPlots, 5 * vg.Inch, 3.6 * vg.Inch},
		{"sensitivity", sensitivityPlots, 6 * vg.Inch, 3.6 * vg.Inch},
		{"times", timePlots, 4.6 * vg.Inch, 3.6 * vg.Inch},
	}
	for _, p := range pictures {
		for _, ext := range []string{".png", ".svg"} {
			plots, err := p.make(r)
			if err != nil {
				return err
			}
			if plots == nil {
				continue
			}
			if err := savePlots(filepath.Join(dir, p.name+ext), plots, p.width, p.height); err != nil {
				return err
			}
		}
	}
	return nil
}

// methodsOf returns the methods of the rows in order of appearance.
func methodsOf(ms []mean) (methods []string) {
	for _, m := range ms {
		if !slices.Contains(methods, m.first.Method) {
			methods = append(methods, m.first.Method)
		}
	}
	return methods
}

// logTicks labels the decades and their thirds.
func logTicks(p *plot.Axis) {
	p.Scale = plot.LogScale{}
	p.Tick.Marker = plot.TickerFunc(func(lo, hi float64) (ticks []plot.Tick) {
		for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
			for k := 1.0; k < 10; k++ {
				v := k * math.Pow(10, e)
				t := plot.Tick{Value: v}
				if k == 1 || k == 3 {
					t.Label = shortNumber(v)
				}
				if v >= lo*0.999 && v <= hi*1.001 {
					ticks = append(ticks, t)
				}
			}
		}
		return ticks
	})
}

func shortNumber(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.3gM", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.3gk", v/1e3)
	}
	return fmt.Sprintf("%.3g", v)
}

// points adds one glyph for each (x, y), as a method of the legend.
func points(p *plot.Plot, name string, style int, xy plotter.XYs) error {
	s, err := plotter.NewScatter(xy)
	if err != nil {
		return err
	}
	s.GlyphStyle = draw.GlyphStyle{Color: palette[style%len(palette)], Shape: shapes[style%len(shapes)], Radius: 3}
	p.Add(s)
	p.Legend.Add(name, s)
	return nil
}

// paretoPlots sets accuracy against what it costs, a mean over seeds and folds for
// each setting.
func paretoPlots(r prune.Report) ([][]*plot.Plot, error) {
	ms := means(r)
	costs := []struct {
		label string
		of    func(mean) float64
	}{
		{"parameters that are not zero", func(m mean) float64 { return m.params }},
		{"multiply-accumulates of nonzero operands", func(m mean) float64 { return m.both }},
		{"microseconds a window, " + kernel.Active(), func(m mean) float64 { return m.one }},
	}
	marks := []struct {
		label string
		of    func(mean) float64
	}{
		{"accuracy", func(m mean) float64 { return m.accuracy }},
		{fmt.Sprintf("accuracy with noise at %g dB", r.Noise), func(m mean) float64 { return m.noisy }},
	}
	var grid [][]*plot.Plot
	legend := plot.NewLegend()
	for _, mark := range marks {
		var row []*plot.Plot
		for _, cost := range costs {
			p := plot.New()
			var front plotter.XYs
			for _, m := range ms {
				if cost.of(m) > 0 { // what was not timed has no place on a logarithmic axis
					front = append(front, plotter.XY{X: cost.of(m), Y: mark.of(m)})
				}
			}
			if len(front) == 0 {
				row = append(row, nil)
				continue
			}
			if err := addFront(p, front); err != nil {
				return nil, err
			}
			p.X.Label.Text, p.Y.Label.Text = cost.label, mark.label
			logTicks(&p.X)
			p.Add(plotter.NewGrid())
			for style, method := range methodsOf(ms) {
				var xy plotter.XYs
				for _, m := range ms {
					if m.first.Method == method && cost.of(m) > 0 {
						xy = append(xy, plotter.XY{X: cost.of(m), Y: mark.of(m)})
					}
				}
				if len(xy) == 0 {
					continue
				}
				if err := points(p, method, style, xy); err != nil {
					return nil, err
				}
			}
			legend, p.Legend = p.Legend, plot.NewLegend() // the same in all
			row = append(row, p)
		}
		grid = append(grid, append(row, nil))
	}
	grid[0][len(costs)] = legendPlot(legend)
	grid[0][0].Title.Text = fmt.Sprintf("%s, split %s", r.Rows[0].Spec, r.Split)
	return grid, nil
}

// addFront draws a line through the points that no other one beats in both respects.
func addFront(p *plot.Plot, xy plotter.XYs) error {
	slices.SortFunc(xy, func(a, b plotter.XY) int { return cmp.Or(cmp.Compare(a.X, b.X), cmp.Compare(b.Y, a.Y)) })
	var front plotter.XYs
	for _, q := range xy {
		if n := len(front); n == 0 || q.Y > front[n-1].Y {
			if n > 0 {
				front = append(front, plotter.XY{X: q.X, Y: front[n-1].Y})
			}
			front = append(front, q)
		}
	}
	l, err := plotter.NewLine(front)
	if err != nil {
		return err
	}
	l.Color, l.Width = color.Gray{0xa0}, vg.Points(0.7)
	p.Add(l)
	return nil
}

// legendPlot is a legend in a place of its own.
func legendPlot(l plot.Legend) *plot.Plot {
	p := plot.New()
	p.HideAxes()
	p.Legend = l
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.Padding = vg.Points(3)
	p.Legend.YPosition = draw.PosTop
	return p
}

// firstOf returns the first row for which f holds.
func firstOf(r prune.Report, f func(prune.Row) bool) (prune.Row, bool) {
	i := slices.IndexFunc(r.Rows, f)
	if i < 0 {
		return prune.Row{}, false
	}
	return r.Rows[i], true
}

// scalePlots are histograms of |γ|: as trained, with the L1 term, and after slimming.
func scalePlots(r prune.Report) ([][]*plot.Plot, error) {
	var row []*plot.Plot
	add := func(title string, f func(prune.Row) bool) error {
		x, ok := firstOf(r, f)
		if !ok || len(x.Gammas) == 0 {
			return nil
		}
		h, err := plotter.NewHist(plotter.Values(x.Gammas), 40)
		if err != nil {
			return err
		}
		h.FillColor = palette[0]
		h.LineStyle.Width = 0
		p := plot.New()
		p.Title.Text = fmt.Sprintf("%s: %d scales", title, len(x.Gammas))
		p.X.Label.Text, p.Y.Label.Text = "|γ|", "channels"
		p.X.Min = 0
		p.Add(h)
		row = append(row, p)
		return nil
	}
	for _, method := range []string{"dense", "before", "sparse"} {
		if err := add(method, func(x prune.Row) bool { return x.Method == method }); err != nil {
			return nil, err
		}
	}
	err := add("slimmed", func(x prune.Row) bool {
		return x.Method == prune.NetworkSlimming && x.Nonzero == smallest(r, prune.NetworkSlimming)
	})
	if err != nil || len(row) == 0 {
		return nil, err
	}
	return [][]*plot.Plot{row}, nil
}

// smallest returns the fewest parameters among the rows of a method.
func smallest(r prune.Report, method string) int {
	least := math.MaxInt
	for _, x := range r.Rows {
		if x.Method == method {
			least = min(least, x.Nonzero)
		}
	}
	return least
}

// channelPlots shows the channels of each layer for each structured setting of the
// first seed.
func channelPlots(r prune.Report) ([][]*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%s: channels of each layer", r.Rows[0].Spec)
	p.X.Label.Text, p.Y.Label.Text = "layer", "channels"
	logTicks(&p.Y)
	first := r.Rows[0]
	n := 0
	for i, row := range r.Rows {
		if row.Seed != first.Seed || row.Fold != first.Fold || i > 0 && (row.Count == first.Count || row.Method == "from scratch") {
			continue
		}
		var xy plotter.XYs
		for k, c := range row.Channels {
			xy = append(xy, plotter.XY{X: float64(k), Y: float64(c.Out)})
		}
		l, s, err := plotter.NewLinePoints(xy)
		if err != nil {
			return nil, err
		}
		l.Color, s.Color, s.Shape = palette[n%len(palette)], palette[n%len(palette)], shapes[(n+n/len(palette))%len(shapes)]
		p.Add(l, s)
		p.Legend.Add(row.Method+", "+row.Name, l, s)
		n++
	}
	var ticks []plot.Tick
	for k, c := range first.Channels {
		ticks = append(ticks, plot.Tick{Value: float64(k), Label: fmt.Sprintf("%s %s", c.Layer, c.Op)})
	}
	p.X.Tick.Marker = plot.ConstantTicks(ticks)
	p.X.Tick.Label.Rotation = 0.6
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XRight, draw.YCenter
	legend := legendPlot(p.Legend)
	p.Legend = plot.NewLegend()
	return [][]*plot.Plot{{p, legend}}, nil
}

// sensitivityPlots shows the sweeps that chose winner rates.
func sensitivityPlots(r prune.Report) ([][]*plot.Plot, error) {
	row, ok := firstOf(r, func(x prune.Row) bool { return len(x.Curves) > 0 })
	if !ok {
		return nil, nil
	}
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%s: accuracy as one layer reads fewer winners", row.Spec)
	p.X.Label.Text, p.Y.Label.Text = "winner rate", "accuracy on the validation part"
	logTicks(&p.X)
	p.Legend.Padding = vg.Points(3)
	for i, c := range row.Curves {
		if err := curve(p, i, c); err != nil {
			return nil, err
		}
	}
	return [][]*plot.Plot{{p}}, nil
}

// curve draws a sweep: points as measured, a line as smoothed.
func curve(p *plot.Plot, style int, c models.Sweep) error {
	measured, smooth := make(plotter.XYs, len(c.Rates)), make(plotter.XYs, len(c.Rates))
	for i, rate := range c.Rates {
		measured[i], smooth[i] = plotter.XY{X: rate, Y: c.Accuracy[i]}, plotter.XY{X: rate, Y: c.Smooth[i]}
	}
	l, err := plotter.NewLine(smooth)
	if err != nil {
		return err
	}
	l.Color = palette[style%len(palette)]
	p.Add(l)
	return points(p, "before layer "+string(c.Layer), style, measured)
}

// timePlots sets the time of a window against the size, on each kernel: alone in the
// upper row, as one of 64 in the lower.
func timePlots(r prune.Report) ([][]*plot.Plot, error) {
	if len(r.Rows[0].Timings) == 0 {
		return nil, nil
	}
	batches := []struct {
		label string
		of    func(prune.Timing) float64
	}{
		{"microseconds a window", func(t prune.Timing) float64 { return t.One }},
		{"microseconds for one of 64", func(t prune.Timing) float64 { return t.Batch }},
	}
	methods := methodsOf(means(r))
	var grid [][]*plot.Plot
	var legend plot.Legend
	for _, b := range batches {
		var row []*plot.Plot
		for k, t := range r.Rows[0].Timings {
			p := plot.New()
			p.Title.Text = t.Kernel
			p.X.Label.Text, p.Y.Label.Text = "parameters that are not zero", b.label
			logTicks(&p.X)
			logTicks(&p.Y)
			p.Add(plotter.NewGrid())
			for style, method := range methods {
				var xy plotter.XYs
				for _, x := range r.Rows {
					if x.Method == method {
						xy = append(xy, plotter.XY{X: float64(x.Nonzero), Y: b.of(x.Timings[k])})
					}
				}
				if err := points(p, method, style, xy); err != nil {
					return nil, err
				}
			}
			legend, p.Legend = p.Legend, plot.NewLegend()
			row = append(row, p)
		}
		grid = append(grid, append(row, nil))
	}
	grid[0][len(grid[0])-1] = legendPlot(legend)
	return grid, nil
}
