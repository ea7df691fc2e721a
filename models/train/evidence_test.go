package train

import (
	"math/rand/v2"
	"testing"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/models"
)

// TestEvidenceTold: who waits for the evidence of a fit is told of every window, real ones with
// their noisy copies and simulated ones, up to the last.
func TestEvidenceTold(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	part := func(name string, fault bearing.Fault, seconds int) dataset.Part {
		r := &bearing.Recording{Name: name, SampleRate: 12000, ShaftSpeed: 30, Bearing: "6205-2RS", Unit: bearing.G,
			Truth: bearing.Truth{Fault: fault, Specimen: name}, Samples: make([]float32, 12000*seconds)}
		for i := range r.Samples {
			r.Samples[i] = float32(rng.NormFloat64())
		}
		return dataset.Part{Rec: r, To: len(r.Samples)}
	}
	task, err := dataset.TaskNamed("fault")
	if err != nil {
		t.Fatal(err)
	}
	fold := dataset.Fold{Train: []dataset.Part{part("a", bearing.Normal, 4), part("b", bearing.InnerRace, 4)},
		Validation: []dataset.Part{part("c", bearing.Normal, 4)}}
	spec, err := models.SpecNamed("lines")
	if err != nil {
		t.Fatal(err)
	}
	r := Recipe{Task: task, Preprocessing: models.PreprocessingOf(spec), Augment: Augmentation{Simulated: 3, Noisy: 1}}
	labels := Labels(task, fold.Train)
	last, total := 0, 0
	r.Evidence = func(done, all int) {
		if done <= last || done > all || total > 0 && all != total {
			t.Errorf("%d of %d after %d of %d", done, all, last, total)
		}
		last, total = done, all
	}
	s, err := r.Sets(labels, fold)
	if err != nil {
		t.Fatal(err)
	}
	if want := s.Train.Len() + s.Validation.Len(); last != want || total != want || s.Validation.Len() == 0 {
		t.Errorf("told of %d of %d windows, there are %d", last, total, want)
	}
}
