package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"brinell/bearing"
)

// damagedPart is what of a bearing a fault is of.
var damagedPart = map[bearing.Fault]string{bearing.InnerRace: "the inner race", bearing.OuterRace: "the outer race", bearing.Ball: "a rolling element"}

// within is how soon a bearing of a stage is to be looked at. The stages are those of the
// classic four. How long each lasts depends on load and speed, and no standard says it: these
// are this program's own, on the cautious side.
var within = map[int]string{2: "at the next planned stop, within three months", 3: "within four weeks", 4: "within days"}

// sentence says in a sentence or two what a verdict is, how sure, and what to do next. Where the
// model's probabilities are not calibrated, it says that of each.
func sentence(v *bearing.Verdict, q bearing.Quality, calibrated bool) string {
	switch v.Fault {
	case "":
		return "This is no vibration that can be judged" + flagged(q) + ": check sensor, cable and range, and measure again."
	case bearing.Normal:
		if r, ok := reason(v, "baseline_distance"); ok {
			return fmt.Sprintf("Normal: as this sensor was when it was healthy (distance %.3g, limit %.3g). Nothing to do.", r.Value, r.Limit)
		}
		return fmt.Sprintf("Normal, with probability %s. Nothing to do.", certainty(v.Probability, calibrated))
	case bearing.UnknownFault:
		return "The machine has changed from its healthy past, and no known bearing fault explains it: look at load, coupling, gears and mounting, and note what was found as an inspection."
	case bearing.Inconclusive:
		return inconclusive(v, q, likeliest(v, calibrated))
	}
	what, ok := damagedPart[v.Fault]
	if !ok {
		return fmt.Sprintf("%s, with probability %s: inspect the machine at the next planned stop.", v.Fault, certainty(v.Probability, calibrated))
	}
	if v.Bearing != "" {
		what += " of bearing " + v.Bearing
	}
	s := fmt.Sprintf("Damage of %s, with probability %s", what, certainty(v.Probability, calibrated))
	if v.Severity.Stage > 0 {
		s += fmt.Sprintf(" (stage %d of 4)", v.Severity.Stage)
	}
	soon := within[v.Severity.Stage]
	if soon == "" {
		soon = within[2]
	}
	s += ": inspect " + what + " " + soon + "."
	if _, ok := reason(v, "bearing_estimated"); ok {
		s += " The bearing's orders are estimated from its designation: make sure that it is the right one."
	}
	if v.Windows < 3 {
		s += " Measure again before: this rests on " + windows(v.Windows) + "."
	}
	return s
}

// certainty is a probability for people, who take 1.00 for certain.
func certainty(p float64, calibrated bool) string {
	s := "over 0.99"
	if p < 0.995 {
		s = fmt.Sprintf("%.2f", p)
	}
	if !calibrated {
		s += ", which is not calibrated"
	}
	return s
}

// inconclusive says why nothing is named, the reason first that can be done most about.
func inconclusive(v *bearing.Verdict, q bearing.Quality, soFar string) string {
	if r, ok := reason(v, "class_unproven"); ok {
		return "No bearing fault is named, but " + r.Text + ", and inspect for that."
	}
	if r, ok := reason(v, "bearing_unknown"); ok {
		return "Nothing can be said of the bearing: " + ended(r.Text)
	}
	for _, c := range []struct{ code, text string }{
		{"conflict", "The witnesses contradict each other (%s): check speed, sampling rate and bearing, and measure again."},
		{"sensor_changed", "The sensor has changed, not the machine (%s): check its mounting and unit, and restart its baseline."},
		{"out_of_domain", "The signal is unlike all that the network was trained on (%s): check unit, range and mounting of the sensor."},
	} {
		if r, ok := reason(v, c.code); ok && r.Met {
			return fmt.Sprintf(c.text, r.Text)
		}
	}
	if r, ok := reason(v, "withheld"); ok {
		return "The bearing's lines cannot be looked for: " + ended(r.Text)
	}
	if _, ok := reason(v, windowShort); ok && flagged(q) == "" {
		return "The window is too short for a sure answer" + soFar + "."
	}
	if f := flagged(q); f != "" {
		return "The signal allows no sure answer" + f + ": mend that and measure again."
	}
	if r, ok := reason(v, "shaft_lines"); ok && !r.Met {
		return "The shaft does not show at the stated speed and sampling rate: check both, and measure again" + soFar + "."
	}
	if r, ok := reason(v, "unexplained_lines"); ok && r.Met {
		return "Lines stand out that are neither the bearing's nor the shaft's: check the speed and the bearing's designation, for which brinell bearings match tells what fits, and measure again" + soFar + "."
	}
	if r, ok := reason(v, "calm"); ok && !r.Met {
		return "Something hits, and neither the bearing nor the shaft explains it: check the bearing's designation and the speed, and send more windows" + soFar + "."
	}
	if _, ok := reason(v, "nothing_found"); ok {
		return fmt.Sprintf("No sign of damage was found. That is not yet normal, for a damaged rolling element may show none: "+
			"send windows until the baseline of this sensor has learnt %d healthy ones.", readyAfter)
	}
	return "No answer is sure enough: measure again, longer, or send more windows of this sensor" + soFar + "."
}

// ended is a text with a full stop, if it does not end with a question.
func ended(text string) string {
	if strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

func windows(n int) string {
	if n == 1 {
		return "one window"
	}
	return fmt.Sprintf("%d windows", n)
}

// likeliest names the fault that is likeliest where nothing is sure.
func likeliest(v *bearing.Verdict, calibrated bool) string {
	p, ok := damagedPart[v.Likeliest]
	if !ok {
		return ""
	}
	return fmt.Sprintf(" (likeliest so far: damage of %s, %s)", p, certainty(v.Probability, calibrated))
}

// reason returns the one of that code.
func reason(v *bearing.Verdict, code string) (bearing.Reason, bool) {
	i := slices.IndexFunc(v.Why, func(r bearing.Reason) bool { return r.Code == code })
	if i < 0 {
		return bearing.Reason{}, false
	}
	return v.Why[i], true
}

// flagged lists the flags of a window of bad quality in brackets, "" for a good one.
func flagged(q bearing.Quality) string {
	if q.Level == bearing.Good || len(q.Flags) == 0 {
		return ""
	}
	var codes []string
	for _, f := range q.Flags {
		// One says how much of the band is missing, not that the answer is unsure; of the other
		// the sentence says more.
		if f.Code != "rate_low" && f.Code != windowShort {
			codes = append(codes, strings.ReplaceAll(f.Code, "_", " "))
		}
	}
	if len(codes) == 0 {
		return ""
	}
	return " (" + strings.Join(codes, ", ") + ")"
}
