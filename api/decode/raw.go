package decode

import (
	"encoding/binary"
	"math"
	"unsafe"

	"brinell/bearing"
)

// decodeRaw reads samples as little-endian numbers, with the other fields as
// query parameters: float32, or with dtype=i16le int16 counts of scale units.
//
// float32 samples share memory with body where the machine has them in the same
// form; others are put into what room returns.
func decodeRaw(query string, body []byte, maxSamples int, room func(int) []float32) (Fields, error) {
	q, err := Query(query, "start", "sample_rate_hz", "unit", "shaft_speed_rpm", "bearing", "axis", "dtype", "scale")
	if err != nil {
		return Fields{}, err
	}
	f, err := fieldsIn(q)
	if err != nil {
		return f, err
	}
	scale, hasScale, err := Number(q, "scale")
	if err != nil {
		return f, err
	}
	switch q["dtype"] {
	case "", "f32le":
		if hasScale {
			return f, bearing.Errorf(bearing.Invalid, "parameter_invalid", "scale goes with dtype=i16le only").At("scale")
		}
		f.Samples, err = float32s(body, maxSamples, room)
	case "i16le":
		if !hasScale {
			return f, bearing.Errorf(bearing.Invalid, "scale_missing", "dtype=i16le needs scale, the value of one count in units").At("scale")
		}
		if scale == 0 {
			return f, bearing.Errorf(bearing.Invalid, "scale_not_finite", "scale must not be 0").At("scale")
		}
		f.Samples, err = int16s(body, scale, maxSamples, room)
	default:
		return f, bearing.Errorf(bearing.Unsupported, "dtype_unsupported", "dtype %q is not read: use f32le or i16le", bearing.Clip(q["dtype"])).At("dtype")
	}
	return f, err
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

func float32s(b []byte, maxSamples int, room func(int) []float32) ([]float32, error) {
	n, err := samplesIn(b, 4, maxSamples)
	if err != nil {
		return nil, err
	}
	if x := Floats(b); x != nil && littleEndian {
		return x, nil
	}
	x := room(n)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x, nil
}

func int16s(b []byte, scale float64, maxSamples int, room func(int) []float32) ([]float32, error) {
	n, err := samplesIn(b, 2, maxSamples)
	if err != nil {
		return nil, err
	}
	x := room(n)
	for i := range x {
		x[i] = float32(float64(int16(binary.LittleEndian.Uint16(b))) * scale)
		b = b[2:]
	}
	return x, nil
}

// samplesIn returns how many samples of that many bytes b holds, 0 with an error.
func samplesIn(b []byte, width, maxSamples int) (int, error) {
	switch n := len(b) / width; {
	case len(b)%width != 0:
		return 0, bearing.Errorf(bearing.Malformed, "length_mismatch", "%d bytes are no whole number of samples of %d bytes", len(b), width)
	case n > maxSamples:
		return 0, tooLong(maxSamples)
	default:
		return n, nil
	}
}

// Floats returns the float32 that share memory with b, nil where b is empty or
// does not begin at a multiple of their size. All that Go allocates from
// four bytes on does.
func Floats(b []byte) []float32 {
	p := unsafe.Pointer(unsafe.SliceData(b))
	if len(b) < 4 || uintptr(p)%4 != 0 {
		return nil
	}
	return unsafe.Slice((*float32)(p), len(b)/4)
}
