//go:build amd64 && !purego

package kernel

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

func bestLevel() int {
	x := &cpu.X86
	switch {
	case !x.HasAVX2 || !x.HasFMA:
		return levelGo
	case x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL:
		return levelAVX512
	}
	return levelAVX2
}

// tile is what a tile of the assembly reads; strides are in bytes. Its fields
// stand in the generator, too.
type tile struct {
	a, b, c, bias, mask, off unsafe.Pointer
	ars, acs, ldb, ldc       int
	k, blocks                int
	flags                    int
}

const (
	flagAcc = 1 << iota
	flagBias
	flagReLU
	flagPool
)

// Bits of a tile's shape: rows and vectors, whether the last vector is cut,
// whether time is in the lanes, whether the rows of B are those of a list.
const (
	shapeRows   = 4
	shapeMasked = 1 << 9
	shapeLanes  = 1 << 10
	shapeListed = 1 << 11
	shapeLevel  = 12
)

// Masks of the first n lanes.
var (
	masks512 [17]uint16
	masks256 [9][8]int32
)

func init() {
	for n := range masks512 {
		masks512[n] = 1<<n - 1
	}
	for n := range masks256 {
		for i := range n {
			masks256[n][i] = -1
		}
	}
}

func maskOf(n int) unsafe.Pointer {
	if level == levelAVX512 {
		return unsafe.Pointer(&masks512[n])
	}
	return unsafe.Pointer(&masks256[n])
}

func at(x []float32, i int) unsafe.Pointer { return unsafe.Pointer(&x[i]) }

func gemmAsm(m, n, k int, a []float32, ars, acs int, b []float32, ldb int, c []float32, ldc int, acc bool) bool {
	if level == levelGo {
		return false
	}
	t := tile{ars: 4 * ars, acs: 4 * acs, ldb: 4 * ldb, ldc: 4 * ldc, k: k}
	if acc {
		t.flags = flagAcc
	}
	rowTiles(t, m, n, a, b, nil, c)
	return true
}

func affineAsm(m, n, k int, a []float32, ars int, b, bias, c []float32, ldc int, act Act) bool {
	if level == levelGo {
		return false
	}
	t := tile{ars: 4 * ars, acs: 4, ldb: 4 * n, ldc: 4 * ldc, k: k, flags: flagBias | act.flags()}
	rowTiles(t, m, n, a, b, bias, c)
	return true
}

func (a Act) flags() int {
	f := 0
	if a.ReLU {
		f |= flagReLU
	}
	if a.Pool {
		f |= flagPool
	}
	return f
}

// rowTiles covers C with tiles, a panel of columns after the other. Tiles of many
// rows come first; what is left goes to lower ones.
func rowTiles(t tile, m, n int, a, b, bias, c []float32) {
	lanes := Lanes()
	vecs := 2
	if m == 1 {
		vecs = 8 // as many sums as hide the latency of an addition
	}
	for j := 0; j < n; j += vecs * lanes {
		cols := min(n-j, vecs*lanes)
		v := (cols + lanes - 1) / lanes
		shape := level<<shapeLevel + v
		if rest := cols % lanes; rest != 0 {
			shape += shapeMasked
			t.mask = maskOf(rest)
		}
		t.a, t.b, t.c = at(a, 0), at(b, j), at(c, j)
		if bias != nil {
			t.bias = at(bias, j)
		}
		left := m
		for _, rows := range [...]int{tallest(v), 4, 2, 1} {
			if t.blocks = left / rows; t.blocks > 0 {
				left -= t.blocks * rows
				callTile(shape+rows<<shapeRows, &t) // moves t.a and t.c on
			}
		}
	}
}

// tallest returns the rows of the largest tile of that many vectors.
func tallest(vecs int) int {
	switch {
	case vecs > 2:
		return 1
	case level == levelAVX512:
		return 20 - 4*vecs // 16 or 12
	}
	return 10 - 2*vecs // 8 or 6
}

func affineLanesAsm(n, m int, w, x []float32, taps Taps, bias, c []float32, ldc int, act Act) bool {
	if level == levelGo {
		return false
	}
	const maxRows = 6
	lanes, k, pool := Lanes(), len(taps.off), 0
	if act.Pool {
		pool = 1
	}
	t := tile{off: unsafe.Pointer(&taps.off[0]), ars: 4 * k, acs: 4, ldc: 4 * ldc, k: k, flags: act.flags()}
	groups := (n + maxRows - 1) / maxRows
	for i := 0; i < m; {
		vecs := min(lanes/4, 4) // four vectors of AVX-512, two of AVX2
		for vecs > 1 && m-i < vecs*lanes {
			vecs /= 2
		}
		if vecs == 1 {
			t.mask = maskOf(min(m-i, lanes) >> pool)
		}
		t.b = at(x, i)
		for g := range groups {
			lo, hi := g*n/groups, (g+1)*n/groups
			t.a, t.bias, t.c = at(w, lo*k), at(bias, lo), at(c, lo*ldc+i>>pool)
			callTile(level<<shapeLevel+shapeLanes+(hi-lo)<<shapeRows+vecs, &t)
		}
		i += vecs * lanes
	}
	return true
}

// span is what a pass over a run of elements reads. Its fields stand in the
// generator, too.
type span struct {
	p         [6]unsafe.Pointer
	n, period int
	c         [8]float32
}

// runAsm runs a pass over as many elements as assembly takes, and returns how
// many: none in plain Go.
func runAsm(name int, s span, x ...[]float32) int {
	s.n &^= quantum - 1
	if level == levelGo || s.n == 0 {
		return 0
	}
	for i, v := range x {
		s.p[i] = unsafe.Pointer(&v[0])
	}
	callSweep(name, &s)
	return s.n
}

func sumsAsm(sum, product []float64, x, y []float32) int {
	if level == levelGo || len(x) == 0 {
		return 0
	}
	s := span{n: len(x), period: len(sum)}
	s.p = [6]unsafe.Pointer{unsafe.Pointer(&x[0]), unsafe.Pointer(&y[0]), unsafe.Pointer(&sum[0]), unsafe.Pointer(&product[0])}
	callSweep(sweepSums, &s)
	return s.n
}

// peakChains are the independent sums of the peak loop, as in the generator.
const peakChains = 12

// Peak runs n rounds of multiply-adds that wait for nothing, and returns how many
// floating-point operations that was: with the time it took, the peak that a
// kernel of the implementation in use can come near. In plain Go it is 0.
func Peak(n int) (operations int) {
	if level == levelGo {
		return 0
	}
	callSweep(sweepPeak, &span{n: n})
	return n * peakChains * Lanes() * 2
}
