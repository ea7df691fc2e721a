package lines

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"brinell/bearing"
	"brinell/features/dsp"
)

// allocated returns how many bytes f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

var known = bearing.KnownBearings[0].Orders()

func noise(n int) []float32 {
	x, rng := make([]float32, n), rand.New(rand.NewPCG(3, 3))
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// TestBytes: an analysis of whatever window allocates no more than Bytes says, of a long
// segment each of its steps, of which one is in memory at a time.
func TestBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	x := noise(3 << 18)
	between := func(lo, hi float64) float64 { return lo * math.Pow(hi/lo, rng.Float64()) }
	longs := 0
	for range 80 {
		n, rate := int(between(1024, float64(len(x)))), between(5000, 10e6)
		shaft := between(0.02, 10_000)
		if rng.IntN(2) == 0 {
			shaft = between(minTurns, 60) * rate / float64(n)
		}
		if n > 1<<18 && rng.IntN(3) > 0 || n < Need(rate, shaft) || shaft > 10_000 {
			continue
		}
		says, length, count := Bytes(n, rate, shaft), 0, 0
		length, count = Segment(n, rate, shaft)
		key := keyOf(length, rate, shaft)
		if key.long() {
			longs++
			says = key.bytes() + int64(count)*(dsp.LowFFTBytes(length)+key.envelope()+key.part())
		}
		took := allocated(func() {
			NewAnalyzer(dsp.NewShelf(0)).Analyze(x[:n], rate, Machine{ShaftSpeed: shaft, Orders: known})
		})
		if took > says+evidence {
			t.Errorf("%d samples at %g Hz, %g Hz: %d bytes, said to be %d", n, rate, shaft, took, says)
		}
	}
	if longs < 5 {
		t.Errorf("%d long segments were tried", longs)
	}
	for _, c := range []struct {
		n    int
		rate float64
	}{{1024, 5000}, {12000, 12000}, {51200, 51200}, {200_000, 102_400}, {3 << 18, 10e6}, {3 << 18, 5000}} {
		took := allocated(func() { NewAnalyzer(dsp.NewShelf(0)).Speeds(x[:c.n], c.rate, 4) })
		if says := speedBytes(c.n, c.rate); took > says {
			t.Errorf("speeds of %d samples at %g Hz: %d bytes, said to be %d", c.n, c.rate, took, says)
		}
	}
}

// evidence is what an analyzer of its own takes for the evidence, whatever the window.
const evidence = 256 << 10

// TestLongest: no window that is taken needs more to be analysed than this.
func TestLongest(t *testing.T) {
	most := int64(0)
	for rate := 5000.0; rate <= 10e6; rate *= 1.07 {
		for _, n := range []int{4 << 20, 4_194_302, 3 << 20, 2_100_000} {
			most = max(most, Bytes(n, rate, 0))
			for turns := 5.0; turns < 100; turns *= 1.3 {
				if shaft := turns * rate / float64(n); shaft < 10_000 {
					most = max(most, Bytes(n, rate, shaft))
				}
			}
		}
	}
	t.Logf("%d MiB at most", most>>20)
	if most > 260<<20 {
		t.Errorf("%d MiB", most>>20)
	}
}

// TestLongSegments: a segment whose plan takes its memory step by step says what one does
// that has it all.
func TestLongSegments(t *testing.T) {
	const rate, shaft = 12800, 0.8
	x := noise(200_000)
	for i := range x { // an inner race
		if math.Mod(float64(i)/rate*shaft*known.BPFI, 1) < 0.002 {
			x[i] += 8
		}
	}
	n, count := Segment(len(x), rate, shaft)
	if key := keyOf(n, rate, shaft); !key.long() || count != 1 {
		t.Fatalf("%+v, %d segments", key, count)
	}
	m := Machine{ShaftSpeed: shaft, Orders: known}
	long := *NewAnalyzer(nil).Analyze(x, rate, m)
	a := NewAnalyzer(nil)
	p := a.plan(n, rate, shaft)
	p.fft, p.x, p.c = dsp.NewRealFFT(n), make([]float64, n), make([]complex128, n/2+1)
	p.key.bins = n/2 + 1
	mean := 0.0
	for _, v := range x[:n] {
		mean += float64(v) / float64(n)
	}
	p.transform(x[:n], mean)
	low := append([]complex128(nil), p.c...)
	for i, v := range x[:n] {
		p.x[i] = float64(v) - mean
	}
	p.fft.Coefficients(p.c, p.x)
	for k := range low {
		if d := low[k] - p.c[k]; math.Hypot(real(d), imag(d)) > 1e-7 {
			t.Fatalf("bin %d: %v, want %v", k, low[k], p.c[k])
		}
	}
	if long.Combs[0].Z < 5 || long.Combs[0].Z < long.Combs[1].Z {
		t.Errorf("the inner race scores %.1f, the outer %.1f", long.Combs[0].Z, long.Combs[1].Z)
	}
}

// TestShare: analyzers that share a shelf say what one by itself does, and keep no more than
// the shelf may.
func TestShare(t *testing.T) {
	shelf := dsp.NewShelf(20 << 20)
	all := []*Analyzer{NewAnalyzer(shelf), NewAnalyzer(shelf), NewAnalyzer(shelf)}
	x := noise(30_000)
	for i := range 40 {
		n, shaft := 8000+500*(i%7), 20+float64(i%5)
		m := Machine{ShaftSpeed: shaft, Orders: known}
		a := all[i%3]
		got, want := *a.Analyze(x[:n], 12000, m), *NewAnalyzer(nil).Analyze(x[:n], 12000, m)
		if got != want {
			t.Fatalf("%d: %+v, want %+v", i, got, want)
		}
		if i%2 == 0 {
			a.Release()
		}
		if b := shelf.Bytes(); b > 20<<20 {
			t.Fatalf("%d bytes are kept", b)
		}
	}
}
