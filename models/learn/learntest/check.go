// Package learntest is the check that every learner passes.
package learntest

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"brinell/models/learn"
	"brinell/models/nn"
	"brinell/models/safetensors"
)

// The problem that learners are checked on: rows of 3 x 6 values, of which the first
// three of row c stand out in class c; the fifth is constant, the sixth repeats the
// first.
const (
	classes = 3
	length  = classes
	values  = 6
	rise    = 2.5 // standard deviations
)

// least is the share of fresh rows that a learner must answer rightly. A row of noise
// alone is guessed rightly once in three times.
const least = 0.9

// Check holds the learner, with the settings that newSettings returns, to what all
// promise of each of its tasks.
func Check(t *testing.T, l learn.Learner, newSettings func() learn.Settings) {
	if l.Name == "" || l.Doc == "" || l.Source == "" || len(l.Tasks) == 0 {
		t.Errorf("%q says not enough of itself: %+v", l.Name, l)
	}
	for _, task := range l.Tasks {
		c := check{l, newSettings, learn.Problem{Task: task, Input: nn.Signal(length, values), Outputs: 1}}
		if task == learn.Classify {
			c.problem.Outputs = classes
		}
		for name, f := range map[string]func(*testing.T){
			"learns": c.learns, "seed": c.seed, "file": c.file, "damage": c.damage, "clones": c.clones, "allocations": c.allocations,
			"refuses": c.refuses, "few rows": c.few, "constant rows": c.constant, "cancelled": c.cancelled,
		} {
			t.Run(string(task)+"/"+name, f)
		}
		if task == learn.Classify {
			t.Run("classify/missing class", c.missing)
			t.Run("classify/permuted labels", c.permuted)
		}
	}
}

type check struct {
	learner  learn.Learner
	settings func() learn.Settings
	problem  learn.Problem
}

// rows draws n rows of the problem. Of Novelty all are of class 0, of Regress the value
// is how far the first row stands out.
func (c check) rows(n int, seed uint64) learn.Set {
	rng := rand.New(rand.NewPCG(seed, 0x1ea4))
	s := learn.Set{X: nn.NewTensor(n, length, values), Names: []string{"even rows", "odd rows"}}
	for i := range n {
		y, by := i%classes, rise
		if c.problem.Task != learn.Classify {
			y = 0
		}
		if c.problem.Task == learn.Regress {
			by = rise * rng.Float64() * 2
		}
		x := s.X.At(i)
		for k := range length {
			for j := range values - 2 {
				x[k*values+j] = float32(rng.NormFloat64())
				if k == y && j < 3 {
					x[k*values+j] += float32(by)
				}
			}
			x[k*values+4], x[k*values+5] = 7, x[k*values]
		}
		s.Y, s.Value, s.Group = append(s.Y, y), append(s.Value, by), append(s.Group, i%2)
	}
	return s
}

func (c check) fit(t *testing.T, set learn.Set, seed uint64) learn.Estimator {
	t.Helper()
	e, err := learn.Fit(t.Context(), c.settings(), c.problem, set, learn.Options{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// answers returns what an estimator predicts of each row.
func (c check) answers(e learn.Estimator, x nn.Tensor) [][]float32 {
	out := make([][]float32, x.N)
	learn.Each(e, c.problem.Outputs, x, func(row int, z []float32) { out[row] = slices.Clone(z) })
	return out
}

func (c check) learns(t *testing.T) {
	e, fresh := c.fit(t, c.rows(240, 1), 1), c.rows(300, 2)
	if params, macs := e.Count(); params < 0 || macs < 0 || params+macs == 0 {
		t.Errorf("%d parameters and %d multiply-accumulates", params, macs)
	}
	z, right := c.answers(e, fresh.X), 0
	switch c.problem.Task {
	case learn.Classify:
		for i, y := range fresh.Y {
			if nn.Argmax(z[i]) == y {
				right++
			}
		}
	case learn.Novelty: // strangers, whose values stand out elsewhere, are stranger
		c.problem.Task = learn.Classify
		strangers := c.rows(300, 3)
		c.problem.Task = learn.Novelty
		far := c.answers(e, strangers.X)
		limit := medianOf(z)
		for i, y := range strangers.Y {
			if y == 0 || far[i][0] > limit {
				right++
			}
		}
	case learn.Regress: // a constant is as near to one in two
		for i, v := range fresh.Value {
			if math.Abs(float64(z[i][0])-v) < rise/2 {
				right++
			}
		}
	}
	if share := float64(right) / float64(fresh.Len()); share < least {
		t.Errorf("%.3f of fresh rows answered rightly, want %g", share, least)
	}
}

func medianOf(z [][]float32) float32 {
	var v []float32
	for _, x := range z {
		v = append(v, x[0])
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func (c check) seed(t *testing.T) {
	set := c.rows(90, 1)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	a := c.fit(t, set, 5).Tensors()
	runtime.GOMAXPROCS(1)
	b := c.fit(t, set, 5).Tensors()
	if !slices.EqualFunc(a, b, same) {
		t.Error("one seed, two estimators")
	}
}

func same(a, b safetensors.Tensor) bool {
	return a.Name == b.Name && slices.Equal(a.Shape, b.Shape) && slices.Equal(a.F32, b.F32) && slices.Equal(a.I32, b.I32)
}

// written returns the estimator as a file holds it, parsed.
func written(t *testing.T, e learn.Estimator) []byte {
	t.Helper()
	var w safetensors.Writer
	for _, v := range e.Tensors() {
		w.Add(v)
	}
	b, err := w.File(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// decoded returns the settings as they come out of a file, strictly.
func (c check) decoded(t *testing.T) learn.Settings {
	t.Helper()
	b, err := json.Marshal(c.settings())
	if err != nil {
		t.Fatal(err)
	}
	s := c.learner.New()
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		t.Fatalf("settings %s: %v", b, err)
	}
	if err := s.Check(c.problem); err != nil {
		t.Fatal(err)
	}
	return s
}

func (c check) file(t *testing.T) {
	e, x := c.fit(t, c.rows(90, 1), 1), c.rows(60, 2).X
	f, err := safetensors.Parse(written(t, e), new(map[string]string))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.decoded(t).Restore(c.problem, f)
	if err != nil {
		t.Fatal(err)
	}
	if left := f.Unread(); len(left) > 0 {
		t.Errorf("tensors %q are written and not read", left)
	}
	read := c.answers(got, x)
	for i, z := range c.answers(e, x) {
		if !slices.Equal(z, read[i]) {
			t.Fatalf("row %d: %v, from the file %v", i, z, read[i])
		}
	}
	if !slices.EqualFunc(e.Tensors(), got.Tensors(), same) {
		t.Error("written again, the file is another one")
	}
}

// damage flips, cuts and exchanges what a file holds: it is refused, or predicts without
// a panic.
func (c check) damage(t *testing.T) {
	good, x := written(t, c.fit(t, c.rows(60, 1), 1)), c.rows(3, 2).X
	rng := rand.New(rand.NewPCG(9, 9))
	for range 400 {
		b := slices.Clone(good)
		for range 1 + rng.IntN(4) {
			b[rng.IntN(len(b))] ^= byte(1 << rng.IntN(8))
		}
		if rng.IntN(4) == 0 {
			b = b[:rng.IntN(len(b))]
		}
		f, err := safetensors.Parse(b, new(map[string]string))
		if err != nil {
			continue
		}
		if e, err := c.decoded(t).Restore(c.problem, f); err == nil {
			c.answers(e, x)
		}
	}
	for _, name := range mustParse(t, good).Names() {
		var w safetensors.Writer
		for _, v := range c.fit(t, c.rows(60, 1), 1).Tensors() {
			if v.Name != name {
				w.Add(v)
			}
		}
		b, err := w.File(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.decoded(t).Restore(c.problem, mustParse(t, b)); err == nil {
			t.Errorf("without tensor %s a file is taken", name)
		}
	}
}

func mustParse(t *testing.T, b []byte) *safetensors.File {
	t.Helper()
	f, err := safetensors.Parse(b, new(map[string]string))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// clones predict the same in any order and beside each other.
func (c check) clones(t *testing.T) {
	e, x := c.fit(t, c.rows(90, 1), 1), c.rows(60, 2).X
	want := c.answers(e, x)
	p := e.Predictor().Clone()
	z := make([]float32, c.problem.Outputs)
	for _, i := range rand.New(rand.NewPCG(4, 4)).Perm(x.N) {
		if p.Predict(z, x.At(i)); !slices.Equal(z, want[i]) {
			t.Fatalf("row %d: %v in another order %v", i, want[i], z)
		}
	}
}

func (c check) allocations(t *testing.T) {
	e, x := c.fit(t, c.rows(90, 1), 1), c.rows(2, 2).X
	p, z := e.Predictor(), make([]float32, c.problem.Outputs)
	if n := testing.AllocsPerRun(20, func() { p.Predict(z, x.At(1)) }); n > 0 {
		t.Errorf("%v allocations for a prediction", n)
	}
}

func (c check) refuses(t *testing.T) {
	for what, change := range map[string]func(*learn.Set){
		"odd rows: value 3 of window 1 is NaN":   func(s *learn.Set) { s.X.At(1)[3] = float32(math.NaN()) },
		"even rows: value 0 of window 2 is -Inf": func(s *learn.Set) { s.X.At(2)[0] = float32(math.Inf(-1)) },
		"1 training windows are too few":         func(s *learn.Set) { s.X.N, s.X.Data = 1, s.X.Data[:length*values] },
		"for a model that reads":                 func(s *learn.Set) { s.X.C = values - 1 },
	} {
		set := c.rows(30, 1)
		change(&set)
		if _, err := learn.Fit(t.Context(), c.settings(), c.problem, set, learn.Options{}); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want an error about %q", err, what)
		}
	}
}

// finite fits to a set that teaches little, and predicts.
func (c check) finite(t *testing.T, set learn.Set) {
	t.Helper()
	for i, z := range c.answers(c.fit(t, set, 1), c.rows(20, 2).X) {
		for _, v := range z {
			if d := float64(v); d-d != 0 {
				t.Fatalf("row %d: %v", i, z)
			}
		}
	}
}

func (c check) few(t *testing.T) { c.finite(t, c.rows(classes+1, 1)) }

func (c check) constant(t *testing.T) {
	set := c.rows(30, 1)
	for i := range set.X.Data {
		set.X.Data[i] = 0.1
	}
	c.finite(t, set)
}

func (c check) missing(t *testing.T) {
	set := c.rows(60, 1)
	for i := range set.Y {
		set.Y[i] %= classes - 1
	}
	c.finite(t, set)
}

// permuted names the classes in another order, and turns the rows of the input with them,
// for weights that classes share: the answers follow.
func (c check) permuted(t *testing.T) {
	set, fresh := c.rows(240, 1), c.rows(300, 2)
	first := c.answers(c.fit(t, set, 1), fresh.X)
	turn := func(s *learn.Set) {
		for i, y := range s.Y {
			s.Y[i] = (y + 1) % classes
			x := s.X.At(i)
			copy(x, append(slices.Clone(x[len(x)-values:]), x[:len(x)-values]...))
		}
	}
	turn(&set)
	turn(&fresh)
	agree := 0
	second := c.answers(c.fit(t, set, 1), fresh.X)
	for i := range first {
		if (nn.Argmax(first[i])+1)%classes == nn.Argmax(second[i]) {
			agree++
		}
	}
	if share := float64(agree) / float64(len(first)); share < least {
		t.Errorf("with other names for the classes %.3f of the answers follow", share)
	}
}

func (c check) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := learn.Fit(ctx, c.settings(), c.problem, c.rows(60, 1), learn.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a fit that nobody wants any more: %v", err)
	}
}
