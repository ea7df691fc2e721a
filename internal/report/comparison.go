package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"brinell/models/prune"
)

// SaveComparison writes report.json, its means as table.md and the pictures to dir.
func SaveComparison(dir string, r prune.Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "report.json"), append(b, '\n'), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "table.md"), []byte(markdown(r)), 0o644); err != nil {
		return err
	}
	return plotComparison(dir, r)
}

// mean adds up the rows of one setting over seeds and folds.
type mean struct {
	first                prune.Row
	rows                 int
	params, macs, both   float64
	bytes, one, batch    float64
	worse, most          float64
	accuracy, noisy      float64
	validation, balanced float64
}

func means(r prune.Report) []mean {
	var out []mean
	for _, row := range r.Rows {
		i := slices.IndexFunc(out, func(m mean) bool { return m.first.Method == row.Method && m.first.Name == row.Name })
		if i < 0 {
			i = len(out)
			out = append(out, mean{first: row, most: math.Inf(-1)})
		}
		m := &out[i]
		one, batch := row.Best()
		m.rows++
		m.params += float64(row.Nonzero)
		m.macs += float64(row.Count.MACs)
		m.both += row.Operations.Both
		m.bytes += float64(row.Bytes)
		m.one += one
		m.batch += batch
		m.worse += float64(row.Test.Worse())
		m.most = max(m.most, float64(row.Test.Worse()))
		m.accuracy += row.Test.Accuracy
		m.balanced += row.Test.Balanced
		m.noisy += row.Noisy.Accuracy
		m.validation += row.Validation
	}
	for i := range out {
		m := &out[i]
		n := float64(m.rows)
		for _, v := range []*float64{&m.params, &m.macs, &m.both, &m.bytes, &m.one, &m.batch, &m.worse, &m.accuracy, &m.balanced, &m.noisy, &m.validation} {
			*v /= n
		}
	}
	return out
}

// comparisonTable is the means of a report as cells, the header first. Shares in
// parentheses are what is gone of the first row.
func comparisonTable(r prune.Report) [][]string {
	rows := [][]string{{"method", "setting", "nonzero parameters", "MACs", "of nonzero operands", "kB", "us", "us of 64", "speed-up", "validation", "accuracy", "windows worse (most)", "balanced", fmt.Sprintf("%g dB", r.Noise)}}
	ms := means(r)
	d := ms[0]
	f := func(format string, args ...any) string { return fmt.Sprintf(format, args...) }
	gone := func(now, was float64) string {
		if now == was {
			return f("%.0f", now)
		}
		return f("%.0f (%.2f %%)", now, 100*(1-now/was))
	}
	for _, m := range ms {
		rows = append(rows, []string{m.first.Method, m.first.Name, gone(m.params, d.params), gone(m.macs, d.macs), gone(m.both, d.macs), f("%.1f", m.bytes/1e3),
			f("%.2f", m.one), f("%.2f", m.batch), f("%.1fx", d.one/m.one), f("%.4f", m.validation), f("%.4f", m.accuracy), f("%.1f (%.0f)", m.worse, m.most), f("%.4f", m.balanced), f("%.3f", m.noisy)})
	}
	return rows
}

// PrintComparison writes the means of a report for people.
func PrintComparison(w io.Writer, r prune.Report) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range comparisonTable(r) {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	t.Flush()
}

// markdown is the same table for a document.
func markdown(r prune.Report) string {
	var b strings.Builder
	for i, row := range comparisonTable(r) {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(&b, "|%s\n", strings.Repeat("---|", len(row)))
		}
	}
	return b.String()
}
