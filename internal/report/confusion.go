package report

import (
	"fmt"
	"image/color"
	"io"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"brinell/bearing"
	"brinell/internal/clamp"
	"brinell/internal/picture"
	"brinell/models/train"
)

// confusion is a matrix as shares of each row, for a heat map: row 0 on top.
type confusion struct{ r train.Report }

func (c confusion) Dims() (int, int) { return len(c.r.Labels), len(c.r.Labels) }
func (c confusion) X(i int) float64  { return float64(i) }
func (c confusion) Y(i int) float64  { return float64(i) }
func (c confusion) Z(col, row int) float64 {
	counts := c.r.Confusion[len(c.r.Labels)-1-row]
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return float64(counts[col]) / float64(max(1, sum))
}

// blues runs from white to dark blue.
type blues struct{}

func shade(v float64) uint8 { return uint8(clamp.Int(v, 0, 255)) }

func (blues) Colors() []color.Color {
	out := make([]color.Color, 64)
	for i := range out {
		t := float64(i) / 63
		out[i] = color.RGBA{shade(255 - 225*t), shade(255 - 175*t), shade(255 - 90*t), 255}
	}
	return out
}

// PlotConfusion draws the confusion matrices side by side, up to three a row, as
// shares of the truth with the counts written in.
func PlotConfusion(path string, reports []train.Report) error {
	const size, columns = 5 * vg.Inch, 3
	cols := min(columns, len(reports))
	rows := (len(reports) + cols - 1) / cols
	plots := make([][]*plot.Plot, rows)
	for i := range rows {
		plots[i] = make([]*plot.Plot, cols)
	}
	for i, r := range reports {
		p, err := confusionPlot(r)
		if err != nil {
			return err
		}
		plots[i/cols][i%cols] = p
	}
	return savePlots(path, plots, size, size)
}

// savePlots writes a grid of plots, each of the given size, to a PNG file, or to an
// SVG file if path ends in .svg.
func savePlots(path string, plots [][]*plot.Plot, width, height vg.Length) error {
	rows, cols := len(plots), len(plots[0])
	width, height = width*vg.Length(cols), height*vg.Length(rows)
	var canvas interface {
		vg.CanvasSizer
		io.WriterTo
	}
	if picture.As(path).Format == bearing.SVG {
		canvas = vgsvg.New(width, height)
	} else {
		canvas = vgimg.PngCanvas{Canvas: vgimg.New(width, height)}
	}
	const pad = 4 * vg.Millimeter
	tiles := draw.Tiles{Rows: rows, Cols: cols, PadX: pad, PadY: pad, PadTop: pad / 2, PadRight: pad, PadBottom: pad / 2, PadLeft: pad / 2}
	canvases := plot.Align(plots, tiles, draw.New(canvas))
	for i := range plots {
		for j, p := range plots[i] {
			if p != nil {
				p.Draw(canvases[i][j])
			}
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = canvas.WriteTo(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func confusionPlot(r train.Report) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%s, split %s, fold %s, seed %d\naccuracy %.3f, macro-F1 %.3f, %d of %d bearings seen", r.Spec, r.Split, r.Fold, r.Seed, r.Accuracy, r.MacroF1, r.SpecimensSeen, r.Specimens)
	p.X.Label.Text, p.Y.Label.Text = "answer", "truth"
	h := plotter.NewHeatMap(confusion{r}, blues{})
	h.Min, h.Max = 0, 1
	p.Add(h)
	var xy plotter.XYs
	var texts []string
	k := len(r.Labels)
	for i, row := range r.Confusion {
		for j, n := range row {
			if n > 0 {
				xy = append(xy, plotter.XY{X: float64(j), Y: float64(k - 1 - i)})
				texts = append(texts, fmt.Sprint(n))
			}
		}
	}
	labels, err := plotter.NewLabels(plotter.XYLabels{XYs: xy, Labels: texts})
	if err != nil {
		return nil, err
	}
	for i := range labels.TextStyle {
		labels.TextStyle[i].XAlign, labels.TextStyle[i].YAlign = draw.XCenter, draw.YCenter
		if (confusion{r}).Z(clamp.Count(xy[i].X), clamp.Count(xy[i].Y)) > 0.5 {
			labels.TextStyle[i].Color = color.White
		}
	}
	p.Add(labels)
	var xt, yt []plot.Tick
	for i, l := range r.Labels {
		xt = append(xt, plot.Tick{Value: float64(i), Label: l})
		yt = append(yt, plot.Tick{Value: float64(k - 1 - i), Label: l})
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(xt), plot.ConstantTicks(yt)
	p.X.Tick.Label.Rotation = 0.9
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XRight, draw.YCenter
	return p, nil
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
