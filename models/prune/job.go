package prune

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/internal/clamp"
	"brinell/internal/kernel"
	"brinell/models"
	"brinell/models/input"
	"brinell/models/learn/network"
	"brinell/models/nn"
	"brinell/models/train"
)

// The methods.
const (
	NetworkSlimming = "network-slimming"
	Integral        = "integral"
	Scalpel         = "scalpel"
	MagnitudePrune  = "magnitude"
)

// Methods lists the methods in the order of a report.
var Methods = []string{NetworkSlimming, Integral, Scalpel, MagnitudePrune}

// Settings say how to prune. Which fields count depends on Method; zero fields take
// the default of Fill.
type Settings struct {
	Method string `json:"method"`
	Epochs int    `json:"epochs"` // of fine-tuning after each pass; the last pass gets twice as many

	// Network slimming: the share of channels that each pass removes, or a size that
	// the last one reaches.
	Ratio         float64 `json:"ratio,omitempty"`
	TargetParams  int     `json:"target_params,omitempty"`
	TargetMACs    int     `json:"target_macs,omitempty"`
	TargetLatency float64 `json:"target_latency_us,omitempty"`
	Passes        int     `json:"passes"`
	Floor         int     `json:"floor,omitempty"`
	Cap           float64 `json:"cap,omitempty"`
	Budget        float64 `json:"l1_budget,omitempty"` // of the passes before the last, see network.Config.Lambda
	Round         bool    `json:"round,omitempty"`

	// Weight pruning: the share of weights that are zero at the end, in groups of
	// Width inputs.
	Share float64 `json:"share,omitempty"`
	Width int     `json:"width,omitempty"`

	// Integral pruning: how much accuracy on the validation part each winner rate may
	// cost.
	Loss float64 `json:"loss,omitempty"`

	// Scalpel: the parallelism of the machine, see Target.
	Target Target `json:"target,omitempty"`
}

// Fill returns s with defaults where it leaves something open.
func (s Settings) Fill() Settings {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	deff := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&s.Epochs, 2)
	switch s.Method {
	case NetworkSlimming:
		def(&s.Passes, 1)
		def(&s.Floor, DefaultFloor)
		deff(&s.Budget, 0.5)
	case Integral:
		def(&s.Passes, 3)
		deff(&s.Share, 0.8)
		deff(&s.Loss, 0.005)
		s.Width = 1
	case Scalpel:
		def(&s.Passes, 3)
		deff(&s.Share, 0.9)
		deff(&s.Ratio, 0.5)
		def(&s.Floor, DefaultFloor)
		if s.Target == "" {
			s.Target = Host
		}
	case MagnitudePrune:
		def(&s.Passes, 3)
		deff(&s.Share, 0.9)
		s.Width = 1
	}
	return s
}

// Check reports settings without sense.
func (s Settings) Check() error {
	bad := func(format string, args ...any) error {
		return bearing.Errorf(bearing.Invalid, "settings_invalid", format, args...)
	}
	switch {
	case s.Epochs < 1 || s.Passes < 1 || s.Passes > maxPasses:
		return bad("epochs %d must be positive and passes %d lie in 1..%d", s.Epochs, s.Passes, maxPasses)
	case s.Ratio < 0 || s.Ratio >= 1 || s.Share < 0 || s.Share >= 1 || s.Cap < 0 || s.Cap >= 1:
		return bad("ratio %v, share %v and cap %v must lie in [0, 1)", s.Ratio, s.Share, s.Cap)
	case s.Method == NetworkSlimming && s.Ratio == 0 && !s.targeted():
		return bad("network slimming needs a ratio or a target")
	case s.Width < 0 || s.Width > kernel.MaxGroup:
		return bad("groups of %d inputs: the width must lie in 1..%d", s.Width, kernel.MaxGroup)
	case s.TargetParams < 0 || s.TargetMACs < 0 || s.TargetLatency < 0 || s.Floor < 0 || s.Budget < 0 || s.Loss < 0:
		return bad("targets, floor, budget and loss must not be negative")
	}
	return s.Target.check()
}

func (s Settings) targeted() bool {
	return s.TargetParams > 0 || s.TargetMACs > 0 || s.TargetLatency > 0
}

// maxPasses bounds the passes that a target may take.
const maxPasses = 20

// Job is what pruning works on.
type Job struct {
	Recipe      train.Recipe // how to train and to fine-tune
	Fold        dataset.Fold
	Sets        train.Sets
	Checkpoints string // directory, "" for none
	Progress    func(stage string, p network.Progress)
}

// stage is a piece of a job that ends in a checkpoint. What it does follows from its
// name, the settings, the recipe and the model that it gets, so that a job that was
// cut off anywhere goes on from its last checkpoint to the same weights.
type stage struct {
	name string
	run  func(ctx context.Context, m *models.Model) error
}

// Train returns a model of the job's spec, trained or from its checkpoint.
func (j Job) Train(ctx context.Context) (*models.Model, error) {
	return j.checkpointed("train", j.key("train", "", nil), func() (*models.Model, error) {
		r := j.Recipe
		r.Fit.Progress = j.progress("training " + r.Spec.Name)
		return r.TrainOn(ctx, j.Fold, train.Labels(r.Task, j.Fold.Train), j.Sets)
	})
}

// Prune returns what the settings make of m, which stays as it is.
func (j Job) Prune(ctx context.Context, m *models.Model, s Settings) (*models.Model, error) {
	s = s.Fill()
	if err := s.Check(); err != nil {
		return nil, err
	}
	if m.Network() == nil {
		return nil, bearing.Errorf(bearing.Invalid, "not_a_network", "model %q is of the learner %s: only networks have channels and weights to prune", m.Name, m.Learner)
	}
	m, err := m.Copy()
	if err != nil {
		return nil, err
	}
	m.Calibration = nil // it was fitted to the answers of other weights
	if s.Method == Integral && j.Sets.Validation.Len() == 0 {
		return nil, bearing.Errorf(bearing.Invalid, "no_validation", "split %s, fold %s has no validation part, which chooses the winner rates", j.Recipe.Split.Name, j.Fold.Name)
	}
	parent, original := m.Digest, m.Spec
	stages, err := j.stages(m, s)
	if err != nil {
		return nil, err
	}
	names := ""
	for _, st := range stages {
		names += "/" + st.name
		if m, err = j.checkpointed(st.name, j.key(names, parent, s), func() (*models.Model, error) { return m, st.run(ctx, m) }); err != nil {
			return nil, err
		}
	}
	_, count := original.Counts(len(m.Labels))
	if m.Training.Slimming != nil {
		count = m.Training.Slimming.Original
	} else if s.Method == NetworkSlimming {
		m.Name += "-slim"
	} else {
		m.Name += "-" + s.Method
	}
	m.Training.Slimming = &models.Slimming{Method: s.Method, Parent: parent, Ratio: s.Ratio, Passes: s.Passes, Floor: s.Floor, Epochs: s.Epochs,
		Share: s.Share, Group: s.Width, Loss: s.Loss, Target: string(s.Target), Original: count}
	return m, nil
}

// key names a checkpoint by everything that its contents follow from.
func (j Job) key(stage, parent string, s any) string {
	r := j.Recipe
	b, err := json.Marshal([]any{formatOfCheckpoints, stage, parent, s, r.Spec, r.Corpus, r.Task.Name, r.Split.Name, j.Fold.Name, r.Preprocessing, r.Hop, r.Augment,
		r.Fit.Epochs, r.Fit.Batch, r.Fit.Optimizer, r.Fit.LR, r.Fit.WeightDecay, r.Fit.Sparsity, r.Fit.Budget, r.Fit.Subgradient, r.Fit.Seed,
		j.Sets.Train.Len(), j.Sets.Train.Names})
	if err != nil {
		panic("prune: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// formatOfCheckpoints changes when a stage of the same name begins to do something
// else.
const formatOfCheckpoints = 1

// checkpointed returns the model of the checkpoint with that key, or makes it.
func (j Job) checkpointed(name, key string, run func() (*models.Model, error)) (*models.Model, error) {
	if j.Checkpoints == "" {
		return run()
	}
	path := filepath.Join(j.Checkpoints, key+".safetensors")
	m, err := models.Open(path)
	if err == nil && slices.EqualFunc(m.GoldenWindows(), j.Sets.Golden, sameWindow) {
		return m, nil
	}
	// One that cannot be read, or that saw other data of the same names and lengths,
	// is made again; an interrupted write leaves none.
	if _, serr := os.Stat(path); serr == nil {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("checkpoint %s of stage %s is damaged and cannot be removed: %w", path, name, err)
		}
	}
	if m, err = run(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(j.Checkpoints, 0o755); err != nil {
		return nil, err
	}
	return m, m.Save(path)
}

// sameWindow reports whether two windows have the same samples.
func sameWindow(a, b input.Window) bool {
	return a.Rate == b.Rate && slices.Equal(a.Samples, b.Samples)
}

func (j Job) progress(stage string) func(network.Progress) {
	if j.Progress == nil {
		return nil
	}
	return func(p network.Progress) { j.Progress(stage, p) }
}

// tune fine-tunes m for that many epochs. after, unless nil, is called after each
// step with the learning rate's share of its peak.
func (j Job) tune(ctx context.Context, m *models.Model, stage string, epochs int, budget float64, after func()) error {
	r := j.Recipe
	r.Fit.Epochs, r.Fit.Budget, r.Fit.Sparsity, r.Fit.After = epochs, budget, 0, after
	r.Fit.Progress = j.progress(stage)
	return r.ContinueOn(ctx, m, j.Sets)
}

// replace sets the network of m and takes golden windows that fit it.
func (j Job) replace(m *models.Model, net *nn.Network) error {
	m.SetNetwork(net)
	return m.SetGolden(m.GoldenWindows())
}

// stages returns what the settings do to m.
func (j Job) stages(m *models.Model, s Settings) ([]stage, error) {
	switch s.Method {
	case NetworkSlimming:
		return j.slimming(m, s), nil
	case MagnitudePrune:
		return append(j.weights("magnitude", s.Share, s.Passes, s.Epochs, 1, nil), j.declare(1, nil)), nil
	case Integral:
		return j.integral(s), nil
	case Scalpel:
		return j.scalpel(m, s), nil
	}
	return nil, bearing.Errorf(bearing.Invalid, "settings_invalid", "method %q is not one of %v", bearing.Clip(s.Method), Methods)
}

// slimming alternates between removing channels and training. On the way to a size
// each pass covers the same share of the way in logarithms.
func (j Job) slimming(m *models.Model, s Settings) []stage {
	_, from := m.Counts()
	lim := Limits{s.Floor, s.Cap}
	classes := len(m.Labels)
	cut := func(net *nn.Network, pass int) (Keep, bool) {
		if !s.targeted() {
			return Slim(net, s.Ratio, lim), true
		}
		part := func(now, target int) int {
			return clamp.Count(float64(now) * math.Pow(float64(target)/float64(now), float64(pass)/float64(s.Passes)))
		}
		return SlimTo(net, lim, func(narrow *nn.Network) bool {
			_, c := narrow.Spec.Counts(classes)
			return (s.TargetParams == 0 || c.Params <= part(from.Params, s.TargetParams)) &&
				(s.TargetMACs == 0 || c.MACs <= part(from.MACs, s.TargetMACs)) &&
				(s.TargetLatency == 0 || pass < s.Passes || Time(narrow.Plan()) <= s.TargetLatency)
		})
	}
	var stages []stage
	for pass := 1; pass <= s.Passes; pass++ {
		name := fmt.Sprintf("slimming, pass %d of %d", pass, s.Passes)
		stages = append(stages, stage{name, func(ctx context.Context, m *models.Model) error {
			keep, fits := cut(m.Network(), pass)
			if !fits && pass == s.Passes {
				_, c := Remove(m.Network(), keep).Spec.Counts(classes)
				return bearing.Errorf(bearing.Invalid, "target_unreachable", "the target cannot be reached: with at least %d channels a layer and at most a share of %g gone in a pass, %d parameters and %d multiply-accumulates are left; lower the floor, raise the cap or take more passes", s.Floor, cmp.Or(s.Cap, 1), c.Params, c.MACs)
			}
			if s.Round {
				keep = Round(m.Network(), keep)
			}
			m.SetNetwork(Remove(m.Network(), keep))
			// All passes but the last prepare the next one.
			if pass < s.Passes {
				return j.tune(ctx, m, name, s.Epochs, s.Budget, nil)
			}
			return j.tune(ctx, m, name, 2*s.Epochs, 0, nil)
		}})
	}
	return stages
}

// weights sets weights to zero, more of them in each pass, and trains the others.
func (j Job) weights(what string, share float64, passes, epochs, width int, take func(*nn.Param) bool) []stage {
	var stages []stage
	for pass := 1; pass <= passes; pass++ {
		name := fmt.Sprintf("%s pruning, pass %d of %d", what, pass, passes)
		stages = append(stages, stage{name, func(ctx context.Context, m *models.Model) error {
			// The first passes take most, as there is most to spare.
			part := share * (1 - math.Pow(1-float64(pass)/float64(passes), 3))
			masks := Weights(m.Network(), part, width, take)
			masks.Apply(m.Network())
			n := epochs
			if pass == passes {
				n *= 2
			}
			return j.tune(ctx, m, name, n, 0, func() { masks.Apply(m.Network()) })
		}})
	}
	return stages
}

// declare makes layers sparse in groups of that width.
func (j Job) declare(width int, take func(*nn.Param) bool) stage {
	return stage{fmt.Sprintf("declaring groups of %d", width), func(_ context.Context, m *models.Model) error {
		return j.replace(m, Declare(m.Network(), func(_ nn.Path, w *nn.Param) int {
			if take != nil && !take(w) {
				return 0
			}
			return width
		}))
	}}
}

// integral prunes weights, then chooses winner rates by the sensitivity on the
// validation part, and trains with both masks.
func (j Job) integral(s Settings) []stage {
	stages := j.weights("weight", s.Share, s.Passes, s.Epochs, 1, nil)
	return append(stages, stage{"winners", func(ctx context.Context, m *models.Model) error {
		m.Training.Sensitivity = Sensitivity(m.Network(), j.Sets.Validation, SensitivityRates)
		m.SetNetwork(WithWinners(m.Network(), ChooseRates(m.Training.Sensitivity, s.Loss)))
		masks := Zeros(m.Network())
		return j.tune(ctx, m, "training with winners", 2*s.Epochs, 0, func() { masks.Apply(m.Network()) })
	}})
}
