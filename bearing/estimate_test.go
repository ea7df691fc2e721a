package bearing

import (
	"math"
	"testing"
)

// TestEstimates: the geometry that makers and data sets publish lies within what is estimated
// from the designation, and the estimate is no wider than it has to be.
func TestEstimates(t *testing.T) {
	none := NewCatalogue()
	for _, c := range []struct {
		designation string
		elements    int
		ratio       float64 // element to pitch diameter, times the cosine of the contact angle
		most        int     // candidates
	}{
		{"6205", 9, 0.3126 / 1.537, 30},          // CWRU
		{"6203", 8, 0.2656 / 1.122, 30},          // CWRU
		{"6203-KAT", 8, 6.75 / 28.55, 30},        // Paderborn
		{"SKF 6204", 8, 7.92 / 34.55, 30},        // the insert of UER204, XJTU-SY
		{"6206", 9, 9.525 / 46, 30},              // 3/8 in
		{"6208-2Z/C3", 9, 11.906 / 60, 30},       // 15/32 in
		{"FAG6309", 8, 17.462 / 72.5, 30},        // 11/16 in
		{"6305", 7, 11.509 / 44, 30},             //
		{"W 6310", 8, 19.05 / 80, 30},            // 3/4 in
		{"6000", 7, 4.763 / 18, 60},              // 3/16 in
		{"6200", 8, 4.763 / 20, 60},              //
		{"608", 7, 3.969 / 15, 60},               // 5/32 in
		{"6004", 9, 6.35 / 31, 30},               // 1/4 in
		{"6010", 13, 8.731 / 65, 40},             // 11/32 in
		{"NU 205 ECP", 13, 7.5 / 38.5, 100},      //
		{"7205 BEP", 12, 0.766 * 7.94 / 39, 40},  // 40 degrees
		{"22308 E", 14, 0.98 * 13.5 / 65.5, 100}, //
	} {
		b, ok := none.Lookup(c.designation)
		e := b.Estimate
		if !ok || e.Elements[0] > c.elements || e.Elements[1] < c.elements || e.Ratio[0] > c.ratio || e.Ratio[1] < c.ratio {
			t.Errorf("%s: %+v, want %d elements of ratio %.4f in it", c.designation, e, c.elements, c.ratio)
			continue
		}
		// A comb looks 1.2 % to either side: one of the candidates is near enough in each order.
		want, near := e.orders(c.elements, c.ratio), false
		for _, o := range e.Candidates() {
			off := 0.0
			for _, v := range [][2]float64{{o.BPFO, want.BPFO}, {o.BPFI, want.BPFI}, {o.BSF, want.BSF}, {o.FTF, want.FTF}} {
				off = max(off, math.Abs(v[0]/v[1]-1))
			}
			near = near || off <= 0.0121
		}
		low, high := e.Bounds()
		if n := len(e.Candidates()); !near || n > c.most || low.BPFO > want.BPFO || high.BPFO < want.BPFO || low.BSF > want.BSF || high.BSF < want.BSF || low.FTF > want.FTF || high.BPFI < want.BPFI {
			t.Errorf("%s: %d candidates, at most %d, near: %v, bounds %+v %+v of %+v", c.designation, n, c.most, near, low, high, want)
		}
		if n := e.Elements; !(n[0] <= n[1]) || b.Orders().BPFO < low.BPFO || b.Orders().BPFO > high.BPFO {
			t.Errorf("%s: orders %+v", c.designation, b.Orders())
		}
	}
	for _, d := range []string{"1205", "30205", "62052", "6223", "6241", "6299", "620", "62-05", "my-pump", "NU", "NU 205000", "", "6404 pump", "SKF"} {
		if b, ok := none.Lookup(d); ok && d != "6404 pump" {
			t.Errorf("%q is taken for %+v", d, b)
		}
	}
}

// TestBoundary: outside diameters of ISO 15, one of each table and its ends.
func TestBoundary(t *testing.T) {
	for d, want := range map[string][2]float64{
		"6000": {10, 26}, "6004": {20, 42}, "6020": {100, 150}, "6022": {110, 170}, "6024": {120, 180}, "6040": {200, 310},
		"6200": {10, 30}, "6205": {25, 52}, "6220": {100, 180}, "6224": {120, 215}, "6240": {200, 360}, "62205": {25, 52},
		"6300": {10, 35}, "6309": {45, 100}, "6324": {120, 260}, "6403": {17, 62}, "6416": {80, 200}, "16010": {50, 80},
		"22220": {100, 180}, "22308": {40, 90}, "23024": {120, 180}, "608": {8, 22}, "626": {6, 19},
	} {
		n, _ := numberOf(d)
		if _, bore, out, ok := boundary(n); !ok || bore != want[0] || out != want[1] {
			t.Errorf("%s has %g to %g mm, want %v", d, bore, out, want)
		}
	}
	for _, n := range []string{"NU 215", "NJ2210", "N 310", "NUP 2310 ECP", "NU1010"} {
		p, _ := numberOf(n)
		if k, _, _, ok := boundary(p); !ok || k.name != roller.name {
			t.Errorf("%s is a %q", n, k.name)
		}
	}
}

// TestTimken: the orders that a maker publishes of ball bearings with rings of the 62 and 63 series
// are within a comb's reach of a candidate.
//
// Source: Timken, ball bearing housed unit catalogue, table A-9, BPFO and BPFI.
func TestTimken(t *testing.T) {
	for d, o := range map[string][2]float64{
		"6202": {3.125, 4.875}, "6203": {3.053, 4.947}, "6204": {3.052, 4.948}, "6205": {3.574, 5.426}, "6206": {3.568, 5.432},
		"6207": {3.565, 5.435}, "6208": {3.547, 5.453}, "6209": {3.621, 5.379}, "6210": {4.093, 5.907}, "6211": {4.078, 5.922},
		"6212": {4.066, 5.934}, "6213": {4.099, 5.901}, "6214": {4.104, 5.896},
		"6303": {2.545, 4.455}, "6304": {2.574, 4.426}, "6307": {3.006, 4.994}, "6308": {3.023, 4.977}, "6309": {3.037, 4.963},
		"6310": {3.047, 4.953}, "6311": {3.057, 4.943}, "6312": {3.064, 4.936}, "6314": {3.076, 4.924}, "6315": {3.081, 4.919},
		"6316": {3.086, 4.914}, "6318": {3.093, 4.907},
	} {
		b, _ := NewCatalogue().Lookup(d)
		off := math.Inf(1)
		for _, c := range b.Estimate.Candidates() {
			off = min(off, max(math.Abs(c.BPFO/o[0]-1), math.Abs(c.BPFI/o[1]-1)))
		}
		if off > 0.012 {
			t.Errorf("%s: orders %v are %.2f %% from the nearest candidate", d, o, 100*off)
		}
	}
}
