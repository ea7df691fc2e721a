package nn

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
)

// examples returns a layer of every operation with an input that it takes, from the cases
// of checkLayer: what has a row passes the check.
func examples(t *testing.T) map[Op]site {
	t.Helper()
	all := make(map[Op]site)
	for _, c := range layerCases {
		in := c.in
		for _, l := range append(slices.Clone(c.body), Logits()) {
			out := l.Output(in, 3)
			if _, ok := all[l.Op]; !ok {
				all[l.Op] = site{Layer: l, in: in, out: out}
			}
			in = out
		}
	}
	for op := range operations {
		if _, ok := all[op]; !ok {
			t.Errorf("%s has a row and no case among layerCases", op)
		}
	}
	return all
}

// TestFlow: what a row says of channels holds for its layer in inference. Where channels
// stay apart, the output of one follows from that channel alone; where zero stays zero, a
// channel of zeros comes out as zeros; what moves zero says so.
func TestFlow(t *testing.T) {
	for op, s := range examples(t) {
		flow := s.Flow()
		if flow != Each && flow != Switches && flow != Shifts {
			continue
		}
		if s.in.C != s.out.C {
			t.Errorf("%s makes %d channels of %d", op, s.out.C, s.in.C)
			continue
		}
		net := moved(t, Spec{Name: string(op), Input: s.in, Layers: []Layer{s.Layer, Logits()}}, 2)
		x := randomBatch(rand.New(rand.NewPCG(1, 2)), 3, s.in)
		run := func(x Tensor) []float32 {
			net.Forward(x, false)
			return slices.Clone(net.chain.acts[0].Data)
		}
		before := run(x)
		for i := 0; i < len(x.Data); i += s.in.C {
			x.Data[i] = 0
		}
		after := run(x)
		first, others := 0, 0 // elements that are not zero, and that changed
		for i, v := range after {
			if i%s.out.C > 0 {
				if v != before[i] {
					others++
				}
			} else if v != 0 {
				first++
			}
		}
		if flow == Each && others > 0 {
			t.Errorf("%s: %d elements of other channels follow from the first", op, others)
		}
		if (flow == Shifts) != (first > 0) {
			t.Errorf("%s: %d elements of a channel of zeros are not zero", op, first)
		}
	}
}

// TestReads: the runs of weights and inputs that a layer states are its products: with
// them a layer without bias is its own sum.
func TestReads(t *testing.T) {
	for op, s := range examples(t) {
		products := 0
		s.Reads(s.in, func(row, input, n int) {
			if row < 0 || input < 0 || n < 1 || input+n > s.in.Size() {
				t.Fatalf("%s reads %d inputs from %d by rows from %d", op, n, input, row)
			}
			products += n
		})
		weights := slices.ContainsFunc(operations[op].declared(s), func(d declared) bool { return d.role == Weight })
		if weights != (products > 0) {
			t.Errorf("%s: %d products, weights %v", op, products, weights)
		}
		if !weights {
			continue
		}
		rng := rand.New(rand.NewPCG(4, 4))
		l := s.Layer
		l.Bias = false
		net, err := New(Spec{Name: "t", Input: s.in, Layers: []Layer{l, Logits()}}, 2, rng)
		if op == OpLogits {
			net, err = New(Spec{Name: "t", Input: s.in, Layers: []Layer{l}}, s.out.C, rng)
		}
		if err != nil {
			t.Fatal(err)
		}
		x := randomBatch(rng, 1, s.in)
		net.Forward(x, false)
		w, want, got := net.Param(At(0), Weight).W, make([]float64, s.out.C), make([]float64, s.out.C)
		for i, v := range net.chain.acts[0].Data {
			want[i%s.out.C] += float64(v)
		}
		l.Reads(s.in, func(row, input, n int) {
			for i := range n {
				for o := range got {
					got[o] += float64(w[(row+i)*s.out.C+o]) * float64(x.Data[input+i])
				}
			}
		})
		for o := range got {
			if d := got[o] - want[o]; d > 1e-4 || d < -1e-4 {
				t.Errorf("%s: outputs of channel %d add up to %v, by what it reads to %v", op, o, want[o], got[o])
			}
		}
	}
}

// TestShapeJSON: signals are written and read as they always were, images with their
// width; what is not known is refused, and a shape that is none does not pass.
func TestShapeJSON(t *testing.T) {
	f := func(s Shape, want string) {
		t.Helper()
		b, err := json.Marshal(Spec{Input: s})
		if err != nil || string(b) != `{"name":"","input":`+want+`,"layers":null}` {
			t.Errorf("%v is written %s (%v), want %s", s, b, err, want)
		}
		var back Spec
		if err := json.Unmarshal(b, &back); err != nil || back.Input != s {
			t.Errorf("%s is read as %v (%v), want %v", b, back.Input, err, s)
		}
	}
	f(Signal(2048, 1), `{"length":2048,"channels":1}`)
	f(Shape{32, 24, 3}, `{"length":32,"width":24,"channels":3}`)
	f(Shape{32, 0, 3}, `{"length":32,"width":0,"channels":3}`)
	for _, text := range []string{`{"length":8,"height":3,"channels":1}`, `{"length":"8","channels":1}`, `[8,1]`} {
		var s Shape
		if err := json.Unmarshal([]byte(text), &s); err == nil {
			t.Errorf("%s is read as %v", text, s)
		}
	}
	g := func(s Shape, ok bool) {
		t.Helper()
		if _, err := (Spec{Name: "t", Input: s, Layers: []Layer{Logits()}}).Shapes(2); (err == nil) != ok {
			t.Errorf("%v: %v", s, err)
		}
	}
	g(Shape{4, 4, 1}, true)
	if _, err := (Spec{Input: Shape{256, 257, 1}, Layers: []Layer{MaxPool2D(256, 256), Logits()}}).Shapes(2); err != nil {
		t.Error(err)
	}
	g(Shape{4, 0, 1}, false)
	g(Shape{4, -1, 1}, false)
	g(Shape{}, false)
	g(Shape{1 << 7, 1 << 7, 1 << 7}, false) // twice what a plan may hold, input and flattened input
	g(Shape{1 << 40, 1 << 40, 1 << 40}, false)
	_, err := Spec{Name: "t", Input: Shape{8, 6, 2}, Layers: []Layer{ReLU(), Conv(3, 3, 1, Same), Logits()}}.Shapes(2)
	if err == nil || err.Error() != "layer 1 (conv): it reads signals, not images of 8 x 6 x 2" {
		t.Errorf("a conv over an image: %v", err)
	}
}
