package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"brinell/dataset"
	"brinell/internal/files"
	"brinell/internal/report"
	"brinell/internal/settings"
	"brinell/models"
	"brinell/models/input"
	"brinell/models/learn/network"
	"brinell/models/nn"
	"brinell/models/prune"
	"brinell/models/train"
)

// slimFlags are what the command line says about slimming.
type slimFlags struct {
	data        dataFlags
	fit         fitFlags
	settings    prune.Settings
	spec        string
	out, name   string
	report      string
	checkpoints string
	seeds       int
	noise       float64
	json        bool
}

func slimCommand() *cobra.Command {
	var f slimFlags
	cmd := &cobra.Command{
		Use:   "slim [MODEL] --out FILE",
		Short: "Make a network smaller: remove channels, nodes or weights, and fine-tune",
		Long: `Make a network smaller and fine-tune what is left. Corpus, split, fold, labels and
seed are those of the model unless stated. Without a model, --spec names a network
that is trained first, for network slimming with an L1 term on its scales.

  network-slimming  channels with the smallest batch-norm scales, over all layers
                    together: --ratio of them in each pass, or down to a target
  integral          weights, and per window the activations that matter least
  scalpel           nodes or aligned groups of weights, as suits --target
  magnitude         single weights, the baseline of the others
  all               every method, as the tables of docs/compression.md have them,
                    over --seeds; needs --report

With --checkpoints, a run that is cut off goes on where its last stage ended, to the
same weights.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.data.addOfModel(cmd.Flags())
	f.fit.add(cmd)
	s, flags := &f.settings, cmd.Flags()
	flags.Lookup("epochs").Usage = "passes over the training windows when training (tuning: --tune-epochs)"
	flags.StringVar(&s.Method, "method", prune.NetworkSlimming, "one of "+strings.Join(prune.Methods, ", ")+", or all")
	flags.StringVar(&f.spec, "spec", "", "train this first: "+specUsage())
	flags.StringVar(&f.out, "out", "", "model file to write")
	flags.StringVar(&f.name, "name", "", "name of the slimmed model (default the old name with the method)")
	flags.StringVar(&f.report, "report", "", "directory for report.json and the pictures of the run")
	flags.StringVar(&f.checkpoints, "checkpoints", "", "directory that keeps what each stage made, to go on from")
	flags.IntVar(&f.seeds, "seeds", 1, "with --method all: that many seeds, from --seed on")
	flags.Float64Var(&f.noise, "noise", 0, "signal-to-noise ratio in dB of the noisy test beside the clean one")
	flags.IntVar(&s.Epochs, "tune-epochs", 2, "epochs of fine-tuning after each pass; twice as many after the last")
	flags.IntVar(&s.Passes, "passes", 0, "how often to prune and fine-tune (default 1, or 3 for weights and nodes)")
	flags.Float64Var(&s.Ratio, "ratio", 0, "network-slimming: share of the channels to remove in each pass (default 0.5); scalpel: of the nodes in all")
	flags.IntVar(&s.TargetParams, "target-params", 0, "network-slimming: so many parameters at most after the last pass")
	flags.IntVar(&s.TargetMACs, "target-macs", 0, "network-slimming: so many multiply-accumulates at most")
	flags.Float64Var(&s.TargetLatency, "target-latency", 0, "network-slimming: so many microseconds for a window on this machine at most")
	flags.IntVar(&s.Floor, "floor", 0, fmt.Sprintf("channels that every layer keeps (default %d)", prune.DefaultFloor))
	flags.Float64Var(&s.Cap, "cap", 0, "share of a layer's channels that a pass removes at most (default all)")
	flags.BoolVar(&s.Round, "round", false, "network-slimming: keep more channels where the kernels compute them for nothing")
	flags.Float64Var(&s.Share, "weights", 0, "integral, scalpel, magnitude: share of the weights to set to zero (default 0.8, 0.9, 0.9)")
	flags.IntVar(&s.Width, "width", 0, "scalpel: inputs of a group (default the lanes of a vector)")
	flags.Float64Var(&s.Loss, "loss", 0, "integral: validation accuracy that each winner rate may cost (default 0.005)")
	flags.StringVar((*string)(&s.Target), "target", "", "scalpel: parallelism low, moderate, high, or host to measure this machine (default host)")
	flags.BoolVar(&f.json, "json", false, "print the result as JSON")
	return cmd
}

func (f *slimFlags) run(cmd *cobra.Command, args []string) error {
	if f.settings.Method == "all" {
		f.settings.Budget = f.fit.budget
		if f.report == "" || len(args) > 0 || f.seeds < 1 {
			return settings.Usagef("--method all needs --report DIR and at least one of --seeds, and trains its own models")
		}
		return f.compare(cmd)
	}
	switch {
	case f.out == "":
		return settings.Usagef("--out is missing: name the model file to write")
	case (len(args) == 1) == (f.spec != ""):
		return settings.Usagef("name either a model file or --spec")
	case !slices.Contains(prune.Methods, f.settings.Method):
		return settings.Usagef("--method %q is not one of %s, all", f.settings.Method, strings.Join(prune.Methods, ", "))
	}
	f.settings.Budget = f.fit.budget
	s := f.settings
	if s.Method == prune.NetworkSlimming && s.Ratio == 0 && s.TargetParams == 0 && s.TargetMACs == 0 && s.TargetLatency == 0 {
		s.Ratio = 0.5
	}
	if err := s.Fill().Check(); err != nil {
		return settings.Usage(err)
	}
	j, dense, tests, err := f.start(cmd, args)
	if err != nil {
		return err
	}
	slim, err := j.Prune(cmd.Context(), dense, s)
	if err != nil {
		return err
	}
	if f.name != "" {
		slim.Name = f.name
	}
	scored := train.ScoreOn(slim, j.Recipe.Split, j.Fold, tests.Clean, dense.Training.Seed)
	slim.Scores = []models.Score{scored.Score()}
	if err := slim.Save(f.out); err != nil {
		return err
	}
	before, err := prune.NewRow(dense, tests, nil)
	if err != nil {
		return err
	}
	after, err := prune.NewRow(slim, tests, &before)
	if err != nil {
		return err
	}
	before.Method, before.Name = "before", dense.Name
	after.Method, after.Name, after.Settings = s.Method, slim.Name, s.Fill()
	r := prune.Report{Corpus: j.Recipe.Corpus, Task: j.Recipe.Task.Name, Split: j.Recipe.Split.Name, Noise: f.noise, Rows: []prune.Row{before, after}}
	r.Time()
	if f.report != "" {
		if err := report.SaveComparison(f.report, r); err != nil {
			return err
		}
	}
	if f.json {
		return writeJSON(cmd.OutOrStdout(), struct {
			File string `json:"file"`
			prune.Report
		}{f.out, r})
	}
	report.PrintSlimmed(cmd.OutOrStdout(), dense.Network(), slim.Network(), r)
	fmt.Fprintf(cmd.OutOrStdout(), "saved %s (digest %s)\n", f.out, slim.Digest[:12])
	return nil
}

// start opens or trains the model and reads the data that it is pruned on.
func (f *slimFlags) start(cmd *cobra.Command, args []string) (prune.Job, *models.Model, prune.Tests, error) {
	fail := func(err error) (prune.Job, *models.Model, prune.Tests, error) {
		return prune.Job{}, nil, prune.Tests{}, err
	}
	var m *models.Model
	var pre input.Preprocessing
	var spec nn.Spec
	var err error
	if len(args) == 1 {
		if m, err = models.Open(args[0]); err != nil {
			return fail(files.About(args[0], err))
		}
		if !cmd.Flags().Changed("seed") {
			f.data.seed = m.Training.Seed
		}
		f.data.fill(m.Training)
		pre, spec = m.Preprocessing, m.Spec
	} else if spec, pre, err = openSpec(f.spec); err != nil {
		return fail(settings.Usage(err))
	}
	cfg, err := f.fit.config(f.data.seed)
	if err != nil {
		return fail(err)
	}
	if m == nil && f.settings.Method == prune.NetworkSlimming && cfg.Sparsity == 0 {
		cfg.Budget = f.settings.Fill().Budget
	}
	d, err := f.data.load(cmd.Context(), cmd.ErrOrStderr(), pre)
	if err != nil {
		return fail(err)
	}
	recipe := train.Recipe{Spec: spec, Corpus: d.corpus, Task: d.task, Split: d.split, Preprocessing: pre, Fit: cfg,
		Evidence: showEvidence(cmd.ErrOrStderr())}
	j, err := newJob(recipe, d.folds[0], labelsOf(m, d), f.checkpoints)
	if err != nil {
		return fail(err)
	}
	j.Progress = stageProgress(cmd.ErrOrStderr())
	if m == nil {
		if m, err = j.Train(cmd.Context()); err != nil {
			return fail(err)
		}
		m.Licence = licenceOf(d.corpus)
	}
	tests, err := testsOf(m, j, f.noise)
	return j, m, tests, err
}

// labelsOf returns the classes of m, or those that a training on d would have.
func labelsOf(m *models.Model, d data) []models.Label {
	if m != nil {
		return m.Labels
	}
	return train.Labels(d.task, d.folds[0].Train)
}

func newJob(r train.Recipe, fold dataset.Fold, labels []models.Label, checkpoints string) (prune.Job, error) {
	sets, err := r.Sets(labels, fold)
	return prune.Job{Recipe: r, Fold: fold, Sets: sets, Checkpoints: checkpoints}, err
}

// testsOf cuts the test parts into windows, clean and with noise.
func testsOf(m *models.Model, j prune.Job, snr float64) (t prune.Tests, err error) {
	if t.Clean, err = train.Test(m, j.Fold, j.Recipe.Task); err != nil {
		return t, err
	}
	noisy := j.Fold
	noisy.Test = nil
	for _, p := range j.Fold.Test {
		noisy.Test = append(noisy.Test, dataset.AddNoise(p, snr, m.Preprocessing.SampleRate, 1))
	}
	t.Noisy, err = train.Test(m, noisy, j.Recipe.Task)
	return t, err
}

// stageProgress shows the fits of a job, one after the other.
func stageProgress(w io.Writer) func(string, network.Progress) {
	var stage string
	var show func(network.Progress)
	var done func()
	return func(name string, p network.Progress) {
		if name != stage || p.Step == 1 {
			if done != nil {
				done()
			}
			stage = name
			show, done = showFit(w, name)
		}
		show(p)
		if p.Step == p.Steps {
			done()
			done = nil
			stage = ""
		}
	}
}
