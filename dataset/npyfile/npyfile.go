// Package npyfile reads NumPy's NPY files (versions 1 to 3) and NPZ archives of
// them: integer and floating-point arrays of up to two dimensions in either
// byte order.
//
// The header is parsed by a strict grammar and never evaluated; object and
// structured arrays are refused, because reading them means running pickle.
//
// Reference: NumPy, numpy.lib.format, "Format version 1.0" to "3.0".
package npyfile

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"brinell/bearing"
)

// Array is a decoded array. Data is in C order: the last dimension runs fastest.
type Array struct {
	Name  string // member of an NPZ without ".npy"; "" for an NPY file
	Shape []int  // empty for a scalar
	Float bool   // the elements were floating-point numbers
	Data  []float64
}

const (
	magic     = "\x93NUMPY"
	maxHeader = 1 << 16
	maxSize   = 1 << 27 // elements: 1 GiB of float64
)

// Decode reads an NPY file. Errors are *bearing.Error with the codes npy_dtype
// for element types that are not read and npy_malformed for the rest.
func Decode(b []byte) (Array, error) { return DecodeAtMost(b, maxSize) }

// DecodeAtMost reads an NPY file of at most so many elements, and takes memory for no
// more: npy_too_large says that it has more.
func DecodeAtMost(b []byte, most int) (Array, error) {
	if len(b) < 10 || string(b[:6]) != magic {
		return Array{}, malformed("it does not begin like an NPY file")
	}
	major, at := b[6], 10
	size := int(binary.LittleEndian.Uint16(b[8:]))
	if major == 2 || major == 3 {
		if len(b) < 12 {
			return Array{}, malformed("the header is cut off")
		}
		size, at = int(binary.LittleEndian.Uint32(b[8:])), 12
	} else if major != 1 {
		return Array{}, malformed("version %d is not known", major)
	}
	if size > maxHeader || size > len(b)-at {
		return Array{}, malformed("a header of %d bytes in a file of %d", size, len(b))
	}
	h, err := parseHeader(string(b[at : at+size]))
	if err != nil {
		return Array{}, err
	}
	return h.read(b[at+size:], most)
}

// read takes the elements from b, which must hold exactly them.
func (h header) read(b []byte, most int) (Array, error) {
	t, err := parseType(h.descr)
	if err != nil {
		return Array{}, err
	}
	count := 1
	for _, s := range h.shape {
		if s > maxSize || count*s > maxSize {
			return Array{}, malformed("shape %v has more than %d elements", h.shape, maxSize)
		}
		count *= s
	}
	if len(h.shape) > 2 {
		return Array{}, bearing.Errorf(bearing.Unsupported, "npy_dtype", "an array of %d dimensions is not read: save a signal as one or two", len(h.shape))
	}
	if count > most {
		return Array{}, bearing.Errorf(bearing.TooLarge, "npy_too_large", "the array has %d elements, at most %d are read", count, most)
	}
	if len(b) != count*t.width {
		return Array{}, malformed("%d bytes for %d elements of %d", len(b), count, t.width)
	}
	a := Array{Shape: h.shape, Float: h.descr[1] == 'f', Data: make([]float64, count)}
	for i := range a.Data {
		to := i
		if h.fortran && len(h.shape) == 2 {
			rows, cols := h.shape[0], h.shape[1]
			to = i%rows*cols + i/rows
		}
		a.Data[to] = t.value(b[i*t.width:])
	}
	return a, nil
}

// dtype is an element type.
type dtype struct {
	width int
	value func([]byte) float64
}

// parseType reads a type such as "<f8": byte order, kind, width.
func parseType(descr string) (dtype, error) {
	refuse := func() (dtype, error) {
		return dtype{}, bearing.Errorf(bearing.Unsupported, "npy_dtype", "elements of type %q are not read: save the array as float32, float64 or an integer type", bearing.Clip(descr))
	}
	if len(descr) != 3 {
		return refuse()
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch descr[0] {
	case '>':
		order = binary.BigEndian
	case '<':
	case '|', '=':
		// No order: bytes only, where it does not matter.
		if descr[2] != '1' {
			return refuse()
		}
	default:
		return refuse()
	}
	switch descr[1:] {
	case "f8":
		return dtype{8, func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }}, nil
	case "f4":
		return dtype{4, func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) }}, nil
	case "i1":
		return dtype{1, func(b []byte) float64 { return float64(int8(b[0])) }}, nil
	case "u1", "b1":
		return dtype{1, func(b []byte) float64 { return float64(b[0]) }}, nil
	case "i2":
		return dtype{2, func(b []byte) float64 { return float64(int16(order.Uint16(b))) }}, nil
	case "u2":
		return dtype{2, func(b []byte) float64 { return float64(order.Uint16(b)) }}, nil
	case "i4":
		return dtype{4, func(b []byte) float64 { return float64(int32(order.Uint32(b))) }}, nil
	case "u4":
		return dtype{4, func(b []byte) float64 { return float64(order.Uint32(b)) }}, nil
	case "i8":
		return dtype{8, func(b []byte) float64 { return float64(int64(order.Uint64(b))) }}, nil
	case "u8":
		return dtype{8, func(b []byte) float64 { return float64(order.Uint64(b)) }}, nil
	}
	return refuse()
}

// Encode writes a as an NPY file of float64.
func Encode(a Array) []byte {
	b := encodeHeader("<f8", a.Shape)
	for _, v := range a.Data {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

// EncodeFloat32 writes x as an NPY file of one dimension of float32.
func EncodeFloat32(x []float32) []byte {
	b := encodeHeader("<f4", []int{len(x)})
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func encodeHeader(descr string, shape []int) []byte {
	dims := ""
	for _, s := range shape {
		dims += fmt.Sprintf("%d, ", s)
	}
	if len(shape) > 1 {
		dims = strings.TrimSuffix(dims, ", ")
	} else {
		dims = strings.TrimSuffix(dims, " ")
	}
	h := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, dims)
	// The data begin at a multiple of 64 bytes, the header ends with a newline.
	for (10+len(h)+1)%64 != 0 {
		h += " "
	}
	h += "\n"
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(h)))
	return append(b, h...)
}

func malformed(format string, args ...any) error {
	e := bearing.Errorf(bearing.Malformed, "npy_malformed", format, args...)
	e.Message = "the NPY file is damaged: " + e.Message
	return e
}
