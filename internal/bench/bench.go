// Package bench measures the numeric core, beside what it is compared with, and whole services
// under load. It starts no service by itself, and knows no command line.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"brinell/internal/clamp"
	"brinell/internal/kernel"
)

// Config says how to measure.
type Config struct {
	Match   string        // part of the name of a case; empty for all
	Rounds  int           // in which the cases take turns
	Slice   time.Duration // of one case in one round
	Load    time.Duration // of each load on the whole service; 0 leaves them out
	Version string        // of this program, as the table states it
}

// workload is one thing to measure. Its name is unique; ratioTo names the case
// that it is compared with: how many times as fast, or as much, it is.
type workload struct {
	name    string
	unit    string // "us" for a time, or what of it a second holds
	ratioTo string
	// prepare returns what does the work n times. per is how much of the unit one
	// time is, where the unit is no time.
	prepare func() (run func(n int), per float64)
}

// Machine is where a table was measured.
type Machine struct {
	CPU        string `json:"cpu"`
	Processors int    `json:"processors"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	GOAMD64    string `json:"goamd64,omitempty"`
	Version    string `json:"version"`
	Features   int    `json:"features"` // in the catalogue
}

// Result is one row of the table.
type Result struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	RatioTo string  `json:"ratio_to,omitempty"`
	Ratio   float64 `json:"ratio,omitempty"`
}

// Report is the table.
type Report struct {
	Machine Machine  `json:"machine"`
	Cases   []Result `json:"cases"`
}

// ErrNoCase is that of a name that no case has.
var ErrNoCase = errors.New("no case has")

// Run measures the cases, telling progress of each round, and then the loads on services
// that start makes.
func (c Config) Run(ctx context.Context, start Start, progress func(round int)) (Report, error) {
	r := Report{Machine: thisMachine(c.Version)}
	cases, err := workloads()
	if err != nil {
		return r, err
	}
	wanted := func(name string) bool { return strings.Contains(name, c.Match) }
	// What a case is compared with is measured even if it was not asked for.
	needed := make(map[string]bool)
	for _, b := range cases {
		if wanted(b.name) {
			needed[b.name], needed[b.ratioTo] = true, true
		}
	}
	cases = slices.DeleteFunc(cases, func(b workload) bool { return !needed[b.name] })
	r.Cases, err = measure(ctx, cases, c.Rounds, c.Slice, progress)
	if err != nil || c.Load == 0 {
		return r, err
	}
	for _, l := range loads {
		if !wanted(l.name) {
			continue
		}
		rows, err := l.run(ctx, start, c.Load)
		if err != nil {
			return r, fmt.Errorf("%s: %w", l.name, err)
		}
		r.Cases = append(r.Cases, rows...)
	}
	if len(r.Cases) == 0 {
		return r, fmt.Errorf("%w %q in its name", ErrNoCase, c.Match)
	}
	return r, nil
}

// measure lets the cases take turns on one processor and returns a row for each.
func measure(ctx context.Context, cases []workload, rounds int, slice time.Duration, progress func(round int)) ([]Result, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	work := make([]func(int), len(cases))
	per := make([]float64, len(cases))
	count := make([]int, len(cases))
	for i, b := range cases {
		work[i], per[i] = b.prepare()
		count[i] = calibrate(work[i], slice)
	}
	values := make([][]float64, len(cases))
	for round := range rounds {
		for i, f := range work {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			start := time.Now()
			f(count[i])
			seconds := time.Since(start).Seconds() / float64(count[i])
			if per[i] == 0 {
				values[i] = append(values[i], seconds*1e6)
			} else {
				values[i] = append(values[i], per[i]/seconds)
			}
		}
		progress(round + 1)
	}
	rows := make([]Result, len(cases))
	for i, b := range cases {
		rows[i] = Result{Name: b.name, Value: median(values[i]), Unit: b.unit}
		j := slices.IndexFunc(cases, func(o workload) bool { return o.name == b.ratioTo })
		if j < 0 {
			continue
		}
		ratios := make([]float64, rounds)
		for k := range ratios {
			ratios[k] = values[i][k] / values[j][k]
			if per[i] == 0 { // of a time, less is more
				ratios[k] = 1 / ratios[k]
			}
		}
		rows[i].RatioTo, rows[i].Ratio = b.ratioTo, median(ratios)
	}
	return rows, nil
}

// calibrate returns how many times f runs in about that time.
func calibrate(f func(int), slice time.Duration) int {
	for n := 1; ; n *= 2 {
		start := time.Now()
		f(n)
		if took := time.Since(start); took > slice/4 {
			return max(1, clamp.Count(float64(n)*float64(slice)/float64(took)))
		}
	}
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

func thisMachine(version string) Machine {
	m := Machine{CPU: cpuName(), Processors: runtime.NumCPU(), Kernel: kernel.Active(), Go: runtime.Version(), Version: version, Features: catalogueSize()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "GOAMD64" {
				m.GOAMD64 = s.Value
			}
		}
	}
	return m
}

// Print writes the table for people.
func (r Report) Print(w io.Writer) error {
	m := r.Machine
	fmt.Fprintf(w, "%s, %d processors; kernel %s; %s %s; brinell %s; catalogue of %d features\n", m.CPU, m.Processors, m.Kernel, m.Go, m.GOAMD64, m.Version, m.Features)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CASE\tVALUE\tUNIT\tRATIO\tTO")
	for _, c := range r.Cases {
		ratio := ""
		if c.RatioTo != "" {
			ratio = fmt.Sprintf("%.2f", c.Ratio)
		}
		fmt.Fprintf(t, "%s\t%.4g\t%s\t%s\t%s\n", c.Name, c.Value, c.Unit, ratio, c.RatioTo)
	}
	return t.Flush()
}
