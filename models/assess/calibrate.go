package assess

import (
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/optimize"

	"brinell/bearing"
	"brinell/internal/clamp"
	"brinell/models"
)

// ridge keeps the few parameters of a calibration near the network's own word: there
// are no more than a dozen bearings to learn them from.
const ridge = 0.002

// Calibrate fits the calibration of the joint verdict to answers about bearings that
// the network had not seen, each condition and within it each bearing with the same
// weight.
func Calibrate(answers []Answer) models.Calibration {
	answers = slices.DeleteFunc(slices.Clone(answers), func(a Answer) bool { return !a.Truth.Known() })
	weight := weights(answers)
	c := models.Calibration{}
	unpack := func(x []float64) models.Calibration {
		// A witness counts for what it says or not at all, never against it. One bias, of normal: what tells one fault from another must not be learnt from
		// three bearings of each.
		return models.Calibration{Network: math.Abs(x[0]), Envelope: math.Abs(x[1]), Bias: bearing.ByFault{x[2]}}
	}
	loss := func(x []float64) float64 {
		c := unpack(x)
		sum := 0.0
		for i := range answers {
			y := slices.Index(bearing.Faults[:], answers[i].Truth)
			p := c.Probabilities(answers[i].Network, answers[i].Envelope)
			sum -= weight[i] * math.Log(p[y]+1e-12)
		}
		for i, v := range []float64{c.Network, x[1], x[2]} {
			if i == 0 {
				v -= 0.5
			}
			sum += ridge / 2 * v * v
		}
		return sum
	}
	start := []float64{0.5, 0, 0}
	r, err := optimize.Minimize(optimize.Problem{Func: loss}, start, nil, &optimize.NelderMead{})
	if err == nil {
		start = r.X
	}
	c = unpack(start)
	judged := slices.Clone(answers)
	for i := range judged {
		judged[i].P = c.Probabilities(judged[i].Network, judged[i].Envelope)
	}
	c.ECE, _ = ECE(judged)
	c.Conformal, c.Alpha, c.Bearings = conformal(judged)
	c.Correlation = correlation(answers)
	return c
}

// conformal returns the threshold of prediction sets over bearings. Each bearing has
// one score, that of its worst group; with n bearings the k-th smallest of them, k =
// ⌈(n+1)(1-α)⌉, holds for a new bearing at the rate α = 1/(n+1) or above.
//
// Reference: V. Vovk, A. Gammerman, G. Shafer, Algorithmic learning in a random world
// (2005), section 2.2.
func conformal(answers []Answer) (threshold, alpha float64, bearings int) {
	worst := map[string]float64{}
	for _, a := range answers {
		s := 1 - a.P[slices.Index(bearing.Faults[:], a.Truth)]
		worst[a.Specimen] = max(worst[a.Specimen], s)
	}
	scores := make([]float64, 0, len(worst))
	for _, s := range worst {
		scores = append(scores, s)
	}
	sort.Float64s(scores)
	n := len(scores)
	alpha = max(0.1, 1/float64(n+1))
	k := clamp.Int(math.Ceil(float64(n+1)*(1-alpha)), 0, n)
	return scores[k-1], alpha, n
}

// correlation is that of the errors of network and envelope, over answers.
func correlation(answers []Answer) float64 {
	var sx, sy, sxx, syy, sxy, n float64
	for i := range answers {
		a := &answers[i]
		if a.Truth == bearing.Normal {
			continue
		}
		var x, y float64
		if a.NetworkTo != a.Truth {
			x = 1
		}
		if a.EnvTo != a.Truth {
			y = 1
		}
		n++
		sx += x
		sy += y
		sxx += x * x
		syy += y * y
		sxy += x * y
	}
	d := math.Sqrt((n*sxx - sx*sx) * (n*syy - sy*sy))
	if d == 0 {
		return 0
	}
	return (n*sxy - sx*sy) / d
}
