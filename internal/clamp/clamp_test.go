package clamp

import (
	"math"
	"testing"
	"time"
)

func TestInt(t *testing.T) {
	f := func(v float64, lo, hi, want int) {
		t.Helper()
		if got := Int(v, lo, hi); got != want {
			t.Errorf("Int(%v, %d, %d) = %d, want %d", v, lo, hi, got, want)
		}
	}
	f(3.99, 0, 10, 3)
	f(-3.99, -10, 10, -3)
	f(-1, 0, 10, 0)
	f(10, 0, 10, 10)
	f(11, 0, 10, 10)
	f(1e19, 0, 10, 10)
	f(-1e19, -7, 10, -7)
	f(math.NaN(), -7, 10, -7)
	f(math.Inf(1), 0, math.MaxInt, math.MaxInt)
	f(math.Inf(-1), math.MinInt, 0, math.MinInt)
	f(1<<63, 0, math.MaxInt, math.MaxInt)
	f(math.Nextafter(1<<63, 0), 0, math.MaxInt, 1<<63-1024)
	f(-1<<63, math.MinInt, 0, math.MinInt)
	f(5e-324, 0, 10, 0)
	if got := Count(math.NaN()); got != 0 {
		t.Errorf("NaN things are %d", got)
	}
	if got := Int64(1e300, 0, 1<<40); got != 1<<40 {
		t.Errorf("1e300 bytes are %d", got)
	}
}

func TestSeconds(t *testing.T) {
	f := func(s float64, want time.Duration) {
		t.Helper()
		if got := Seconds(s); got != want {
			t.Errorf("Seconds(%v) = %v, want %v", s, got, want)
		}
	}
	f(1.5, 1500*time.Millisecond)
	f(-1.5, -1500*time.Millisecond)
	f(1e300, math.MaxInt64)
	f(-1e300, math.MinInt64)
	f(math.NaN(), 0)
}
