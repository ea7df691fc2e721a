package models

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"brinell/internal/kernel"
	"brinell/models/nn"
)

func slimSpec() nn.Spec {
	s := wideFirst("slim", 1, 16)
	c := []int{4, 5, 6, 6, 6}
	for i := range c {
		s.Layers[4*i].Out = c[i]
	}
	return s
}

func BenchmarkForward(b *testing.B) {
	s8, _ := SpecNamed("wdcnn-s8")
	x4, _ := SpecNamed("wdcnn-s8x4")
	for _, spec := range []nn.Spec{s8, slimSpec(), x4} {
		net, err := nn.New(spec, 10, rand.New(rand.NewPCG(1, 1)))
		if err != nil {
			b.Fatal(err)
		}
		_, n := spec.Counts(10)
		x := make([]float32, 2048)
		for i := range x {
			x[i] = rand.Float32()
		}
		for _, k := range kernel.Implementations() {
			b.Run(fmt.Sprintf("%s/%s", spec.Name, k), func(b *testing.B) {
				defer kernel.Use(k)()
				p := net.Plan()
				for b.Loop() {
					p.Forward(x)
				}
				b.ReportMetric(float64(n.MACs)*2*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			})
		}
	}
}

func BenchmarkTrain(b *testing.B) {
	s8, _ := SpecNamed("wdcnn-s8")
	x4, _ := SpecNamed("wdcnn-s8x4")
	for _, spec := range []nn.Spec{s8, x4} {
		net, _ := nn.New(spec, 10, rand.New(rand.NewPCG(1, 1)))
		x := nn.NewTensor(64, 2048, 1)
		for i := range x.Data {
			x.Data[i] = rand.Float32()
		}
		b.Run(spec.Name, func(b *testing.B) {
			labels := make([]int, x.N)
			dz, opt := nn.NewTensor(x.N, 1, 10), &nn.Adam{}
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
