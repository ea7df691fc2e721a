package dsp

import (
	"math/cmplx"
	"math/rand/v2"
	"runtime"
	"testing"

	"brinell/internal/kernel"
)

// TestShelf: what was put is there for whoever needs it next, the bytes are bounded, and what
// was used longest ago goes first.
func TestShelf(t *testing.T) {
	s := NewShelf(400)
	key := func(n int) PlanKey { return PlanKey{Kind: "test", A: n} }
	want := func(n int, plans ...any) {
		t.Helper()
		for _, p := range plans {
			if got := s.Take(key(n)); got != p {
				t.Errorf("key %d: got %v, want %v", n, got, p)
			}
		}
	}
	want(1, nil)
	s.Put(key(1), "too large", 101)
	want(1, nil)
	s.Put(key(1), "a", 100)
	s.Put(key(1), "b", 100)
	s.Put(key(2), "c", 100)
	s.Put(key(3), "d", 100)
	if s.Bytes() != 400 {
		t.Errorf("%d bytes", s.Bytes())
	}
	s.Put(key(4), "e", 1) // takes the place of one of key 1, the oldest
	want(4, "e", nil)
	want(1, "a", nil)
	want(2, "c", nil)
	s.Put(key(2), "c", 100)
	s.Put(key(5), "f", 100)
	s.Put(key(6), "g", 100)
	s.Put(key(7), "h", 100) // of key 3 now
	want(3, nil)
	want(2, "c")
	want(5, "f")
	want(6, "g")
	want(7, "h")
	if s.Bytes() != 0 || s.newest != nil || len(s.free) != 0 {
		t.Errorf("%d bytes in an empty shelf, %v", s.Bytes(), s.free)
	}
	if n := testing.AllocsPerRun(100, func() {
		s.Put(key(1), s, 10)
		s.Take(key(1))
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 10_000 {
		if n := rng.IntN(8); rng.IntN(2) == 0 {
			s.Put(key(n), n, int64(rng.IntN(120)))
		} else if p := s.Take(key(n)); p != nil && p != n {
			t.Fatalf("key %d gives %v", n, p)
		}
		count, ring := int64(0), 0
		for e := s.newest; e != nil; {
			count += e.bytes
			ring++
			if e = e.next; e == s.newest {
				break
			}
		}
		listed := 0
		for _, e := range s.free {
			for ; e != nil; e = e.same {
				listed++
			}
		}
		if count != s.bytes || count > 400 || ring != listed {
			t.Fatalf("%d bytes are counted as %d; %d plans in the ring, %d by key", count, s.bytes, ring, listed)
		}
	}
}

// TestLowFFT: the lowest bins are those of the whole transform.
func TestLowFFT(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{2, 100, 1 << 17, 1 << 18, 300_000, 2 * 3 * 3 * 5 * 5 * 5 * 81, 2 * 390625, 1_536_000, 262_146} {
		x := make([]float64, n)
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		f := NewLowFFT(n)
		if l := len(f.x); l > lowPart && n != 262_146 {
			t.Errorf("n %d: parts of %d", n, l)
		}
		want := NewRealFFT(n).Coefficients(nil, x)
		for _, h := range []int{1, n/3 + 1, n/2 + 1} {
			worst := 0.0
			for k, c := range f.Coefficients(make([]complex128, h), func(i int) float64 { return x[i] }) {
				worst = max(worst, cmplx.Abs(c-want[k]))
			}
			if worst > 1e-8 {
				t.Errorf("n %d, %d bins: %g off", n, h, worst)
			}
		}
	}
}

// TestBytes: what plans say that they take is not less than what they allocate, and not much
// more where that matters.
func TestBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	check := func(what string, n int, says int64, make func() any) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p := make()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(p)
		took := int64(after.TotalAlloc - before.TotalAlloc)
		if took > says {
			t.Errorf("%s of %d takes %d bytes and says %d", what, n, took, says)
		}
		if took > 1<<22 && says > took*3/2 {
			t.Errorf("%s of %d takes %d bytes and says %d", what, n, took, says)
		}
	}
	for _, n := range []int{1, 2, 3, 7, 1024, 4094, 4096, 4098, 12000, 16383, 16384, 65536, 99991, 131072, 196608, 250_000, 300_001} {
		check("transform", n, RealFFTBytes(n), func() any { return NewRealFFT(n) })
		check("periodogram", n, NewPeriodogram(n).Bytes(), func() any { return NewPeriodogram(n) })
		check("low transform", n, LowFFTBytes(n), func() any { return NewLowFFT(n) })
		keep := 1 + rng.IntN(n)
		check("envelope", n, EnvelopeSpectrumBytes(n, keep), func() any { return NewEnvelopeSpectrum(n, keep) })
		check("envelope", n, EnvelopeSpectrumBytes(n, 1), func() any { return NewEnvelopeSpectrum(n, 1) })
	}
	for n := 1; n < 5000; n++ {
		want := n
		for !kernel.FFTLen(want) {
			want++
		}
		if got := fastLen(n); got != want {
			t.Errorf("fastLen(%d) = %d, want %d", n, got, want)
		}
	}
}
