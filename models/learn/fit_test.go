package learn

import (
	"strings"
	"testing"

	"brinell/models/nn"
)

// TestNoWeight: rows of which none counts teach nothing, and are refused.
func TestNoWeight(t *testing.T) {
	p := Problem{Task: Classify, Input: nn.Signal(1, 2), Outputs: 2}
	s := Set{X: nn.NewTensor(3, 1, 2), Y: []int{0, 1, 1}, Weight: make([]float64, 3)}
	if err := s.check(p); err == nil || !strings.Contains(err.Error(), "weight") {
		t.Errorf("weights of 0: %v", err)
	}
	s.Weight[2] = 0.5
	if err := s.check(p); err != nil {
		t.Error(err)
	}
}
