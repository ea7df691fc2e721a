package prune

import (
	"context"
	"fmt"
	"math"
	"slices"

	"brinell/bearing"
	"brinell/internal/kernel"
	"brinell/models"
	"brinell/models/nn"
)

// Target is the parallelism of the machine that a model is to run on, and with it
// what Scalpel prunes.
type Target string

// The targets. Host asks this machine's kernels.
const (
	LowParallelism      Target = "low"      // a microcontroller: groups of weights everywhere
	ModerateParallelism Target = "moderate" // a processor: nodes of convolutions, groups of dense layers
	HighParallelism     Target = "high"     // a graphics processor: nodes
	Host                Target = "host"
)

// Targets lists them.
var Targets = []Target{LowParallelism, ModerateParallelism, HighParallelism, Host}

func (t Target) check() error {
	if t != "" && !slices.Contains(Targets, t) {
		return bearing.Errorf(bearing.Invalid, "settings_invalid", "target %q is not one of %v", bearing.Clip(string(t)), Targets)
	}
	return nil
}

// The importance of nodes moves at nodeRate; the penalty is so large that it alone
// turns a node off after the given share of a stage's steps.
const (
	nodeRate     = 1e-3
	nodeMargin   = 0.8002 - 0.8 // from where importance starts to where the switch goes off
	nodeLifetime = 0.25
)

// scalpel prunes nodes, groups of weights, or both, as suits the target.
//
// Reference: J. Yu et al., Scalpel: customizing DNN pruning to the underlying
// hardware parallelism, ISCA 2017.
func (j Job) scalpel(m *models.Model, s Settings) []stage {
	isConv := func(l nn.Layer) bool { return l.Op != nn.OpDense }
	dense := func(p *nn.Param) bool { return len(p.Shape) == 2 }
	width := groupWidth(s.Width, kernel.Lanes())
	groups := func(take func(*nn.Param) bool) []stage {
		return append(j.weights("group", s.Share, s.Passes, s.Epochs, width, take), j.declare(width, take))
	}
	switch s.Target {
	case LowParallelism:
		return groups(nil)
	case ModerateParallelism:
		return append(j.nodes(s, func(_ nn.Path, l nn.Layer) bool { return isConv(l) }), groups(dense)...)
	case HighParallelism:
		return j.nodes(s, nil)
	}
	// Nodes first, then groups in those layers of what is left that they make faster.
	// What is faster is measured, so that two runs may differ where it is close.
	return append(j.nodes(s, nil), stage{"choosing by this machine's times", func(ctx context.Context, m *models.Model) error {
		fast := FasterInGroups(m.Network(), s.Share, width)
		if len(fast) == 0 {
			return nil
		}
		take := func(p *nn.Param) bool { return slices.Contains(fast, p.Path) }
		for _, st := range groups(take) {
			if err := st.run(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}})
}

// groupWidth is how many weights a group has: as stated, or as many as a vector of that many lanes
// holds, at least eight.
func groupWidth(stated, lanes int) int {
	if stated == 0 {
		return max(8, lanes)
	}
	return stated
}

// nodePenalty is what turns a node off in nodeLifetime of so many steps if nothing speaks for it.
func nodePenalty(steps int) float64 { return nodeMargin / (nodeRate * nodeLifetime * float64(steps)) }

// nodes removes nodes in passes with a rising penalty, until as many are gone as the
// settings ask.
func (j Job) nodes(s Settings, take func(nn.Path, nn.Layer) bool) []stage {
	var stages []stage
	for pass := 1; pass <= s.Passes; pass++ {
		name := fmt.Sprintf("node pruning, pass %d of %d", pass, s.Passes)
		stages = append(stages, stage{name, func(ctx context.Context, m *models.Model) error {
			net := WithNodes(m.Network(), take)
			m.SetNetwork(net)
			fit := j.Recipe.Fit
			fit.Epochs = s.Epochs
			penalty := nodePenalty(fit.Steps(j.Sets.Train.Len()))
			if err := j.tune(ctx, m, name, s.Epochs, 0, func() { MoveNodes(net, nodeRate, penalty) }); err != nil {
				return err
			}
			// Each pass may take the same share of what the passes before have left.
			cap := 1 - math.Pow(1-s.Ratio, 1/float64(s.Passes))
			m.SetNetwork(WithoutNodes(Remove(net, AliveNodes(net, Limits{s.Floor, cap}))))
			n := s.Epochs
			if pass == s.Passes {
				n *= 2
			}
			return j.tune(ctx, m, name+", retraining", n, 0, nil)
		}})
	}
	return stages
}
