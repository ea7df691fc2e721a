// Package clamp converts floating-point numbers to integers. Go leaves to the processor
// what becomes of a number that does not fit: the least integer on one, the largest on
// another. So this is the one place that converts, and whoever converts says between
// which bounds; a test of the house sees to it (internal/convert_test.go).
package clamp

import (
	"math"
	"time"
)

// Int returns v without its fraction, within lo..hi: lo for what is below and for NaN, hi
// for what is above. lo must not be above hi.
func Int(v float64, lo, hi int) int {
	if !(v > float64(lo)) {
		return lo
	}
	if v >= float64(hi) {
		return hi
	}
	return int(v)
}

// Count returns v without its fraction from 0 on, as Int does: for lengths and numbers of
// things, which the caller holds against what there is.
func Count(v float64) int { return Int(v, 0, math.MaxInt) }

// Int64 is Int for numbers of bytes.
func Int64(v float64, lo, hi int64) int64 {
	if !(v > float64(lo)) {
		return lo
	}
	if v >= float64(hi) {
		return hi
	}
	return int64(v)
}

// Seconds returns that many seconds, the longest duration there is for more, and 0 for
// NaN.
func Seconds(s float64) time.Duration { return Nanoseconds(s * float64(time.Second)) }

// Nanoseconds returns that many nanoseconds, likewise.
func Nanoseconds(ns float64) time.Duration {
	if math.IsNaN(ns) {
		return 0
	}
	return time.Duration(Int64(ns, math.MinInt64, math.MaxInt64))
}
