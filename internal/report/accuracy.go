package report

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"brinell/models"
	"brinell/models/assess"
)

// Accuracy is everything that evaluate --all measures.
type Accuracy struct {
	Rows    []assess.Row        `json:"rows"`
	Figures assess.Figures      `json:"figures"`
	Outer   *assess.Outer       `json:"-"`
	Runs    []*assess.RunReport `json:"runs"`
	Coder   []*assess.RunReport `json:"runs_by_autoencoder"`
	Model   models.Manifest     `json:"model"`
	Fan     []assess.Recall     `json:"shipped_on_fan_end"`
	MFPT    []assess.Recall     `json:"shipped_on_mfpt"`
	Seeds   int                 `json:"seeds"`
	Seconds float64             `json:"seconds"`
}

// Print writes the table for people.
func (a *Accuracy) Print(w io.Writer) {
	PrintChoices(w, a.Outer)
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "WHAT\tBASELINE\tTARGET\tMEASURED\tMET")
	for _, r := range a.Rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.What, r.Baseline, r.Target, r.Measured, yes(r.Met))
	}
	t.Flush()
	fmt.Fprintf(w, "%d seeds, groups of 2 s, intervals of 95 %% by bootstrap over bearings; %.0f s\n", a.Seeds, a.Seconds)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// Write writes the report as Markdown to path, between the marks that it finds there,
// the pictures beside it, and a line into the log at its end, which names the revision of
// the program.
func (a *Accuracy) Write(path, revision string) error {
	dir := filepath.Dir(path)
	for name, draw := range map[string]func(string) error{
		"accuracy-runs.png": a.plotRuns, "accuracy-reliability.png": a.plotReliability, "accuracy-noise.png": a.plotNoise,
	} {
		if err := draw(filepath.Join(dir, name)); err != nil {
			return err
		}
		if err := draw(filepath.Join(dir, strings.TrimSuffix(name, ".png")+".svg")); err != nil {
			return err
		}
	}
	const begin, end = "<!-- figures: brinell evaluate --all -->\n", "<!-- end of figures -->\n"
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	before, rest, found := strings.Cut(string(old), begin)
	_, after, ended := strings.Cut(rest, end)
	if found && !ended {
		return fmt.Errorf("%s: the mark %q is not followed by %q", path, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return os.WriteFile(path, []byte(before+begin+a.markdown()+end+after+a.logLine(revision)), 0o644)
}

// logLine is the run as a row of the log: the program's revision, the day, and what the
// first rows of the table measured.
func (a *Accuracy) logLine(revision string) string {
	line := fmt.Sprintf("| %.9s | %s |", revision, time.Now().UTC().Format(time.DateOnly))
	for _, r := range a.Rows[:min(logged, len(a.Rows))] {
		line += " " + r.Measured + " |"
	}
	return line + "\n"
}

const logged = 6

func (a *Accuracy) markdown() string {
	var b strings.Builder
	f := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	f("Model `%s`, digest `%.12s`; %d seeds; groups of 2 s; intervals hold 95 %%, by bootstrap over bearings.\n", a.Model.Name, a.Model.Digest, a.Seeds)
	f("| what | baseline | target | measured | met |\n|---|---|---|---|---|")
	for _, r := range a.Rows {
		f("| %s | %s | %s | %s | %s |", r.What, r.Baseline, r.Target, r.Measured, yes(r.Met))
	}
	f("\n### Selection\n\nBalanced recall of the likeliest fault on bearings that training had not seen, inner folds, mean over seeds; the chosen one in bold.\n")
	f("| candidate | without 7 mil | without 14 mil | without 21 mil | all sizes | fan end |\n|---|---|---|---|---|---|")
	for i, s := range a.Outer.Shipped.Scores {
		line := "| " + s.Name
		for _, c := range []assess.Choice{a.Outer.Folds[7], a.Outer.Folds[14], a.Outer.Folds[21], a.Outer.Shipped, a.Outer.FromFan} {
			mark := ""
			if c.Recipe.Name == s.Name {
				mark = "**"
			}
			line += fmt.Sprintf(" | %s%.3f%s", mark, c.Scores[i].Score, mark)
		}
		f("%s |", line)
	}
	f("\n### Recall by bearing\n\nLikeliest fault, and in brackets the verdict; groups of all seeds.\n")
	f("| protocol | bearing | groups | recall |\n|---|---|---|---|")
	for _, name := range slices.Sorted(maps.Keys(a.Figures.Recalls)) {
		for i, r := range a.Figures.Recalls[name] {
			f("| %s | %s | %d | %.2f (%.2f) |", name, r.Specimen, r.Groups, r.Share(), a.Figures.Verdicts[name][i].Share())
		}
	}
	for _, r := range []struct {
		name    string
		recalls []assess.Recall
	}{{"shipped weights, fan end", a.Fan}, {"shipped weights, MFPT", a.MFPT}} {
		f("| %s | all | %d bearings | %.3f |", r.name, len(r.recalls), assess.Balanced(r.recalls))
	}
	f("\nErrors of network and envelope correlate with %.2f over the size-out groups.\n", a.Figures.Correlation)
	f("### Calibration\n\n| confidence | accuracy | share of bearings' weight |\n|---|---|---|")
	for _, r := range a.Figures.Reliability {
		if r.Weight > 0 {
			f("| %.2f | %.2f | %.3f |", r.Confidence, r.Accuracy, r.Weight)
		}
	}
	f("\n![reliability](accuracy-reliability.png)\n\n### Noise\n\nShipped weights on the fan-end bearings with white noise added: ![noise](accuracy-noise.png)\n")
	f("### Runs to failure\n\n![runs](accuracy-runs.png)\n\nThe same runs with another method of the baseline, `--baseline autoencoder`:\n")
	f("| run | first lasting alarm | by Mahalanobis distance | healthy groups normal | by Mahalanobis distance |\n|---|---|---|---|---|")
	for i, r := range a.Coder {
		h, other := r.HealthyPart(), a.Runs[i].HealthyPart()
		f("| %s | file %d | file %d | %d of %d | %d of %d |", r.Name(), r.Onset, a.Runs[i].Onset, h.Normal, h.Ready, other.Normal, other.Ready)
	}
	return b.String()
}

// PrintChoices writes what selection found: every candidate, fold by fold.
func PrintChoices(w io.Writer, o *assess.Outer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CANDIDATE\tWITHOUT 7\tWITHOUT 14\tWITHOUT 21\tALL SIZES\tFAN END")
	for i, s := range o.Shipped.Scores {
		fmt.Fprintf(t, "%s", s.Name)
		for _, c := range []assess.Choice{o.Folds[7], o.Folds[14], o.Folds[21], o.Shipped, o.FromFan} {
			mark := ""
			if c.Recipe.Name == s.Name {
				mark = " *"
			}
			fmt.Fprintf(t, "\t%.3f%s", c.Scores[i].Score, mark)
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	fmt.Fprintln(w, "balanced recall on bearings that training had not seen, inner folds; * chosen")
}
