package matfile

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"math"
)

// Encode writes variables as a MAT file: double arrays, character rows and
// structs of one element; other classes become double. Tests make defective
// recordings by it, and exports files that other programs read.
func Encode(vars []Variable, bigEndian, compress bool) []byte {
	e := encoder{order: binary.LittleEndian}
	mark := "IM"
	if bigEndian {
		e.order, mark = binary.BigEndian, "MI"
	}
	out := make([]byte, headerSize)
	copy(out, "MATLAB 5.0 MAT-file, written by brinell")
	for i := 39; i < 116; i++ {
		out[i] = ' '
	}
	e.order.PutUint16(out[124:], 0x0100)
	copy(out[126:], mark)
	for _, v := range vars {
		m := e.array(v, v.Name)
		if compress {
			var z bytes.Buffer
			w := zlib.NewWriter(&z)
			_, _ = w.Write(m) // a buffer takes everything
			_ = w.Close()
			m = e.tag(miCOMPRESSED, z.Bytes(), false)
		}
		out = append(out, m...)
	}
	return out
}

type encoder struct{ order binary.ByteOrder }

func (e encoder) tag(kind uint32, data []byte, pad bool) []byte {
	b := make([]byte, 8, 16+len(data))
	e.order.PutUint32(b, kind)
	e.order.PutUint32(b[4:], uint32(len(data)))
	b = append(b, data...)
	for pad && len(b)%8 != 0 {
		b = append(b, 0)
	}
	return b
}

func (e encoder) words(v ...int) []byte {
	b := make([]byte, 4*len(v))
	for i, x := range v {
		e.order.PutUint32(b[4*i:], uint32(x))
	}
	return b
}

func (e encoder) array(v Variable, name string) []byte {
	class := 6
	switch v.Class {
	case Struct:
		class = 2
	case Char:
		class = 4
	}
	dims := v.Dims
	if v.Class == Char {
		dims = []int{1, len(v.Text)}
	}
	body := e.tag(miUINT32, e.words(class, 0), true)
	body = append(body, e.tag(miINT32, e.words(dims...), true)...)
	body = append(body, e.tag(miINT8, []byte(name), true)...)
	switch v.Class {
	case Struct:
		const width = 32
		names := make([]byte, width*len(v.Fields))
		for i, f := range v.Fields {
			copy(names[i*width:(i+1)*width-1], f.Name)
		}
		body = append(body, e.tag(miINT32, e.words(width), true)...)
		body = append(body, e.tag(miINT8, names, true)...)
		for _, f := range v.Fields {
			body = append(body, e.array(f, "")...)
		}
	case Char:
		body = append(body, e.tag(miUTF8, []byte(v.Text), true)...)
	default:
		b := make([]byte, 8*len(v.Data))
		for i, x := range v.Data {
			e.order.PutUint64(b[8*i:], math.Float64bits(x))
		}
		body = append(body, e.tag(miDOUBLE, b, true)...)
	}
	return e.tag(miMATRIX, body, true)
}
