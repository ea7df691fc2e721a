package main

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

	"github.com/spf13/cobra"

	"brinell/dataset"
	"brinell/internal/assess"
	"brinell/internal/diagnose"
	"brinell/models"
)

// accuracy is everything that evaluate --all measures.
type accuracy struct {
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

// evaluateAll measures the accuracy table: the outer folds of selection, the runs to
// failure and the shipped weights on rigs that nothing was chosen on.
func evaluateAll(cmd *cobra.Command, dir, cells string, seeds int, report string, asJSON bool) error {
	start := time.Now()
	m, err := openModel("")
	if err != nil {
		return err
	}
	l, o, err := outer(cmd, dir, cells, seeds)
	if err != nil {
		return err
	}
	a := accuracy{Outer: o, Figures: o.Figures(), Model: m.Manifest, Seeds: seeds}
	if a.Runs, err = runReports(cmd, dir, m, diagnose.Mahalanobis); err != nil {
		return err
	}
	if a.Coder, err = runReports(cmd, dir, m, diagnose.Autoencoder); err != nil {
		return err
	}
	linear, err := l.Linear()
	if err != nil {
		return err
	}
	a.Rows = assess.Rows(o, linear, a.Runs)
	if a.Figures.Noise, err = l.Noise(m); err != nil {
		return err
	}
	fan, mfpt, err := l.Fan(m)
	if err != nil {
		return err
	}
	a.Fan, a.MFPT = assess.Recalls(fan, assess.ByTop), assess.Recalls(mfpt, assess.ByTop)
	a.Seconds = time.Since(start).Seconds()
	if report != "" {
		if err := a.write(report); err != nil {
			return err
		}
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), a)
	}
	a.print(cmd.OutOrStdout())
	return nil
}

func runReports(cmd *cobra.Command, dir string, m *models.Model, method diagnose.Method) (out []*assess.RunReport, err error) {
	for _, c := range []struct {
		corpus   string
		channels []string
	}{{"ims", []string{""}}, {"femto", []string{"", "6"}}} {
		src, err := dataset.OpenDir(dir, c.corpus)
		if err != nil {
			return nil, err
		}
		for _, run := range src.Runs() {
			for _, ch := range c.channels {
				p := newProgress(cmd.ErrOrStderr(), run.Specimen, "snapshots")
				r, err := assess.RunToFailure(cmd.Context(), m, method, src, run, ch, func(done, of int) { p.set(done, of, "") })
				p.finish()
				if err != nil {
					return nil, err
				}
				out = append(out, r)
			}
		}
	}
	return out, nil
}

func (a *accuracy) print(w io.Writer) {
	printChoices(w, a.Outer)
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

// write writes the report as Markdown to path, between the marks that it finds there,
// the pictures beside it, and a line into the log at its end.
func (a *accuracy) write(path string) error {
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
	_, after, _ := strings.Cut(rest, end)
	if !found {
		before, after = string(old), ""
	}
	return os.WriteFile(path, []byte(before+begin+a.markdown()+end+after+a.logLine()), 0o644)
}

// logLine is the run as a row of the log: the program's revision, the day, and what the
// first rows of the table measured.
func (a *accuracy) logLine() string {
	line := fmt.Sprintf("| %.9s | %s |", revision(), time.Now().UTC().Format(time.DateOnly))
	for _, r := range a.Rows[:min(logged, len(a.Rows))] {
		line += " " + r.Measured + " |"
	}
	return line + "\n"
}

const logged = 6

func (a *accuracy) markdown() string {
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
