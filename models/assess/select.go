package assess

import (
	"context"
	"fmt"
	"math"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/models"
)

// sizes are the fault sizes of the folds, thousandths of an inch.
var sizes = []int{7, 14, 21}

// Choice is what selection found for one set of bearings.
type Choice struct {
	Recipe Recipe     `json:"recipe"`
	Scores []Scored   `json:"scores"` // of every candidate
	answer [][]Answer // of the chosen recipe on unseen bearings, by seed
}

// Scored is a candidate with its balanced recall on bearings that its training had not
// seen, mean over seeds.
type Scored struct {
	Name  string  `json:"name"`
	Score float64 `json:"score"`
}

// Select chooses the candidate that does best from each of the given sizes to each
// other one: trained on one, judged on another, so that what is chosen has seen
// nothing but those sizes and simulation.
func (l *Lab) Select(ctx context.Context, recs []bearing.Recording, mils []int, seeds int) (Choice, error) {
	c := Choice{}
	best := math.Inf(-1)
	for _, r := range Candidates {
		n := seeds
		if !r.evidence() {
			n = 1 // far behind: one seed shows it
		}
		bySeed := make([][]Answer, seeds)
		score := 0.0
		for s := range n {
			for _, from := range mils {
				for _, to := range mils {
					if from == to {
						continue
					}
					l.Progress(fmt.Sprintf("%s, %d to %d mil, seed %d", r.Name, from, to, s+1))
					a, err := l.cell(ctx, r, uint64(s+1), whole(recs, size(from)), l.plusHealthy(whole(recs, standard(size(to)))), nil)
					if err != nil {
						return c, err
					}
					bySeed[s] = append(bySeed[s], a...)
				}
			}
			score += Balanced(Recalls(faulty(bySeed[s]), ByTop)) / float64(n)
		}
		c.Scores = append(c.Scores, Scored{r.Name, score})
		if score > best {
			best, c.Recipe, c.answer = score, r, bySeed
		}
	}
	return c, nil
}

// plusHealthy adds the healthy parts of the test.
func (l *Lab) plusHealthy(parts []dataset.Part) []dataset.Part {
	_, test := l.healthy()
	return append(parts, test...)
}

// faulty returns the answers about damaged bearings.
func faulty(answers []Answer) (out []Answer) {
	for _, a := range answers {
		if a.Truth != bearing.Normal {
			out = append(out, a)
		}
	}
	return out
}

// calibration fits the choice's calibration for a seed.
func (c Choice) calibration(seed int) *models.Calibration {
	k := Calibrate(c.answer[seed])
	return &k
}

// Cells returns how many cells Run goes through.
func (l *Lab) Cells(seeds int) int {
	n := 0
	for _, r := range Candidates {
		s := seeds
		if !r.evidence() {
			s = 1
		}
		n += s * (3*2 + 6 + 6) // outer folds, the shipped recipe, the fan end
	}
	return n + 5*seeds
}
