package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets in the Go struct tile, and its flags.
const (
	fieldA = 8 * iota
	fieldB
	fieldC
	fieldBias
	fieldMask
	fieldOff
	fieldARS
	fieldACS
	fieldLDB
	fieldLDC
	fieldK
	fieldBlocks
	fieldFlags
)

const (
	flagAcc = 1 << iota
	flagBias
	flagReLU
	flagPool
)

// tiles makes the shapes that the Go side picks from. Sixteen or thirty-two
// registers hold the sums, a row of B and a broadcast.
func tiles(s isa) {
	one, two := 8, 6 // most rows of tiles one and two vectors wide
	if s.wide {
		one, two = 16, 12
	}
	for _, masked := range []bool{false, true} {
		for _, rows := range []int{one, 4, 2} {
			rowsTile(s, rows, 1, masked)
		}
		for _, rows := range []int{two, 4, 2} {
			rowsTile(s, rows, 2, masked)
		}
		for vecs := 1; vecs <= 8; vecs++ {
			rowsTile(s, 1, vecs, masked)
		}
	}
	widths := []int{1, 2}
	if s.wide {
		widths = append(widths, 4)
	}
	for _, vecs := range widths {
		for rows := 1; rows <= 6; rows++ {
			lanesTile(s, rows, vecs)
		}
	}
}

// tileShape names a tile for the Go side.
type tileShape struct {
	isa, name  string
	lanes      bool
	listed     bool
	rows, vecs int
	masked     bool
}

var tileShapes []tileShape

// tileRegs are the pointers of a tile while it sums.
type tileRegs struct {
	t              reg.Register
	a              []reg.GPVirtual // one for each four rows
	ars, ars3, acs reg.GPVirtual
	rows           int
}

func field(t reg.Register, offset int) Mem { return Mem{Base: t, Disp: offset} }

func loadField(t reg.Register, offset int) reg.GPVirtual {
	r := GP64()
	MOVQ(field(t, offset), r)
	return r
}

// loadA points at the rows of A, four of which a register reaches.
func loadA(t reg.Register, rows int) tileRegs {
	r := tileRegs{t: t, rows: rows, acs: loadField(t, fieldACS)}
	r.a = []reg.GPVirtual{loadField(t, fieldA)}
	if rows > 1 {
		r.ars = loadField(t, fieldARS)
	}
	if rows > 3 {
		r.ars3 = GP64()
		LEAQ(Mem{Base: r.ars, Index: r.ars, Scale: 2}, r.ars3)
	}
	for i := 4; i < rows; i += 4 {
		p := GP64()
		LEAQ(Mem{Base: r.a[len(r.a)-1], Index: r.ars, Scale: 4}, p)
		r.a = append(r.a, p)
	}
	return r
}

func (r tileRegs) at(row int) Mem {
	m := Mem{Base: r.a[row/4]}
	switch row % 4 {
	case 1:
		m.Index, m.Scale = r.ars, 1
	case 2:
		m.Index, m.Scale = r.ars, 2
	case 3:
		m.Index, m.Scale = r.ars3, 1
	}
	return m
}

func (r tileRegs) step() {
	for _, p := range r.a {
		ADDQ(r.acs, p)
	}
}

func ifFlag(t reg.Register, flag int, otherwise string) {
	TESTQ(U32(flag), field(t, fieldFlags))
	JEQ(LabelRef(otherwise))
}

// rowsTile computes blocks of rows of C, vecs vectors wide, channels in the
// lanes. Masked, the last vector is cut.
func rowsTile(s isa, rows, vecs int, masked bool) {
	name := fmt.Sprintf("rows%dx%d", rows, vecs)
	if masked {
		name += "m"
	}
	begin(s, "tile", name)
	tileShapes = append(tileShapes, tileShape{s.name, name + s.name, false, false, rows, vecs, masked})
	t := Load(Param("t"), GP64())
	var m *mask
	if masked {
		k := s.loadMask(Mem{Base: loadField(t, fieldMask)})
		m = &k
	}
	maskOf := func(v int) *mask {
		if v == vecs-1 {
			return m
		}
		return nil
	}
	Label("block")
	r := loadA(t, rows)
	acc := make([][]reg.VecVirtual, rows)
	for i := range acc {
		acc[i] = s.vecs(vecs)
	}
	ifFlag(t, flagBias, "nobias")
	bias := loadField(t, fieldBias)
	for v := range vecs {
		s.load(Mem{Base: bias, Disp: v * s.bytes()}, acc[0][v], maskOf(v))
		for i := 1; i < rows; i++ {
			VMOVAPS(acc[0][v], acc[i][v])
		}
	}
	JMP(LabelRef("sum"))
	Label("nobias")
	ifFlag(t, flagAcc, "clear")
	c, ldc := loadField(t, fieldC), loadField(t, fieldLDC)
	for i := range rows {
		for v := range vecs {
			s.load(Mem{Base: c, Disp: v * s.bytes()}, acc[i][v], maskOf(v))
		}
		if i < rows-1 {
			ADDQ(ldc, c)
		}
	}
	JMP(LabelRef("sum"))
	Label("clear")
	for i := range rows {
		for v := range vecs {
			VXORPS(acc[i][v], acc[i][v], acc[i][v])
		}
	}
	Label("sum")
	b, ldb, k := loadField(t, fieldB), loadField(t, fieldLDB), loadField(t, fieldK)
	Label("loop")
	if rows == 1 {
		x := s.vec()
		VBROADCASTSS(r.at(0), x)
		for v := range vecs {
			from := Mem{Base: b, Disp: v * s.bytes()}
			if maskOf(v) == nil {
				VFMADD231PS(from, x, acc[0][v])
			} else {
				y := s.vec()
				s.load(from, y, m)
				VFMADD231PS(y, x, acc[0][v])
			}
		}
	} else {
		bv := s.vecs(vecs)
		for v := range vecs {
			s.load(Mem{Base: b, Disp: v * s.bytes()}, bv[v], maskOf(v))
		}
		for i := range rows {
			if s.wide && vecs == 1 {
				VFMADD231PS_BCST(r.at(i), bv[0], acc[i][0])
				continue
			}
			x := s.vec()
			VBROADCASTSS(r.at(i), x)
			for v := range vecs {
				VFMADD231PS(bv[v], x, acc[i][v])
			}
		}
	}
	r.step()
	ADDQ(ldb, b)
	DECQ(k)
	JNE(LabelRef("loop"))

	ifFlag(t, flagReLU, "norelu")
	zero := s.zero()
	for i := range rows {
		for v := range vecs {
			relu(acc[i][v], zero)
		}
	}
	Label("norelu")
	c, ldc = loadField(t, fieldC), loadField(t, fieldLDC)
	if rows%2 == 0 {
		ifFlag(t, flagPool, "nopool")
		for i := 0; i < rows; i += 2 {
			for v := range vecs {
				pool(acc[i][v], acc[i+1][v])
				s.store(acc[i][v], Mem{Base: c, Disp: v * s.bytes()}, maskOf(v))
			}
			ADDQ(ldc, c)
		}
		JMP(LabelRef("next"))
		Label("nopool")
	}
	for i := range rows {
		for v := range vecs {
			s.store(acc[i][v], Mem{Base: c, Disp: v * s.bytes()}, maskOf(v))
		}
		ADDQ(ldc, c)
	}
	Label("next")
	MOVQ(c, field(t, fieldC))
	a := loadField(t, fieldARS)
	IMUL3Q(U32(rows), a, a)
	ADDQ(a, field(t, fieldA))
	DECQ(field(t, fieldBlocks))
	JNE(LabelRef("block"))
	end()
}

// lanesTile computes rows channels of vecs vectors of consecutive steps, time in
// the lanes. Of a single vector the mask says which results are stored.
func lanesTile(s isa, rows, vecs int) {
	name := fmt.Sprintf("lanes%dx%d", rows, vecs)
	begin(s, "tile", name)
	tileShapes = append(tileShapes, tileShape{s.name, name + s.name, true, false, rows, vecs, false})
	t := Load(Param("t"), GP64())
	r := loadA(t, rows)
	acc := make([][]reg.VecVirtual, rows)
	bias := loadField(t, fieldBias)
	for i := range acc {
		acc[i] = s.vecs(vecs)
		VBROADCASTSS(Mem{Base: bias, Disp: 4 * i}, acc[i][0])
		for v := 1; v < vecs; v++ {
			VMOVAPS(acc[i][0], acc[i][v])
		}
	}
	b, off, k := loadField(t, fieldB), loadField(t, fieldOff), loadField(t, fieldK)
	Label("loop")
	at := GP64()
	MOVLQSX(Mem{Base: off}, at)
	bv := s.vecs(vecs)
	for v := range vecs {
		VMOVUPS(Mem{Base: b, Index: at, Scale: 4, Disp: v * s.bytes()}, bv[v])
	}
	for i := range rows {
		if s.wide && vecs == 1 {
			VFMADD231PS_BCST(r.at(i), bv[0], acc[i][0])
			continue
		}
		x := s.vec()
		VBROADCASTSS(r.at(i), x)
		for v := range vecs {
			VFMADD231PS(bv[v], x, acc[i][v])
		}
	}
	r.step()
	ADDQ(U8(4), off)
	DECQ(k)
	JNE(LabelRef("loop"))

	ifFlag(t, flagReLU, "norelu")
	zero := s.zero()
	for i := range rows {
		for v := range vecs {
			relu(acc[i][v], zero)
		}
	}
	Label("norelu")
	var m *mask
	if vecs == 1 {
		k := s.loadMask(Mem{Base: loadField(t, fieldMask)})
		m = &k
	}
	c, ldc := loadField(t, fieldC), loadField(t, fieldLDC)
	ifFlag(t, flagPool, "nopool")
	order := s.pairOrder()
	for i := range rows {
		for v := 0; v < vecs; v += 2 {
			first, second := acc[i][v], acc[i][min(v+1, vecs-1)]
			even, odd := s.vec(), s.vec()
			VSHUFPS(U8(0x88), second, first, even)
			VSHUFPS(U8(0xdd), second, first, odd)
			pool(even, odd)
			s.permutePairs(even, order)
			s.store(even, Mem{Base: c, Disp: v / 2 * s.bytes()}, m)
		}
		ADDQ(ldc, c)
	}
	end()
	Label("nopool")
	for i := range rows {
		for v := range vecs {
			s.store(acc[i][v], Mem{Base: c, Disp: v * s.bytes()}, m)
		}
		ADDQ(ldc, c)
	}
	end()
}

// pairOrder brings the pairs of two vectors, interleaved by VSHUFPS in lanes of
// 128 bits, into their order.
func (s isa) pairOrder() reg.VecVirtual {
	if !s.wide {
		return nil // an immediate does it
	}
	g := GLOBL(fmt.Sprintf("pairs%d", labels), RODATA|NOPTR)
	labels++
	for i, q := range []uint64{0, 2, 4, 6, 1, 3, 5, 7} {
		DATA(8*i, U64(q))
	}
	v := ZMM()
	VMOVUPS(g, v)
	return v
}

var labels int

func (s isa) permutePairs(v, order reg.VecVirtual) {
	if s.wide {
		VPERMPD(v, order, v)
		return
	}
	VPERMPD(U8(0xd8), v, v)
}
