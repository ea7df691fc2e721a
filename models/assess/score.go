package assess

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"brinell/bearing"
	"brinell/internal/clamp"
)

// Right says whether an answer is right.
type Right func(a *Answer) bool

// ByTop scores the likeliest fault, whatever the verdict.
func ByTop(a *Answer) bool { return a.Top == a.Truth }

// ByVerdict scores the verdict: normal, unknown_fault and inconclusive are wrong where a
// bearing is damaged.
func ByVerdict(a *Answer) bool { return a.Fault == a.Truth }

// Recall is the share of right answers about one bearing.
type Recall struct {
	Specimen string        `json:"specimen"`
	Fault    bearing.Fault `json:"fault"`
	Groups   int           `json:"groups"`
	Right    int           `json:"right"`
}

// Share returns the recall as a number.
func (r Recall) Share() float64 { return float64(r.Right) / float64(max(1, r.Groups)) }

// Recalls returns the recall of each bearing, in the order of their names.
func Recalls(answers []Answer, right Right) []Recall {
	at := map[string]int{}
	var out []Recall
	for i := range answers {
		a := &answers[i]
		k, ok := at[a.Specimen]
		if !ok {
			k = len(out)
			at[a.Specimen] = k
			out = append(out, Recall{Specimen: a.Specimen, Fault: a.Truth})
		}
		out[k].Groups++
		if right(a) {
			out[k].Right++
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Specimen < out[j].Specimen })
	return out
}

// Balanced is the mean over faults of the mean recall of a fault's bearings.
func Balanced(recalls []Recall) float64 {
	sums := map[bearing.Fault][2]float64{}
	for _, r := range recalls {
		s := sums[r.Fault]
		sums[r.Fault] = [2]float64{s[0] + r.Share(), s[1] + 1}
	}
	total, n := 0.0, 0.0
	for _, f := range bearing.Faults {
		if s := sums[f]; s[1] > 0 {
			total += s[0] / s[1]
			n++
		}
	}
	return total / max(1, n)
}

// Interval is a value with the interval that holds it with 95 %, by the bootstrap.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

const bootstraps = 2000

// BalancedInterval draws bearings with replacement, fault by fault, and returns the
// balanced recall with its interval. Few bearings give a wide one, as they should.
func BalancedInterval(recalls []Recall) Interval {
	rng := rand.New(rand.NewPCG(1, 0xb007))
	byFault := map[bearing.Fault][]Recall{}
	for _, r := range recalls {
		byFault[r.Fault] = append(byFault[r.Fault], r)
	}
	values := make([]float64, bootstraps)
	for i := range values {
		var drawn []Recall
		for _, f := range bearing.Faults {
			for range byFault[f] {
				drawn = append(drawn, byFault[f][rng.IntN(len(byFault[f]))])
			}
		}
		values[i] = Balanced(drawn)
	}
	return interval(Balanced(recalls), values)
}

func interval(value float64, values []float64) Interval {
	slices.Sort(values)
	return Interval{value, values[len(values)*25/1000], values[len(values)*975/1000]}
}

// eceBins is how many bins of equal width the calibration error has.
const eceBins = 15

// Reliability is one bin of a reliability diagram.
type Reliability struct {
	Confidence float64 `json:"confidence"`
	Accuracy   float64 `json:"accuracy"`
	Weight     float64 `json:"weight"`
}

// ECE is the expected calibration error of the likeliest condition, each condition
// and within it each bearing with the same weight, and the bins it comes from:
//
//	ECE = Σ_b w_b |accuracy_b - confidence_b|
//
// Reference: M. P. Naeini, G. Cooper, M. Hauskrecht, AAAI 2015.
func ECE(answers []Answer) (float64, []Reliability) {
	weight := weights(answers)
	bins := make([]Reliability, eceBins)
	for i := range answers {
		p, f := confident(&answers[i])
		b := &bins[clamp.Int(p*eceBins, 0, eceBins-1)]
		b.Weight += weight[i]
		b.Confidence += weight[i] * p
		if f == answers[i].Truth {
			b.Accuracy += weight[i]
		}
	}
	ece := 0.0
	for i := range bins {
		if b := &bins[i]; b.Weight > 0 {
			ece += math.Abs(b.Accuracy - b.Confidence)
			b.Accuracy /= b.Weight
			b.Confidence /= b.Weight
		}
	}
	return ece, bins
}

// weights gives each condition the same weight, and within it each bearing, in all 1:
// a corpus has one healthy bearing and nine damaged ones, a plant has not.
func weights(answers []Answer) []float64 {
	groups := map[string]float64{}
	bearings := map[bearing.Fault]float64{}
	for i := range answers {
		a := &answers[i]
		if groups[a.Specimen] == 0 {
			bearings[a.Truth]++
		}
		groups[a.Specimen]++
	}
	w := make([]float64, len(answers))
	for i := range answers {
		a := &answers[i]
		w[i] = 1 / (groups[a.Specimen] * bearings[a.Truth] * float64(len(bearings)))
	}
	return w
}

// confident returns the likeliest condition and its probability.
func confident(a *Answer) (float64, bearing.Fault) {
	best := 0
	for i, p := range a.P {
		if p > a.P[best] {
			best = i
		}
	}
	return a.P[best], bearing.Faults[best]
}

// ECEInterval bootstraps the calibration error over bearings.
func ECEInterval(answers []Answer) Interval {
	rng := rand.New(rand.NewPCG(2, 0xece))
	by := map[string][]Answer{}
	var names []string
	for _, a := range answers {
		if by[a.Specimen] == nil {
			names = append(names, a.Specimen)
		}
		by[a.Specimen] = append(by[a.Specimen], a)
	}
	values := make([]float64, bootstraps/4)
	for i := range values {
		var drawn []Answer
		for k := range names {
			for _, a := range by[names[rng.IntN(len(names))]] {
				a.Specimen = names[k] // one drawn twice counts twice
				drawn = append(drawn, a)
			}
		}
		values[i], _ = ECE(drawn)
	}
	ece, _ := ECE(answers)
	return interval(ece, values)
}

// Selective returns the error over all answers and over the given share of the most
// confident ones, by the same weights.
func Selective(answers []Answer, share float64) (all, kept float64) {
	weight := weights(answers)
	order := make([]int, len(answers))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool {
		a, _ := confident(&answers[order[i]])
		b, _ := confident(&answers[order[j]])
		return a > b
	})
	used, wrong := 0.0, 0.0
	for _, i := range order {
		_, f := confident(&answers[i])
		if f != answers[i].Truth {
			all += weight[i]
			if used < share {
				wrong += weight[i]
			}
		}
		if used < share {
			used += weight[i]
		}
	}
	return all, wrong / max(used, 1e-9)
}

// AUROC is the chance that a positive scores higher than a negative.
func AUROC(positive, negative []float64) float64 {
	if len(positive) == 0 || len(negative) == 0 {
		return math.NaN()
	}
	won := 0.0
	for _, p := range positive {
		for _, n := range negative {
			switch {
			case p > n:
				won++
			case p == n:
				won += 0.5
			}
		}
	}
	return won / float64(len(positive)*len(negative))
}
