package prune

import (
	"math"
	"slices"
	"testing"

	"brinell/models"
	"brinell/models/nn"
)

// TestLimits: how many channels stay at least.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		l       Limits
		n, want int
	}{
		{Limits{}, 5, 1}, {Limits{Floor: 3}, 5, 3}, {Limits{Floor: 9}, 5, 5}, {Limits{Cap: 0.5}, 6, 3}, {Limits{Cap: 0.5}, 5, 3},
		{Limits{Floor: 4, Cap: 0.5}, 6, 4}, {Limits{Floor: 2, Cap: 0.5}, 6, 3},
	} {
		if got := c.l.least(c.n); got != c.want {
			t.Errorf("%+v of %d channels: %d, want %d", c.l, c.n, got, c.want)
		}
	}
	for _, c := range [][3]int{{0, 4, 8}, {0, 8, 8}, {0, 16, 16}, {3, 16, 3}} {
		if got := groupWidth(c[0], c[1]); got != c[2] {
			t.Errorf("groups of %d stated and %d lanes: %d, want %d", c[0], c[1], got, c[2])
		}
	}
	// A quarter of the steps at a rate of a thousandth moves a switch from on to off.
	if moved := nodePenalty(400) * 1e-3 * 100; math.Abs(moved-0.0002) > 1e-9 {
		t.Errorf("a quarter of the steps moves a switch by %v, want 0.0002", moved)
	}
	if DefaultFloor != 4 {
		t.Errorf("the default floor is %d, want 4: a global threshold may take a whole layer", DefaultFloor)
	}
}

// TestRoundFillsVectors: after rounding not one channel more is free.
func TestRoundFillsVectors(t *testing.T) {
	i := slices.IndexFunc(models.Zoo, func(s nn.Spec) bool { return s.Name == "wdcnn-s8x4" }) // wide layers: some have room
	net := randomized(t, models.Zoo[i], 4)
	round := Round(net, Slim(net, 0.3, Limits{Floor: 4}))
	work := Remove(net, round).Plan().Work()
	r := rank(net)
	for i, g := range r.gates {
		n := len(round[g.At])
		if n == g.Channels {
			continue
		}
		more := Keep{}
		for at, channels := range round {
			more[at] = channels
		}
		if more[g.At] = r.first(i, n+1); Remove(net, more).Plan().Work() <= work {
			t.Errorf("layer %s stays at %d channels, and one more is free", g.At, n)
		}
	}
}

// TestSlimToWithoutGates: a network of which no channel can go fits or does not.
func TestSlimToWithoutGates(t *testing.T) {
	spec := nn.Spec{Name: "bare", Input: nn.Signal(16, 1), Layers: []nn.Layer{nn.Dense(4), nn.Logits()}}
	net := randomized(t, spec, 2)
	if n := len(Gates(net)); n != 0 {
		t.Fatalf("it has %d gates", n)
	}
	for _, fits := range []bool{true, false} {
		if _, ok := SlimTo(net, Limits{}, func(*nn.Network) bool { return fits }); ok != fits {
			t.Errorf("it fits %v: %v", fits, ok)
		}
	}
}

// TestGroupImportance: of a group the root mean square of its weights, also of a shorter last one, over
// that of the layer's weights that are not zero.
func TestGroupImportance(t *testing.T) {
	p := &nn.Param{Shape: []int{6, 1}, W: []float32{3, 4, 0, 0, 0, 5}}
	groups := groupsOf(p, 4)
	sigma := math.Sqrt(50.0 / 3)
	for i, want := range []float64{2.5 / sigma, 5 / math.Sqrt2 / sigma} {
		if g := groups[i]; math.Abs(g.importance-want) > 1e-6 || g.best != (i == 1) {
			t.Errorf("group %d: importance %v, best %v, want %v", i, g.importance, g.best, want)
		}
	}
}

// TestWeightsToTheCount: as many weights go as the share says, to the last one, of the parameters that are
// taken alone.
func TestWeightsToTheCount(t *testing.T) {
	net := randomized(t, models.Zoo[1], 10)
	total := 0
	var first *nn.Param
	for _, p := range net.Params() {
		if p.Role == nn.Weight {
			if total += len(p.W); first == nil {
				first = p
			}
		}
	}
	Weights(net, 0.5, 1, nil).Apply(net)
	zero := 0
	for _, p := range net.Params() {
		for _, w := range p.W {
			if p.Role == nn.Weight && w == 0 {
				zero++
			}
		}
	}
	if zero != total/2 {
		t.Errorf("%d of %d weights are zero, want half", zero, total)
	}
	clear(first.W)
	one := func(p *nn.Param) bool { return p == first }
	if a, b := Share(net, one), Share(net, func(p *nn.Param) bool { return p != first }); a != 1 || b == 1 {
		t.Errorf("of the one that is cleared %v are zero, of the others %v", a, b)
	}
}

// TestNodesByImportance: where more switches are off than may go, those of the largest importance stay.
func TestNodesByImportance(t *testing.T) {
	net := WithNodes(randomized(t, specs[0], 4), nil)
	widths := map[int]bool{}
	for _, p := range net.Params() {
		if p.Role == nn.Importance {
			for i := range p.W {
				p.W[i] = 0.1 + 0.01*float32(i)
			}
			widths[len(p.W)] = true
		}
	}
	net.Forward(nn.NewTensor(1, net.Spec.Input.Len(), net.Spec.Input.C), false)
	for at, channels := range AliveNodes(net, Limits{Floor: 2}) {
		n := channels[len(channels)-1] + 1
		if !slices.Equal(channels, []int{n - 2, n - 1}) || !widths[n] {
			t.Errorf("of layer %s %v stay, want the last two", at, channels)
		}
	}
}
