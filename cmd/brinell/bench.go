package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"brinell/internal/clamp"
	"brinell/internal/kernel"
)

// benchConfig says how to measure.
type benchConfig struct {
	match  string
	rounds int
	slice  time.Duration
	load   time.Duration
	json   bool
}

func benchCommand() *cobra.Command {
	var c benchConfig
	cmd := &cobra.Command{
		Use:   "bench [NAME]",
		Short: "Measure the numeric core and the service on this machine",
		Long: `Measure the numeric core and the service on this machine, beside what it is
compared with. The cases take turns, round after round, and each figure is the
median over the rounds; a ratio is the median of the ratios within a round, so that
a machine which slows down for a while does not favour either side. One processor
is used but for the requests. NAME picks the cases that contain it.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.rounds < 1 || c.slice <= 0 {
				return usagef("--rounds and --slice must be positive")
			}
			if len(args) == 1 {
				c.match = args[0]
			}
			r, err := c.run(cmd.Context(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if c.json {
				return writeJSON(cmd.OutOrStdout(), r)
			}
			return r.print(cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.IntVar(&c.rounds, "rounds", 11, "rounds in which the cases take turns")
	f.DurationVar(&c.slice, "slice", 20*time.Millisecond, "time of one case in one round")
	f.DurationVar(&c.load, "load", 5*time.Second, "time of each load on the whole service; 0 leaves it out")
	f.BoolVar(&c.json, "json", false, "print the table as JSON")
	return cmd
}

// benchCase is one thing to measure. Its name is unique; ratioTo names the case
// that it is compared with: how many times as fast, or as much, it is.
type benchCase struct {
	name    string
	unit    string // "us" for a time, or what of it a second holds
	ratioTo string
	// prepare returns what does the work n times. per is how much of the unit one
	// time is, where the unit is no time.
	prepare func() (run func(n int), per float64)
}

// machine is where a table was measured.
type machine struct {
	CPU        string `json:"cpu"`
	Processors int    `json:"processors"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	GOAMD64    string `json:"goamd64,omitempty"`
	Version    string `json:"version"`
	Features   int    `json:"features"` // in the catalogue
}

// benchResult is one row of the table.
type benchResult struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	RatioTo string  `json:"ratio_to,omitempty"`
	Ratio   float64 `json:"ratio,omitempty"`
}

// benchReport is the table.
type benchReport struct {
	Machine machine       `json:"machine"`
	Cases   []benchResult `json:"cases"`
}

func (c benchConfig) run(ctx context.Context, stderr io.Writer) (benchReport, error) {
	r := benchReport{Machine: thisMachine()}
	cases, err := benchCases()
	if err != nil {
		return r, err
	}
	wanted := func(name string) bool { return strings.Contains(name, c.match) }
	// What a case is compared with is measured even if it was not asked for.
	needed := make(map[string]bool)
	for _, b := range cases {
		if wanted(b.name) {
			needed[b.name], needed[b.ratioTo] = true, true
		}
	}
	cases = slices.DeleteFunc(cases, func(b benchCase) bool { return !needed[b.name] })
	p := newProgress(stderr, "measuring", "rounds")
	r.Cases, err = measure(ctx, cases, c.rounds, c.slice, func(round int) { p.set(round, c.rounds, "") })
	p.finish()
	if err != nil || c.load == 0 {
		return r, err
	}
	for _, l := range benchLoads {
		if !wanted(l.name) {
			continue
		}
		rows, err := l.run(ctx, c.load)
		if err != nil {
			return r, fmt.Errorf("%s: %w", l.name, err)
		}
		r.Cases = append(r.Cases, rows...)
	}
	if len(r.Cases) == 0 {
		return r, usagef("no case has %q in its name", c.match)
	}
	return r, nil
}

// measure lets the cases take turns on one processor and returns a row for each.
func measure(ctx context.Context, cases []benchCase, rounds int, slice time.Duration, progress func(round int)) ([]benchResult, error) {
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
	rows := make([]benchResult, len(cases))
	for i, b := range cases {
		rows[i] = benchResult{Name: b.name, Value: median(values[i]), Unit: b.unit}
		j := slices.IndexFunc(cases, func(o benchCase) bool { return o.name == b.ratioTo })
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

func thisMachine() machine {
	m := machine{CPU: cpuName(), Processors: runtime.NumCPU(), Kernel: kernel.Active(), Go: runtime.Version(), Version: build(), Features: catalogueSize()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "GOAMD64" {
				m.GOAMD64 = s.Value
			}
		}
	}
	return m
}

func (r benchReport) print(w io.Writer) error {
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
