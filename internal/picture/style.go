package picture

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"brinell/bearing"
	"brinell/internal/clamp"
)

// Colours, told apart by people who see few of them.
// Reference: M. Okabe, K. Ito, Color universal design, 2008.
var (
	ink    = color.RGBA{0x22, 0x2b, 0x36, 0xff}
	grey   = color.RGBA{0x5b, 0x66, 0x73, 0xff}
	rule   = color.RGBA{0xe2, 0xe6, 0xea, 0xff}
	signal = color.RGBA{0x2a, 0x5d, 0x93, 0xff}
	band   = color.RGBA{0xfd, 0xf0, 0xd5, 0xff}

	faultColors = map[bearing.Fault]color.RGBA{
		bearing.InnerRace: {0xc4, 0x3c, 0x1c, 0xff},
		bearing.OuterRace: {0x00, 0x7a, 0x55, 0xff},
		bearing.Ball:      {0x9b, 0x4b, 0x8c, 0xff},
	}
)

// family of type that every part of a picture is set in. Its metrics are those of Arial, so
// that an SVG has room for its text where it is not installed.
const family = "Liberation"

func sans(size float64, bold bool) font.Font {
	f := font.Font{Typeface: family, Variant: "Sans", Size: vg.Points(size)}
	if bold {
		f.Weight = 3 // of golang.org/x/image/font: WeightBold
	}
	return f
}

func textStyle(size float64, bold bool, c color.Color) text.Style {
	return text.Style{Font: sans(size, bold), Color: c, Handler: plot.DefaultTextHandler, XAlign: draw.XLeft,
		YAlign: draw.YTop}
}

// axes returns an empty plot with a title, and labels that have units.
func axes(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.TextStyle.Font, p.Title.TextStyle.Color, p.Title.Padding = sans(11.5, true), ink, vg.Points(5)
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font, a.Label.TextStyle.Color = sans(10.5, false), ink
		a.Tick.Label.Font, a.Tick.Label.Color = sans(9.5, false), grey
		a.Color, a.Tick.Color = grey, grey
		a.Padding, a.Tick.Length, a.Label.Padding = 0, vg.Points(4), vg.Points(3)
		a.Tick.Marker = plot.TickerFunc(ticks)
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = rule, rule
	p.Add(grid)
	return p
}

// trace is the line of a signal. It is drawn in short strokes: the rasterizer takes time with
// the square of what one stroke has in a row of pixels.
type trace struct{ xy plotter.XYs }

// strokePoints is how many points a stroke has.
const strokePoints = 60

// Plot implements plot.Plotter.
func (t trace) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	style := draw.LineStyle{Color: signal, Width: vg.Points(0.9)}
	points := make([]vg.Point, 0, strokePoints+1)
	for i, v := range t.xy {
		at := vg.Point{X: x(v.X), Y: y(v.Y)}
		points = append(points, at)
		if len(points) > strokePoints || i == len(t.xy)-1 {
			c.StrokeLines(style, points)
			points = append(points[:0], at)
		}
	}
}

// add draws a line, to which the axes are fitted: its x from first to last.
func (t trace) add(p *plot.Plot) {
	p.Add(t)
	if len(t.xy) == 0 {
		return
	}
	p.X.Min, p.X.Max = t.xy[0].X, t.xy[len(t.xy)-1].X
	if !(p.X.Max > p.X.Min) {
		p.X.Max = p.X.Min + 1
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range t.xy {
		lo, hi = min(lo, v.Y), max(hi, v.Y)
	}
	p.Y.Min, p.Y.Max = span(lo, hi)
}

// mostTicks is how many labels an axis has at most.
const mostTicks = 10

// ticks are the multiples of one, two or five times a power of ten within an axis.
func ticks(lo, hi float64) (all []plot.Tick) {
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/mostTicks)))
	for _, k := range []float64{1, 2, 5, 10} {
		if (hi-lo)/(k*step) <= mostTicks {
			step *= k
			break
		}
	}
	from := math.Ceil(lo / step)
	for k := range mostTicks + 1 {
		if v := (from + float64(k)) * step; v <= hi {
			all = append(all, plot.Tick{Value: v, Label: label(v, step)})
		}
	}
	return all
}

// label writes a number of an axis with the digits that its steps need.
func label(v, step float64) string {
	if math.Abs(v) < step/2 {
		return "0"
	}
	if math.Abs(v) >= 1e6 || step < 1e-4 {
		return strconv.FormatFloat(v, 'g', 5, 64)
	}
	s := strconv.FormatFloat(v, 'f', clamp.Int(math.Ceil(-math.Log10(step)-1e-9), 0, 6), 64)
	return strings.Replace(s, "-", "−", 1)
}

// span widens an interval a little, and one that has no width so that it has one.
func span(lo, hi float64) (float64, float64) {
	pad := 0.05 * (hi - lo)
	if least := 1e-6 * max(math.Abs(lo), math.Abs(hi)); !(hi-lo > least) {
		pad = max(least, math.Abs(hi)/10)
		if pad == 0 {
			pad = 1
		}
	}
	return lo - pad, hi + pad
}

// wrap breaks a text into lines of a width at its spaces.
func wrap(s string, style text.Style, width vg.Length) (all []string) {
	line := ""
	for _, word := range strings.Fields(s) {
		longer := strings.TrimSpace(line + " " + word)
		if line != "" && style.Width(longer) > width {
			all = append(all, line)
			longer = word
		}
		line = longer
	}
	if line != "" {
		all = append(all, line)
	}
	return all
}

// forBrowsers makes an SVG of the size that was asked for, in pixels, with other families of
// the same metrics for where ours is not installed.
func forBrowsers(b []byte, q bearing.PictureQuery) []byte {
	head, rest, _ := strings.Cut(string(b), "viewBox=")
	before, _, _ := strings.Cut(head, "<svg ")
	head = fmt.Sprintf("%s<svg width=\"%d\" height=\"%d\" ", before, q.Width, q.Height)
	rest = strings.ReplaceAll(rest, "font-family:Liberation Sans",
		"font-family:Liberation Sans,Arimo,Arial,Helvetica,sans-serif")
	return []byte(head + "viewBox=" + rest)
}
