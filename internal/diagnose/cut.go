package diagnose

import (
	"context"

	"brinell/bearing"
	"brinell/features/lines"
	"brinell/internal/clamp"
)

// How long the windows are that a recording is cut into: a second, on which calibration and
// accuracy rest, and on a slow machine so many turns of the shaft, to resolve its lines.
const (
	cutSeconds = 1.0
	cutTurns   = lines.MostTurns
)

// Cut divides a recording, which is a window of any length, into the windows that are judged
// one after the other. It is how every recording is cut, on the command line and in the
// service. The network does not shorten them: one that reads 2,048 samples is asked all
// over a window of a second, beside the physics, which cannot resolve a line in less. One
// that reads more makes them longer. What is left over belongs to the last window. The
// windows share the recording's samples.
func (c *Core) Cut(rec *bearing.Window) ([]*bearing.Window, error) {
	reg, err := c.register(rec)
	if err != nil {
		return nil, err
	}
	e, done, err := c.engineOf(context.Background(), reg.model)
	if err != nil {
		return nil, err
	}
	defer done()
	speed, _ := reg.speed(rec)
	n := cutLength(rec.SampleRate, speed)
	if pre := e.model.Preprocessing; pre.CheckRate(rec.SampleRate) == nil {
		n = max(n, pre.NativeLength(rec.SampleRate))
	}
	if rec.Unit.IsVelocity() { // its level is that of all of it
		n = len(rec.Samples)
	}
	n = min(n, bearing.DefaultMaxSamples/2) // the last may be almost twice as long
	var out []*bearing.Window
	for from := 0; from == 0 || from+n <= len(rec.Samples); from += n {
		to := from + n
		if to+n > len(rec.Samples) {
			to = len(rec.Samples)
		}
		w := *rec
		w.Start = rec.Start.Add(clamp.Seconds(float64(from) / rec.SampleRate))
		w.Samples = rec.Samples[from:to:to]
		out = append(out, &w)
	}
	return out, nil
}

// cutLength returns how many samples of a recording the physics of a bearing needs in a
// window. A speed of 0 is not known.
func cutLength(rate, speed float64) int {
	n := max(1, clamp.Count(cutSeconds*rate))
	if speed > 0 {
		n = max(n, clamp.Count(cutTurns/speed*rate))
		if need := lines.Need(rate, speed); need <= bearing.DefaultMaxSamples {
			n = max(n, need)
		}
	}
	return n
}
