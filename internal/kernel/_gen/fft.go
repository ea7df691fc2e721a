package main

import (
	"fmt"
	"math"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets in the Go struct strip: six pointers, then these in bytes or counts.
const (
	stripN = 48 + 8*iota
	stripS
	stripH
	stripW
	stripConst
)

// num is an instruction set with a type of number.
type num struct {
	isa
	double bool
}

var strips []struct{ isa, name string }

func (r num) size() int { return 4 << bit(r.double) }

// pick returns the instruction for the type.
func pick[F any](r num, single, double F) F {
	if r.double {
		return double
	}
	return single
}

func (r num) add(a, b, dst Op) { pick(r, VADDPS, VADDPD)(b, a, dst) }
func (r num) sub(a, b, dst Op) { pick(r, VSUBPS, VSUBPD)(b, a, dst) }
func (r num) mul(a, b, dst Op) { pick(r, VMULPS, VMULPD)(b, a, dst) }

// fma adds a·b to dst, fnma takes it away.
func (r num) fma(a, b, dst Op)  { pick(r, VFMADD231PS, VFMADD231PD)(b, a, dst) }
func (r num) fnma(a, b, dst Op) { pick(r, VFNMADD231PS, VFNMADD231PD)(b, a, dst) }

func (r num) from(m Mem) reg.VecVirtual {
	v := r.vec()
	VMOVUPS(m, v)
	return v
}

func (r num) broadcast(m Mem) reg.VecVirtual {
	v := r.vec()
	pick(r, VBROADCASTSS, VBROADCASTSD)(m, v)
	return v
}

func (r num) constant(x float64) reg.VecVirtual {
	g := GLOBL(fmt.Sprintf("constant%d", labels), RODATA|NOPTR)
	labels++
	if r.double {
		DATA(0, U64(math.Float64bits(x)))
	} else {
		DATA(0, U32(math.Float32bits(float32(x))))
	}
	return r.broadcast(g)
}

// quads loads an order of 64 bit words.
func (s isa) quads(order ...uint64) reg.VecVirtual {
	g := GLOBL(fmt.Sprintf("quads%d", labels), RODATA|NOPTR)
	labels++
	for i, q := range order {
		DATA(8*i, U64(q))
	}
	v := s.vec()
	VMOVUPS(g, v)
	return v
}

// strip is a function over runs of numbers.
type strip struct {
	num
	t reg.Register
	p []reg.GPVirtual
	n reg.GPVirtual
}

func newStrip(r num, name string, pointers int) *strip {
	name += pick(r, "F32", "F64")
	begin(r.isa, "strip", name)
	strips = append(strips, struct{ isa, name string }{r.name, name})
	t := &strip{num: r, t: Load(Param("t"), GP64())}
	for i := range pointers {
		t.p = append(t.p, loadField(t.t, 8*i))
	}
	t.n = loadField(t.t, stripN)
	return t
}

// at is the vector at pointer p.
func (t *strip) at(p int) Mem { return Mem{Base: t.p[p]} }

// loop runs body n times and moves the pointers on by so many bytes each.
func (t *strip) loop(body func(), steps ...int) {
	Label("loop")
	body()
	for i, by := range steps {
		if by != 0 {
			ADDQ(I32(by), t.p[i])
		}
	}
	DECQ(t.n)
	JNE(LabelRef("loop"))
}

// steps returns n times by.
func steps(n, by int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = by
	}
	return s
}

// transforms makes the passes of the transform and what stands around it.
func transforms(s isa) {
	for _, double := range []bool{true, false} {
		r := num{s, double}
		radix4(r, "radix4First")
		radix4(r, "radix4Chunk")
		radix4(r, "radix4")
		radix2(r)
		radix3(r)
		untangle(r)
		interleaves(r)
		times(r)
	}
}

// legs are the addresses a, a+h, a+2h, a+3h.
type legs struct{ a, h, h3 reg.GPVirtual }

func newLegs(a, h reg.GPVirtual) legs {
	l := legs{a, h, GP64()}
	LEAQ(Mem{Base: h, Index: h, Scale: 2}, l.h3)
	return l
}

func (l legs) at(k int) Mem {
	switch k {
	case 1:
		return Mem{Base: l.a, Index: l.h, Scale: 1}
	case 2:
		return Mem{Base: l.a, Index: l.h, Scale: 2}
	case 3:
		return Mem{Base: l.a, Index: l.h3, Scale: 1}
	}
	return Mem{Base: l.a}
}

// turn multiplies u by the factor w in place.
func (r num) turn(ur, ui, wr, wi reg.VecVirtual) {
	vr, vi := r.vec(), r.vec()
	r.mul(ur, wr, vr)
	r.fnma(ui, wi, vr)
	r.mul(ur, wi, vi)
	r.fma(ui, wr, vi)
	VMOVAPS(vr, ur)
	VMOVAPS(vi, ui)
}

// butterfly4 returns the four results before the factors, of which w gives real
// and imaginary ones.
func (r num) butterfly4(re, im legs, w func(i int) reg.VecVirtual) (yr, yi [4]reg.VecVirtual) {
	pair := func(l legs, k int) (sum, difference reg.VecVirtual) {
		a, b := r.from(l.at(k)), r.from(l.at(k+2))
		d := r.vec()
		r.sub(a, b, d)
		r.add(a, b, a)
		return a, d
	}
	t0r, t1r := pair(re, 0)
	t0i, t1i := pair(im, 0)
	t2r, d2r := pair(re, 1)
	t2i, d2i := pair(im, 1)
	// both is a+b and a-b in place.
	both := func(a, b reg.VecVirtual) {
		d := r.vec()
		r.sub(a, b, d)
		r.add(a, b, a)
		VMOVAPS(d, b)
	}
	both(t0r, t2r)
	both(t0i, t2i)
	both(t1r, d2i) // t1 - i d2
	both(t1i, d2r)
	// The first of the results is t1r+d2i, t1i-d2r; the other has the signs swapped.
	yr = [4]reg.VecVirtual{t0r, t1r, t2r, d2i}
	yi = [4]reg.VecVirtual{t0i, d2r, t2i, t1i}
	for k := 1; k < 4; k++ {
		r.turn(yr[k], yi[k], w(2*k-2), w(2*k-1))
	}
	return yr, yi
}

// radix4 makes a pass of radix 4: for stride 1 with the results interleaved, for
// the stride of a chunk, and for strides of whole vectors.
func radix4(r num, name string) {
	t := newStrip(r, name, 5) // y, x, factors
	yr, yi := t.p[0], t.p[1]
	h := loadField(t.t, stripH)
	xr := newLegs(t.p[2], h)
	xi := legs{t.p[3], h, xr.h3}
	plane := loadField(t.t, stripW)
	w0 := legs{a: t.p[4], h: plane}
	w3 := legs{a: GP64(), h: plane}
	LEAQ(Mem{Base: plane, Index: plane, Scale: 2}, w3.a)
	ADDQ(w0.a, w3.a)
	at := func(i int) Mem {
		if i < 3 {
			return w0.at(i)
		}
		return w3.at(i - 3)
	}
	b := r.bytes()
	if name != "radix4" {
		row := 4 * r.size()
		var order [2]reg.VecVirtual
		if r.wide && r.double && name == "radix4First" {
			order[0] = r.quads(0, 1, 8, 9, 2, 3, 10, 11)
			order[1] = r.quads(4, 5, 12, 13, 6, 7, 14, 15)
		}
		Label("loop")
		zr, zi := r.butterfly4(xr, xi, func(i int) reg.VecVirtual { return r.from(at(i)) })
		for part, z := range [][4]reg.VecVirtual{zr, zi} {
			y := []reg.GPVirtual{yr, yi}[part]
			if name == "radix4First" {
				r.storeRows(z, y, order)
				continue
			}
			for k, v := range z {
				r.storeChunks(v, Mem{Base: y, Disp: k * row}, 4*row)
			}
		}
		for _, p := range []reg.GPVirtual{xr.a, xi.a, w0.a, w3.a} {
			ADDQ(I32(b), p)
		}
		ADDQ(I32(4*b), yr)
		ADDQ(I32(4*b), yi)
		DECQ(t.n)
		JNE(LabelRef("loop"))
		end()
		return
	}
	s := loadField(t.t, stripS)
	outr := newLegs(yr, s)
	outi := legs{yi, s, outr.h3}
	q := GP64()
	Label("factor")
	var w [6]reg.VecVirtual
	get := func(i int) reg.VecVirtual { return r.broadcast(at(i)) }
	if r.wide {
		for i := range w {
			w[i] = get(i)
		}
		get = func(i int) reg.VecVirtual { return w[i] }
	}
	MOVQ(s, q)
	Label("loop")
	zr, zi := r.butterfly4(xr, xi, get)
	for k := range 4 {
		VMOVUPS(zr[k], outr.at(k))
		VMOVUPS(zi[k], outi.at(k))
	}
	for _, p := range []reg.GPVirtual{xr.a, xi.a, yr, yi} {
		ADDQ(I32(b), p)
	}
	SUBQ(I32(b), q)
	JNE(LabelRef("loop"))
	ADDQ(outr.h3, yr)
	ADDQ(outr.h3, yi)
	ADDQ(U8(r.size()), w0.a)
	ADDQ(U8(r.size()), w3.a)
	DECQ(t.n)
	JNE(LabelRef("factor"))
	end()
}

// storeChunks stores the chunks of four numbers of v, so many bytes apart.
func (r num) storeChunks(v reg.VecVirtual, to Mem, apart int) {
	for i := 0; i < r.bytes()/(4*r.size()); i++ {
		switch {
		case r.double && !r.wide:
			VMOVUPS(v, to)
		case r.double && i == 0:
			VMOVUPS(v.AsY(), to)
		case r.double:
			VEXTRACTF64X4(U8(i), v, to)
		case i == 0:
			VMOVUPS(v.AsX(), to)
		case r.wide:
			VEXTRACTF32X4(U8(i), v, to)
		default:
			VEXTRACTF128(U8(i), v, to)
		}
		to.Disp += apart
	}
}

// storeRows stores the transpose of z: for each lane a row of four.
func (r num) storeRows(z [4]reg.VecVirtual, y reg.GPVirtual, order [2]reg.VecVirtual) {
	row := 4 * r.size()
	at := func(i int) Mem { return Mem{Base: y, Disp: i * row} }
	unpack := func(a, b reg.VecVirtual, lo, hi func(...Op)) (l, h reg.VecVirtual) {
		l, h = r.vec(), r.vec()
		lo(b, a, l)
		hi(b, a, h)
		return l, h
	}
	if !r.double {
		ab0, ab2 := unpack(z[0], z[1], VUNPCKLPS, VUNPCKHPS)
		cd0, cd2 := unpack(z[2], z[3], VUNPCKLPS, VUNPCKHPS)
		r0, r1 := unpack(ab0, cd0, VUNPCKLPD, VUNPCKHPD)
		r2, r3 := unpack(ab2, cd2, VUNPCKLPD, VUNPCKHPD)
		for i, v := range []reg.VecVirtual{r0, r1, r2, r3} {
			r.storeChunks(v, at(i), 4*row)
		}
		return
	}
	ab0, ab1 := unpack(z[0], z[1], VUNPCKLPD, VUNPCKHPD)
	cd0, cd1 := unpack(z[2], z[3], VUNPCKLPD, VUNPCKHPD)
	for i, v := range [][2]reg.VecVirtual{{ab0, cd0}, {ab1, cd1}} {
		for half := range 2 {
			p := r.vec()
			if r.wide {
				VMOVAPS(v[0], p)
				VPERMT2PD(v[1], order[half], p)
				r.storeChunks(p, at(i+4*half), 2*row)
			} else {
				VPERM2F128(U8(0x20+0x11*half), v[1], v[0], p)
				VMOVUPS(p, at(i+2*half))
			}
		}
	}
}

func radix2(r num) {
	t := newStrip(r, "radix2", 5)
	h, s, plane := loadField(t.t, stripH), loadField(t.t, stripS), loadField(t.t, stripW)
	q := GP64()
	Label("factor")
	wr, wi := r.broadcast(Mem{Base: t.p[4]}), r.broadcast(Mem{Base: t.p[4], Index: plane, Scale: 1})
	MOVQ(s, q)
	Label("loop")
	var d [2]reg.VecVirtual
	for i := range d {
		a := r.from(t.at(2 + i))
		b := r.from(Mem{Base: t.p[2+i], Index: h, Scale: 1})
		d[i] = r.vec()
		r.sub(a, b, d[i])
		r.add(a, b, a)
		VMOVUPS(a, t.at(i))
	}
	r.turn(d[0], d[1], wr, wi)
	for i := range d {
		VMOVUPS(d[i], Mem{Base: t.p[i], Index: s, Scale: 1})
	}
	for i := range 4 {
		ADDQ(I32(r.bytes()), t.p[i])
	}
	SUBQ(I32(r.bytes()), q)
	JNE(LabelRef("loop"))
	ADDQ(s, t.p[0])
	ADDQ(s, t.p[1])
	ADDQ(U8(r.size()), t.p[4])
	DECQ(t.n)
	JNE(LabelRef("factor"))
	end()
}

func radix3(r num) {
	t := newStrip(r, "radix3", 4)
	h := loadField(t.t, stripH)
	half, sin60 := r.constant(0.5), r.constant(math.Sqrt(3)/2)
	at := func(p, k int) Mem { return legs{a: t.p[p], h: h}.at(k) }
	t.loop(func() {
		var d, e [2]reg.VecVirtual
		for i := range d {
			a, b, c := r.from(at(2+i, 0)), r.from(at(2+i, 1)), r.from(at(2+i, 2))
			d[i] = r.vec()
			r.sub(b, c, d[i])
			r.mul(d[i], sin60, d[i])
			r.add(b, c, b)
			e[i] = r.vec()
			VMOVAPS(a, e[i])
			r.fnma(b, half, e[i])
			r.add(a, b, a)
			VMOVUPS(a, at(i, 0))
		}
		v := r.vec()
		r.add(e[0], d[1], v)
		VMOVUPS(v, at(0, 1))
		r.sub(e[0], d[1], e[0])
		VMOVUPS(e[0], at(0, 2))
		r.sub(e[1], d[0], v)
		VMOVUPS(v, at(1, 1))
		r.add(e[1], d[0], e[1])
		VMOVUPS(e[1], at(1, 2))
	}, steps(4, r.bytes())...)
	end()
}

// untangle walks from both ends.
func untangle(r num) {
	t := newStrip(r, "untangle", 6) // forwards, backwards, factors
	half := r.constant(0.5)
	reverse := r.reversal()
	t.loop(func() {
		ar, ai, br, bi := r.from(t.at(0)), r.from(t.at(1)), r.from(t.at(2)), r.from(t.at(3))
		reverse(br)
		reverse(bi)
		er, ei, dr, di := r.vec(), r.vec(), r.vec(), r.vec()
		r.add(ar, br, er)
		r.sub(ai, bi, ei)
		r.sub(ar, br, dr)
		r.add(ai, bi, di)
		for _, v := range []reg.VecVirtual{er, ei, dr, di} {
			r.mul(v, half, v)
		}
		r.turn(dr, di, r.from(t.at(4)), r.from(t.at(5)))
		r.add(er, dr, ar)
		r.add(ei, di, ai)
		VMOVUPS(ar, t.at(0))
		VMOVUPS(ai, t.at(1))
		r.sub(er, dr, br)
		r.sub(di, ei, bi)
		reverse(br)
		reverse(bi)
		VMOVUPS(br, t.at(2))
		VMOVUPS(bi, t.at(3))
	}, r.bytes(), r.bytes(), -r.bytes(), -r.bytes(), r.bytes(), r.bytes())
	end()
}

// reversal returns what turns a vector around.
func (r num) reversal() func(reg.VecVirtual) {
	if r.double {
		if !r.wide {
			return func(v reg.VecVirtual) { VPERMPD(U8(0x1b), v, v) }
		}
		order := r.quads(7, 6, 5, 4, 3, 2, 1, 0)
		return func(v reg.VecVirtual) { VPERMPD(v, order, v) }
	}
	var q []uint64
	for i := r.lanes - 1; i > 0; i -= 2 {
		q = append(q, uint64(i)|uint64(i-1)<<32)
	}
	order := r.quads(q...)
	return func(v reg.VecVirtual) { VPERMPS(v, order, v) }
}

// interleaves parts pairs and joins them.
func interleaves(r num) {
	b := r.bytes()
	t := newStrip(r, "deinterleave", 3)
	order := r.pairOrder()
	t.loop(func() {
		x, y := r.from(t.at(2)), r.from(Mem{Base: t.p[2], Disp: b})
		even, odd := r.vec(), r.vec()
		if r.double {
			VUNPCKLPD(y, x, even)
			VUNPCKHPD(y, x, odd)
		} else {
			VSHUFPS(U8(0x88), y, x, even)
			VSHUFPS(U8(0xdd), y, x, odd)
		}
		r.permutePairs(even, order)
		r.permutePairs(odd, order)
		VMOVUPS(even, t.at(0))
		VMOVUPS(odd, t.at(1))
	}, b, b, 2*b)
	end()

	t = newStrip(r, "interleave", 3)
	scale := r.broadcast(field(t.t, stripConst))
	if r.wide {
		order = r.quads(0, 4, 1, 5, 2, 6, 3, 7)
	}
	t.loop(func() {
		re, im := r.from(t.at(1)), r.from(t.at(2))
		r.mul(re, scale, re)
		r.mul(im, scale, im)
		r.permutePairs(re, order)
		r.permutePairs(im, order)
		lo, hi := r.vec(), r.vec()
		pick(r, VUNPCKLPS, VUNPCKLPD)(im, re, lo)
		pick(r, VUNPCKHPS, VUNPCKHPD)(im, re, hi)
		VMOVUPS(lo, t.at(0))
		VMOVUPS(hi, Mem{Base: t.p[0], Disp: b})
	}, 2*b, b, b)
	end()
}

func times(r num) {
	t := newStrip(r, "times", 4)
	t.loop(func() {
		xr, xi := r.from(t.at(0)), r.from(t.at(1))
		r.turn(xr, xi, r.from(t.at(2)), r.from(t.at(3)))
		VMOVUPS(xr, t.at(0))
		VMOVUPS(xi, t.at(1))
	}, steps(4, r.bytes())...)
	end()
}

// stripSwitch names the functions over strips for the Go side; of one made for
// both types the name is that of the double.
func stripSwitch(p func(string, ...any)) {
	p("\n// The functions over strips, those for float32 right behind their twins.\nconst (")
	for _, d := range strips {
		if base, double := strings.CutSuffix(d.name, "F64"); d.isa == isas[0].name && double {
			p("\tstrip%s = 2 * (1 + iota)", title(base))
		}
	}
	p(")\n\n// callStrip runs the function of that name.\nfunc callStrip(name int, t *strip) {\n\tswitch level<<8 + name {")
	for _, d := range strips {
		base, double := strings.CutSuffix(d.name, "F64")
		if !double {
			base = strings.TrimSuffix(d.name, "F32")
		}
		p("\tcase level%s<<8 + strip%s + %d:\n\t\t%s(t)", d.isa, title(base), bit(!double), d.name+d.isa)
	}
	p("\tdefault:\n\t\tpanic(\"kernel: no such strip\")\n\t}\n}")
}

func title(name string) string { return strings.ToUpper(name[:1]) + name[1:] }
