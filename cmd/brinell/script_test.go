package main

import (
	"fmt"
	"math"
	"slices"
)

// A program is a short sequence of requests, written as bytes that a fuzzer changes or a
// seed draws. A byte below firstEdge means the usual value of a field, the first of its
// table, and one above another row, so that few changes lead from one edge to another and
// most of a request is sane; the byte anyValue says that the value itself follows.
const (
	firstEdge = 0x80
	anyValue  = 0xff
)

// rowOf returns what a byte picks of a table with n rows, and edgeOf the byte for a row.
func rowOf(b byte, n int) int { return max(0, int(b)-firstEdge+1) % n }

func edgeOf(row int) byte {
	if row <= 0 {
		return 0
	}
	return byte(firstEdge - 1 + row)
}

// script reads a program, or writes one: what codes a request does both.
type script struct {
	b     []byte
	write bool
}

func (s *script) byte(v *byte) {
	switch {
	case s.write:
		s.b = append(s.b, *v)
	case len(s.b) == 0:
		*v = 0
	default:
		*v, s.b = s.b[0], s.b[1:]
	}
}

// choice codes an index below n.
func (s *script) choice(n int, v *int) {
	b := byte(*v)
	s.byte(&b)
	*v = int(b) % n
}

func (s *script) bits(v *uint64) {
	for i := range 8 {
		b := byte(*v >> (8 * i))
		s.byte(&b)
		if !s.write {
			*v |= uint64(b) << (8 * i)
		}
	}
}

// number codes a number, by its row in a table where it stands there.
func (s *script) number(table []float64, v *float64) {
	row := byte(anyValue)
	if i := slices.IndexFunc(table, func(x float64) bool { return math.Float64bits(x) == math.Float64bits(*v) }); s.write && i >= 0 {
		row = edgeOf(i)
	}
	if s.byte(&row); row != anyValue {
		*v = table[rowOf(row, len(table))]
		return
	}
	var bits uint64
	if s.write {
		bits = math.Float64bits(*v)
	}
	s.bits(&bits)
	*v = math.Float64frombits(bits)
}

// text codes a short text, likewise.
func (s *script) text(table []string, v *string) {
	row := byte(anyValue)
	if i := slices.Index(table, *v); s.write && i >= 0 {
		row = edgeOf(i)
	}
	if s.byte(&row); row != anyValue {
		*v = table[rowOf(row, len(table))]
		return
	}
	n := byte(len(*v))
	s.byte(&n)
	if s.write {
		s.b = append(s.b, *v...)
		return
	}
	k := min(int(n), 40, len(s.b))
	*v, s.b = string(s.b[:k]), s.b[k:]
}

const kinds = 3

func kindOf(i int) coded {
	return [kinds]func() coded{func() coded { return new(sent) }, func() coded { return new(asked) }, func() coded { return new(written) }}[i%kinds]()
}

// encodeProgram writes requests as a program, for seeds.
func encodeProgram(requests ...coded) []byte {
	s := script{write: true}
	for _, r := range requests {
		kind := 0
		for kind < kinds-1 && fmt.Sprintf("%T", kindOf(kind)) != fmt.Sprintf("%T", r) {
			kind++
		}
		s.choice(kinds, &kind)
		r.code(&s)
	}
	return s.b
}

// mostRequests bounds a program.
const mostRequests = 12

func decodeProgram(b []byte) (requests []coded) {
	s := script{b: b}
	for len(s.b) > 0 && len(requests) < mostRequests {
		kind := 0
		s.choice(kinds, &kind)
		r := kindOf(kind)
		r.code(&s)
		requests = append(requests, r)
	}
	return requests
}
