package train

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"brinell/dataset"
	"brinell/models"
	"brinell/models/learn"
)

// Report is the score of one model on one test part.
type Report struct {
	Spec             string      `json:"spec"`
	Split            string      `json:"split"`
	Fold             string      `json:"fold"`
	Leaky            bool        `json:"leaky"`
	Note             string      `json:"note,omitempty"` // what the split can and cannot show
	Seed             uint64      `json:"seed"`
	SpecimensSeen    int         `json:"specimens_seen"` // physical bearings of the test part seen in training
	Specimens        int         `json:"specimens"`
	TrainWindows     int         `json:"train_windows,omitempty"`
	Windows          int         `json:"windows"`
	Accuracy         float64     `json:"accuracy"`
	MacroF1          float64     `json:"macro_f1"`
	BalancedAccuracy float64     `json:"balanced_accuracy"`
	Labels           []string    `json:"labels"`
	Recall           []float64   `json:"recall"`    // per label, -1 where the test part has none
	Confusion        [][]int     `json:"confusion"` // [truth][answer]
	Recordings       []Recording `json:"recordings"`
	VoteAccuracy     float64     `json:"vote_accuracy"` // share of recordings whose majority is right
	Right            []bool      `json:"-"`             // of each window, in the set's order
}

// Recording is the vote of one recording's windows.
type Recording struct {
	Name     string `json:"name"`
	Specimen string `json:"specimen"` // the physical bearing
	Seen     bool   `json:"seen"`     // whether the bearing was seen in training
	Truth    string `json:"truth"`
	Vote     string `json:"vote"` // the label most windows got, the first of equals
	Windows  int    `json:"windows"`
	Right    int    `json:"right"`
}

// NewReport scores answers got against set. Macro-F1 and balanced accuracy are
// means over the labels that the set holds: F1 = 2TP/(2TP + FP + FN), recall =
// TP/(TP + FN).
func NewReport(set learn.Set, got []int, labels []models.Label) Report {
	k := len(labels)
	r := Report{Windows: set.Len(), Confusion: make([][]int, k), Recall: make([]float64, k)}
	for i, l := range labels {
		r.Labels = append(r.Labels, l.Name)
		r.Confusion[i] = make([]int, k)
	}
	votes := make([][]int, len(set.Names))
	truth := make([]int, len(set.Names))
	for i, y := range set.Y {
		r.Confusion[y][got[i]]++
		r.Right = append(r.Right, got[i] == y)
		g := set.Group[i]
		if votes[g] == nil {
			votes[g] = make([]int, k)
		}
		votes[g][got[i]]++
		truth[g] = y
	}
	r.score()
	right := 0
	for g, v := range votes {
		if v == nil {
			continue
		}
		rec := Recording{Name: set.Names[g], Truth: r.Labels[truth[g]], Right: v[truth[g]]}
		best := 0
		for j, n := range v {
			rec.Windows += n
			if n > v[best] {
				best = j
			}
		}
		rec.Vote = r.Labels[best]
		if best == truth[g] {
			right++
		}
		r.Recordings = append(r.Recordings, rec)
	}
	if len(r.Recordings) > 0 {
		r.VoteAccuracy = float64(right) / float64(len(r.Recordings))
	}
	return r
}

// score fills the figures that follow from the confusion matrix.
func (r *Report) score() {
	present, hits := 0, 0
	for i := range r.Confusion {
		n, called := 0, 0
		for j := range r.Confusion {
			n += r.Confusion[i][j]
			called += r.Confusion[j][i]
		}
		tp := r.Confusion[i][i]
		hits += tp
		if n == 0 {
			r.Recall[i] = -1
			continue
		}
		present++
		r.Recall[i] = float64(tp) / float64(n)
		r.BalancedAccuracy += r.Recall[i]
		r.MacroF1 += 2 * float64(tp) / float64(n+called)
	}
	if present > 0 {
		r.Accuracy = float64(hits) / float64(r.Windows)
		r.BalancedAccuracy /= float64(present)
		r.MacroF1 /= float64(present)
	}
}

// Score is the report in the short form that a model file carries.
func (r Report) Score() models.Score {
	return models.Score{Split: r.Split, Fold: r.Fold, Windows: r.Windows, Accuracy: r.Accuracy, MacroF1: r.MacroF1,
		BalancedAccuracy: r.BalancedAccuracy, SpecimensSeen: r.SpecimensSeen, Specimens: r.Specimens, Bearings: r.bearings()}
}

// bearings adds the recordings up by physical bearing, in order of appearance.
func (r Report) bearings() []models.BearingScore {
	var out []models.BearingScore
	for _, rec := range r.Recordings {
		i := slices.IndexFunc(out, func(b models.BearingScore) bool { return b.Specimen == rec.Specimen })
		if i < 0 {
			i = len(out)
			out = append(out, models.BearingScore{Specimen: rec.Specimen, Seen: rec.Seen})
		}
		out[i].Windows += rec.Windows
		out[i].Right += rec.Right
	}
	return out
}

// locate notes which bearing each recording of the parts is from, whether m has
// seen it in training, and how many bearings that makes.
func (r *Report) locate(parts []dataset.Part, m *models.Model) {
	specimen := make(map[string]string)
	for _, p := range parts {
		specimen[p.Rec.Name] = p.Rec.Truth.Specimen
	}
	for i := range r.Recordings {
		rec := &r.Recordings[i]
		rec.Specimen = specimen[rec.Name]
		rec.Seen = m.SawSpecimen(rec.Specimen)
	}
	for _, b := range r.bearings() {
		r.Specimens++
		if b.Seen {
			r.SpecimensSeen++
		}
	}
}

// Print writes the report for people.
func (r Report) Print(w io.Writer) {
	fmt.Fprintf(w, "%s  split %s, fold %s, seed %d: %d windows, %d of %d test bearings were seen in training\n",
		r.Spec, r.Split, r.Fold, r.Seed, r.Windows, r.SpecimensSeen, r.Specimens)
	fmt.Fprintf(w, "accuracy %.4f   macro-F1 %.4f   balanced %.4f   recordings by vote %.4f (%d)\n",
		r.Accuracy, r.MacroF1, r.BalancedAccuracy, r.VoteAccuracy, len(r.Recordings))
	if r.Note != "" {
		fmt.Fprintf(w, "note: %s\n", r.Note)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "truth \\ answer\t%s\trecall\t\n", strings.Join(r.Labels, "\t"))
	for i, row := range r.Confusion {
		if r.Recall[i] < 0 {
			continue
		}
		fmt.Fprintf(t, "%s\t", r.Labels[i])
		for _, n := range row {
			fmt.Fprintf(t, "%d\t", n)
		}
		fmt.Fprintf(t, "%.3f\t\n", r.Recall[i])
	}
	t.Flush()
	for _, rec := range r.Recordings {
		if rec.Vote != rec.Truth {
			fmt.Fprintf(w, "  wrong by vote: %s is %s, called %s (%d of %d windows right)\n", rec.Name, rec.Truth, rec.Vote, rec.Right, rec.Windows)
		}
	}
}
