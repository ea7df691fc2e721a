package autoencoder

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// plane returns rows near a plane of d dimensions in n.
func plane(rng *rand.Rand, rows, n, d int, noise float64) [][]float64 {
	basis := make([][]float64, d)
	for k := range basis {
		basis[k] = make([]float64, n)
		for j := range basis[k] {
			basis[k][j] = rng.NormFloat64()
		}
	}
	out := make([][]float64, rows)
	for i := range out {
		out[i] = make([]float64, n)
		for k := range basis {
			a := rng.NormFloat64()
			for j := range out[i] {
				out[i][j] += a * basis[k][j]
			}
		}
		for j := range out[i] {
			out[i][j] += noise * rng.NormFloat64()
		}
	}
	return out
}

// TestLinear: a linear autoencoder of d units loses what lies outside the first d
// principal components, and no more.
func TestLinear(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n, d = 8, 2
	rows := plane(rng, 400, n, d, 0.3)
	m, err := Fit(rows, 0, Config{Hidden: []int{d}, Linear: true, Epochs: 1000, LR: 0.02, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	x := mat.NewDense(len(rows), n, nil)
	got := 0.0
	for i, r := range rows {
		e := m.Error(r)
		got += e * e / float64(len(rows))
		for j, v := range r {
			x.Set(i, j, (v-m.mean[j])/m.scale[j])
		}
	}
	var pc stat.PC
	if !pc.PrincipalComponents(x, nil) {
		t.Fatal("no principal components")
	}
	want := 0.0
	for _, v := range pc.VarsTo(nil)[d:] {
		want += v / n
	}
	if got < 0.97*want || got > 1.03*want {
		t.Errorf("mean squared error %.4f, outside of %d principal components lie %.4f", got, d, want)
	}
}

// TestKinds: each kind of autoencoder reproduces new rows of its kind better than
// others, and the same seed gives the same fit.
func TestKinds(t *testing.T) {
	for name, cfg := range map[string]Config{
		"stacked":   {},
		"denoising": {Mask: 0.2},
		"sparse":    {Hidden: []int{9, 6}, Keep: 0.5},
		"deep":      {Hidden: []int{8, 6, 3}},
	} {
		rng := rand.New(rand.NewPCG(3, 4))
		rows := plane(rng, 160, 11, 3, 0.2)
		m, err := Fit(rows[:120], 0.01, cfg)
		if err != nil {
			t.Fatal(name, err)
		}
		again, err := Fit(rows[:120], 0.01, cfg)
		if err != nil {
			t.Fatal(name, err)
		}
		var own, other []float64
		for _, r := range rows[120:] {
			own = append(own, m.Error(r))
			if e := again.Error(r); e != own[len(own)-1] {
				t.Fatalf("%s: the same seed gives errors %g and %g", name, own[len(own)-1], e)
			}
			x := make([]float64, len(r))
			for j := range x {
				x[j] = m.mean[j] + 1.5*m.scale[j]*rng.NormFloat64()
			}
			other = append(other, m.Error(x))
		}
		if a, b := stat.Mean(own, nil), stat.Mean(other, nil); a > 0.6*b || a > 0.7 {
			t.Errorf("%s: error %.2f on its own kind, %.2f on others", name, a, b)
		}
	}
}

// TestMask zeroes the stated share.
func TestMask(t *testing.T) {
	x := make([]float32, 10000)
	for i := range x {
		x[i] = 1
	}
	mask(x, 0.3, rand.New(rand.NewPCG(5, 6)))
	zeros := 0
	for _, v := range x {
		if v == 0 {
			zeros++
		}
	}
	if math.Abs(float64(zeros)/10000-0.3) > 0.02 {
		t.Errorf("%d of 10000 are zero", zeros)
	}
}

// TestStack: the codes that were trained one by one are those that the whole begins
// with.
func TestStack(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	rows := plane(rng, 64, 6, 2, 0.1)
	one, err := Fit(rows, 0.01, Config{Hidden: []int{4, 2}, Epochs: 1, LR: 1e-12, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	two, err := Fit(rows, 0.01, Config{Hidden: []int{4, 2}, Epochs: 40, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := one.Error(rows[0]), two.Error(rows[0]); b >= a {
		t.Errorf("error %.3f after training, %.3f before", b, a)
	}
	if reflect.DeepEqual(one.mean, two.mean) == false {
		t.Error("the standardisation depends on the training")
	}
}

func TestFitRefuses(t *testing.T) {
	rows := [][]float64{{1, 2}, {2, 3}}
	for name, f := range map[string]func() error{
		"one row": func() error { _, err := Fit(rows[:1], 0.1, Config{}); return err },
		"mask":    func() error { _, err := Fit(rows, 0.1, Config{Mask: 1}); return err },
		"keep":    func() error { _, err := Fit(rows, 0.1, Config{Keep: 2}); return err },
		"hidden":  func() error { _, err := Fit(rows, 0.1, Config{Hidden: []int{-1}}); return err },
	} {
		if f() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func BenchmarkFit(b *testing.B) {
	rows := plane(rand.New(rand.NewPCG(1, 1)), 160, 11, 3, 0.2)
	for b.Loop() {
		if _, err := Fit(rows, 0.01, Config{Mask: 0.1}); err != nil {
			b.Fatal(err)
		}
	}
}
