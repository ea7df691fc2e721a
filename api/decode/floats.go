package decode

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// tokenRoom is how many bytes readFloats wants to see before it reads a number
// and the comma after it. What it takes is never as long.
const tokenRoom = 64

// readFloats reads numbers of JSON's grammar, each with the comma after it, from
// b[i:] into dst, and returns how many, and the place of the first byte that it
// did not take. Each is what strconv.ParseFloat(number, 32) returns, bit by bit.
//
// It stops before a number, or the blanks before it, that is not plain: the last
// of an array and all near the end of b, a blank after a number, more digits
// than 63 bits hold, a power of ten beyond 22, an exponent of three digits, a
// value too close to the middle between two float32, and every error. The caller
// reads that one by the rules and comes back, so the only refusals are its own.
//
// Digits are read eight at a time (Lemire, "Quickly parsing eight digits",
// 2018). With m < 2^63 the digits and 10^k, k <= 22, a power that float64 holds
// exactly, the steps float64(m) and m*10^k or m/10^k err by 2^-53 each, together
// by at most two units in the last place of the float64. Rounding that to
// float32 is right unless a middle between two float32 lies within the error;
// in the 29 bits that float32 drops the middle is 1<<28 (compare Clinger, "How to
// Read Floating Point Numbers Accurately", 1990). What is not 0 is at least
// 1e-22, so never subnormal; what is too large is left to the caller.
func readFloats(dst []float32, b []byte, i int) (n, next int) {
	const (
		zeros   = 0x3030303030303030
		nines   = 0x7676767676767676 // 0x80 - 10 in each byte
		highs   = 0x8080808080808080
		dropped = 1<<29 - 1
		middle  = 1 << 28
		margin  = 4 // units in the last place; two would do
	)
	for n < len(dst) {
		for i < len(b) && isBlank(b[i]) {
			i++
		}
		if len(b)-i < tokenRoom {
			break
		}
		t := (*[tokenRoom]byte)(b[i:])
		sign := 0
		if t[0] == '-' { // compiles to no branch: half of all samples are negative
			sign = 1
		}
		j := sign
		m := uint64(t[j] - '0')
		if m > 9 {
			break
		}
		j++
		if m > 0 {
			for d := t[j] - '0'; d <= 9 && j < 18; d = t[j] - '0' {
				m = 10*m + uint64(d)
				j++
			}
		}
		exp := 0
		if t[j] == '.' {
			j++
			point := j
			for {
				x := binary.LittleEndian.Uint64(t[j:]) ^ zeros // digits are now 0 to 9
				// The lowest byte above 9 is marked; carries spoil higher ones only.
				k := bits.TrailingZeros64(((x+nines)|x)&highs) / 8
				if m >= digitRoom[k] || j > 40 {
					break
				}
				m = m*pow10[k] + eightDigits(x<<(64-8*k))
				j += k
				if k < 8 || t[j]-'0' > 9 {
					break
				}
			}
			if exp = point - j; exp == 0 {
				break
			}
		}
		if t[j]|0x20 == 'e' {
			j++
			down := t[j] == '-'
			if down || t[j] == '+' {
				j++
			}
			e := int(t[j] - '0')
			if e > 9 {
				break
			}
			j++
			if d := int(t[j] - '0'); d <= 9 {
				e = 10*e + d
				j++
			}
			if down {
				e = -e
			}
			exp += e
		}
		if t[j] != ',' {
			break
		}
		v := float64(int64(m))
		if exp <= 0 {
			if exp < -22 {
				break
			}
			v /= pow10f[-exp]
		} else {
			if exp > 22 {
				break
			}
			v *= pow10f[exp]
		}
		if (math.Float64bits(v)-(middle-margin))&dropped <= 2*margin || v > math.MaxFloat32 {
			break
		}
		dst[n] = math.Float32frombits(math.Float32bits(float32(v)) | uint32(sign)<<31)
		n++
		i += j + 1
	}
	return n, i
}

// eightDigits returns the number of eight decimal digits, the first of them in
// the lowest byte of x: it adds neighbours, then neighbouring pairs, then fours.
func eightDigits(x uint64) uint64 {
	x = (x * (10<<8 + 1)) >> 8 & 0x00ff00ff00ff00ff
	x = (x * (100<<16 + 1)) >> 16 & 0x0000ffff0000ffff
	return (x * (10000<<32 + 1)) >> 32
}

// digitRoom[k] is the bound below which m*10^k + k digits stays below 2^63.
var digitRoom = func() (r [9]uint64) {
	for k := range r {
		r[k] = 9e18 / pow10[k]
	}
	return r
}()

var pow10 = [9]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

// pow10f are the powers of ten that float64 holds exactly.
var pow10f = [23]float64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}
