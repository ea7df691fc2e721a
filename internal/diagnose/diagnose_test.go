package diagnose

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/storetest"
	"brinell/models"
	"brinell/models/input"
	"brinell/models/learn/network"
	"brinell/models/nn"
)

// model returns a small untrained model, whole in every other respect.
func model(t *testing.T, name string, seed uint64) *models.Model {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	// Two labels of one fault, as a model that also tells the size has them.
	labels := []models.Label{{Name: "normal", Fault: bearing.Normal}, {Name: "ball_007", Fault: bearing.Ball}, {Name: "ball_014", Fault: bearing.Ball}}
	spec := nn.Spec{Name: "small", Input: nn.Signal(64, 1), Layers: []nn.Layer{nn.Conv(4, 8, 4, nn.Same), nn.ReLU(), nn.Logits()}}
	net, err := nn.New(spec, len(labels), rng)
	if err != nil {
		t.Fatal(err)
	}
	m := &models.Model{Estimator: network.Of(net), Manifest: models.Manifest{Name: name, Version: "1", Labels: labels,
		Preprocessing: input.Preprocessing{SampleRate: 12000, Length: 64, BandLimit: 5000, Normalise: input.ZScore}}}
	if err := m.SetGolden([]input.Window{{Samples: samples(rng, 64), Rate: 12000}}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Encode(); err != nil { // for the digest
		t.Fatal(err)
	}
	return m
}

func samples(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func window(t *testing.T, sensor string, n int, rate float64) *bearing.Window {
	t.Helper()
	w, err := bearing.NewWindow(bearing.Window{Sensor: sensor, Start: time.Unix(1e9, 0), SampleRate: rate, ShaftSpeed: 1797.0 / 60, Unit: bearing.G,
		Samples: samples(rand.New(rand.NewPCG(1, 1)), n)}, bearing.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// failing is a store that takes nothing while it has an error.
type failing struct {
	*storetest.Memory
	err error
}

func (f *failing) Append(ctx context.Context, d bearing.Diagnosis, w *bearing.Window, also *bearing.Effects) (bearing.Diagnosis, error) {
	if f.err != nil {
		return bearing.Diagnosis{}, f.err
	}
	return f.Memory.Append(ctx, d, w, also)
}

func TestSubmit(t *testing.T) {
	reg := prometheus.NewRegistry()
	metrics, err := NewMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	k, now := &failing{Memory: storetest.NewMemory(storetest.Config{})}, time.Unix(2e9, 0)
	core, err := New(model(t, "m", 1), Config{Store: k, Metrics: metrics, Now: func() time.Time { return now }, Gate: admit.New(admit.Config{Workers: 2})})
	if err != nil {
		t.Fatal(err)
	}
	w := window(t, "pump", 1500, 12000)
	d, err := core.Submit(t.Context(), w, admit.Entry{})
	if err != nil {
		t.Fatal(err)
	}
	if d.ID != w.ID() || d.Segments != 24 || d.SampleCount != 1500 || d.ShaftSpeedRPM != 1797 || !d.ReceivedAt.Equal(now) || d.Model != core.Model().Ref() {
		t.Errorf("%+v", d)
	}
	sum := 0.0
	for _, v := range d.Probabilities {
		sum += v.Value
	}
	if sum < 0.99999 || sum > 1.00001 || len(d.Probabilities) != 4 || len(d.Features) == 0 {
		t.Errorf("probabilities %v, %d features", d.Probabilities, len(d.Features))
	}
	again, err := core.Submit(t.Context(), w, admit.Entry{})
	d.Duplicate = true
	if err != nil || cmp.Diff(d, again) != "" {
		t.Errorf("again: %v\n%s", err, cmp.Diff(d, again))
	}
	if n := testutil.ToFloat64(metrics.Diagnoses.WithLabelValues(string(d.Fault))); n != 1 {
		t.Errorf("counted %v diagnoses, want 1: a repeat is none", n)
	}
	if n := testutil.ToFloat64(metrics.Repeated); n != 1 {
		t.Errorf("counted %v repeats, want 1", n)
	}
	for code, w := range map[string]*bearing.Window{"window_too_short": window(t, "pump", 1023, 12000), "rate_too_low": window(t, "pump", 4000, 4999)} {
		if _, err := core.Submit(t.Context(), w, admit.Entry{}); bearing.CodeOf(err) != code {
			t.Errorf("got %v, want %s", err, code)
		}
	}
	k.err = errors.New("disk")
	other := window(t, "other", 1500, 12000)
	if _, err := core.Submit(t.Context(), other, admit.Entry{}); !errors.Is(err, k.err) {
		t.Errorf("a failing store: %v", err)
	}
	if names, err := k.Sensors(t.Context()); err != nil || !slices.Equal(names, []string{"pump"}) {
		t.Errorf("something is stored of %q, %v; want the first window alone", names, err)
	}
	// What was not stored is not remembered either.
	k.err = nil
	if d, err := core.Submit(t.Context(), other, admit.Entry{}); err != nil || d.Verdict.Windows != 1 {
		t.Errorf("after the failure: %v, rests on %d windows", err, d.Verdict.Windows)
	}
}

// TestFaultIsSummed: two labels of a fault count together.
func TestFaultIsSummed(t *testing.T) {
	labels := model(t, "m", 1).Labels
	if f := models.FaultOf(labels, []float64{0.4, 0.3, 0.3}); f != bearing.Ball {
		t.Errorf("got %s, want ball", f)
	}
	if f := models.FaultOf(labels, []float64{0.5, 0.25, 0.25}); f != bearing.Normal {
		t.Errorf("a tie goes to %s, want the first label's", f)
	}
}

// TestSwap: the model changes under load, and every answer is wholly that of
// one model.
func TestSwap(t *testing.T) {
	a, b := model(t, "a", 1), model(t, "b", 2)
	core, err := New(a, Config{})
	if err != nil {
		t.Fatal(err)
	}
	w := window(t, "pump", 1024, 12000)
	want := make(map[string]bearing.Diagnosis)
	for _, m := range []*models.Model{a, b} {
		if err := core.Swap(m); err != nil {
			t.Fatal(err)
		}
		d, err := core.Diagnose(w)
		if err != nil {
			t.Fatal(err)
		}
		want[d.Model.Name] = d
	}
	if cmp.Equal(want["a"].Probabilities, want["b"].Probabilities) {
		t.Fatal("the models agree: the test shows nothing")
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				d, err := core.Diagnose(w)
				if err != nil || !cmp.Equal(d.Probabilities, want[d.Model.Name].Probabilities) {
					t.Errorf("%v: %s answers %v", err, d.Model.Name, d.Probabilities)
					return
				}
			}
		})
	}
	for i := range 50 {
		if err := core.Swap([]*models.Model{a, b}[i%2]); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

// TestBusy: a caller whose time ends while all slots are taken is told so, and a window
// that comes with a place uses that one and gives it back.
func TestBusy(t *testing.T) {
	gate := admit.New(admit.Config{Workers: 1})
	core, err := New(model(t, "m", 1), Config{Store: storetest.NewMemory(storetest.Config{}), Gate: gate})
	if err != nil {
		t.Fatal(err)
	}
	place, err := gate.Enter(t.Context(), admit.Claim{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := core.Submit(ctx, window(t, "pump", 1024, 12000), admit.Entry{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := core.Submit(t.Context(), window(t, "pump", 1024, 12000), admit.Entry{Place: place}); err != nil {
		t.Error(err)
	}
	if _, err := core.Submit(t.Context(), window(t, "pump", 1024, 12000), admit.Entry{}); err != nil {
		t.Error("the slot was not given back: ", err)
	}
	place.Leave()
	if waiting, inside, _ := gate.Load(); waiting != 0 || inside != 0 {
		t.Errorf("%d wait and %d are inside of nothing", waiting, inside)
	}
}

func BenchmarkDiagnose(b *testing.B) {
	m, err := models.SpecNamed("wdcnn-s8")
	if err != nil {
		b.Fatal(err)
	}
	labels := []models.Label{{Name: "normal", Fault: bearing.Normal}, {Name: "ball", Fault: bearing.Ball}}
	rng := rand.New(rand.NewPCG(1, 1))
	net, err := nn.New(m, len(labels), rng)
	if err != nil {
		b.Fatal(err)
	}
	mod := &models.Model{Estimator: network.Of(net), Manifest: models.Manifest{Name: "m", Version: "1", Labels: labels, Preprocessing: input.Default}}
	core, err := New(mod, Config{})
	if err != nil {
		b.Fatal(err)
	}
	for _, rate := range []float64{12000, 48000} {
		w := &bearing.Window{Sensor: "pump", SampleRate: rate, Unit: bearing.G, Samples: samples(rng, mod.Preprocessing.NativeLength(rate))}
		b.Run(fmt.Sprintf("rate=%v", rate), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := core.Diagnose(w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestCatalogueRows: windows are judged with rows of users, of which only orders are
// known, and with the extremes that the catalogue takes.
func TestCatalogueRows(t *testing.T) {
	c := bearing.NewCatalogue(bearing.KnownBearings...)
	o := bearing.KnownBearings[0].Orders()
	for _, b := range []bearing.KnownBearing{
		{Designation: "orders", Stated: o},
		{Designation: "few", Geometry: bearing.Geometry{Elements: 3, ElementDia: 0.02, PitchDia: 20}},
		{Designation: "large", Geometry: bearing.Geometry{Elements: 3, ElementDia: 8.6, PitchDia: 10}},
		{Designation: "many", Geometry: bearing.Geometry{Elements: 500, ElementDia: 1, PitchDia: 200}},
		{Designation: "thrust", Geometry: bearing.Geometry{Elements: 20, ElementDia: 10, PitchDia: 100, ContactAngle: 1.48}},
	} {
		if _, err := c.Put(b); err != nil {
			t.Fatal(err)
		}
	}
	core, err := New(model(t, "m", 1), Config{Catalogue: c.Lookup})
	if err != nil {
		t.Fatal(err)
	}
	answer := map[string]bearing.Diagnosis{}
	for _, b := range c.Rows() {
		w := window(t, "pump", 12000, 12000)
		w.Bearing = b.Designation
		d, err := core.Diagnose(w)
		if err != nil {
			t.Fatal(err)
		}
		// The lines of 500 elements lie above 5 kHz at this speed.
		if d.Witnesses.Envelope.Available == (b.Designation == "many") {
			t.Errorf("%s: available %v: %s", b.Designation, d.Witnesses.Envelope.Available, d.Witnesses.Envelope.Reason)
		}
		answer[b.Designation] = d
	}
	if d := cmp.Diff(answer["6205-2RS"].Witnesses.Envelope, answer["orders"].Witnesses.Envelope, cmpopts.IgnoreFields(bearing.EnvelopeWitness{}, "Bearing")); d != "" {
		t.Errorf("by orders the answer is another:\n%s", d)
	}
	w := window(t, "pump", 12000, 12000)
	for _, b := range c.Rows() {
		found, err := Match(w.Samples, w.SampleRate, w.ShaftSpeed, b.Designation, c.Rows())
		if err != nil || len(found) == 0 {
			t.Errorf("%s: %d explanations, %v", b.Designation, len(found), err)
		}
	}
}

// TestUntold: what a window cannot tell is said, and is no failure: a short one without a
// speed, one of a machine that hardly turns, one of a shaft too fast for its rate.
func TestUntold(t *testing.T) {
	core, err := New(model(t, "m", 1), Config{})
	if err != nil {
		t.Fatal(err)
	}
	f := func(n int, rate, rpm float64, want string) {
		t.Helper()
		w := window(t, "pump", n, rate)
		w.Bearing, w.ShaftSpeed = "6205-2RS", rpm/60
		d, err := core.Diagnose(w)
		if err != nil {
			t.Errorf("%d samples at %g Hz, %g rpm: %v", n, rate, rpm, err)
		} else if e := d.Witnesses.Envelope; e.Available || !strings.Contains(e.Reason, want) {
			t.Errorf("%d samples at %g Hz, %g rpm: available %v: %q, want %q", n, rate, rpm, e.Available, e.Reason, want)
		}
	}
	for _, w := range [][2]float64{{1024, 102400}, {2048, 204800}, {4096, 409600}, {16384, 2e6}, {1024, 1e7}} {
		f(int(w[0]), w[1], 0, "too short to tell it")
		f(int(w[0]), w[1], 1797, "too few turns")
		f(int(w[0]), w[1], 5e-322, "too few turns") // as registered by a program before this one
	}
	f(12000, 12000, 1e-15, "too few turns")
	f(12000, 12000, 600e3, "too fast")
	f(12000, 12000, 4700/3.585*60+10, "too fast")
}

// TestNetworkUntold: a network whose filter does not reach the rate of a window, or whose
// sums overflow, says nothing, and the window is judged without it.
func TestNetworkUntold(t *testing.T) {
	f := func(what, want string, n int, rate float64, change func(m *models.Model)) {
		t.Helper()
		m := model(t, "m", 1)
		change(m)
		core, err := New(m, Config{})
		if err != nil {
			t.Fatal(err)
		}
		d, err := core.Diagnose(window(t, "pump", n, rate))
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if got := d.Witnesses.Network; got.Available || !strings.Contains(got.Reason, want) {
			t.Errorf("%s: available %v: %q, want %q", what, got.Available, got.Reason, want)
		} else if _, err := d.Encode(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	f("a narrow band", "takes no samples at 1e+07 Hz", 1<<17, 1e7, func(m *models.Model) { m.Preprocessing.BandLimit = 1000 })
	f("weights without measure", "overflow", 12000, 12000, func(m *models.Model) {
		for _, p := range m.Network().Params() {
			for i := range p.W {
				p.W[i] = 3e38 * float32(1-2*(i%2))
			}
		}
	})
}
