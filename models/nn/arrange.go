package nn

import "brinell/internal/kernel"

// arrange chooses for each convolution whether channels or time fill the lanes of
// a vector, inserts what changes the layout between them, and sets up the
// buffers. Narrow layers, as slimming leaves them, gain most from time. The order
// of every sum stays, so that the choice does not change a logit.
func arrange(steps []step) []step {
	var out []step
	lanes := false // time in the lanes of what the last step wrote
	for _, s := range steps {
		switch {
		case s.slides() && s.prefersLanes(lanes):
			if !lanes || s.stride != s.in.C {
				if lanes {
					out = append(out, toRows(s.in))
				}
				out = append(out, s.toLanes())
				s.offset = 0
			}
			s.putTimeInLanes()
			lanes = true
		case lanes:
			out = append(out, toRows(s.in))
			lanes = false
		}
		out = append(out, s)
	}
	if lanes { // a branch that ends in a convolution
		out = append(out, toRows(steps[len(steps)-1].out))
	}
	return out
}

// changeCost is what a change of layout costs in vector multiplications an element.
const changeCost = 2

// prefersLanes compares the two layouts by the vectors that they multiply.
func (s *step) prefersLanes(have bool) bool {
	if kernel.Lanes() == 1 || s.sparse {
		return false
	}
	rows, lanes := s.vectors()
	change := changeCost * s.in.Size()
	if have {
		rows += change
	}
	if !have || s.stride != s.in.C {
		lanes += change
	}
	return lanes < rows
}

// vectors returns how many vectors a step multiplies with channels and with time
// in the lanes.
func (s *step) vectors() (rows, lanes int) {
	v := kernel.Lanes()
	up := func(n int) int { return (n + v - 1) / v }
	return s.m * up(len(s.b)) * s.k, up(s.m) * len(s.b) * s.k
}

// rowsOf returns how many rows of stride elements hold the padded signal and
// every tap of every step.
func (s *step) rowsOf() int {
	return max((s.size+s.stride-1)/s.stride, s.m+(s.k-1)/s.stride)
}

// toLanes is the step that brings the padded input of s into rows of one phase of
// the stride each.
func (s *step) toLanes() step {
	n := s.rowsOf()
	return step{run: runToLanes, in: s.in, out: s.in, moves: true, m: n, k: s.stride, size: n * s.stride, offset: s.offset}
}

// putTimeInLanes turns the weights and states where each tap stands.
func (s *step) putTimeInLanes() {
	n := s.rowsOf()
	off := make([]int32, s.k)
	for p := range off {
		off[p] = int32(p%s.stride*n + p/s.stride)
	}
	out := len(s.b)
	w := make([]float32, len(s.w))
	kernel.Transpose(s.k, out, s.w, w, s.k)
	if s.offset > 0 {
		s.offset /= s.in.C // padding before each channel's row
	}
	s.lanes, s.w, s.taps = true, w, kernel.NewTaps(off)
	s.ld, s.size = n, s.stride*n+s.m+kernel.Slack
}

func toRows(in Shape) step {
	return step{run: runToRows, in: in, out: in, moves: true, size: in.Size(), ld: in.Len()}
}

// runToLanes turns rows of stride·channels to one row each.
func runToLanes(s *step, y []float32, ld int) { kernel.Transpose(s.m, s.k, s.buf, y, ld) }

// runToRows turns rows of channels to channels last.
func runToRows(s *step, y []float32, _ int) { kernel.Transpose(s.in.C, s.in.Len(), s.buf, y, s.in.C) }
