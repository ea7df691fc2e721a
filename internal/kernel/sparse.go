package kernel

import (
	"fmt"
	"slices"
)

// MaxGroup is the largest number of inputs in a group.
const MaxGroup = 16

// Groups is a sparse matrix of n outputs by k inputs. The inputs of each output fall
// into aligned groups of width, the last one filled up with zeros, and groups without
// a weight are left out:
//
//	starts[j] .. starts[j+1]-1    the groups of output j, by rising column
//	columns[g]                    first input of group g, a multiple of width
//	values[g*width:][:width]      its weights
//
// Width 1 is the common CSR; wider ones need one index for width weights.
//
// Reference: J. Yu et al., Scalpel: customizing DNN pruning to the underlying hardware
// parallelism, ISCA 2017, sec. 4.1.
type Groups struct {
	k, n, width     int
	starts, columns []int32
	values          []float32
}

// NewGroups takes the weights that are not zero from w [k, n]. It panics if width is
// outside 1..MaxGroup or w too short.
func NewGroups(w []float32, k, n, width int) Groups {
	if width < 1 || width > MaxGroup {
		panic(fmt.Sprintf("kernel: groups of %d", width))
	}
	g := Groups{k: k, n: n, width: width, starts: make([]int32, n+1)}
	for j := range n {
		for first := 0; first < k; first += width {
			end := min(first+width, k)
			if !slices.ContainsFunc(all(first, end), func(p int) bool { return w[p*n+j] != 0 }) {
				continue
			}
			g.columns = append(g.columns, int32(first))
			at := len(g.values)
			g.values = append(g.values, make([]float32, width)...)
			for p := first; p < end; p++ {
				g.values[at+p-first] = w[p*n+j]
			}
		}
		g.starts[j+1] = int32(len(g.columns))
	}
	return g
}

func all(from, to int) []int {
	x := make([]int, to-from)
	for i := range x {
		x[i] = from + i
	}
	return x
}

// GroupsOf makes the matrix of parts as Parts returns them, or says what is wrong with
// them.
func GroupsOf(k, n, width int, starts, columns []int32, values []float32) (Groups, error) {
	bad := func(format string, args ...any) (Groups, error) {
		return Groups{}, fmt.Errorf("groups of %d of %d x %d weights: "+format, append([]any{width, k, n}, args...)...)
	}
	if width < 1 || width > MaxGroup || k < 0 || n < 0 {
		return bad("out of range")
	}
	if len(starts) != n+1 || starts[0] != 0 || int(starts[n]) != len(columns) || len(values) != len(columns)*width {
		return bad("%d starts, %d columns and %d values do not belong together", len(starts), len(columns), len(values))
	}
	for j := range n {
		from, to := starts[j], starts[j+1]
		if from > to || int(to) > len(columns) {
			return bad("the groups of output %d end before they start", j)
		}
		last := int32(-1)
		for g := from; g < to; g++ {
			c := columns[g]
			if c <= last || int(c) >= k || c%int32(width) != 0 {
				return bad("column %d of output %d", c, j)
			}
			if last = c; int(c)+width > k && slices.ContainsFunc(values[int(g)*width+k-int(c):int(g+1)*width], func(v float32) bool { return v != 0 }) {
				return bad("weights beyond the inputs of output %d", j)
			}
		}
	}
	return Groups{k, n, width, starts, columns, values}, nil
}

// Parts returns what the matrix is made of, see Groups.
func (g Groups) Parts() (starts, columns []int32, values []float32) {
	return g.starts, g.columns, g.values
}

// Width returns the inputs of a group.
func (g Groups) Width() int { return g.width }

// Count returns the number of groups that are stored.
func (g Groups) Count() int { return len(g.columns) }

// Dense writes the matrix to w [k, n].
func (g Groups) Dense(w []float32) {
	clear(w[:g.k*g.n])
	for j := range g.n {
		for e := g.starts[j]; e < g.starts[j+1]; e++ {
			first := int(g.columns[e])
			for i := range min(g.width, g.k-first) {
				w[(first+i)*g.n+j] = g.values[int(e)*g.width+i]
			}
		}
	}
}

// AffineGroups computes a layer with sparse weights:
//
//	c[i*n+j] = bias[j] + Σ_g Σ_t values[g*width+t] a[i*ars + columns[g] + t]
//
// over the groups g of output j, for i < m steps and j < n, or with relu the larger
// one of that and 0. Each place t of a group has a sum of its own, by rising g; the
// sums are added by halves, t and t + width/2 first, and the bias last. Of single
// weights number e of an output goes to sum e mod 8.
//
// A row of a must hold its k inputs up to the next multiple of width: what stands
// beyond them is multiplied by zero and must be finite. It panics if a slice is too
// short.
func AffineGroups(m int, a []float32, ars int, g Groups, bias, c []float32, relu bool) {
	if m == 0 || g.n == 0 {
		return
	}
	reach := (g.k + g.width - 1) / g.width * g.width
	_, _, _ = a[:(m-1)*ars+reach], bias[g.n-1], c[m*g.n-1]
	if !groupsAsm(m, a, ars, g, bias, c, relu) {
		affineGroups(m, a, ars, g, bias, c, relu)
	}
}

// affineGroups defines AffineGroups.
func affineGroups(m int, a []float32, ars int, g Groups, bias, c []float32, relu bool) {
	for i := range m {
		x := a[i*ars:]
		for j := range g.n {
			var sums [16]float32
			lanes := g.width
			values, columns := g.values[int(g.starts[j])*g.width:], g.columns[g.starts[j]:g.starts[j+1]]
			if g.width == 1 {
				lanes = 8
				for e, p := range columns {
					sums[e%8] += values[e] * x[p]
				}
			} else {
				for e, p := range columns {
					for t, v := range values[e*lanes : (e+1)*lanes] {
						sums[t] += v * x[int(p)+t]
					}
				}
			}
			for half := 8; half > 0; half /= 2 {
				for t := range half {
					sums[t] += sums[t+half]
				}
			}
			s := sums[0] + bias[j]
			if relu {
				s = rectify(s)
			}
			c[i*g.n+j] = s
		}
	}
}

// AffineNonzero computes a dense layer of one step from those of its inputs that are
// not zero:
//
//	c[j] = bias[j] + Σ_{p: x[p] ≠ 0} x[p] w[p*n+j],  n = len(c)
//
// by rising p, and with relu the larger one of that and 0. It equals Affine to the bit
// where w is finite. index gets the inputs' numbers; it must be as long as x. It panics
// if a slice is too short.
func AffineNonzero(x, w, bias, c []float32, relu bool, index []int32) {
	n := len(c)
	if n == 0 {
		return
	}
	index = index[:len(x)]
	_ = bias[n-1]
	if len(x) > 0 {
		_ = w[len(x)*n-1]
	}
	count := 0
	for p, v := range x {
		index[count] = int32(p)
		if v != 0 {
			count++
		}
	}
	if count == 0 || !nonzeroAsm(x, w, bias, c, relu, index[:count]) {
		affineNonzero(x, w, bias, c, relu, index[:count])
	}
}

// affineNonzero defines AffineNonzero.
func affineNonzero(x, w, bias, c []float32, relu bool, index []int32) {
	n := len(c)
	copy(c, bias[:n])
	for _, p := range index {
		v, row := x[p], w[int(p)*n:][:n]
		for j, b := range row {
			c[j] += v * b
		}
	}
	if relu {
		for j, v := range c {
			c[j] = rectify(v)
		}
	}
}
