package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets in the Go struct sparse.
const (
	sparseX = 8 * iota
	sparseStarts
	sparseColumns
	sparseValues
	sparseBias
	sparseC
	sparseMasks
	sparseN
	sparseFloor
)

var sparseShapes []struct {
	isa   string
	width int
}

// sparse makes the products with sparse matrices, and the tiles that read only some
// rows of B.
func sparse(s isa) {
	for _, width := range []int{1, 8, 16} {
		groups(s, width)
	}
	for _, masked := range []bool{false, true} {
		for vecs := 1; vecs <= 8; vecs++ {
			listedTile(s, vecs, masked)
		}
	}
}

// groups computes one step of n outputs, each from its groups of width inputs, or
// from single inputs eight at a time.
func groups(s isa, width int) {
	name := fmt.Sprintf("groups%d", width)
	begin(s, "sparse", name)
	sparseShapes = append(sparseShapes, struct {
		isa   string
		width int
	}{s.name, width})
	t := Load(Param("t"), GP64())
	x, starts, columns, values := loadField(t, sparseX), loadField(t, sparseStarts), loadField(t, sparseColumns), loadField(t, sparseValues)
	bias, c, n := loadField(t, sparseBias), loadField(t, sparseC), loadField(t, sparseN)
	floor := XMM()
	VMOVSS(field(t, sparseFloor), floor)
	g, last := GP64(), GP64()
	XORQ(g, g)
	var acc []reg.VecVirtual
	switch {
	case width == 16 && s.wide:
		acc = []reg.VecVirtual{ZMM()}
	case width == 16:
		acc = []reg.VecVirtual{YMM(), YMM()}
	default:
		acc = []reg.VecVirtual{YMM()}
	}
	Label("output")
	for _, v := range acc {
		VXORPS(v, v, v)
	}
	MOVLQSX(Mem{Base: starts, Disp: 4}, last)
	ADDQ(U8(4), starts)
	if width == 1 {
		gatherRow(t, x, columns, values, g, last, acc[0])
	} else {
		CMPQ(g, last)
		JGE(LabelRef("fold"))
		Label("group")
		at := GP64()
		MOVLQSX(Mem{Base: columns, Index: g, Scale: 4}, at)
		INCQ(g)
		bytes := 4 * width / len(acc)
		for i, v := range acc {
			w := YMM()
			if bytes == 64 {
				w = ZMM()
			}
			VMOVUPS(Mem{Base: values, Disp: i * bytes}, w)
			VFMADD231PS(Mem{Base: x, Index: at, Scale: 4, Disp: i * bytes}, w, v)
		}
		ADDQ(U8(4*width), values)
		CMPQ(g, last)
		JLT(LabelRef("group"))
	}
	Label("fold")
	// By halves: sixteen to eight, and so on to one.
	y := acc[0]
	if width == 16 {
		low := YMM()
		if s.wide {
			high := YMM()
			VEXTRACTF64X4(U8(1), y, high)
			VADDPS(y.AsY(), high, low)
		} else {
			VADDPS(acc[0], acc[1], low)
		}
		y = low
	}
	high, sum := XMM(), XMM()
	VEXTRACTF128(U8(1), y.AsY(), high)
	VADDPS(y.AsX(), high, sum)
	VMOVHLPS(sum, sum, high)
	VADDPS(sum, high, sum)
	VMOVSHDUP(sum, high)
	VADDSS(sum, high, sum)
	VADDSS(Mem{Base: bias}, sum, sum)
	VMAXSS(sum, floor, sum)
	VMOVSS(sum, Mem{Base: c})
	ADDQ(U8(4), bias)
	ADDQ(U8(4), c)
	DECQ(n)
	JNE(LabelRef("output"))
	end()
}

// gatherRow adds the products of single weights g to end-1 to acc, number e of them
// to lane e mod 8.
func gatherRow(t reg.Register, x, columns, values, g, end reg.GPVirtual, acc reg.VecVirtual) {
	eight := func(m reg.VecVirtual) {
		at, w, v := YMM(), YMM(), YMM()
		if m == nil {
			m = YMM()
			VPCMPEQD(m, m, m)
			VMOVDQU(Mem{Base: columns, Index: g, Scale: 4}, at)
			VMOVUPS(Mem{Base: values, Index: g, Scale: 4}, w)
		} else {
			VPMASKMOVD(Mem{Base: columns, Index: g, Scale: 4}, m, at)
			VMASKMOVPS(Mem{Base: values, Index: g, Scale: 4}, m, w)
		}
		VXORPS(v, v, v)
		VGATHERDPS(m, Mem{Base: x, Index: at, Scale: 4}, v) // clears m
		VFMADD231PS(v, w, acc)
	}
	last := GP64()
	Label("eight")
	LEAQ(Mem{Base: g, Disp: 8}, last)
	CMPQ(last, end)
	JGT(LabelRef("tail"))
	eight(nil)
	MOVQ(last, g)
	JMP(LabelRef("eight"))
	Label("tail")
	MOVQ(end, last)
	SUBQ(g, last)
	JEQ(LabelRef("fold"))
	SHLQ(U8(5), last) // a mask is as long as a vector
	ADDQ(loadField(t, sparseMasks), last)
	m := YMM()
	VMOVDQU(Mem{Base: last}, m)
	eight(m)
	MOVQ(end, g)
}

// listedTile computes a row of C, vecs vectors wide, from the rows of B whose numbers
// stand in a list, and the elements of A of those numbers.
func listedTile(s isa, vecs int, masked bool) {
	name := fmt.Sprintf("listed%d", vecs)
	if masked {
		name += "m"
	}
	begin(s, "tile", name)
	tileShapes = append(tileShapes, tileShape{s.name, name + s.name, false, true, 0, vecs, masked})
	t := Load(Param("t"), GP64())
	var last *mask
	if masked {
		k := s.loadMask(Mem{Base: loadField(t, fieldMask)})
		last = &k
	}
	maskOf := func(v int) *mask {
		if v == vecs-1 {
			return last
		}
		return nil
	}
	acc := s.vecs(vecs)
	bias := loadField(t, fieldBias)
	for v := range vecs {
		s.load(Mem{Base: bias, Disp: v * s.bytes()}, acc[v], maskOf(v))
	}
	a, b, ldb, list, k := loadField(t, fieldA), loadField(t, fieldB), loadField(t, fieldLDB), loadField(t, fieldOff), loadField(t, fieldK)
	Label("loop")
	p := GP64()
	MOVLQSX(Mem{Base: list}, p)
	ADDQ(U8(4), list)
	x := s.vec()
	VBROADCASTSS(Mem{Base: a, Index: p, Scale: 4}, x)
	IMULQ(ldb, p)
	ADDQ(b, p)
	for v := range vecs {
		from := Mem{Base: p, Disp: v * s.bytes()}
		if m := maskOf(v); m != nil {
			y := s.vec()
			s.load(from, y, m)
			VFMADD231PS(y, x, acc[v])
		} else {
			VFMADD231PS(from, x, acc[v])
		}
	}
	DECQ(k)
	JNE(LabelRef("loop"))
	ifFlag(t, flagReLU, "norelu")
	zero := s.zero()
	for v := range vecs {
		relu(acc[v], zero)
	}
	Label("norelu")
	c := loadField(t, fieldC)
	for v := range vecs {
		s.store(acc[v], Mem{Base: c, Disp: v * s.bytes()}, maskOf(v))
	}
	end()
}

// sparseSwitch picks the product for a width.
func sparseSwitch(p func(format string, args ...any)) {
	p("\n// callSparse runs the product with groups of that width.\nfunc callSparse(level, width int, s *sparse) {\n\tswitch level<<8 + width {")
	for _, d := range sparseShapes {
		p("\tcase level%s<<8 + %d:\n\t\tgroups%d%s(s)", d.isa, d.width, d.width, d.isa)
	}
	p("\tdefault:\n\t\tpanic(\"kernel: no product of this width\")\n\t}\n}")
}
