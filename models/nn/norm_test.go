package nn

import (
	"math"
	"testing"
)

// TestRunningStatistics: one batch moves the running mean and the running variance a tenth of
// the way to its own, of which the variance is that of a sample, over n-1; inference takes those,
// and adds 1e-5 to the variance.
func TestRunningStatistics(t *testing.T) {
	net, err := New(Spec{Name: "t", Input: Signal(2, 1), Layers: []Layer{BatchNorm(), Logits()}}, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := net.chain.sites[0].layer.(*batchNorm)
	x := Tensor{N: 2, L: 2, C: 1, Data: []float32{1, 2, 4, 9}} // mean 4, Σ(x-4)² = 38
	y := NewTensor(2, 2, 1)
	near := func(what string, got float32, want float64) {
		t.Helper()
		if math.Abs(float64(got)-want) > 1e-5*math.Max(1, math.Abs(want)) {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	b.forward(x, y, true)
	near("trained", y.Data[3], 5/math.Sqrt(38.0/4+1e-5))
	near("mean", b.mean.W[0], 0.1*4)
	near("variance", b.va.W[0], 0.9*1+0.1*38/3)
	b.forward(x, y, false)
	near("inferred", y.Data[3], (9-0.4)/math.Sqrt(0.9+3.8/3+1e-5))
	b.mean.W[0], b.va.W[0] = 0, 0 // a channel that never varies
	b.forward(x, y, false)
	near("constant channel", y.Data[0], 1/math.Sqrt(1e-5))
}
