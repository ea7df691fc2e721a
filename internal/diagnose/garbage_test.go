package diagnose_test

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/features/dsp"
	"brinell/internal/diagnose"
	"brinell/models/pretrained"
)

// source makes signals that are none of a machine: the next window of one sensor at
// each call.
type source struct {
	kind string
	rate float64
	n    int
	next func(x []float64)
}

// garbageKinds are the kinds of garbage.
var garbageKinds = []string{"white", "pink", "brown", "tone", "tones", "hum", "speech", "repeated", "clipped noise", "wrong rate", "constant", "impulse", "step", "ramp"}

// garbage returns a source of that kind, drawn at random.
func garbage(kind string, rng *rand.Rand) *source {
	rates := []float64{5000, 8000, 12000, 20480, 25600, 48000}
	s := &source{kind: kind, rate: rates[rng.IntN(len(rates))]}
	s.n = int(s.rate * (0.3 + 0.9*rng.Float64()))
	level := math.Pow(10, -3+4*rng.Float64())
	noise := func(x []float64, a float64) {
		for i := range x {
			x[i] += a * rng.NormFloat64()
		}
	}
	at := 0.0 // samples before this window
	switch kind {
	case "white":
		s.next = func(x []float64) { noise(x, level) }
	case "pink":
		s.next = func(x []float64) { shaped(x, level, 0.5, rng) }
	case "brown":
		s.next = func(x []float64) { shaped(x, level, 1, rng) }
	case "tone", "tones", "hum":
		var f []float64
		switch kind {
		case "tone":
			f = []float64{20 + rng.Float64()*s.rate*0.4}
		case "tones":
			for range 2 + rng.IntN(3) {
				f = append(f, 20+rng.Float64()*s.rate*0.4)
			}
		default:
			base := []float64{50, 60}[rng.IntN(2)]
			for h := 1; h <= 8; h++ {
				f = append(f, base*float64(h))
			}
		}
		amp := make([]float64, len(f))
		for i := range amp {
			amp[i] = level * rng.Float64() / float64(i+1)
		}
		amp[0] = level
		s.next = func(x []float64) {
			for i := range x {
				for k := range f {
					x[i] += amp[k] * math.Sin(2*math.Pi*f[k]*(at+float64(i))/s.rate)
				}
			}
			noise(x, 0.01*level)
			at += float64(len(x))
		}
	case "speech":
		pitch := 90 + 130*rng.Float64()
		s.next = func(x []float64) { speech(x, s.rate, level, pitch, rng) }
	case "repeated":
		block := make([]float64, 64+rng.IntN(s.n/2-64))
		noise(block, level)
		s.next = func(x []float64) {
			for i := range x {
				x[i] = block[i%len(block)]
			}
		}
	case "clipped noise":
		rail := level * (0.2 + rng.Float64())
		s.next = func(x []float64) {
			noise(x, level)
			for i := range x {
				x[i] = max(-rail, min(rail, x[i]))
			}
		}
	case "wrong rate":
		// A bearing of another kind, read at half or double its rate.
		spec := dataset.DrawSim(lines[rng.IntN(3)], rng)
		spec.Seconds = 30
		spec.RateHz = 12000
		spec.SNRdB = -5 + 15*rng.Float64()
		all, err := dataset.Simulate(spec, rng)
		if err != nil {
			panic(err)
		}
		s.rate, s.n = 12000*[]float64{0.5, 2}[rng.IntN(2)], 12000
		s.next = func(x []float64) {
			for i := range x {
				x[i] = float64(all[(int(at)+i)%len(all)])
			}
			at += float64(len(x))
		}
	case "constant":
		s.next = func(x []float64) {
			for i := range x {
				x[i] = level
			}
		}
	case "impulse":
		s.next = func(x []float64) { noise(x, 1e-3*level); x[rng.IntN(len(x))] += level * 100 }
	case "step":
		s.next = func(x []float64) {
			noise(x, 1e-3*level)
			for i := rng.IntN(len(x)); i < len(x); i++ {
				x[i] += level
			}
		}
	case "ramp":
		s.next = func(x []float64) {
			noise(x, 1e-2*level)
			for i := range x {
				x[i] += level * float64(i) / float64(len(x))
			}
		}
	}
	return s
}

var lines = []bearing.Fault{bearing.InnerRace, bearing.OuterRace, bearing.Ball}

// shaped fills x with noise whose amplitude spectrum falls with the given power.
func shaped(x []float64, level, power float64, rng *rand.Rand) {
	n := len(x) &^ 1
	c := make([]complex128, n/2+1)
	for k := 1; k < len(c); k++ {
		a := math.Pow(float64(k), -power)
		c[k] = complex(a*rng.NormFloat64(), a*rng.NormFloat64())
	}
	y := dsp.NewRealFFT(n).Inverse(nil, c)
	sum := 0.0
	for _, v := range y {
		sum += v * v
	}
	for i := range x {
		x[i] = level * y[min(i, n-1)] / math.Sqrt(sum/float64(n))
	}
	x[len(x)-1] += level * 0.1 * rng.NormFloat64()
}

// speech fills x with pulses at a wandering pitch through three formants, in syllables
// of a fifth of a second.
func speech(x []float64, rate, level, pitch float64, rng *rand.Rand) {
	var formants [3][2]float64 // state of resonators
	f := [3]float64{500 + 300*rng.Float64(), 1200 + 600*rng.Float64(), 2200 + 200*rng.Float64()}
	phase := 0.0
	for i := range x {
		t := float64(i) / rate
		phase += pitch * (1 + 0.1*math.Sin(2*math.Pi*1.7*t)) / rate
		in := 0.0
		if phase >= 1 {
			phase--
			in = 1
		}
		in *= math.Max(0, math.Sin(2*math.Pi*2.5*t))
		out := 0.0
		for k := range formants {
			w, r := 2*math.Pi*f[k]/rate, math.Exp(-math.Pi*80/rate)
			y := in + 2*r*math.Cos(w)*formants[k][0] - r*r*formants[k][1]
			formants[k][1], formants[k][0] = formants[k][0], y
			out += y
		}
		x[i] = level * (out + 0.01*rng.NormFloat64())
	}
}

// TestGarbage: what is no machine gets no confident answer, alone and as the tenth such
// window of a sensor, with bearing and speed stated or not. BRINELL_GARBAGE says how
// many sensors.
func TestGarbage(t *testing.T) {
	m, err := pretrained.Default()
	if err != nil {
		t.Fatal(err)
	}
	core, err := diagnose.New(m, diagnose.Config{})
	if err != nil {
		t.Fatal(err)
	}
	count := 140
	if s := os.Getenv("BRINELL_GARBAGE"); s != "" {
		if count, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	bad := map[string]int{}
	for i := range count {
		kind := garbageKinds[i%len(garbageKinds)]
		rng := rand.New(rand.NewPCG(uint64(i), 0x6761726261))
		src := garbage(kind, rng)
		b := bearing.KnownBearings[rng.IntN(len(bearing.KnownBearings))]
		shaft := 10 + 50*rng.Float64()
		if rng.IntN(4) == 0 {
			shaft = 0
		}
		session := core.Session()
		for k := range 10 {
			x := make([]float64, src.n)
			src.next(x)
			samples := make([]float32, len(x))
			for i, v := range x {
				samples[i] = float32(v)
			}
			w, err := bearing.NewWindow(bearing.Window{Sensor: "g", Start: time.Unix(int64(2*k), 0), SampleRate: src.rate, ShaftSpeed: shaft, Bearing: b.Designation, Unit: bearing.G, Samples: samples}, bearing.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			d, err := session.Diagnose(w)
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			named := d.Fault != "" && d.Fault != bearing.UnknownFault && d.Fault != bearing.Inconclusive
			for _, p := range d.Probabilities {
				named = named || p.Value > 0.5+1e-6
			}
			if named {
				bad[kind]++
				if bad[kind] <= 2 {
					t.Logf("%s %d, window %d: %s, probabilities %v, quality %s %v\n%v", kind, i, k, d.Fault, d.Probabilities, d.Quality.Level, d.Quality.Flags, d.Verdict.Why)
				}
				break
			}
		}
	}
	// Of the bearings read at a wrong rate, some fit the stated one by chance.
	most, total := count/1000, 0
	for kind, n := range bad {
		total += n
		t.Logf("%s: %d of %d sensors get a confident answer", kind, n, count/len(garbageKinds))
	}
	if total > most {
		t.Errorf("%d of %d sensors get a confident answer, at most %d may", total, count, most)
	}
}

// BenchmarkDefault is a whole diagnosis of one second by the default model, as the next
// window of a sensor.
func BenchmarkDefault(b *testing.B) {
	m, err := pretrained.Default()
	if err != nil {
		b.Fatal(err)
	}
	core, err := diagnose.New(m, diagnose.Config{})
	if err != nil {
		b.Fatal(err)
	}
	for _, rate := range []float64{12000, 25600, 48828} {
		b.Run("rate="+strconv.Itoa(int(rate)), func(b *testing.B) {
			spec := dataset.SimSpec{Geometry: bearing.KnownBearings[0].Geometry, Fault: bearing.InnerRace, ShaftHz: 29.95, RateHz: rate, Seconds: 1, SNRdB: 0, LoadZone: 0.5}
			x, err := dataset.Simulate(spec, rand.New(rand.NewPCG(1, 1)))
			if err != nil {
				b.Fatal(err)
			}
			s := core.Session()
			w := &bearing.Window{Sensor: "pump", Start: time.Unix(0, 0), SampleRate: rate, ShaftSpeed: 29.95, Bearing: "6205-2RS", Unit: bearing.G, Samples: x}
			b.ReportAllocs()
			for b.Loop() {
				w.Start = w.Start.Add(time.Minute)
				if _, err := s.Diagnose(w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
