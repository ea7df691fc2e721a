package models

import (
	"math/rand/v2"
	"testing"

	"brinell/models/nn"
)

// BenchmarkZoo measures inference of one window and a training step of 64 on the
// kernel in use; brinell bench compares kernels.
func BenchmarkZoo(b *testing.B) {
	for _, spec := range Zoo {
		rng := rand.New(rand.NewPCG(1, 2))
		net, err := nn.New(spec, 10, rng)
		if err != nil {
			b.Fatal(err)
		}
		x := nn.NewTensor(64, spec.Input.Len(), spec.Input.C)
		for i := range x.Data {
			x.Data[i] = rng.Float32() - 0.5
		}
		b.Run("forward/"+spec.Name, func(b *testing.B) {
			plan := net.Plan()
			b.ReportAllocs()
			for b.Loop() {
				plan.Forward(x.At(0))
			}
		})
		b.Run("train/"+spec.Name, func(b *testing.B) {
			labels, dz, opt := make([]int, x.N), nn.NewTensor(x.N, 1, 10), &nn.Adam{}
			b.ReportAllocs()
			for b.Loop() {
				nn.CrossEntropy(net.Forward(x, true), labels, dz)
				net.ZeroGrad()
				net.Backward(dz)
				opt.Step(net.Params(), 1e-3)
			}
		})
	}
}
