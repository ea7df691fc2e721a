package train

import (
	"testing"

	"brinell/dataset"
)

// TestDefaultHop: where no step is stated, training windows begin a sixteenth of their length
// apart, and those of validation do not overlap.
func TestDefaultHop(t *testing.T) {
	r, fold := recipe(t, 1)
	r.Hop = 0
	rec := fold.Train[0].Rec
	part := []dataset.Part{{Rec: rec, From: 0, To: 3 * 2048}} // at 12 kHz a window is as long as the input
	sets, err := r.Sets(Labels(r.Task, fold.Train), dataset.Fold{Train: part, Validation: part})
	if err != nil {
		t.Fatal(err)
	}
	if n, v := sets.Train.Len(), sets.Validation.Len(); n != 2*16+1 || v != 3 {
		t.Errorf("%d windows to train on and %d to validate of three lengths, want 33 and 3", n, v)
	}
}
