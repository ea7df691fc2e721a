package picture

import (
	"cmp"
	"fmt"
	"image/color"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"brinell/bearing"
	"brinell/features/lines"
)

// Subject is what a picture shows: a signal, and what was said of it.
type Subject struct {
	Name    string
	Note    string // second line of the heading, "" for none
	Missing string // why there is no envelope spectrum, "" where there is

	Samples []float32        // as Unit.Inside says
	Rate    float64          // Hz
	Speed   float64          // of the shaft, Hz, 0 where it is not known
	Unit    bearing.Unit     // that was stated
	Bearing string           // designation
	Orders  []bearing.Orders // that the bearing may have
	Fault   bearing.Fault    // that was named
	Lines   []bearing.Line   // that stand out
	Scores  bearing.Values   // of the combs by fault, as the verdict states them; none for those of this picture's signal
}

// Of returns the subject of a window and its diagnosis. A name of "" is that of its sensor.
func Of(name string, w *bearing.Window, d bearing.Diagnosis, lookup func(string) (bearing.KnownBearing, bool)) Subject {
	e := d.Witnesses.Envelope
	s := Subject{Samples: w.Samples, Rate: w.SampleRate, Unit: w.Unit, Note: d.Verdict.Summary, Fault: d.Fault,
		Lines: e.Lines, Scores: e.Scores,
		Speed: SpeedOf(d), Bearing: cmp.Or(d.Verdict.Bearing, e.Bearing, d.Bearing)}
	if b, ok := bearing.Fitted(lookup, s.Bearing); ok {
		s.Orders = b.AppendCandidates(nil)
	}
	s.Name = heading(name, w, d)
	if s.Missing = s.missing(); s.Missing != "" && e.Reason != "" {
		s.Missing = e.Reason
	}
	return s
}

// SpeedOf returns the shaft speed (Hz) of a diagnosis: that its lines were looked for at, which
// may be registered or estimated, else the stated one; 0 where none is known.
func SpeedOf(d bearing.Diagnosis) float64 {
	return cmp.Or(d.Witnesses.Envelope.SpeedHz, d.ShaftSpeedRPM/60)
}

// heading says of what, when and with what result.
func heading(name string, w *bearing.Window, d bearing.Diagnosis) string {
	if name == "" {
		name = w.Sensor
		if w.Axis != "" {
			name += ", axis " + w.Axis
		}
	}
	if w.Start.After(time.Unix(0, 0)) { // else nobody said when
		name += w.Start.UTC().Format(", 2006-01-02 15:04:05 UTC")
	}
	name += ": " + words(d.Fault)
	if slices.Contains(bearing.Verdicts, d.Fault) && d.Fault != bearing.Inconclusive && d.Verdict.Probability > 0 {
		name += fmt.Sprintf(", probability %.3f", d.Verdict.Probability)
	}
	return name
}

// words writes a verdict as people do.
func words(f bearing.Fault) string {
	if f == "" {
		return "unusable"
	}
	return strings.ReplaceAll(string(f), "_", " ")
}

// missing says why the envelope spectrum of a subject cannot be drawn, "" where it can.
func (s Subject) missing() string {
	switch lo, hi := lines.Band(s.Rate); {
	case s.Unit.IsVelocity():
		return "the bearing's lines are looked for in acceleration, and this is velocity"
	case s.Bearing == "":
		return "the bearing is not known"
	case len(s.Orders) == 0:
		return "the bearing " + s.Bearing + " is not in the catalogue"
	case s.Speed <= 0:
		return "the shaft speed is not known"
	case len(s.Samples) < lines.Need(s.Rate, s.Speed):
		return "the window has too few turns of the shaft to resolve the lines"
	case s.Orders[0].BPFO <= 0 || s.Orders[0].BPFI <= 0 || s.Orders[0].BPFO*s.Speed > hi-lo:
		return "the lines of the bearing lie above the band that is looked at"
	}
	return ""
}

// unit is that of the samples.
func (s Subject) unit() string {
	return string(s.Unit.Inside())
}

// Draw returns the picture of a diagnosis. The same subject and query give the same bytes.
//
// Errors: Invalid parameter_invalid for a size that is out of bounds.
func Draw(s Subject, q bearing.PictureQuery) ([]byte, error) {
	if s.Missing == "" {
		return s.draw(q, waveform, density, envelope)
	}
	return s.draw(q, waveform, density)
}

// Signal returns the picture of a signal of which nothing was said: its waveform and its
// density. Errors are those of Draw.
func Signal(r bearing.Recording, q bearing.PictureQuery) ([]byte, error) {
	s := Subject{Name: r.Name, Samples: r.Samples, Rate: r.SampleRate, Speed: r.ShaftSpeed, Unit: r.Unit}
	return s.draw(q, waveform, density)
}

func (s Subject) draw(q bearing.PictureQuery, parts ...func(Subject) *plot.Plot) ([]byte, error) {
	q, err := q.WithDefaults()
	if err != nil {
		return nil, err
	}
	var rows [][]*plot.Plot
	for _, part := range parts {
		p := part(s)
		p.BackgroundColor = nil // the canvas has one, and a fill costs as much as all lines
		rows = append(rows, []*plot.Plot{p})
	}
	return encode(q, func(c draw.Canvas) {
		c = s.head(c)
		const gap = 9
		tiles := draw.Tiles{Rows: len(rows), Cols: 1, PadY: vg.Points(gap), PadTop: vg.Points(4),
			PadBottom: vg.Points(8), PadLeft: vg.Points(10), PadRight: vg.Points(22)}
		for i, row := range plot.Align(rows, tiles, c) {
			rows[i][0].Draw(row[0])
		}
	})
}

// head writes the heading and returns what is left of the canvas.
func (s Subject) head(c draw.Canvas) draw.Canvas {
	const margin = 14
	at := vg.Point{X: c.Min.X + vg.Points(margin), Y: c.Max.Y - vg.Points(10)}
	write := func(size float64, bold bool, ink color.Color, txt string) {
		style := textStyle(size, bold, ink)
		for _, line := range wrap(txt, style, c.Max.X-c.Min.X-vg.Points(2*margin)) {
			c.FillText(style, at, line)
			at.Y -= vg.Points(size * 1.35)
		}
		at.Y -= vg.Points(2)
	}
	title := ink
	if k, ok := faultColors[s.Fault]; ok {
		title = k
	}
	write(15, true, title, s.Name)
	write(10.5, false, ink, s.Note)
	switch {
	case s.Missing != "" && strings.Contains(s.Note, s.Missing):
		write(10.5, false, grey, "No envelope spectrum, for that reason.")
	case s.Missing != "":
		write(10.5, false, grey, "No envelope spectrum: "+s.Missing+".")
	}
	c.Max.Y = at.Y - vg.Points(2)
	return c
}
