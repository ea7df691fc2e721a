package picture

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"brinell/bearing"
	"brinell/features/lines"
)

// shownOrders is how far the envelope spectrum is drawn, in orders of the shaft.
const shownOrders = 20

// floor is how far below its surroundings the envelope spectrum is drawn, dB.
const floor = -6

// Rows of text above the envelope spectrum: the legend, and names of lines below it.
const (
	rowHeight = 11.5 // points
	nameRows  = 3
)

// orderNames are the field's names of the orders at which faults have their lines.
var orderNames = map[bearing.Fault]string{bearing.InnerRace: "BPFI", bearing.OuterRace: "BPFO", bearing.Ball: "2×BSF"}

// envelope draws the envelope spectrum in orders of the shaft, with the places where each
// fault of the bearing has its lines.
func envelope(s Subject) *plot.Plot {
	a := lines.NewAnalyzer(nil)
	e, best := a.Among(s.Samples, s.Rate, s.Speed, s.Orders)
	spectrum, step := a.Spectrum()
	what := fmt.Sprintf("Envelope spectrum, whitened, mean of %d × %.0f turns, bearing %s", e.Segments, e.Turns,
		s.Bearing)
	if len(s.Orders) > 1 {
		what += fmt.Sprintf(" (orders estimated: the best of %d)", len(s.Orders))
	}
	p := axes(what, fmt.Sprintf("order of the shaft (1 order = %.4g Hz)", s.Speed), "above floor (dB)")
	xy := make(plotter.XYs, 0, len(spectrum))
	top := 12.0
	for i, v := range spectrum {
		if o := float64(i) * step; o > 0.15 && o <= shownOrders {
			y := max(floor, v*20/math.Ln10)
			top = max(top, y)
			xy = append(xy, plotter.XY{X: o, Y: y})
		}
	}
	m := &combs{top: top, shaft: s.Speed, main: s.Fault, found: s.Lines, spectrum: xy}
	for i, f := range lines.Faults {
		score, judged := s.Scores.Get(string(f))
		if !judged {
			score = e.Combs[i].Z
		}
		m.combs = append(m.combs, comb{fault: f, order: s.Orders[best].Line(f), slip: e.Combs[i].Slip, score: score})
	}
	p.Add(m)
	trace{xy}.add(p)
	p.Add(dots{m})
	p.X.Min, p.X.Max, p.Y.Min = 0, shownOrders, floor
	p.Y.Max = top + (top-floor)*0.55 // of which the names take less
	p.X.Tick.Marker = plot.ConstantTicks(wholeOrders())
	p.Y.Tick.Marker = plot.TickerFunc(func(lo, _ float64) []plot.Tick { return ticks(lo, top) })
	return p
}

func wholeOrders() (all []plot.Tick) {
	for o := 0; o <= shownOrders; o += 2 {
		all = append(all, plot.Tick{Value: float64(o), Label: fmt.Sprint(o)})
	}
	return all
}

// comb is where one fault has its lines.
type comb struct {
	fault       bearing.Fault
	order, slip float64
	score       float64
}

// at returns the place of a harmonic.
func (c comb) at(h int) float64 { return float64(h) * c.order * (1 + c.slip) }

// combs draws the places of all lines with their names above the spectrum, whose top they
// leave free.
type combs struct {
	top      float64
	shaft    float64 // Hz
	main     bearing.Fault
	combs    []comb
	found    []bearing.Line
	spectrum plotter.XYs
}

// name is what is written above a line.
type name struct {
	text  string
	comb  comb
	order float64
}

// names returns those of all lines within the plot, first those that must have room: of the
// fault that was named, then the first line of each.
func (m *combs) names() (all []name) {
	for _, c := range m.combs {
		for h := 1; c.at(h) > 0 && c.at(h) <= shownOrders; h++ {
			text := orderNames[c.fault]
			if h > 1 {
				text = fmt.Sprintf("%d×%s", h, text)
				if c.fault == bearing.Ball {
					text = fmt.Sprintf("%d×BSF", 2*h)
				}
			}
			all = append(all, name{text, c, c.at(h)})
		}
	}
	weight := func(n name) int {
		switch {
		case n.comb.fault == m.main:
			return 0
		case n.order == n.comb.at(1):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(a, b name) int { return weight(a) - weight(b) })
	return all
}

// placed is a name that has found room: its left and right edge, and its row from below.
type placed struct {
	name
	left, right vg.Length
	row         int
}

// place gives names room in rows, so that none overlaps another or leaves the plot; one that
// finds none is left out.
func place(names []name, at func(order float64) vg.Length, width func(string) vg.Length, min,
	max vg.Length) (all []placed) {
	const gap = 3
	for _, n := range names {
		w := width(n.text)
		left := at(n.order) - w/2
		if left < min {
			left = min
		}
		if left+w > max {
			left = max - w
		}
		for row := range nameRows {
			free := !slices.ContainsFunc(all, func(o placed) bool {
				return o.row == row && left < o.right+gap &&
					o.left < left+w+gap
			})
			if free {
				all = append(all, placed{n, left, left + w, row})
				break
			}
		}
	}
	return all
}

// Plot implements plot.Plotter.
func (m *combs) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	below := c.Max.Y - vg.Points(rowHeight*(nameRows+1)+4)
	names := m.names()
	for i := range names { // the most important last, on top
		n := names[len(names)-1-i]
		style := draw.LineStyle{Color: m.color(n.comb.fault), Width: vg.Points(0.7), Dashes: []vg.Length{vg.Points(2),
			vg.Points(3)}}
		if n.comb.fault == m.main {
			style.Width, style.Dashes = vg.Points(1), []vg.Length{vg.Points(5), vg.Points(2.5)}
		}
		c.StrokeLine2(style, x(n.order), c.Min.Y, x(n.order), below)
	}
	style := textStyle(8.5, false, ink)
	style.YAlign = draw.YBottom
	for _, n := range place(names, x, style.Width, c.Min.X, c.Max.X) {
		t := textStyle(8.5, n.comb.fault == m.main, faultColors[n.comb.fault])
		t.YAlign = draw.YBottom
		c.FillText(t, vg.Point{X: n.left, Y: below + vg.Points(2+rowHeight*float64(n.row))}, n.text)
	}
	m.legend(c)
}

// color is that of a fault, paler where another one was named.
func (m *combs) color(f bearing.Fault) color.Color {
	c := faultColors[f]
	if _, named := faultColors[m.main]; named && f != m.main {
		pale := func(v uint8) uint8 { return v/2 + 0x7f }
		c.R, c.G, c.B = pale(c.R), pale(c.G), pale(c.B)
	}
	return c
}

// legend says in the topmost row what each comb is.
func (m *combs) legend(c draw.Canvas) {
	for i, k := range m.combs {
		left := c.Min.X + vg.Points(4) + (c.Max.X-c.Min.X)*vg.Length(i)/vg.Length(len(m.combs))
		t := textStyle(9, k.fault == m.main, faultColors[k.fault])
		c.FillText(t, vg.Point{X: left, Y: c.Max.Y}, fmt.Sprintf("%s: %s at %.3f orders, %.4g Hz, score %.1f",
			words(k.fault), orderNames[k.fault], k.at(1), k.at(1)*m.shaft, k.score))
	}
}

// dots mark the lines that the diagnosis found to stand out.
type dots struct{ *combs }

// Plot implements plot.Plotter.
func (d dots) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, l := range d.found {
		if v, ok := d.peak(l.Order); ok {
			c.DrawGlyph(draw.GlyphStyle{Color: faultColors[l.Fault], Shape: draw.CircleGlyph{}, Radius: vg.Points(2.6)},
				vg.Point{X: x(v.X), Y: y(v.Y)})
		}
	}
}

// peak returns the highest value of the spectrum beside an order.
func (m *combs) peak(order float64) (best plotter.XY, ok bool) {
	const beside = 0.06 // orders: two lines of thirty turns
	for _, v := range m.spectrum {
		if math.Abs(v.X-order) <= beside && (!ok || v.Y > best.Y) {
			best, ok = v, true
		}
	}
	return best, ok
}
