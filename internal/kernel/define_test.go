package kernel

import (
	"slices"
	"testing"
)

// TestSparseDefinitions: what the plain Go of sparse layers computes, in which order, and which parts are
// no matrix; the assembly is compared with it.
func TestSparseDefinitions(t *testing.T) {
	// Weight number e of an output goes to sum e mod 8: the large ones cancel before the small one comes.
	g, err := GroupsOf(3, 1, 1, []int32{0, 3}, []int32{0, 1, 2}, []float32{1e8, 1, -1e8})
	if err != nil {
		t.Fatal(err)
	}
	c := make([]float32, 1)
	if affineGroups(1, []float32{1, 1, 1}, 3, g, []float32{0}, c, false); c[0] != 1 {
		t.Errorf("sums of single weights: %v, want 1", c[0])
	}
	x, w := []float32{2, 0, 3}, []float32{1, 2, 3, 4, 5, 6}
	c = make([]float32, 2)
	if affineNonzero(x, w, []float32{10, -100}, c, true, []int32{0, 2}); !slices.Equal(c, []float32{10 + 2 + 15, 0}) {
		t.Errorf("of inputs that are not zero: %v", c)
	}
	if _, err := GroupsOf(4, 1, 1, []int32{0, 1}, []int32{4}, []float32{0}); err == nil {
		t.Error("a column behind the last one: no error")
	}
}

// TestBinOfTheHighest: the highest sample falls into the last bin.
func TestBinOfTheHighest(t *testing.T) {
	dst := make([]int32, 3)
	if bins(dst, []float32{-1, 0, 1}, -1, 2, 4); !slices.Equal(dst, []int32{0, 2, 3}) {
		t.Errorf("%v, want 0, 2 and 3", dst)
	}
}
