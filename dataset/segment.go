package dataset

import (
	"math"

	"brinell/bearing"
	"brinell/internal/clamp"
)

// Part is a stretch of a recording: samples From (included) to To (excluded).
type Part struct {
	Rec      *bearing.Recording
	From, To int
}

// Samples returns the part's samples. They share memory with the recording.
func (p Part) Samples() []float32 { return p.Rec.Samples[p.From:p.To:p.To] }

// Len returns the number of samples.
func (p Part) Len() int { return p.To - p.From }

// Range returns the part by name.
func (p Part) Range() Range { return Range{Recording: p.Rec.Name, From: p.From, To: p.To} }

// Segments cuts the part into windows of length samples, one every hop samples,
// at the recording's own rate. What is left at the end is not used; a part that
// is shorter than a window gives none. The windows share memory with the
// recording.
//
// It panics if length or hop is not positive.
func Segments(p Part, length, hop int) [][]float32 {
	if length <= 0 || hop <= 0 {
		panic("dataset: window length and hop must be positive")
	}
	x := p.Samples()
	if len(x) < length {
		return nil
	}
	w := make([][]float32, 0, (len(x)-length)/hop+1)
	for i := 0; i+length <= len(x); i += hop {
		w = append(w, x[i:i+length:i+length])
	}
	return w
}

// NativeLength returns how many samples at rate Hz cover length samples at the
// target rate, rounded up:
//
//	ceil(length rate / target)
//
// up to a margin of 1e-6 samples for rates that are almost exact multiples.
// and at least 1. A model that takes 2048 samples at 12 kHz needs 8192 of a 48 kHz recording.
func NativeLength(length int, target, rate float64) int {
	return clamp.Int(math.Ceil(float64(length)*rate/target-1e-6), 1, math.MaxInt)
}
