package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"brinell/dataset"
	"brinell/models"
	"brinell/models/nn"
	"brinell/models/prune"
	"brinell/models/train"
)

func slimCommand() *cobra.Command {
	var (
		d         dataFlags
		fit       fitFlags
		out, name string
		ratio     float64
		passes    int
		floor     int
		asJSON    bool
	)
	cmd := &cobra.Command{
		Use:   "slim MODEL --out FILE",
		Short: "Remove channels that the network does not need (network slimming) and fine-tune",
		Long: `Remove the channels with the smallest batch-norm scales, over all layers together,
and fine-tune the narrower network; several passes alternate. Train the model with
--sparsity first, so that there are channels to spare. Corpus, split, fold, labels
and seed are those of the model unless stated.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case out == "":
				return usagef("--out is missing: name the model file to write")
			case !(ratio > 0 && ratio < 1):
				return usagef("--ratio %v must lie between 0 and 1", ratio)
			case passes < 1 || passes > 20:
				return usagef("--passes %d must lie in 1..20", passes)
			case floor < 1:
				return usagef("--floor must be positive")
			}
			m, err := models.Open(args[0])
			if err != nil {
				return withPath(args[0], err)
			}
			if !cmd.Flags().Changed("seed") {
				d.seed = m.Training.Seed
			}
			d.fill(m.Training)
			cfg, err := fit.config(d.seed)
			if err != nil {
				return err
			}
			data, err := d.load(cmd.Context(), cmd.ErrOrStderr(), m.Preprocessing)
			if err != nil {
				return err
			}
			s := slimmer{cmd: cmd, data: data, fold: data.folds[0], ratio: ratio, floor: floor, passes: passes, fit: cfg, seed: d.seed}
			r, err := s.run(cmd.Context(), m)
			if err != nil {
				return err
			}
			if name != "" {
				m.Name = name
			}
			if err := m.Save(out); err != nil {
				return err
			}
			r.File, r.Digest = out, m.Digest
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), r)
			}
			r.print(cmd.OutOrStdout())
			return nil
		},
	}
	d.add(cmd.Flags())
	fit.add(cmd)
	cmd.Flags().Lookup("epochs").Usage = "passes over the training windows, per fine-tuning"
	cmd.Flags().StringVar(&out, "out", "", "model file to write")
	cmd.Flags().StringVar(&name, "name", "", "name of the slimmed model (default the old name with -slim)")
	cmd.Flags().Float64Var(&ratio, "ratio", 0.5, "share of the channels to remove in each pass")
	cmd.Flags().IntVar(&passes, "passes", 1, "how often to remove and fine-tune")
	cmd.Flags().IntVar(&floor, "floor", prune.DefaultFloor, "channels that every layer keeps")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

type slimmer struct {
	cmd           *cobra.Command
	data          data
	fold          dataset.Fold
	ratio         float64
	floor, passes int
	fit           train.Config
	seed          uint64
}

// slimResult is what slimming changed.
type slimResult struct {
	File   string       `json:"file"`
	Digest string       `json:"digest"`
	Layers []slimLayer  `json:"layers"`
	Before slimFigures  `json:"before"`
	After  slimFigures  `json:"after"`
	Report train.Report `json:"report"`
}

type slimLayer struct {
	Layer          int      `json:"layer"`
	Op             nn.Op    `json:"op"`
	ChannelsBefore int      `json:"channels_before"`
	ChannelsAfter  int      `json:"channels_after"`
	Before         nn.Count `json:"before"`
	After          nn.Count `json:"after"`
}

type slimFigures struct {
	nn.Count
	Accuracy  float64 `json:"accuracy"`
	LatencyUS float64 `json:"latency_us"`
}

// run slims m in place and measures it before and after. The latencies are
// taken in turn, so that a machine whose speed drifts treats both alike.
func (s slimmer) run(ctx context.Context, m *models.Model) (slimResult, error) {
	var r slimResult
	before, err := train.Score(m, s.data.split, s.fold, s.data.task, s.seed)
	if err != nil {
		return r, err
	}
	dense, spec, parent := m.Net.Plan(), m.Spec, m.Digest
	layersBefore, total := m.Counts()
	r.Before = slimFigures{Count: total, Accuracy: before.Accuracy}
	shapesBefore := m.Net.Shapes()

	for pass := range s.passes {
		m.Net = prune.Remove(m.Net, prune.Slim(m.Net, s.ratio, s.floor))
		m.Spec = m.Net.Spec
		recipe := train.Recipe{Spec: m.Spec, Corpus: s.data.corpus, Task: s.data.task, Split: s.data.split, Preprocessing: m.Preprocessing, Fit: s.fit}
		// All passes but the last prepare the next one.
		if pass < s.passes-1 {
			if recipe.Fit.Sparsity == 0 {
				recipe.Fit.Sparsity = m.Training.Sparsity
			}
		} else {
			recipe.Fit.Sparsity = 0
		}
		var done func()
		recipe.Fit.Progress, done = showFit(s.cmd.ErrOrStderr(), fmt.Sprintf("fine-tuning, pass %d of %d", pass+1, s.passes))
		err := recipe.Continue(ctx, m, s.fold)
		done()
		if err != nil {
			return r, err
		}
	}
	if m.Training.Slimming == nil {
		m.Name += "-slim"
		m.Training.Slimming = &models.Slimming{Original: total}
	}
	sl := m.Training.Slimming
	sl.Method, sl.Parent, sl.Ratio, sl.Passes, sl.Floor, sl.Epochs = "network-slimming", parent, s.ratio, s.passes, s.floor, s.fit.Epochs
	if r.Report, err = train.Score(m, s.data.split, s.fold, s.data.task, s.seed); err != nil {
		return r, err
	}
	m.Scores = []models.Score{r.Report.Score()}
	layers, after := m.Counts()
	r.After = slimFigures{Count: after, Accuracy: r.Report.Accuracy}
	for i, l := range spec.Layers {
		if a, b := layersBefore[i], layers[i]; a.Params > 0 {
			r.Layers = append(r.Layers, slimLayer{i, l.Op, shapesBefore[i].C, m.Net.Shapes()[i].C, a, b})
		}
	}
	r.Before.LatencyUS, r.After.LatencyUS = latencies(dense, m.Net.Plan(), m.Preprocessing.Length)
	return r, nil
}

// latencies returns the median time of one forward pass of each plan, in
// microseconds, measured in turn on one thread.
func latencies(a, b *nn.Plan, length int) (float64, float64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	rng := rand.New(rand.NewPCG(1, 1))
	x := make([]float32, length)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	const rounds, inner = 101, 5
	var ta, tb []float64
	time1 := func(p *nn.Plan) float64 {
		t := time.Now()
		for range inner {
			p.Forward(x)
		}
		return float64(time.Since(t).Nanoseconds()) / inner / 1e3
	}
	for range rounds {
		ta, tb = append(ta, time1(a)), append(tb, time1(b))
	}
	slices.Sort(ta)
	slices.Sort(tb)
	return ta[rounds/2], tb[rounds/2]
}

func (r slimResult) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "layer\toperation\tchannels\tparameters\tmultiply-accumulates\t")
	for _, l := range r.Layers {
		fmt.Fprintf(t, "%d\t%s\t%d -> %d\t%d -> %d\t%d -> %d\t\n", l.Layer, l.Op, l.ChannelsBefore, l.ChannelsAfter, l.Before.Params, l.After.Params, l.Before.MACs, l.After.MACs)
	}
	fmt.Fprintf(t, "all\t\t\t%d -> %d\t%d -> %d\t\n", r.Before.Params, r.After.Params, r.Before.MACs, r.After.MACs)
	t.Flush()
	share := func(a, b int) float64 { return 100 * (1 - float64(b)/float64(a)) }
	fmt.Fprintf(w, "removed %.1f %% of parameters and %.1f %% of multiply-accumulates\n", share(r.Before.Params, r.After.Params), share(r.Before.MACs, r.After.MACs))
	fmt.Fprintf(w, "accuracy on the test part of split %s: %.4f before, %.4f after\n", r.Report.Split, r.Before.Accuracy, r.After.Accuracy)
	fmt.Fprintf(w, "latency of one window, median on one thread: %.1f us before, %.1f us after (%.1fx)\n", r.Before.LatencyUS, r.After.LatencyUS, r.Before.LatencyUS/r.After.LatencyUS)
	fmt.Fprintf(w, "saved %s (digest %s)\n", r.File, r.Digest[:12])
}
