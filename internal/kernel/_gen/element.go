package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets in the Go struct span: six pointers, the count of elements, the period
// of the coefficients, and eight constants.
const (
	spanN      = 48
	spanPeriod = 56
	spanConst  = 64
)

// sweep is a function over long runs of elements.
type sweep struct {
	s     isa
	t     reg.Register
	p     []reg.GPVirtual
	i, n  reg.GPVirtual // byte offset in the run, its end
	coeff reg.GPVirtual // byte offset in the coefficients
}

var sweeps []struct{ isa, name string }

// elements makes the passes of training that are not matrix products.
func elements(s isa) {
	simple(s, "reLU", 2, nil, func(w *sweep, _ []reg.VecVirtual) {
		x, zero := s.vec(), s.zero()
		w.load(1, x)
		relu(x, zero)
		w.store(x, 0)
	})
	simple(s, "reLUBack", 3, nil, func(w *sweep, _ []reg.VecVirtual) {
		y, dy := s.vec(), s.vec()
		w.load(1, y)
		w.load(2, dy)
		w.store(s.keep(s.greater(y, s.zero()), dy, false), 0)
	})
	simple(s, "add", 2, nil, func(w *sweep, _ []reg.VecVirtual) {
		y := s.vec()
		w.load(0, y)
		VADDPS(w.at(1, 0), y, y)
		w.store(y, 0)
	})
	simple(s, "adam", 4, []int{0, 1, 2, 3, 4, 5, 6}, func(w *sweep, c []reg.VecVirtual) {
		// c: β1, 1-β1, β2, 1-β2, rate, ε, decay
		x, g, m, v := s.vec(), s.vec(), s.vec(), s.vec()
		w.load(1, g)
		w.load(2, m)
		w.load(3, v)
		w.load(0, x)
		VMULPS(c[0], m, m)
		VFMADD231PS(c[1], g, m)
		w.store(m, 2)
		VMULPS(g, g, g)
		VMULPS(c[2], v, v)
		VFMADD231PS(c[3], g, v)
		w.store(v, 3)
		VSQRTPS(v, v)
		VADDPS(c[5], v, v)
		VMULPS(c[4], m, m)
		VDIVPS(v, m, m)
		VFMADD231PS(c[6], x, m)
		VSUBPS(m, x, x)
		w.store(x, 0)
	})
	for _, name := range []string{"SGD", "nesterov"} {
		simple(s, name, 3, []int{0, 1, 2}, func(w *sweep, c []reg.VecVirtual) {
			// c: momentum, rate, decay
			x, g, v := s.vec(), s.vec(), s.vec()
			w.load(0, x)
			w.load(1, g)
			w.load(2, v)
			VFMADD231PS(c[2], x, g)
			VFMADD213PS(g, c[0], v)
			w.store(v, 2)
			if name == "nesterov" {
				VFMADD231PS(c[0], v, g)
				v = g
			}
			VFNMADD231PS(c[1], v, x)
			w.store(x, 0)
		})
	}
	simple(s, "shrink", 1, []int{0}, func(w *sweep, c []reg.VecVirtual) {
		x, sign, r := s.vec(), s.vec(), s.vec()
		w.load(0, x)
		VPCMPEQDOnes(s, sign)
		VPSLLD(U8(31), sign, sign)
		VANDNPS(x, sign, r)
		VSUBPS(c[0], r, r)
		relu(r, s.zero())
		VANDPS(x, sign, sign)
		VORPS(sign, r, r)
		w.store(r, 0)
	})

	for _, name := range []string{"scale", "scaleReLU"} {
		periodic(s, name, 4, func(w *sweep) {
			y, u := s.vec(), s.vec()
			w.loadCoeff(3, y)
			w.load(1, u)
			VFMADD231PS(w.coeffAt(2), u, y)
			if name == "scaleReLU" {
				relu(y, s.zero())
			}
			w.store(y, 0)
		})
	}
	periodic(s, "normBack", 6, func(w *sweep) {
		// dx = u dy + v x + w
		z, dy, x := s.vec(), s.vec(), s.vec()
		w.loadCoeff(5, z)
		w.load(1, dy)
		w.load(2, x)
		VFMADD231PS(w.coeffAt(3), dy, z)
		VFMADD231PS(w.coeffAt(4), x, z)
		w.store(z, 0)
	})
	sums(s)
	pools(s)
	peak(s)
}

// peak is as many independent multiply-adds as the processor can start at a time,
// n times.
func peak(s isa) {
	w := newSweep(s, "peak", 0)
	acc := s.vecs(peakChains)
	for _, v := range acc {
		VXORPS(v, v, v)
	}
	x := s.zero()
	Label("loop")
	for _, v := range acc {
		VFMADD231PS(x, x, v)
	}
	ADDQ(U8(4), w.i)
	CMPQ(w.i, w.n)
	JLT(LabelRef("loop"))
	end()
}

const peakChains = 12

// VPCMPEQDOnes sets all bits.
func VPCMPEQDOnes(s isa, v reg.VecVirtual) {
	if s.wide {
		VPTERNLOGD(U8(0xff), v, v, v)
		return
	}
	VPCMPEQD(v, v, v)
}

func (w *sweep) at(p, k int) Mem { return Mem{Base: w.p[p], Index: w.i, Scale: 1, Disp: k} }

func (w *sweep) load(p int, v reg.VecVirtual)  { VMOVUPS(w.at(p, 0), v) }
func (w *sweep) store(v reg.VecVirtual, p int) { VMOVUPS(v, w.at(p, 0)) }

func (w *sweep) coeffAt(p int) Mem { return Mem{Base: w.p[p], Index: w.coeff, Scale: 1} }

func (w *sweep) loadCoeff(p int, v reg.VecVirtual) { VMOVUPS(w.coeffAt(p), v) }

func newSweep(s isa, name string, pointers int) *sweep {
	begin(s, "span", name)
	sweeps = append(sweeps, struct{ isa, name string }{s.name, name})
	w := &sweep{s: s, t: Load(Param("t"), GP64())}
	for i := range pointers {
		w.p = append(w.p, loadField(w.t, 8*i))
	}
	w.n = loadField(w.t, spanN)
	SHLQ(U8(2), w.n)
	w.i = GP64()
	XORQ(w.i, w.i)
	return w
}

// simple makes a pass without coefficients; constants are those that it reads.
func simple(s isa, name string, pointers int, constants []int, body func(*sweep, []reg.VecVirtual)) {
	w := newSweep(s, name, pointers)
	c := s.vecs(len(constants))
	for i, k := range constants {
		VBROADCASTSS(field(w.t, spanConst+4*k), c[i])
	}
	Label("loop")
	body(w, c)
	ADDQ(U8(s.bytes()), w.i)
	CMPQ(w.i, w.n)
	JLT(LabelRef("loop"))
	end()
}

// periodic makes a pass whose coefficients repeat.
func periodic(s isa, name string, pointers int, body func(*sweep)) {
	w := newSweep(s, name, pointers)
	period := loadField(w.t, spanPeriod)
	SHLQ(U8(2), period)
	w.coeff = GP64()
	Label("row")
	XORQ(w.coeff, w.coeff)
	Label("loop")
	body(w)
	ADDQ(U8(s.bytes()), w.i)
	ADDQ(U8(s.bytes()), w.coeff)
	CMPQ(w.coeff, period)
	JLT(LabelRef("loop"))
	CMPQ(w.i, w.n)
	JLT(LabelRef("row"))
	end()
}

// sums adds x and x·y to double sums that repeat with the period.
func sums(s isa) {
	periodic(s, "sums", 4, func(w *sweep) {
		for part := 0; part < s.bytes(); part += s.bytes() / 2 {
			x, y := s.vec(), s.vec()
			VCVTPS2PD(w.at(0, part), x)
			VCVTPS2PD(w.at(1, part), y)
			// A double takes twice the room of a coefficient.
			sum := Mem{Base: w.p[2], Index: w.coeff, Scale: 2, Disp: 2 * part}
			product := Mem{Base: w.p[3], Index: w.coeff, Scale: 2, Disp: 2 * part}
			p := s.vec()
			VMOVUPD(product, p)
			VFMADD231PD(x, y, p)
			VMOVUPD(p, product)
			VADDPD(sum, x, x)
			VMOVUPD(x, sum)
		}
	})
}

// greater compares a > b, false for NaN.
func (s isa) greater(a, b reg.VecVirtual) mask {
	const gtQuiet = 0x1e
	if s.wide {
		k := K()
		VCMPPS(U8(gtQuiet), b, a, k)
		return mask{k: k}
	}
	y := YMM()
	VCMPPS(U8(gtQuiet), b, a, y)
	return mask{y: y}
}

// keep returns v where m is set, or with not where it is unset, and else 0.
func (s isa) keep(m mask, v reg.VecVirtual, not bool) reg.VecVirtual {
	r := s.vec()
	switch {
	case s.wide:
		k := m.k
		if not {
			k = K()
			KNOTW(m.k, k)
		}
		VMOVAPS_Z(v, k, r)
	case not:
		VANDNPS(v, m.y, r)
	default:
		VANDPS(v, m.y, r)
	}
	return r
}

// pools makes the maximum of pairs of rows, as wide as the period, and its
// gradient.
func pools(s isa) {
	rows := func(name string, pointers int, body func(w *sweep, row, next Mem)) {
		w := newSweep(s, name, pointers)
		period := loadField(w.t, spanPeriod)
		SHLQ(U8(2), period)
		w.coeff = GP64()
		x := w.p[1]
		second := GP64()
		Label("row")
		LEAQ(Mem{Base: x, Index: period, Scale: 1}, second)
		XORQ(w.coeff, w.coeff)
		Label("loop")
		body(w, Mem{Base: x, Index: w.coeff, Scale: 1}, Mem{Base: second, Index: w.coeff, Scale: 1})
		ADDQ(U8(s.bytes()), w.i)
		ADDQ(U8(s.bytes()), w.coeff)
		CMPQ(w.coeff, period)
		JLT(LabelRef("loop"))
		LEAQ(Mem{Base: x, Index: period, Scale: 2}, x)
		if pointers == 3 {
			LEAQ(Mem{Base: w.p[0], Index: period, Scale: 2}, w.p[0])
		}
		CMPQ(w.i, w.n)
		JLT(LabelRef("row"))
		end()
	}
	rows("maxPool2", 2, func(w *sweep, row, next Mem) {
		a, b := s.vec(), s.vec()
		VMOVUPS(row, a)
		VMOVUPS(next, b)
		pool(a, b)
		w.store(a, 0)
	})
	// p: dx, x, dy
	for _, name := range []string{"maxPool2Back", "maxPool2BackReLU"} {
		rows(name, 3, func(w *sweep, row, next Mem) { poolBack(s, w, row, next, name == "maxPool2BackReLU") })
	}
}

func poolBack(s isa, w *sweep, row, next Mem, relu bool) {
	a, b, dy := s.vec(), s.vec(), s.vec()
	VMOVUPS(row, a)
	VMOVUPS(next, b)
	w.load(2, dy)
	m := s.greater(b, a)
	if relu {
		pool(a, b)
		dy = s.keep(s.greater(a, s.zero()), dy, false)
	}
	into := func(r Mem) Mem { r.Base = w.p[0]; return r }
	VMOVUPS(s.keep(m, dy, true), into(row))
	period := loadField(w.t, spanPeriod)
	second := GP64()
	LEAQ(Mem{Base: w.p[0], Index: period, Scale: 4}, second)
	VMOVUPS(s.keep(m, dy, false), Mem{Base: second, Index: w.coeff, Scale: 1})
}
