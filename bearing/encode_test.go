package bearing

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestWindowEncode: a window is written in the unit that was stated, and read again it is the same
// to the bit.
func TestWindowEncode(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, unit := range []Unit{G, MetresPerSec2, MillimetresSec} {
		stated := make([]float32, 20000)
		for i := range stated {
			stated[i] = float32(rng.NormFloat64() * 10)
		}
		stated[0] = 1.5
		w, err := NewWindow(Window{Sensor: "pump", Axis: "x", Start: time.Unix(1e9, 5), SampleRate: 12000.5, ShaftSpeed: 1797. / 60,
			Bearing: "6205", Unit: unit, Samples: append([]float32(nil), stated...)}, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := w.Encode()
		want := `{"sensor":"pump","axis":"x","start":"2001-09-09T01:46:40.000000005Z","sample_rate_hz":12000.5,"unit":"` + string(unit) +
			`","shaft_speed_rpm":1797,"bearing":"6205","samples":[`
		if err != nil || !strings.HasPrefix(string(b), want) || !strings.HasSuffix(string(b), "]}\n") {
			t.Fatalf("%s: %v %.200s", unit, err, b)
		}
		var back struct{ Samples []float32 }
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if unit != MetresPerSec2 && back.Samples[0] != 1.5 {
			t.Errorf("%s: 1.5 is written as %v", unit, back.Samples[0])
		}
		again, err := NewWindow(Window{Sensor: "pump", Axis: "x", Start: w.Start, SampleRate: w.SampleRate, ShaftSpeed: w.ShaftSpeed,
			Bearing: "6205", Unit: unit, Samples: back.Samples}, Limits{})
		if err != nil || again.Digest() != w.Digest() {
			t.Errorf("%s: read again it is another window: %v", unit, err)
		}
	}
}
