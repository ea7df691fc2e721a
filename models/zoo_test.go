package models

import (
	"testing"

	"brinell/models/nn"
)

// TestZooCounts holds the specs against the published table (wdcnn) and the
// counts that the documentation names, for ten classes.
func TestZooCounts(t *testing.T) {
	f := func(name string, want nn.Count) {
		t.Helper()
		s, err := SpecNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := s.Counts(10); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	f("wdcnn", nn.Count{Params: 54_510, MACs: 716_520})
	f("wdcnn-s8", nn.Count{Params: 86_270, MACs: 1_493_992})
	f("wdcnn-s8x4", nn.Count{Params: 1_346_522, MACs: 20_746_144})
	f("mlp-spectrum", nn.Count{Params: 758_110, MACs: 755_400})
	f("lines", nn.Count{Params: 8_082, MACs: 8_560})
	for _, s := range Zoo {
		if p := PreprocessingOf(s); s.Input != p.Shape() || p.Validate() != nil {
			t.Errorf("%s does not take what its preprocessing gives", s.Name)
		}
	}
	if _, err := SpecNamed("resnet"); err == nil {
		t.Error("an unknown spec is found")
	}
}

// TestWDCNNShapes holds wdcnn against the output sizes of the published table.
func TestWDCNNShapes(t *testing.T) {
	s, err := SpecNamed("wdcnn")
	if err != nil {
		t.Fatal(err)
	}
	shapes, err := s.Shapes(10)
	if err != nil {
		t.Fatal(err)
	}
	var pooled []nn.Shape
	for i, l := range s.Layers {
		if l.Op == nn.OpMaxPool {
			pooled = append(pooled, shapes[i])
		}
	}
	want := []nn.Shape{{W: 1, H: 64, C: 16}, {W: 1, H: 32, C: 32}, {W: 1, H: 16, C: 64}, {W: 1, H: 8, C: 64}, {W: 1, H: 3, C: 64}}
	for i, w := range want {
		if pooled[i] != w {
			t.Errorf("stage %d: %v, want %v", i+1, pooled[i], w)
		}
	}
}
