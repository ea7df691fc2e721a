package diagnose

import (
	"fmt"
	"math"
	"strings"

	"brinell/bearing"
	"brinell/features/lines"
	"brinell/internal/clamp"
)

// windowShort is the code of the flag and of the reason that a window is too short.
const windowShort = "window_short"

// askedHz is in the question that a speed too low for the window raises.
const askedHz = "rpm a speed in Hz?"

// shortness is by how much a window is too short for what is looked for in it; zero for one that
// is long enough.
type shortness struct {
	has, needs float64 // turns of the shaft, or seconds where its speed is not known
	seconds    float64 // that a window must have at least, 0 where none that is taken has so many
	turning    bool    // has and needs are turns
	text       string  // why, in a sentence without its full stop
}

// shortOf returns how much too short a window is for the lines of a bearing to be told apart:
// those of the orders that it may have, or of any bearing where none is known. Where the speed of
// the shaft is not known, a window must be long enough to show the slowest that is looked for.
// A window that is taken has so many samples at most.
func shortOf(o *observation, rate float64, orders []bearing.Orders, most int) shortness {
	if o.speed == 0 {
		if o.seconds >= lines.AnySpeedSeconds {
			return shortness{}
		}
		seconds := upward(lines.AnySpeedSeconds)
		if seconds*rate > float64(most) {
			seconds = 0
		}
		return shortness{has: o.seconds, needs: lines.AnySpeedSeconds, seconds: seconds,
			text: fmt.Sprintf("the window lasts %.3g s, and a shaft whose speed is not stated shows in %.3g s or more",
				o.seconds, lines.AnySpeedSeconds)}
	}
	need := lines.Turns(bearing.Orders{})
	whose := "of a bearing"
	if len(orders) > 0 && orders[0].BPFO > 0 {
		need, whose = 0, "of "+bearing.Clip(o.bearing)
		for _, b := range orders {
			need = max(need, lines.Turns(b))
		}
	}
	turns := o.seconds * o.speed
	if turns >= need {
		return shortness{}
	}
	seconds := upward(need / o.speed)
	if !(seconds*rate <= float64(most)) {
		return shortness{has: turns, needs: need, turning: true,
			text: fmt.Sprintf("the window holds %.3g turns of the shaft, and telling the lines %s from one another takes %.3g: "+
				"at %.4g rpm and %.6g Hz no window that is taken is so long", turns, whose, need, 60*o.speed, rate)}
	}
	return shortness{has: turns, needs: need, seconds: seconds, turning: true,
		text: fmt.Sprintf("the window holds %.3g turns of the shaft, and telling the lines %s from one another and from the shaft's takes %.3g: "+
			"at %.4g rpm and %.6g Hz a window of %.3g s, which are %d samples",
			turns, whose, need, 60*o.speed, rate, seconds, clamp.Count(math.Ceil(seconds*rate)))}
}

// flag puts the shortness among the flags of a window.
func (s shortness) flag(q *bearing.Quality) {
	if s.text == "" {
		return
	}
	unit := "turns of the shaft"
	if !s.turning {
		unit = "seconds"
	}
	degrade(q, bearing.Flag{Code: windowShort, Value: round(s.has, 4), Limit: round(s.needs, 4),
		Note: unit + ", and too little is resolved in less: " + s.advice()})
}

// add puts the shortness among the reasons of a verdict.
func (s shortness) add(r *reasons) {
	if s.text != "" {
		r.add(windowShort, s.has, s.needs, false, s.text)
	}
}

// lengthen ends the sentence about a verdict with how long to measure, where the window was too
// short, unless it asks whether the speed is meant in Hz, at which it may be long enough.
func (s shortness) lengthen(sentence string) string {
	advice := s.advice()
	if advice == "" || strings.Contains(sentence, askedHz) {
		return sentence
	}
	if strings.Contains(sentence, "window is too short") {
		return sentence + " " + strings.ToUpper(advice[:1]) + advice[1:] + "."
	}
	return sentence + " The window is short: " + advice + "."
}

// advice says what to do, "" where the window is long enough.
func (s shortness) advice() string {
	if s.text == "" {
		return ""
	}
	if s.seconds == 0 && !s.turning {
		return "state the shaft speed, or sample more slowly"
	}
	if s.seconds == 0 {
		return "check the shaft speed, or sample more slowly"
	}
	return fmt.Sprintf("measure at least %.3g s at a time", s.seconds)
}

// upward rounds seconds up to two digits, so that what is advised is enough.
func upward(seconds float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(seconds))-1)
	return math.Ceil(seconds/unit-1e-9) * unit
}
