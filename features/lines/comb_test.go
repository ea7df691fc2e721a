package lines

import (
	"math"
	"testing"

	"brinell/bearing"
)

// flat is a spectrum of nothing, a hundredth of an order from value to value, in which lines of
// a height are put at orders.
func flat(height float64, orders ...float64) *combs {
	c := &combs{l: make([]float64, 8000), step: 0.01}
	for _, o := range orders {
		c.l[int(math.Round(o/c.step))] = height
	}
	return c
}

// multiples are the first n of an order.
func multiples(order float64, n int) (all []float64) {
	for h := 1; h <= n; h++ {
		all = append(all, float64(h)*order)
	}
	return all
}

// TestCombScore: five harmonics count, each seven tenths of the one before; lines may lie up to
// 1.2 % beside their nominal place, one of 25, at the cost of 40 nepers per unit.
func TestCombScore(t *testing.T) {
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	for n, want := range map[int]float64{0: 0, 1: 1, 2: 1.7, 3: 2.19, 4: 2.533, 5: 2.7731, 6: 2.7731} {
		near("score", flat(1, multiples(5, n)...).comb(5).Score, want)
	}
	// Lines 1.2 % above their place are found at the last step, where they cost 0.48.
	k := flat(1, 5.06, 10.12, 15.18, 20.24, 25.3).comb(5)
	near("slip", k.Slip, 0.012)
	near("score with slip", k.Score, 2.7731-40*0.012)
	if got := flat(1, 5.08, 10.16, 15.24).comb(5); got.Score != 0 || got.Slip != 0 {
		t.Errorf("lines 1.6 %% beside their place: %+v", got)
	}
	// The steps are a thousandth wide: half a resolution beside one of them there is nothing.
	fine := &combs{l: make([]float64, 80000), step: 0.0005}
	fine.l[10010] = 1 // order 5.005, a thousandth above
	near("first step", fine.comb(5).Slip, 0.001)
	c := flat(1, 5, 2.5, 7.5, 4, 6, 4.6, 5.4, 9, 11)
	c.Machine.Orders.FTF = 0.4
	k = c.comb(5)
	c.around(&k)
	if k.Sub != [2]float64{1, 1} || k.Shaft != [3]float64{1, 1, 0} || k.Cage != [3]float64{1, 0, 0} {
		t.Errorf("half orders %v, side-bands of the shaft %v and of the cage %v", k.Sub, k.Shaft, k.Cage)
	}
}

// TestCombs: what lies at orders of the bearing, of the shaft or of side-bands is explained, what
// lies elsewhere between 1.3 and 14 is not, and stands out as a comb of its own.
func TestCombs(t *testing.T) {
	orders := bearing.Geometry{Elements: 9, ElementDia: 0.3126, PitchDia: 1.537}.Orders()
	for order, want := range map[float64]bool{
		orders.BPFO: true, orders.BPFI: true, orders.BPFI - 1: true, orders.BPFI + 1: true, orders.BSF2(): true, orders.BSF: true,
		orders.BSF2() + orders.FTF: true, orders.BPFO / 2: true, 2 * orders.BPFO: true, 4.17: false, 6.15: false,
		1: true, 2.5: true, 7: true,
	} {
		c := flat(0)
		c.Machine.Orders = orders
		if got := c.explained(order); got != want {
			t.Errorf("order %.3f is explained: %v, want %v", order, got, want)
		}
	}
	found := func(order float64) bool {
		c := &combs{l: make([]float64, 60000), step: 0.001}
		c.Machine.Orders = orders
		for _, o := range multiples(order, 5) {
			wide := int(0.002 * o / c.step) // wider than from one order that is tried to the next
			for i := -wide; i <= wide; i++ {
				if at := int(math.Round(o/c.step)) + i; at < len(c.l) {
					c.l[at] = 1
				}
			}
		}
		f := c.free()
		return math.Abs(f.Order/order-1) < 0.006
	}
	for order, want := range map[float64]bool{1.31: true, 1.38: true, 6.15: true, 12.17: true, 13.8: true} {
		if got := found(order); got != want {
			t.Errorf("a comb at order %.2f is found: %v, want %v", order, got, want)
		}
	}
	c := flat(0)
	c.Machine.Orders = orders
	c.noise(orders.BPFO, orders.BPFI, func(bearing.Orders, float64) bool { return false })
	if len(c.null) != 40 {
		t.Errorf("%d decoys, want 40", len(c.null))
	}
	lowest := math.Inf(1)
	c.noise(4, 6, func(_ bearing.Orders, o float64) bool { lowest = min(lowest, o); return true })
	if lowest < 2.8 || lowest > 2.95 {
		t.Errorf("the lowest decoy beneath order 4 is at %.3f, want 0.7 of it and little more", lowest)
	}
}
