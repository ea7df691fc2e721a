package diagnose

import (
	"strings"
	"testing"

	"brinell/bearing"
)

// TestSentence: each answer says what it is, how sure, and what to do next.
func TestSentence(t *testing.T) {
	why := func(code string, met bool, text string) []bearing.Reason {
		return []bearing.Reason{{Code: "tones", Value: 90, Met: true}, {Code: code, Value: 2, Limit: 5, Met: met, Text: text}}
	}
	clipped := bearing.Quality{Level: bearing.Degraded, Flags: []bearing.Flag{{Code: "clipping"}, {Code: "rate_low"}}}
	for name, c := range map[string]struct {
		v    bearing.Verdict
		q    bearing.Quality
		want []string
	}{
		"unusable":      {bearing.Verdict{}, bearing.Quality{Level: bearing.Unusable, Flags: clipped.Flags}, []string{"no vibration", "(clipping)", "check sensor"}},
		"inner race":    {bearing.Verdict{Fault: bearing.InnerRace, Probability: 0.96, Windows: 3, Severity: bearing.Severity{Stage: 3}}, bearing.Quality{}, []string{"inner race, with probability 0.96 (stage 3 of 4)", "within four weeks."}},
		"sure":          {bearing.Verdict{Fault: bearing.InnerRace, Probability: 0.995, Windows: 3}, bearing.Quality{}, []string{"with probability over 0.99:"}},
		"less sure":     {bearing.Verdict{Fault: bearing.InnerRace, Probability: 0.9949, Windows: 3}, bearing.Quality{}, []string{"with probability 0.99:"}},
		"of two":        {bearing.Verdict{Fault: bearing.InnerRace, Bearing: "6203-2RS", Probability: 0.96, Windows: 3}, bearing.Quality{}, []string{"Damage of the inner race of bearing 6203-2RS, with", "inspect the inner race of bearing 6203-2RS"}},
		"one window":    {bearing.Verdict{Fault: bearing.OuterRace, Probability: 0.8, Windows: 1, Severity: bearing.Severity{Stage: 2}}, bearing.Quality{}, []string{"outer race", "within three months", "rests on one window"}},
		"two windows":   {bearing.Verdict{Fault: bearing.Ball, Probability: 0.8, Windows: 2, Severity: bearing.Severity{Stage: 4}}, bearing.Quality{}, []string{"rolling element", "within days", "rests on 2 windows"}},
		"normal":        {bearing.Verdict{Fault: bearing.Normal, Why: why("baseline_distance", false, "")}, bearing.Quality{}, []string{"Normal", "distance 2, limit 5", "Nothing to do"}},
		"changed":       {bearing.Verdict{Fault: bearing.UnknownFault}, bearing.Quality{}, []string{"has changed", "look at load"}},
		"no bearing":    {bearing.Verdict{Fault: bearing.Inconclusive, Why: why("bearing_unknown", false, "what is it?")}, clipped, []string{"Nothing can be said of the bearing: what is it?"}},
		"withheld":      {bearing.Verdict{Fault: bearing.Inconclusive, Why: why("withheld", false, "too slow")}, clipped, []string{"cannot be looked for: too slow."}},
		"conflict":      {bearing.Verdict{Fault: bearing.Inconclusive, Why: why("conflict", true, "one says a, one b")}, bearing.Quality{}, []string{"contradict", "one says a, one b", "measure again"}},
		"not met":       {bearing.Verdict{Fault: bearing.Inconclusive, Why: why("conflict", false, "")}, bearing.Quality{}, []string{"No answer is sure enough"}},
		"flags":         {bearing.Verdict{Fault: bearing.Inconclusive}, clipped, []string{"no sure answer (clipping)", "measure again"}},
		"wrong speed":   {bearing.Verdict{Fault: bearing.Inconclusive, Likeliest: bearing.Ball, Probability: 0.44, Why: why("shaft_lines", false, "")}, bearing.Quality{}, []string{"shaft does not show", "likeliest so far: damage of a rolling element, 0.44"}},
		"others' lines": {bearing.Verdict{Fault: bearing.Inconclusive, Likeliest: bearing.Ball, Probability: 0.44, Why: why("unexplained_lines", true, "")}, bearing.Quality{}, []string{"neither the bearing's nor the shaft's", "bearings match", "likeliest so far"}},
		"no others'":    {bearing.Verdict{Fault: bearing.Inconclusive, Why: why("unexplained_lines", false, "")}, bearing.Quality{}, []string{"No answer is sure enough"}},
		"estimated":     {bearing.Verdict{Fault: bearing.InnerRace, Probability: 0.96, Windows: 3, Why: why("bearing_estimated", true, "")}, bearing.Quality{}, []string{"inner race", "estimated from its designation"}},
		"hits":          {bearing.Verdict{Fault: bearing.Inconclusive, Likeliest: bearing.Normal, Why: why("calm", false, "")}, bearing.Quality{}, []string{"Something hits", "send more windows."}},
		"nothing":       {bearing.Verdict{Fault: bearing.Inconclusive, Why: why("nothing_found", true, "")}, bearing.Quality{Level: bearing.Good}, []string{"No sign of damage", "not yet normal", "60 healthy"}},
	} {
		got := sentence(&c.v, c.q, true)
		for _, w := range c.want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: %q has no %q", name, got, w)
			}
		}
		if strings.Contains(got, "rate low") || strings.Count(got, "rests on") != strings.Count(strings.Join(c.want, " "), "rests on") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestUncalibrated: a probability that was not calibrated is never told without that.
func TestUncalibrated(t *testing.T) {
	for _, v := range []bearing.Verdict{
		{Fault: bearing.InnerRace, Probability: 0.999, Windows: 3, Severity: bearing.Severity{Stage: 3}},
		{Fault: bearing.Normal, Probability: 0.8},
		{Fault: "loose_foot", Probability: 0.7},
		{Fault: bearing.Inconclusive, Likeliest: bearing.Ball, Probability: 0.44},
	} {
		const says = ", which is not calibrated"
		if got := sentence(&v, bearing.Quality{}, false); !strings.Contains(got, certainty(v.Probability, true)+says) {
			t.Errorf("%q", got)
		}
		if got := sentence(&v, bearing.Quality{}, true); strings.Contains(got, says) {
			t.Errorf("%q of a calibrated one", got)
		}
	}
}

// TestHits: a rolling element is named by its hits alone only after two seconds of them, and in
// each of the limits that take part.
func TestHits(t *testing.T) {
	for _, c := range []struct {
		seconds, hits, tones, free, shaft float64
		want                              bool
	}{
		{2, 0.69, 25, 3.99, 1.5, true}, {1.99, 0.69, 25, 3.99, 1.5, false}, {2, 0.68, 25, 3.99, 1.5, false},
		{2, 0.69, 24, 3.99, 1.5, false}, {2, 0.69, 25, 4, 1.5, false}, {2, 0.69, 25, 3.99, 1.49, false},
	} {
		m := &memory{weight: 1, seconds: c.seconds, impulsive: c.hits, tones: c.tones, free: c.free, shaft: c.shaft}
		if got := showsBall(&reasons{v: &bearing.Verdict{}}, m); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestNothingFound: silence is no word of normal, and what kept it from being silence is said.
func TestNothingFound(t *testing.T) {
	for _, c := range []struct {
		hits, tones, shaft float64
		silent             bool
	}{{0.24, 25, 1.5, true}, {0.25, 25, 1.5, false}, {0.24, 24, 1.5, false}, {0.24, 25, 1.49, false}} {
		v := bearing.Verdict{}
		f := nothingFound(&reasons{v: &v}, &memory{weight: 1, impulsive: c.hits, tones: c.tones, shaft: c.shaft})
		if _, silent := reason(&v, "nothing_found"); f != bearing.Inconclusive || silent != c.silent {
			t.Errorf("%+v: %s, %+v", c, f, v.Why)
		}
	}
}
