package bearing

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestOrders holds the formulas against the orders that the publishers of the
// recordings state, to the digits that they give.
func TestOrders(t *testing.T) {
	f := func(name string, bpfo, bpfi, bsf2, ftf, tol float64) {
		t.Helper()
		b, ok := LookupBearing(name)
		if !ok {
			t.Fatalf("no bearing %s", name)
		}
		o := b.Geometry.Orders()
		for _, c := range []struct {
			what      string
			got, want float64
		}{{"BPFO", o.BPFO, bpfo}, {"BPFI", o.BPFI, bpfi}, {"2xBSF", o.BSF2(), bsf2}, {"FTF", o.FTF, ftf}} {
			if math.Abs(c.got-c.want) > tol {
				t.Errorf("%s: %s %.4f, want %.4f", name, c.what, c.got, c.want)
			}
		}
		if n := float64(b.Geometry.Elements); math.Abs(o.BPFO+o.BPFI-n) > 1e-12 || math.Abs(o.BPFO-n*o.FTF) > 1e-12 {
			t.Errorf("%s: the identities of the orders do not hold", name)
		}
		if err := b.Geometry.Validate(); err != nil {
			t.Error(err)
		}
	}
	f("6205-2rs", 3.5848, 5.4152, 4.7135, 0.3983, 1e-4)
	f("6203-2RS", 3.0530, 4.9469, 3.9874, 0.3817, 5e-4)
	f("NICE", 3.245, 4.755, 5.109, 0.406, 1e-3)
	f("ZA-2115", 7.092, 8.908, 8.395, 0.4433, 1e-3)
	f("FEMTO", 5.611, 7.389, 7.178, 0.4316, 1e-3)
	o := KnownBearings[0].Geometry.Orders()
	if o.Line(InnerRace) != o.BPFI || o.Line(OuterRace) != o.BPFO || o.Line(Ball) != 2*o.BSF || o.Line(Normal) != 0 {
		t.Error("the line of a fault is wrong")
	}
	for _, g := range []Geometry{{}, {2, 1, 5, 0}, {9, 0, 5, 0}, {9, 5, 5, 0}, {9, 1, 5, -1}, {9, 1, 5, 2}, {9, math.NaN(), 5, 0}} {
		if g.Validate() == nil {
			t.Errorf("%+v is taken", g)
		}
	}
}

func goodWindow() Window {
	return Window{Sensor: "pump-1.a_B", Axis: "x", Start: time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)), SampleRate: 12000, ShaftSpeed: 29.95, Bearing: "6205-2RS/C3", Unit: G, Samples: []float32{1, -2}}
}

func TestNewWindow(t *testing.T) {
	w, err := NewWindow(goodWindow(), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if w.Start.Location() != time.UTC || !w.Start.Equal(goodWindow().Start) {
		t.Errorf("start %v", w.Start)
	}
	g := goodWindow()
	g.Unit, g.Samples = MetresPerSec2, []float32{StandardGravity, 0}
	if w, err = NewWindow(g, Limits{}); err != nil || w.Samples[0] != 1 || w.Unit != MetresPerSec2 {
		t.Errorf("m/s2: %+v %v", w, err)
	}
	g.Unit, g.Samples = MillimetresSec, []float32{StandardGravity, -3}
	if w, err = NewWindow(g, Limits{}); err != nil || w.Samples[0] != StandardGravity || w.Samples[1] != -3 || w.Unit != MillimetresSec {
		t.Errorf("mm/s: %+v %v", w, err)
	}
	f := func(code string, change func(*Window)) {
		t.Helper()
		w := goodWindow()
		change(&w)
		if _, err := NewWindow(w, Limits{MaxSamples: 3}); CodeOf(err) != code || KindOf(err) != Invalid {
			t.Errorf("got %v, want %s", err, code)
		}
	}
	for _, s := range []string{"", "-a", ".a", "_a", "a b", "ä", "a/b", "a\x00", strings.Repeat("a", 65)} {
		f("sensor_name", func(w *Window) { w.Sensor = s })
	}
	f("axis_name", func(w *Window) { w.Axis = "a b" })
	f("bearing_name", func(w *Window) { w.Bearing = "a\n" })
	f("bearing_name", func(w *Window) { w.Bearing = strings.Repeat("a", 65) })
	f("start_out_of_range", func(w *Window) { w.Start = time.Time{} })
	f("start_out_of_range", func(w *Window) { w.Start = time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC) })
	f("rate_missing", func(w *Window) { w.SampleRate = 0 })
	for _, r := range []float64{-1, math.NaN(), math.Inf(1), 1e8} {
		f("rate_out_of_range", func(w *Window) { w.SampleRate = r })
	}
	for _, r := range []float64{-1, math.NaN(), math.Inf(1), 1e5} {
		f("speed_out_of_range", func(w *Window) { w.ShaftSpeed = r })
	}
	f("unit_missing", func(w *Window) { w.Unit = "" })
	f("unit_unknown", func(w *Window) { w.Unit = "km/h" })
	f("window_empty", func(w *Window) { w.Samples = nil })
	f("window_too_long", func(w *Window) { w.Samples = make([]float32, 4) })
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		f("sample_not_finite", func(w *Window) { w.Samples[1] = float32(v) })
	}
	f("sample_out_of_range", func(w *Window) { w.Samples[1] = -3e38 })
}

// TestEncode: Encode agrees with json.Marshal byte by byte, whatever the texts.
func TestEncode(t *testing.T) {
	text := `<"probabilities":{},"features":{}>&\"features\":{}` + "\u2028\x00"
	full := Diagnosis{
		ID: "x", Sensor: text, Axis: text, Start: time.Unix(1, 5).UTC(), ReceivedAt: time.Unix(2, 0).UTC(), SampleRate: 12000.5, SampleCount: 3, Unit: G,
		ShaftSpeedRPM: 1797, Bearing: text, Fault: Fault(text), Probabilities: Values{{"normal", 1. / 3}, {text, 1e-300}}, Features: Values{{"rms", -0.5}, {"a b", 1e21}, {"", 0}},
		Model: ModelRef{text, text, text, text}, Segments: 1, Duplicate: true,
	}
	for _, d := range []Diagnosis{{}, full, {Features: full.Features}, {Probabilities: full.Probabilities, Bearing: text}, {Features: Values{}}} {
		want, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.Encode(); err != nil || string(got) != string(want) {
			t.Errorf("%v\n got %s\nwant %s", err, got, want)
		}
	}
	for _, d := range []Diagnosis{{Features: Values{{"rms", math.NaN()}}}, {Probabilities: Values{{"normal", math.Inf(1)}}}, {SampleRate: math.NaN()}} {
		if b, err := d.Encode(); err == nil {
			t.Errorf("encoded as %s", b)
		}
	}
}

// TestDigestOnDisk: digests are stored, so their definition stays.
func TestDigestOnDisk(t *testing.T) {
	for _, n := range []int{0, 1, 1023, 1024, 1025, 5000} {
		w := Window{SampleRate: 12000, ShaftSpeed: 29.95, Unit: G, Bearing: "6205", Samples: make([]float32, n)}
		want := binary.LittleEndian.AppendUint64(nil, math.Float64bits(12000))
		want = binary.LittleEndian.AppendUint64(want, math.Float64bits(29.95))
		want = append(want, "\x01\x00\x00\x00\x00\x00\x00\x00g\x04\x00\x00\x00\x00\x00\x00\x006205"...)
		for i := range w.Samples {
			w.Samples[i] = float32(i) - 0.3
			want = binary.LittleEndian.AppendUint32(want, math.Float32bits(w.Samples[i]))
		}
		if w.Digest() != sha256.Sum256(want) {
			t.Errorf("the digest of %d samples is another", n)
		}
	}
}

// TestAccelerationBounds: the last values on either side.
func TestAccelerationBounds(t *testing.T) {
	for v, ok := range map[float32]bool{
		MaxAcceleration: true, -MaxAcceleration: true, float32(math.Copysign(0, -1)): true, 1e-45: true,
		math.Nextafter32(MaxAcceleration, math.MaxFloat32): false, -math.Nextafter32(MaxAcceleration, math.MaxFloat32): false,
	} {
		if err := toG([]float32{1, v, 2}, G); (err == nil) != ok {
			t.Errorf("%v: %v", v, err)
		}
	}
}

// TestIdentity: the ID depends on sensor, axis and instant only, the digest on
// everything else only.
func TestIdentity(t *testing.T) {
	base := func() *Window { w := goodWindow(); return &w }
	f := func(name string, id, digest bool, change func(*Window)) {
		t.Helper()
		a, b := base(), base()
		change(b)
		if (a.ID() != b.ID()) != id {
			t.Errorf("%s: ID changes %v, want %v", name, !id, id)
		}
		if (a.Digest() != b.Digest()) != digest {
			t.Errorf("%s: digest changes %v, want %v", name, !digest, digest)
		}
	}
	f("nothing", false, false, func(*Window) {})
	f("zone", false, false, func(w *Window) { w.Start = w.Start.UTC() })
	f("sensor", true, false, func(w *Window) { w.Sensor = "q" })
	f("axis", true, false, func(w *Window) { w.Axis = "" })
	f("axis moved to sensor", true, false, func(w *Window) { w.Sensor, w.Axis = w.Sensor+"x", "" })
	f("start", true, false, func(w *Window) { w.Start = w.Start.Add(1) })
	f("rate", false, true, func(w *Window) { w.SampleRate++ })
	f("speed", false, true, func(w *Window) { w.ShaftSpeed = 0 })
	f("unit", false, true, func(w *Window) { w.Unit = MetresPerSec2 })
	f("bearing", false, true, func(w *Window) { w.Bearing = "" })
	f("sample", false, true, func(w *Window) { w.Samples[1] = -2.0000002 })
	f("length", false, true, func(w *Window) { w.Samples = w.Samples[:1] })
	long := base()
	long.Samples = make([]float32, 5000)
	d := long.Digest()
	long.Samples[4999] = 1
	if d == long.Digest() {
		t.Error("the digest does not reach the end of a long window")
	}
	if id := base().ID(); len(id) != 26 {
		t.Errorf("ID %q", id)
	}
}

func TestErrors(t *testing.T) {
	e := Errorf(NotFound, "gone", "no %d", 5)
	wrapped := fmt.Errorf("outer: %w", e.At("/x"))
	if KindOf(wrapped) != NotFound || CodeOf(wrapped) != "gone" || e.Pointer != "" {
		t.Errorf("%v", wrapped)
	}
	if wrapped.Error() != "outer: gone: no 5 (at /x)" {
		t.Errorf("%q", wrapped)
	}
	if plain := errors.New("x"); KindOf(plain) != Internal || CodeOf(plain) != "internal" {
		t.Error("an unknown error is internal")
	}
	if KindOf(nil) != "" || CodeOf(nil) != "" {
		t.Error("nil has a kind or code")
	}
	if got := Clip("a\n\x1b" + strings.Repeat("b", 100)); strings.ContainsAny(got, "\n\x1b") || len(got) > 80 {
		t.Errorf("clipped: %q", got)
	}
}

// TestValues: an object in list order, both ways, and no NaN.
func TestValues(t *testing.T) {
	v := Values{{"rms", 1.5}, {"a", -2e-30}, {"z", 0}}
	b, err := json.Marshal(v)
	if err != nil || string(b) != `{"rms":1.5,"a":-2e-30,"z":0}` {
		t.Errorf("%s %v", b, err)
	}
	var back Values
	if err := json.Unmarshal(b, &back); err != nil || cmp.Diff(v, back) != "" {
		t.Errorf("%v %v", back, err)
	}
	if _, err := json.Marshal(Values{{"x", math.NaN()}}); err == nil {
		t.Error("NaN is written")
	}
	for _, bad := range []string{`[]`, `{"a":"b"}`, `{"a"`} {
		if json.Unmarshal([]byte(bad), &back) == nil {
			t.Errorf("%s is read", bad)
		}
	}
	if x, ok := v.Get("a"); !ok || x != -2e-30 {
		t.Error("Get")
	}
	if _, ok := v.Get("none"); ok {
		t.Error("Get of nothing")
	}
}

func TestParse(t *testing.T) {
	for _, f := range Faults {
		if got, err := ParseFault(string(f)); err != nil || got != f {
			t.Error(f, err)
		}
	}
	if _, err := ParseFault("cage"); CodeOf(err) != "unknown_fault" {
		t.Error(err)
	}
	for unit, inside := range map[Unit]Unit{G: G, MetresPerSec2: G, MillimetresSec: MillimetresSec, RelativeToFull: RelativeToFull} {
		got, err := ParseUnit(string(unit))
		if unit.Inside() != inside || unit.IsVelocity() != (unit == MillimetresSec) || unit != RelativeToFull && (got != unit || err != nil) {
			t.Errorf("%s: inside %s, %s %v", unit, unit.Inside(), got, err)
		}
	}
	if _, err := ParseUnit("in/s"); CodeOf(err) != "unit_unknown" || !strings.Contains(err.Error(), "mm/s") {
		t.Error(err)
	}
	if _, err := ParseUnit("relative"); CodeOf(err) != "unit_unknown" {
		t.Error(err)
	}
}

// TestRanges: each bound passes, what lies beyond it does not, and neither do NaN and
// infinities, wherever the number comes in.
func TestRanges(t *testing.T) {
	window := func(v float64, set func(w *Window, v float64)) error {
		w := Window{Sensor: "pump", Start: time.Unix(1e9, 0), SampleRate: 12000, Unit: G, Samples: []float32{1}}
		set(&w, v)
		_, err := NewWindow(w, Limits{})
		return err
	}
	for _, f := range []struct {
		what  string
		check func(v float64) error
		may   Range
	}{
		{"rate of a window", func(v float64) error { return window(v, func(w *Window, v float64) { w.SampleRate = v }) }, Range{Low: 1, High: 10e6}},
		{"speed of a window", func(v float64) error { return window(v, func(w *Window, v float64) { w.ShaftSpeed = v / 60 }) }, Range{Low: 0.001, High: 600e3}},
		{"rate of a sensor", func(v float64) error { return Sensor{SampleRate: v}.Validate() }, Range{Low: 1, High: 10e6}},
		{"speed of a sensor", func(v float64) error { return Sensor{SpeedRPM: v}.Validate() }, Range{Low: 0.001, High: 600e3}},
		{"full scale", func(v float64) error { return Sensor{FullScale: v}.Validate() }, Range{Low: 1e-6, High: 1e9}},
		{"noise floor", func(v float64) error { return Sensor{NoiseFloor: v}.Validate() }, Range{Low: 1e-12, High: 1e9}},
		{"threshold", func(v float64) error {
			return AlarmRule{Conditions: []AlarmCondition{{Name: "c", Kind: OnFeature, Feature: "rms", Above: v}}}.Validate()
		}, Range{Low: -1e18, High: 1e18}},
		{"frequency", func(v float64) error { return Frequencies.Check("parameter_invalid", "max_hz", v) }, Range{Low: 0, High: 5e6}},
		{"velocity", func(v float64) error { return Velocities.Check("velocity_zones", "limit", v) }, Range{Low: 1e-6, High: 1e9}},
	} {
		for _, v := range []float64{f.may.Low, f.may.High} {
			if err := f.check(v); err != nil {
				t.Errorf("%s %g: %v", f.what, v, err)
			}
		}
		step := 1e-6 * math.Abs(f.may.Low)
		for _, v := range []float64{f.may.Low - max(step, 5e-324), f.may.High * (1 + 1e-6), math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300} {
			if err := f.check(v); CodeOf(err) == "" {
				t.Errorf("%s %g is taken: %v", f.what, v, err)
			}
		}
		if f.may.Low > 0 {
			if err := f.check(1e-300); CodeOf(err) == "" {
				t.Errorf("%s 1e-300 is taken", f.what)
			}
		}
	}
}
