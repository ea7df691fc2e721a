//go:build amd64 && !purego

package kernel

import (
	"math"
	"unsafe"
)

// sparse is what a product with a sparse matrix reads. Its fields stand in the
// generator, too.
type sparse struct {
	x, starts, columns, values, bias, c, masks unsafe.Pointer
	n                                          int
	floor                                      float32 // of the result
}

func groupsAsm(m int, a []float32, ars int, g Groups, bias, c []float32, relu bool) bool {
	if level == levelGo || (g.width != 1 && g.width != 8 && g.width != 16) || len(g.columns) == 0 {
		return false
	}
	s := sparse{starts: unsafe.Pointer(&g.starts[0]), columns: unsafe.Pointer(&g.columns[0]), values: at(g.values, 0),
		bias: at(bias, 0), masks: unsafe.Pointer(&masks256[0]), n: g.n, floor: float32(math.Inf(-1))}
	if relu {
		s.floor = 0
	}
	for i := range m {
		s.x, s.c = at(a, i*ars), at(c, i*g.n)
		callSparse(level, g.width, &s)
	}
	return true
}

func nonzeroAsm(x, w, bias, c []float32, relu bool, index []int32) bool {
	if level == levelGo {
		return false
	}
	lanes, n := Lanes(), len(c)
	t := tile{a: at(x, 0), off: unsafe.Pointer(&index[0]), k: len(index), ldb: 4 * n, flags: Act{ReLU: relu}.flags()}
	for j := 0; j < n; j += 8 * lanes {
		cols := min(n-j, 8*lanes)
		shape := level<<shapeLevel + shapeListed + (cols+lanes-1)/lanes
		if rest := cols % lanes; rest != 0 {
			shape += shapeMasked
			t.mask = maskOf(rest)
		}
		t.b, t.c, t.bias = at(w, j), at(c, j), at(bias, j)
		callTile(shape, &t)
	}
	return true
}
