package picture

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"brinell/bearing"
)

// knocks returns a window whose resonance is struck at the outer race's order, and a diagnosis
// that says so.
func knocks(n int, rate, speed float64) (*bearing.Window, bearing.Diagnosis) {
	rng := rand.New(rand.NewPCG(1, 2))
	w := &bearing.Window{Sensor: "pump-1", Axis: "x", Start: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
		SampleRate: rate, ShaftSpeed: speed, Bearing: "6205-2RS", Unit: bearing.G, Samples: make([]float32, n)}
	b, _ := bearing.LookupBearing("6205-2RS")
	period := 1 / (b.Orders().BPFO * speed)
	for i := range w.Samples {
		since := math.Mod(float64(i)/rate, period)
		w.Samples[i] = float32(0.1*rng.NormFloat64() + math.Exp(-since*800)*math.Sin(2*math.Pi*0.25*rate*since))
	}
	d := bearing.Diagnosis{ID: "x", SampleRate: rate, SampleCount: n, ShaftSpeedRPM: speed * 60,
		Bearing: w.Bearing, Fault: bearing.OuterRace}
	d.Verdict = bearing.Verdict{Probability: 0.987, Summary: "Damage of the outer race: inspect it."}
	d.Witnesses.Envelope.Lines = []bearing.Line{{Fault: bearing.OuterRace, Harmonic: 1, Order: b.Orders().BPFO}}
	return w, d
}

func subject(n int, rate, speed float64) Subject {
	w, d := knocks(n, rate, speed)
	return Of("", w, d, bearing.LookupBearing)
}

// texts returns the texts of an SVG, and fails where it is no XML.
func texts(t *testing.T, b []byte) (all []string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(b))
	in := false
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := tok.(type) {
		case xml.StartElement:
			in = e.Name.Local == "text"
		case xml.CharData:
			if in {
				all = append(all, string(e))
			}
		case xml.EndElement:
			in = false
		}
	}
}

// TestDraw: a picture says what it is of, what was found and how surely, has units on its axes,
// and names the fault's lines.
func TestDraw(t *testing.T) {
	s := subject(12000, 12000, 30)
	b, err := Draw(s, bearing.PictureQuery{Format: bearing.SVG})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(texts(t, b), "\n")
	for _, want := range []string{"pump-1, axis x, 2026-01-31 12:00:00 UTC: outer race, probability 0.987",
		"inspect it.", "time (s)", "acceleration (g)",
		"frequency (Hz)", "level (dB re 1 g²/Hz)", "1 order = 30 Hz", "above floor (dB)", "\nBPFO\n", "2×BPFO",
		"5×BPFO", "BPFI", "2×BSF", "6205-2RS", "most impulsive from"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	if !regexp.MustCompile(`(?m)^outer race: BPFO at .*, score [0-9.]+$`).MatchString(all) || strings.Contains(all, "score 3.2") {
		t.Errorf("no score of its own in\n%s", all)
	}
	// A score is one number, here and in the verdict's reasons: the verdict's.
	w, d := knocks(12000, 12000, 30)
	d.Witnesses.Envelope.Scores = bearing.Values{{Name: "inner_race", Value: -0.4}, {Name: "outer_race", Value: 3.2468}, {Name: "ball", Value: 0}}
	if s.Scores = Of("", w, d, bearing.LookupBearing).Scores; len(s.Scores) != 3 {
		t.Errorf("scores %v", s.Scores)
	}
	b, err = Draw(s, bearing.PictureQuery{Format: bearing.SVG})
	if err != nil {
		t.Fatal(err)
	}
	all = strings.Join(texts(t, b), "\n")
	for _, want := range []string{"outer race: BPFO at .*, score 3.2", "inner race: BPFI at .*, score -0.4", "ball: 2×BSF at .*, score 0.0"} {
		if !regexp.MustCompile(want).MatchString(all) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	s.Unit, s.Orders, s.Fault = bearing.RelativeToFull, nil, bearing.Inconclusive
	s.Missing = s.missing()
	b, err = Draw(s, bearing.PictureQuery{Format: bearing.SVG})
	all = strings.Join(texts(t, b), "\n")
	if err != nil || !strings.Contains(all, "No envelope spectrum: the bearing 6205-2RS is not in the catalogue.") ||
		!strings.Contains(all, "acceleration (relative)") || strings.Contains(all, "BPFO") {
		t.Errorf("%v in\n%s", err, all)
	}
}

// TestMissing: each reason for which there is no envelope spectrum is told.
func TestMissing(t *testing.T) {
	f := func(change func(*Subject), want string) {
		t.Helper()
		s := subject(12000, 12000, 30)
		change(&s)
		if got := s.missing(); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	f(func(*Subject) {}, "")
	f(func(s *Subject) { s.Bearing = "" }, "not known")
	f(func(s *Subject) { s.Orders = nil }, "catalogue")
	f(func(s *Subject) { s.Speed = 0 }, "speed")
	f(func(s *Subject) { s.Samples = s.Samples[:1999] }, "too few turns")
	f(func(s *Subject) { s.Samples = s.Samples[:2000] }, "") // five turns
	f(func(s *Subject) { s.Speed = 1368 }, "above the band") // of 4700 Hz
	f(func(s *Subject) { s.Orders = []bearing.Orders{{}} }, "above the band")
	s := subject(12000, 12000, 30)
	w, d := knocks(12000, 12000, 30)
	d.Witnesses.Envelope.Reason = "why not"
	if got := Of("", w, d, func(string) (bearing.KnownBearing, bool) {
		return bearing.KnownBearing{},
			false
	}).Missing; got != "why not" {
		t.Errorf("%q, want the diagnosis's own reason", got)
	}
	if s.Missing != "" {
		t.Errorf("%q where there is one", s.Missing)
	}
}

// TestSizes: a PNG has as many pixels as were asked for, an SVG says so, and sizes out of
// bounds are refused.
func TestSizes(t *testing.T) {
	s := subject(6000, 12000, 30)
	for _, q := range []bearing.PictureQuery{{}, {Width: 480, Height: 480}, {Width: 2400, Height: 480},
		{Width: 480, Height: 2400}, {Width: 1201, Height: 999}, {Width: 2400, Height: 1200}, {Width: 1200, Height: 2400}} {
		want, err := q.WithDefaults()
		if err != nil {
			t.Fatal(err)
		}
		q.Format = bearing.PNG
		b, err := Draw(s, q)
		if err != nil {
			t.Fatal(err)
		}
		c, err := png.DecodeConfig(bytes.NewReader(b))
		if err != nil || c.Width != want.Width || c.Height != want.Height {
			t.Errorf("%+v: %dx%d, %v", q, c.Width, c.Height, err)
		}
	}
	b, err := Draw(s, bearing.PictureQuery{Format: bearing.SVG, Width: 640, Height: 512})
	if err != nil || !bytes.Contains(b, []byte(`<svg width="640" height="512" viewBox="0 0 `)) {
		t.Errorf("%v, %.300s", err, b)
	}
	for _, q := range []bearing.PictureQuery{{Width: 479}, {Width: 2401}, {Height: 479}, {Height: 2401}, {Width: -1},
		{Width: 2400, Height: 1201}, {Width: 2400, Height: 2400}, {Width: 1697, Height: 1698}} {
		if _, err := Draw(s, q); bearing.CodeOf(err) != "parameter_invalid" {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// TestSame: pictures that are drawn at a time are, byte for byte, the ones that are drawn
// one after the other.
func TestSame(t *testing.T) {
	s := subject(12000, 12000, 30)
	for _, format := range []string{bearing.PNG, bearing.SVG} {
		want, err := Draw(s, bearing.PictureQuery{Format: format})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if got, err := Draw(s, bearing.PictureQuery{Format: format}); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: another picture, %v", format, err)
				}
			})
		}
		wg.Wait()
	}
}

// TestForeignText: what clients named stays text.
func TestForeignText(t *testing.T) {
	s := subject(6000, 12000, 30)
	s.Bearing, s.Name = `<script>alert(1)</script>&"`, "a <b> & c"
	b, err := Draw(s, bearing.PictureQuery{Format: bearing.SVG})
	if err != nil || bytes.Contains(b, []byte("<script")) || bytes.Contains(b, []byte("<b>")) {
		t.Errorf("%v", err)
	}
	if all := strings.Join(texts(t, b), "\n"); !strings.Contains(all, "a <b> & c") || !strings.Contains(all, "<script>") {
		t.Errorf("the names are gone from\n%s", all)
	}
}

// TestExtremes: whatever passed the gate of windows can be drawn.
func TestExtremes(t *testing.T) {
	fill := func(n int, v func(i int) float32) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = v(i)
		}
		return x
	}
	for name, x := range map[string][]float32{
		"one sample": {1}, "two": {1, -1}, "zeros": make([]float32, 9000), "constant": fill(9000,
			func(int) float32 { return -3.7e8 }),
		"huge":   fill(9000, func(i int) float32 { return float32(1e9 * math.Cos(float64(i))) }),
		"tiny":   fill(9000, func(i int) float32 { return math.SmallestNonzeroFloat32 * float32(i%2) }),
		"offset": fill(9000, func(i int) float32 { return 1e8 + 8*float32(i%2) }),
		"step":   fill(9000, func(i int) float32 { return float32(i / 4500) }),
	} {
		for _, rate := range []float64{1, 12000, 10e6} {
			for _, speed := range []float64{0, 0.01, 30, 10_000} {
				for _, format := range []string{bearing.PNG, bearing.SVG} {
					if format == bearing.PNG && speed != 30 {
						continue
					}
					w := &bearing.Window{Sensor: "s", SampleRate: rate, ShaftSpeed: speed, Bearing: "6205-2RS",
						Unit: bearing.G, Samples: x}
					d := bearing.Diagnosis{SampleRate: rate, SampleCount: len(x), ShaftSpeedRPM: speed * 60, Bearing: w.Bearing}
					q := bearing.PictureQuery{Format: format, Width: 480, Height: 480}
					b, err := Draw(Of("", w, d, bearing.LookupBearing), q)
					if err != nil || len(b) == 0 || bytes.Contains(b, []byte("NaN")) && format == bearing.SVG {
						t.Errorf("%s at %g Hz, %g Hz as %s: %v, %d bytes", name, rate, speed, format, err, len(b))
					}
					if format == bearing.SVG {
						texts(t, b)
					}
				}
			}
		}
	}
}

// TestPlace: names of lines neither overlap nor leave the plot, and the fault that was named
// has all of its own.
func TestPlace(t *testing.T) {
	const left, right, letter = 50, 850, 5
	rng := rand.New(rand.NewPCG(3, 3))
	for range 300 {
		m := &combs{main: bearing.OuterRace, shaft: 30}
		n := 0.0
		for _, f := range []bearing.Fault{bearing.InnerRace, bearing.OuterRace, bearing.Ball} {
			m.combs = append(m.combs, comb{fault: f, order: 2.5 + 8*rng.Float64()})
		}
		n = math.Floor(shownOrders / m.combs[1].order)
		at := func(o float64) vg.Length { return left + (right-left)*vg.Length(o/shownOrders) }
		all := place(m.names(), at, func(s string) vg.Length { return vg.Length(letter * len([]rune(s))) }, left, right)
		for i, a := range all {
			if a.left < left || a.right > right || a.row < 0 || a.row >= nameRows {
				t.Fatalf("%q at %g..%g in row %d", a.text, a.left, a.right, a.row)
			}
			for _, b := range all[:i] {
				if a.row == b.row && a.left < b.right && b.left < a.right {
					t.Fatalf("%q overlaps %q", a.text, b.text)
				}
			}
			if a.comb.fault == m.main {
				n--
			}
		}
		if n != 0 {
			t.Fatalf("%g lines of the fault have no name", n)
		}
	}
}

// TestTicks: an axis has a few labels, all within it and all different.
func TestTicks(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for range 2000 {
		lo := rng.NormFloat64() * math.Pow(10, 12*rng.Float64()-6)
		lo, hi := span(lo, lo+math.Pow(10, 14*rng.Float64()-7))
		all := ticks(lo, hi)
		if len(all) < 3 || len(all) > mostTicks+1 {
			t.Fatalf("%d ticks from %g to %g", len(all), lo, hi)
		}
		seen := make(map[string]bool)
		for _, k := range all {
			if k.Value < lo || k.Value > hi {
				t.Fatalf("%g is not within %g..%g", k.Value, lo, hi)
			}
			seen[k.Label] = true
		}
		if step := all[1].Value - all[0].Value; len(seen) != len(all) && step > 1e-4*math.Abs(hi) {
			t.Fatalf("labels %v from %g to %g", all, lo, hi)
		}
	}
	for v, want := range map[float64]string{0: "0", -0.5: "−0.5", 1.5: "1.5", 2e7: "2e+07"} {
		if got := label(v, 0.5); got != want {
			t.Errorf("%g: %q, want %q", v, got, want)
		}
	}
}

// TestOutline: of a long waveform the extremes stay, and no more points than pixels show.
func TestOutline(t *testing.T) {
	x := make([]float32, 1_000_000)
	x[123_456], x[765_432] = 7, -9
	xy := outline(x, 1e6)
	lo, hi := 0.0, 0.0
	for i, p := range xy {
		lo, hi = min(lo, p.Y), max(hi, p.Y)
		if i > 0 && p.X < xy[i-1].X {
			t.Fatal("it goes back")
		}
	}
	if lo != -9 || hi != 7 || len(xy) != 2*columns {
		t.Errorf("%g..%g in %d points", lo, hi, len(xy))
	}
	if got := len(outline(x[:2*columns], 1e6)); got != 2*columns {
		t.Errorf("%d points of %d", got, 2*columns)
	}
}

// TestShown: a waveform shows a tenth of a second, or three turns of a slow shaft.
func TestShown(t *testing.T) {
	for speed, want := range map[float64]float64{0: 0.1, 30: 0.1, 29: 3.0 / 29, 10: 0.3, 0.1: 2} {
		if p := waveform(subjectAt(speed)); math.Abs(p.X.Max-want) > 1e-3 {
			t.Errorf("%g Hz: %g s, want %g", speed, p.X.Max, want)
		}
	}
}

func subjectAt(speed float64) Subject {
	s := subject(24000, 12000, 30)
	s.Speed = speed
	return s
}

// TestImpulsive: noise is not said to have hits, and their band is where the resonance is.
func TestImpulsive(t *testing.T) {
	s := subject(24000, 12000, 30)
	if b := steadiest(s); b.Steady < impulsive || b.Low > 3000 || b.High < 3000 {
		t.Errorf("%+v", b)
	}
	rng := rand.New(rand.NewPCG(5, 5))
	for i := range s.Samples {
		s.Samples[i] = float32(rng.NormFloat64())
	}
	if got := density(s).Title.Text; !strings.Contains(got, "no band is impulsive") {
		t.Errorf("noise: %s", got)
	}
	s.Samples = s.Samples[:8191]
	if got := density(s).Title.Text; got != "Power spectral density" {
		t.Errorf("too short to tell: %s", got)
	}
}

// TestLimits: from which spectral kurtosis on a band is shaded, how deep a density is drawn,
// how far from its order a line is marked, and how many names a place has.
func TestLimits(t *testing.T) {
	for steady, want := range map[float64]bool{0.999: false, 1: true} {
		if _, hit := (struck{High: 1, Steady: steady}).said(); hit != want {
			t.Errorf("spectral kurtosis %g: shaded %v", steady, hit)
		}
	}
	s := subject(8192, 12000, 30)
	for i := range s.Samples {
		s.Samples[i] = float32(math.Cos(2 * math.Pi * float64(i) / 4)) // one line, and nothing beside
	}
	p := density(s)
	if height := (p.Y.Max - p.Y.Min) / 1.1; math.Abs(height-150) > 1e-6 {
		t.Errorf("a density is %g dB high, want 150", height)
	}
	m := combs{spectrum: []plotter.XY{{X: 3.939, Y: 9}, {X: 3.941, Y: 1}, {X: 4.059, Y: 2}, {X: 4.061, Y: 9}}}
	if v, ok := m.peak(4); !ok || v.Y != 2 {
		t.Errorf("peak %v, %v", v, ok)
	}
	same := []name{{text: "a"}, {text: "b"}, {text: "c"}, {text: "d"}}
	all := place(same, func(float64) vg.Length { return 50 }, func(string) vg.Length { return 10 }, 0, 100)
	if len(all) != 3 {
		t.Errorf("%d names in one place, want 3", len(all))
	}
	pair := []name{{text: "a", order: 0}, {text: "b", order: 1}}
	for distance, row := range map[vg.Length]int{12.9: 1, 13.1: 0} { // three points apart, or in another row
		at := func(o float64) vg.Length { return 50 + distance*vg.Length(o) }
		if got := place(pair, at, func(string) vg.Length { return 10 }, 0, 100)[1].row; got != row {
			t.Errorf("%g apart: row %d, want %d", distance, got, row)
		}
	}
}
