package diagnose

import (
	"fmt"
	"math"
	"strings"

	"brinell/bearing"
	"brinell/internal/clamp"
	"brinell/models"
)

// A velocity sensor tells how much a machine shakes from 10 to 1000 Hz, and whether it shakes as it
// did. The lines of a bearing are looked for in what its impacts excite, up to 5 kHz, which velocity
// weakens by its frequency and its sensors end below.

// velocityRunning begins the running states of velocity, which has baselines of its own.
const velocityRunning = "velocity, "

// noVelocityLines is why network and envelope say nothing of velocity.
const noVelocityLines = "the sensor measures velocity (mm/s), in which a bearing's lines do not show well enough: " +
	"measure acceleration (g or m/s2) for a diagnosis of the bearing"

// velocityOnly reports whether the window is of velocity, in which nobody looks for a bearing.
func (o *observation) velocityOnly() bool { return strings.HasPrefix(o.running, velocityRunning) }

// ofVelocity notes what a window of velocity is compared with, and why no more is said of it.
func (o *observation) ofVelocity(w *bearing.Window, r registered) {
	o.speed, o.source = r.speed(w)
	o.running = velocityRunning + runningState(o.speed, w.SampleRate)
	o.noLines, o.noNetwork = noVelocityLines, noVelocityLines
	if o.velocity == 0 {
		o.short = shortness{has: o.seconds, needs: velocitySeconds, seconds: velocitySeconds,
			text: fmt.Sprintf("the window lasts %.3g s, and velocity is graded from %d s on, which resolve %d Hz", o.seconds, velocitySeconds, velocityLow)}
		o.short.flag(&o.quality)
	}
}

// velocityLength returns how many samples such a piece has: a power of two, no more than the window,
// and no more than a quarter of it from a second on, so that its ends count as much as its middle.
func velocityLength(rate float64, samples int) int {
	most := min(velocityPiece*rate, max(rate, float64(samples)/4))
	n := gateLength(most, samples)
	for n > samples {
		n /= 2
	}
	return n
}

// velocityOf returns the RMS from 10 to 1000 Hz of a window of velocity, in its unit, 0 where it is
// too short: the mean of its spectra in pieces that overlap by about half and leave no end out.
func (a *assessor) velocityOf(w *bearing.Window, mean float64) float64 {
	if float64(len(w.Samples)) < velocitySeconds*w.SampleRate {
		return 0
	}
	size := velocityLength(w.SampleRate, len(w.Samples))
	p := a.spectrumOf(size)
	defer a.shelf.Put(gateKey(size), p, gateBytes(size))
	df := w.SampleRate / float64(size)
	low, high := clamp.Int(math.Ceil(velocityLow/df), 1, len(p.c)), clamp.Int(velocityHigh/df, 0, len(p.c)-1)
	left := len(w.Samples) - size
	pieces := 1 + (left+size/2-1)/(size/2)
	sum := 0.0
	for k := range pieces {
		from := left
		if k < pieces-1 {
			from = k * left / (pieces - 1)
		}
		for i := range p.x {
			p.x[i] = (float64(w.Samples[from+i]) - mean) * p.taper[i]
		}
		p.fft.Coefficients(p.c, p.x)
		for i := low; i <= high; i++ {
			sum += real(p.c[i])*real(p.c[i]) + imag(p.c[i])*imag(p.c[i])
		}
	}
	// The squares of a Hann taper sum to three eighths of its length.
	return math.Sqrt(2 * sum / (0.375 * float64(size) * float64(size) * float64(pieces)))
}

// judgeVelocity says what velocity tells: the zone of its level, and whether the machine has changed.
// That its level is low or as it was is no word of normal, and no fault of a bearing is named.
func judgeVelocity(r reasons, o *observation, j judgement, c *models.Calibration, z Zones) bearing.Verdict {
	v := r.v
	v.Windows, v.Seconds = 1, round(o.seconds, 6)
	v.Fault = bearing.Inconclusive
	r.add("velocity_only", 0, 0, false, noVelocityLines)
	o.short.add(&r)
	if o.velocity > 0 {
		v.Velocity = z.zone(o.velocity)
		r.add("velocity_zone", o.velocity, z.Limits[1], o.velocity > z.Limits[1],
			fmt.Sprintf("mm/s RMS from 10 to 1000 Hz, zone %s of %s; beyond the limit, in zones C and D, it is too much for long", v.Velocity.Zone, z.Class))
	}
	if j.limit > 0 {
		r.add("baseline_distance", j.distance, j.limit, j.changed, "distance from this sensor's healthy windows; beyond the limit the machine or the sensor has changed")
	}
	switch {
	case j.changed && j.drift == "machine":
		v.Fault, v.Agreement = bearing.UnknownFault, bearing.Agree
	case j.changed:
		r.add("sensor_changed", 1, 1, true, "one gain explains the change: the sensor, its mounting or its unit, or a machine that shakes more and not otherwise")
	}
	v.PredictionSet = c.Set(bearing.Equal()) // any
	v.Summary = o.short.lengthen(velocitySentence(v, o.quality))
	return *v
}

// zoneMeans is what ISO 20816-1 says of the zones, and what to do.
var zoneMeans = map[string]string{
	"A": "as of a new machine",
	"B": "good for long",
	"C": "not good for long: look for unbalance, misalignment and looseness at the next planned stop",
	"D": "enough to do damage: look for unbalance, misalignment and looseness within days",
}

// velocitySentence is the sentence of a window of velocity.
func velocitySentence(v *bearing.Verdict, q bearing.Quality) string {
	s := "Vibration velocity cannot be graded."
	if z := v.Velocity; z != nil {
		s = fmt.Sprintf("Vibration velocity is %.3g mm/s RMS, zone %s (ISO 20816, %s): %s.", z.RMS, z.Zone, z.Class, zoneMeans[z.Zone])
	}
	if f := flagged(q); f != "" {
		s += " The signal is not sound" + f + ": mend that and measure again."
	}
	if b, ok := reason(v, "baseline_distance"); ok {
		switch _, sensor := reason(v, "sensor_changed"); {
		case sensor:
			s += " It shakes as it did in all but its level: check the sensor's mounting and unit, and the machine."
		case b.Met:
			s += " The machine has changed from its healthy past: look at load, coupling, gears and mounting."
		default:
			s += " The machine shakes as it did when it was healthy."
		}
	}
	return s + " Velocity says nothing sure of the bearing: measure acceleration (g or m/s2) to have it diagnosed."
}
