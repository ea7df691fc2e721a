//go:build amd64 && !purego

package kernel

import "unsafe"

// strip is what a function over runs of float64 or float32 reads. Its fields
// stand in the generator, too.
type strip struct {
	p       [6]unsafe.Pointer
	n       int // vectors, or factors of a pass
	s, h, w int // stride, distance of what a butterfly reads, plane of factors; in bytes
	c       [3]float64
}

// sizeOf returns the bytes of a number, how many a vector of the implementation in
// use holds, and what its functions are behind those for float64.
func sizeOf[T Real]() (size, lanes, twin int) {
	var v T
	if unsafe.Sizeof(v) == 4 {
		return 4, Lanes(), 1
	}
	return 8, Lanes() / 2, 0
}

func ptr[T Real](x []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(x)) }

func passAsm[T Real](y, x Parts[T], p pass[T]) bool {
	if level == levelGo {
		return false
	}
	size, lanes, twin := sizeOf[T]()
	h := len(x.Re) / p.radix
	t := strip{n: h / p.stride, s: p.stride * size, h: h * size, w: len(p.w) / max(1, 2*(p.radix-1)) * size}
	t.p = [6]unsafe.Pointer{ptr(y.Re), ptr(y.Im), ptr(x.Re), ptr(x.Im), ptr(p.w)}
	name := stripRadix4
	switch {
	case p.radix == 4 && p.stride <= chunk:
		if h%lanes != 0 {
			return false
		}
		name, t.n = stripRadix4First, h/lanes
		if p.stride == chunk {
			name = stripRadix4Chunk
		}
	case p.stride%lanes != 0:
		return false
	case p.radix == 2:
		name = stripRadix2
	case p.radix == 3:
		name, t.n = stripRadix3, h/lanes
	}
	callStrip(name+twin, &t)
	return true
}

// runStrip runs a function over n numbers, as far as they fill vectors, and
// returns how many that are: none in plain Go.
func runStrip[T Real](name, n int, t strip) int {
	if level == levelGo {
		return 0
	}
	_, lanes, twin := sizeOf[T]()
	if t.n = n / lanes; t.n > 0 {
		callStrip(name+twin, &t)
	}
	return t.n * lanes
}

func untangleAsm[T Real](z, u Parts[T]) int {
	m := len(z.Re)
	_, lanes, _ := sizeOf[T]()
	last := m - lanes
	if last < 1 || level == levelGo {
		return 0
	}
	return runStrip[T](stripUntangle, (m-1)/2, strip{p: [6]unsafe.Pointer{
		ptr(z.Re[1:]), ptr(z.Im[1:]), ptr(z.Re[last:]), ptr(z.Im[last:]), ptr(u.Re[1:]), ptr(u.Im[1:])}})
}

func deinterleaveAsm[T Real](dst Parts[T], x []T) int {
	return runStrip[T](stripDeinterleave, len(dst.Re), strip{p: [6]unsafe.Pointer{ptr(dst.Re), ptr(dst.Im), ptr(x)}})
}

func interleaveAsm[T Real](dst []T, x Parts[T], scale T) int {
	t := strip{p: [6]unsafe.Pointer{ptr(dst), ptr(x.Re), ptr(x.Im)}}
	*(*T)(unsafe.Pointer(&t.c)) = scale
	return runStrip[T](stripInterleave, len(x.Re), t)
}

func timesAsm[T Real](x, y Parts[T]) int {
	return runStrip[T](stripTimes, len(x.Re), strip{p: [6]unsafe.Pointer{ptr(x.Re), ptr(x.Im), ptr(y.Re), ptr(y.Im)}})
}
