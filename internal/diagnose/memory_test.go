package diagnose

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"brinell/bearing"
	"brinell/features"
	"brinell/features/dsp"
	"brinell/internal/admit"
	"brinell/internal/store"
)

// allocated returns how many bytes f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// TestNeed: a worker that has no plan yet allocates no more for a window than was said
// before it was admitted, whatever its length, rate, speed and bearing.
func TestNeed(t *testing.T) {
	m := model(t, "m", 1)
	rng := rand.New(rand.NewPCG(9, 9))
	between := func(lo, hi float64) float64 { return lo * math.Pow(hi/lo, rng.Float64()) }
	samples := make([]float32, 400_000)
	for i := range samples {
		samples[i] = float32(rng.NormFloat64())
	}
	orders := bearing.KnownBearings[0].Orders()
	for range 60 {
		n, rate, speed := int(between(1024, 130_000)), between(5000, 10e6), 0.0
		if rng.IntN(2) == 0 {
			rate = between(5000, 100_000)
		}
		switch rng.IntN(3) {
		case 0:
			speed = between(0.1, 10_000)
		case 1:
			speed = math.Min(9999, between(5, 60)*rate/float64(n))
		}
		w := &bearing.Window{Sensor: "s", SampleRate: rate, ShaftSpeed: speed, Unit: bearing.G, Samples: samples[:n]}
		says := needOf(n, rate, speed, m.Preprocessing).judged
		if speed == 0 { // up to four speeds are tried, one after the other
			says *= suggestions + 1
		}
		k, err := newWorker(m.Classifier(), features.Config{Shelf: dsp.NewShelf(0)})
		if err != nil {
			t.Fatal(err)
		}
		took := allocated(func() { _, err = k.observe(w, m, registered{fitted: bearing.KnownBearing{Stated: orders}}) })
		if err != nil {
			t.Fatal(err)
		}
		if took > says {
			t.Errorf("%d samples at %g Hz, %g Hz: %d bytes, said to be %d", n, rate, speed, took, says)
		}
	}
}

// TestSpectrumBytes: a spectrum takes no more than was said.
func TestSpectrumBytes(t *testing.T) {
	core, err := New(model(t, "m", 1), Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{32, 2047, 65_521, 65_536, 1<<18 - 1, 1 << 18, 300_000} {
		w := &bearing.Window{SampleRate: 12000, Unit: bearing.G, Samples: make([]float32, n)}
		for _, q := range []bearing.SpectrumQuery{{Kind: bearing.EnvelopeSpectrum, MaxHz: 6000}, {Kind: bearing.AmplitudeSpectrum, Lines: mostLines}} {
			took := allocated(func() { _, err = core.Spectrum(w, bearing.Diagnosis{}, q) })
			if says := core.SpectrumBytes(n); err != nil || took > says {
				t.Errorf("%s of %d samples: %v, %d bytes, said to be %d", q.Kind, n, err, took, says)
			}
		}
	}
}

// TestMemoryOfWindows: a window that needs more than there is for one is refused for ever, one
// for which there is no room now for now, and all is given back.
func TestMemoryOfWindows(t *testing.T) {
	db, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	m := admit.NewMemory(64 << 20)
	core, err := New(model(t, "m", 1), Config{Memory: m, Store: db})
	if err != nil {
		t.Fatal(err)
	}
	w := window(t, "pump", 12000, 12000)
	w.ShaftSpeed, w.Bearing = 30, "6205-2RS"
	if _, err := core.Submit(t.Context(), w, admit.Entry{}); err != nil || m.Used() != 0 {
		t.Errorf("%v, %d bytes are held", err, m.Used())
	}
	need := core.Need(w)
	if peak := m.Peak(); peak != need {
		t.Errorf("%d bytes were held, it needs %d", peak, need)
	}
	m.Hold(64<<20 - need + 8)
	if _, err := core.Submit(t.Context(), w, admit.Entry{}); bearing.CodeOf(err) != "overloaded" {
		t.Errorf("no room: %v", err)
	}
	m.Give(64<<20 - need + 8)
	long := window(t, "pump", 900_000, 12800)
	long.ShaftSpeed, long.Bearing = 0.1, "6205-2RS"
	if _, err := core.Submit(t.Context(), long, admit.Entry{}); bearing.CodeOf(err) != "memory_exceeded" || bearing.KindOf(err) != bearing.TooLarge {
		t.Errorf("too large: %v", err)
	}
	if m.Used() != 0 {
		t.Errorf("%d bytes are held", m.Used())
	}
}
