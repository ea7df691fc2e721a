package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// signals makes the passes over samples and spectra, all in float64.
func signals(s isa) {
	r := num{s, true}
	b := r.bytes()
	constants := func(t *strip, n int) []reg.VecVirtual {
		c := make([]reg.VecVirtual, n)
		for i := range c {
			c[i] = r.broadcast(field(t.t, stripConst+8*i))
		}
		return c
	}
	sums := func(n int) []reg.VecVirtual {
		v := make([]reg.VecVirtual, n)
		for i := range v {
			v[i] = r.zero()
		}
		return v
	}
	store := func(t *strip, v []reg.VecVirtual) {
		for i := range v {
			VMOVUPS(v[i], Mem{Base: t.p[1], Disp: i * b})
		}
		end()
	}
	sample := func(m Mem) reg.VecVirtual {
		v := r.vec()
		VCVTPS2PD(m, v)
		return v
	}

	t := newStrip(r, "summarise", 2)
	v := append(sums(4), r.constant(math.Inf(1)), r.constant(math.Inf(-1)))
	positive := r.constant(math.Float64frombits(1<<63 - 1))
	t.loop(func() {
		x := sample(t.at(0))
		r.add(v[0], x, v[0])
		r.fma(x, x, v[1])
		VMINPD(x, v[4], v[4])
		VMAXPD(x, v[5], v[5])
		VANDPD(positive, x, x)
		r.add(v[2], x, v[2])
		VSQRTPD(x, x)
		r.add(v[3], x, v[3])
	}, b/2)
	store(t, v)

	t = newStrip(r, "deviations", 2)
	c, v := constants(t, 2), sums(3)
	t.loop(func() {
		d, q := sample(t.at(0)), r.vec()
		r.sub(d, c[0], d)
		r.mul(d, c[1], d)
		r.mul(d, d, q)
		r.add(v[0], q, v[0])
		r.fma(q, d, v[1])
		r.fma(q, q, v[2])
	}, b/2)
	store(t, v)

	t = newStrip(r, "bins", 3)
	c = constants(t, 3)
	last, bin := reg.VecVirtual(XMM()), reg.VecVirtual(XMM())
	if r.wide {
		last, bin = YMM(), YMM()
	}
	VPBROADCASTD(t.at(2), last)
	t.loop(func() {
		x := sample(t.at(1))
		r.sub(x, c[0], x)
		VDIVPD(c[1], x, x)
		r.mul(x, c[2], x)
		if r.wide {
			VCVTTPD2DQ(x, bin)
		} else {
			VCVTTPD2DQY(x, bin)
		}
		VPMINSD(last, bin, bin)
		VMOVDQU(bin, t.at(0))
	}, b/2, b/2)
	end()

	t = newStrip(r, "widen", 2)
	c = constants(t, 1)
	t.loop(func() {
		x := sample(t.at(1))
		r.sub(x, c[0], x)
		VMOVUPS(x, t.at(0))
	}, b, b/2)
	end()

	t = newStrip(r, "addPower", 3)
	c = constants(t, 1)
	t.loop(func() {
		re, im, sum := r.from(t.at(1)), r.from(t.at(2)), r.from(t.at(0))
		r.mul(re, re, re)
		r.fma(im, im, re)
		r.fma(re, c[0], sum)
		VMOVUPS(sum, t.at(0))
	}, b, b, b)
	end()

	t = newStrip(r, "moments", 2)
	d, v := constants(t, 1)[0], sums(5)
	var lane []uint64
	for i := range b / 8 {
		lane = append(lane, math.Float64bits(float64(i)))
	}
	// Integers are counted and from is added: it is none, and would gather
	// rounding on the way.
	k, step := r.quads(lane...), r.constant(float64(b/8))
	t.loop(func() {
		p, x := r.from(t.at(0)), r.vec()
		r.add(d, k, x)
		r.add(k, step, k)
		for i := range v {
			r.add(v[i], p, v[i])
			if i < len(v)-1 {
				r.mul(p, x, p)
			}
		}
	}, b)
	store(t, v)
}
