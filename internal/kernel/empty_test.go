package kernel

import (
	"slices"
	"testing"
)

// TestGemmOfNothing: a sum of nothing is zero, and adds nothing; what lies between the rows stays.
func TestGemmOfNothing(t *testing.T) {
	for acc, want := range map[bool][]float32{false: {0, 0, 7, 0, 0, 7}, true: {7, 7, 7, 7, 7, 7}} {
		c := slices.Repeat([]float32{7}, 6)
		if Gemm(2, 2, 0, nil, 0, 0, nil, 0, c, 3, acc); !slices.Equal(c, want) {
			t.Errorf("added %v: %v, want %v", acc, c, want)
		}
	}
}
