package models

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"brinell/bearing"
	"brinell/features/lines"
	"brinell/models/input"
	"brinell/models/safetensors"
)

// The tensors of the golden windows.
const (
	goldenWindows = "golden.windows" // F32 [samples of all windows]; in format 1 [windows, length]
	goldenLogits  = "golden.logits"  // F32 [windows, classes]
)

// The bounds of what proves a file.
const (
	maxGolden        = 64
	maxGoldenSamples = 1 << 22  // of all golden windows together
	maxProof         = 1 << 32  // multiply-accumulates of all golden windows together
	maxGoldenBytes   = 64 << 20 // that the lines of one may take
	maxGoldenRates   = 4        // of all golden windows: each needs a filter of its own
)

// goldenTolerance is how far logits may be off, relative to the largest: other
// processors round differently, a wrong file is off by far more.
const goldenTolerance = 1e-3

// GoldenWindow is what the manifest says of a golden window: a stretch of raw samples
// that goes the whole way, from samples to logits, whenever the file is opened.
type GoldenWindow struct {
	Samples    int         `json:"samples"`
	Rate       float64     `json:"sample_rate_hz"`
	ShaftSpeed float64     `json:"shaft_speed_hz,omitempty"`
	Orders     *[4]float64 `json:"orders,omitempty"` // of the bearing: BPFO, BPFI, BSF, FTF
}

// machine returns that of the window.
func (g GoldenWindow) machine() lines.Machine {
	m := lines.Machine{ShaftSpeed: g.ShaftSpeed}
	if o := g.Orders; o != nil {
		m.Orders = bearing.Orders{BPFO: o[0], BPFI: o[1], BSF: o[2], FTF: o[3]}
	}
	return m
}

// golden windows stand with the logits that the model gave when it was saved.
type golden struct {
	windows []input.Window
	logits  []float32
	inputs  []float32 // of a file of format 1, in place of windows: evidence
}

// bytes returns how many bytes of a file the golden windows take.
func (g golden) bytes(rows []GoldenWindow) int {
	text, err := json.Marshal(rows)
	if err != nil {
		panic("models: " + err.Error()) // numbers
	}
	n := len(text) + 4*len(g.logits)
	for _, w := range g.windows {
		n += 4 * len(w.Samples)
	}
	return n
}

// SetGolden stores windows as the model's golden ones: each of one stretch, or of any
// length where the representation reads whole windows, with the machine where it needs
// it. Their present logits are saved with them, and Open refuses a file that does not
// reproduce them. Of windows at more than maxGoldenRates rates those of the first are taken.
func (m *Model) SetGolden(windows []input.Window) error {
	g := golden{windows: fewRates(windows)}
	rows := make([]GoldenWindow, len(g.windows))
	for i, w := range g.windows {
		g.windows[i].Evidence = nil
		rows[i] = GoldenWindow{Samples: len(w.Samples), Rate: w.Rate, ShaftSpeed: w.Machine.ShaftSpeed}
		if o := w.Machine.Orders; w.Machine.Known() {
			rows[i].Orders = &[4]float64{o.BPFO, o.BPFI, o.BSF, o.FTF}
		}
	}
	if err := checkGoldenRows(m.Preprocessing, rows); err != nil {
		return err
	}
	c := m.Classifier()
	for _, w := range g.windows {
		z, err := c.Logits(w)
		if err != nil {
			return err
		}
		g.logits = append(g.logits, z...)
	}
	m.golden, m.Golden = g, rows
	return nil
}

// fewRates returns the windows of the first maxGoldenRates rates.
func fewRates(windows []input.Window) (few []input.Window) {
	var rates []float64
	for _, w := range windows {
		if !slices.Contains(rates, w.Rate) && len(rates) < maxGoldenRates {
			rates = append(rates, w.Rate)
		}
		if slices.Contains(rates, w.Rate) {
			few = append(few, w)
		}
	}
	return few
}

// GoldenWindows returns the golden windows.
func (m *Model) GoldenWindows() []input.Window { return m.golden.windows }

// checkGoldenRows says what of golden windows a representation does not take, before
// anything of them is computed.
func checkGoldenRows(p input.Preprocessing, rows []GoldenWindow) error {
	if len(rows) == 0 || len(rows) > maxGolden {
		return fmt.Errorf("%d golden windows, need 1 to %d", len(rows), maxGolden)
	}
	r, total, rates := p.Representation(), 0, make(map[float64]bool)
	for i, g := range rows {
		n, m := g.Samples, g.machine()
		switch {
		case !bearing.SampleRates.Has(g.Rate) || n < 1 || n > maxGoldenSamples:
			return fmt.Errorf("golden window %d: %d samples at %v Hz are out of range", i, n, g.Rate)
		case !r.Whole && (p.CheckRate(g.Rate) != nil || n != p.NativeLength(g.Rate)):
			return fmt.Errorf("golden window %d: %d samples at %g Hz are no stretch of the model", i, n, g.Rate)
		case r.Machine && (!m.Known() || !bearing.ShaftSpeeds.Has(60*m.ShaftSpeed) || !ordersSane(m.Orders)):
			return fmt.Errorf("golden window %d: the shaft speed or the orders of its bearing are missing or out of range", i)
		case r.Machine && (n < lines.Need(g.Rate, m.ShaftSpeed) || lines.Bytes(n, g.Rate, m.ShaftSpeed) > maxGoldenBytes):
			return fmt.Errorf("golden window %d: %d samples at %g Hz are too few or too many for a shaft of %g Hz", i, n, g.Rate, m.ShaftSpeed)
		}
		if rates[g.Rate] = true; len(rates) > maxGoldenRates {
			return fmt.Errorf("the golden windows have more than %d sampling rates", maxGoldenRates)
		}
		if total += n; total > maxGoldenSamples {
			return fmt.Errorf("the golden windows have more than %d samples", maxGoldenSamples)
		}
	}
	return nil
}

// ordersSane reports whether orders are such as bearings have.
func ordersSane(o bearing.Orders) bool {
	least, most := min(o.FTF, o.BSF, o.BPFO, o.BPFI), max(o.FTF, o.BSF, o.BPFO, o.BPFI)
	return least > 0 && most < 1000
}

// writeGolden adds the golden windows to a file.
func (m *Model) writeGolden(w *safetensors.Writer) {
	var samples []float32
	for _, g := range m.golden.windows {
		samples = append(samples, g.Samples...)
	}
	w.Add(safetensors.Tensor{Name: goldenWindows, Shape: []int{len(samples)}, F32: samples})
	w.Add(safetensors.Tensor{Name: goldenLogits, Shape: []int{len(m.golden.windows), m.Outputs()}, F32: m.golden.logits})
}

// readGolden reads the golden windows of a file.
func (m *Model) readGolden(f *safetensors.File) error {
	shape := f.Shape(goldenWindows)
	if m.Format == 1 {
		if err := m.goldenOfFormat1(shape); err != nil {
			return err
		}
	}
	logits, err := f.Float32(goldenLogits, len(m.Golden), m.Outputs())
	if err != nil {
		return err
	}
	m.golden = golden{logits: logits.Values()}
	if m.Format == 1 && m.Preprocessing.Representation().Whole {
		b, err := f.Float32(goldenWindows, len(m.Golden), m.Preprocessing.InputLength())
		m.golden.inputs = b.Values()
		return err
	}
	if err := checkGoldenRows(m.Preprocessing, m.Golden); err != nil {
		return err
	}
	if m.Format == 1 {
		shape = []int{len(m.Golden), m.Preprocessing.Length}
	} else {
		total := 0
		for _, g := range m.Golden {
			total += g.Samples
		}
		shape = []int{total}
	}
	samples, err := f.Float32(goldenWindows, shape...)
	if err != nil {
		return err
	}
	all := samples.Values()
	for _, g := range m.Golden {
		m.golden.windows = append(m.golden.windows, input.Window{Samples: all[:g.Samples:g.Samples], Rate: g.Rate, Machine: g.machine()})
		all = all[g.Samples:]
	}
	return nil
}

// goldenOfFormat1 states the golden windows of a file of format 1, from the shape of their
// tensor: stretches at the model's own rate.
func (m *Model) goldenOfFormat1(shape []int) error {
	if len(m.Golden) > 0 {
		return fmt.Errorf("manifest: format 1 has no list of golden windows")
	}
	if len(shape) != 2 || shape[0] < 1 || shape[0] > maxGolden {
		return fmt.Errorf("tensor %s has shape %v, need 1 to %d windows", goldenWindows, shape, maxGolden)
	}
	m.Golden = make([]GoldenWindow, shape[0])
	for i := range m.Golden {
		m.Golden[i] = GoldenWindow{Samples: m.Preprocessing.Length, Rate: m.Preprocessing.SampleRate}
	}
	return nil
}

// checkProof bounds what it takes to compute the golden windows.
func (m *Model) checkProof() error {
	_, total := m.Counts()
	if n := len(m.Golden); n*total.MACs > maxProof {
		return fmt.Errorf("%d golden windows of %d multiply-accumulates each, all may take %d: keep fewer", n, total.MACs, maxProof)
	}
	return nil
}

// checkGolden computes the logits of the golden windows again.
func (m *Model) checkGolden() error {
	if m.golden.inputs != nil {
		return m.renewGolden()
	}
	c := m.Classifier()
	for i, w := range m.golden.windows {
		z, err := c.Logits(w)
		if err != nil {
			return err
		}
		if err := m.compare(i, z); err != nil {
			return err
		}
	}
	return nil
}

// compare holds the logits of golden window i against those of the file.
func (m *Model) compare(i int, z []float32) error {
	var top float64
	for _, v := range m.golden.logits {
		top = max(top, math.Abs(float64(v)))
	}
	for j, v := range z {
		want := m.golden.logits[i*len(z)+j]
		if !(math.Abs(float64(v-want)) <= goldenTolerance*(1+top)) {
			return fmt.Errorf("golden window %d: answer %d is %v, the file says %v: its weights, settings and preprocessing do not belong together", i, j, v, want)
		}
	}
	return nil
}

// renewGolden proves a file of format 1 whose golden windows are evidence, and gives it
// raw ones in their place.
func (m *Model) renewGolden() error {
	p, z := m.Estimator.Predictor(), make([]float32, m.Outputs())
	i := 0
	for x := range slices.Chunk(m.golden.inputs, m.Preprocessing.InputLength()) {
		p.Predict(z, x)
		if err := m.compare(i, z); err != nil {
			return err
		}
		i++
	}
	return m.SetGolden(Knocks(m.Preprocessing))
}

// Knocks returns golden windows for a model that has none of its own: knocks on the races
// and the rolling elements of a 6205 at 1797 rpm in noise, and noise alone, each as long
// as p says at its rate. They are the same always.
func Knocks(p input.Preprocessing) (out []input.Window) {
	b, _ := bearing.LookupBearing("6205")
	m := lines.Machine{ShaftSpeed: 29.95, Orders: b.Orders()}
	const ring, decay = 3100, 900 // Hz, 1/s
	for i, order := range []float64{m.Orders.BPFI, m.Orders.BPFO, m.Orders.BSF2(), 0} {
		rng := rand.New(rand.NewPCG(uint64(i), 0x601d)) //nolint:gosec // a small index
		x := make([]float32, p.Length)
		for k := range x {
			t := float64(k) / p.SampleRate
			v := rng.NormFloat64()
			if order > 0 {
				since := math.Mod(t, 1/(order*m.ShaftSpeed))
				v += 6 * math.Exp(-decay*since) * math.Sin(2*math.Pi*ring*since)
			}
			x[k] = float32(v)
		}
		out = append(out, input.Window{Samples: x, Rate: p.SampleRate, Machine: m})
	}
	return out
}
