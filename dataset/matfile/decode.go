package matfile

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Types of data elements.
const (
	miINT8       = 1
	miUINT8      = 2
	miINT16      = 3
	miUINT16     = 4
	miINT32      = 5
	miUINT32     = 6
	miSINGLE     = 7
	miDOUBLE     = 9
	miINT64      = 12
	miUINT64     = 13
	miMATRIX     = 14
	miCOMPRESSED = 15
	miUTF8       = 16
	miUTF16      = 17
	miUTF32      = 18
)

// widths are the bytes of one value.
var widths = map[uint32]int{
	miINT8: 1, miUINT8: 1, miINT16: 2, miUINT16: 2, miINT32: 4, miUINT32: 4, miSINGLE: 4,
	miDOUBLE: 8, miINT64: 8, miUINT64: 8, miUTF8: 1, miUTF16: 2, miUTF32: 4,
}

// classes are the numeric classes and the three others, by number.
var classes = map[byte]Class{
	1: Cell, 2: Struct, 4: Char, 6: Double, 7: Single, 8: Int8, 9: Uint8,
	10: Int16, 11: Uint16, 12: Int32, 13: Uint32, 14: Int64, 15: Uint64,
}

// passedOver are the classes that are skipped.
var passedOver = map[byte]string{3: "object", 5: "sparse", 16: "function", 17: "opaque", 18: "object"}

const flagComplex = 0x08

// decoder holds the byte order and what has been spent of the bounds.
type decoder struct {
	most, mostInflated int // numbers, and bytes inflated
	order              binary.ByteOrder
	nodes              int
	elements           int
	inflated           int
}

// element is one tagged piece of data.
type element struct {
	kind uint32
	data []byte
}

// next splits the first element off b. Elements are padded to eight bytes,
// except compressed ones and the last, whose padding some writers leave out.
func (d *decoder) next(b []byte) (e element, rest []byte, err error) {
	if len(b) < 8 {
		return e, nil, malformed("an element's tag is cut off")
	}
	tag := d.order.Uint32(b)
	if size := tag >> 16; size != 0 {
		// Small form: type and size in four bytes, the data in the other four.
		if size > 4 {
			return e, nil, malformed("a small element of %d bytes", size)
		}
		return element{tag & 0xffff, b[4 : 4+size]}, b[8:], nil
	}
	size := uint64(d.order.Uint32(b[4:]))
	if size > uint64(len(b)-8) {
		return e, nil, malformed("an element of %d bytes where %d are left", size, len(b)-8)
	}
	e = element{tag, b[8 : 8+size]}
	end := 8 + int(size)
	if tag != miCOMPRESSED {
		end = min(8+(int(size)+7)/8*8, len(b))
	}
	return e, b[end:], nil
}

// variables reads the elements after the header.
func (d *decoder) variables(f *File, b []byte) error {
	for len(b) > 0 {
		e, rest, err := d.next(b)
		if err != nil {
			return err
		}
		b = rest
		if e.kind == miCOMPRESSED {
			if e, err = d.inflate(e.data); err != nil {
				return err
			}
		}
		if e.kind != miMATRIX {
			return malformed("element type %d where a variable is expected", e.kind)
		}
		if len(f.Variables)+len(f.Skipped) >= maxVariables {
			return tooLarge("the MAT file has more than %d variables", maxVariables)
		}
		v, skip, err := d.array(e.data, 0)
		switch {
		case err != nil:
			return err
		case skip != "":
			f.Skipped = append(f.Skipped, v.Name+": "+skip)
		default:
			f.Variables = append(f.Variables, v)
		}
	}
	return nil
}

// inflate returns the one element inside compressed data.
func (d *decoder) inflate(b []byte) (element, error) {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return element{}, malformed("compressed data: %v", err)
	}
	limit := min(inflateFree+inflateRatio*len(b), d.mostInflated-d.inflated)
	out, err := io.ReadAll(io.LimitReader(z, int64(limit)+1))
	if len(out) > limit {
		return element{}, tooLarge("a compressed variable is larger than %d bytes: save the file uncompressed with -v6", limit)
	}
	// A missing checksum at the end does no harm to what was read.
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return element{}, malformed("compressed data: %v", err)
	}
	d.inflated += len(out)
	e, _, err := d.next(out)
	if err == nil && e.kind == miCOMPRESSED {
		err = malformed("compressed data inside compressed data")
	}
	return e, err
}

// array reads the content of a miMATRIX element. A non-empty skip says why the
// array was passed over.
func (d *decoder) array(b []byte, depth int) (v Variable, skip string, err error) {
	if d.nodes++; d.nodes > maxNodes {
		return v, "", tooLarge("the MAT file has more than %d arrays", maxNodes)
	}
	if len(b) == 0 { // an empty cell or field may be an empty element
		return Variable{Class: Double, Dims: []int{0, 0}}, "", nil
	}
	flags, b, err := d.next(b)
	if err != nil {
		return v, "", err
	}
	if flags.kind != miUINT32 || len(flags.data) < 4 {
		return v, "", malformed("an array without flags")
	}
	word := d.order.Uint32(flags.data)
	class := byte(word)
	if class == 17 { // opaque arrays have no dimensions
		name, _, err := d.next(b)
		return Variable{Name: string(name.data[:min(len(name.data), maxName)])}, passedOver[class], err
	}
	dims, b, err := d.next(b)
	if err != nil {
		return v, "", err
	}
	count, err := d.dims(&v, dims)
	if err != nil {
		return v, "", err
	}
	name, b, err := d.next(b)
	if err != nil {
		return v, "", err
	}
	if name.kind != miINT8 && name.kind != miUTF8 && name.kind != miUINT8 {
		return v, "", malformed("an array's name has type %d", name.kind)
	}
	if len(name.data) > maxName {
		return v, "", malformed("an array's name has %d bytes", len(name.data))
	}
	v.Name = string(name.data)
	if reason, ok := passedOver[class]; ok {
		return v, reason, nil
	}
	var known bool
	if v.Class, known = classes[class]; !known {
		return v, "", malformed("array class %d", class)
	}
	switch v.Class {
	case Cell:
		v.Cells, err = d.entries(b, count, depth)
	case Struct:
		err = d.structure(&v, b, count, depth)
	case Char:
		err = d.text(&v, b, count)
	default:
		if word>>8&flagComplex != 0 {
			return v, "complex", nil
		}
		err = d.numbers(&v, b, count)
	}
	return v, "", err
}

// dims reads the dimensions and returns their product.
func (d *decoder) dims(v *Variable, e element) (int, error) {
	n := len(e.data) / 4
	if e.kind != miINT32 || n < 2 || n > 32 || len(e.data)%4 != 0 {
		return 0, malformed("an array with %d bytes of dimensions", len(e.data))
	}
	// Of more than eight the memory counts, as that of arrays does.
	if d.nodes += n / 8; d.nodes > maxNodes {
		return 0, tooLarge("the arrays of the MAT file have too many dimensions, more than two each")
	}
	v.Dims = make([]int, 0, n)
	count := 1
	for i := range n {
		s := int(int32(d.order.Uint32(e.data[4*i:])))
		if s < 0 || s > maxElements || count*s > maxElements {
			return 0, tooLarge("an array of dimension %d has more than %d elements", s, maxElements)
		}
		count *= s
		v.Dims = append(v.Dims, s)
	}
	return count, nil
}

// entries reads count arrays: the entries of a cell, or the fields of structs.
func (d *decoder) entries(b []byte, count, depth int) ([]Variable, error) {
	if depth >= maxDepth {
		return nil, tooLarge("cells and structs are nested deeper than %d", maxDepth)
	}
	// An entry takes at least its tag.
	if count > len(b)/8 {
		return nil, malformed("%d entries in %d bytes", count, len(b))
	}
	out := make([]Variable, 0, count)
	for range count {
		e, rest, err := d.next(b)
		if err != nil {
			return nil, err
		}
		b = rest
		if e.kind != miMATRIX {
			return nil, malformed("element type %d where an array is expected", e.kind)
		}
		v, _, err := d.array(e.data, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// structure reads the fields of a struct array: the length of a name, all names,
// then the values, element by element.
func (d *decoder) structure(v *Variable, b []byte, count, depth int) error {
	width, b, err := d.next(b)
	if err != nil {
		return err
	}
	names, b, err := d.next(b)
	if err != nil {
		return err
	}
	if width.kind != miINT32 || len(width.data) != 4 {
		return malformed("a struct without the length of its field names")
	}
	w := int(int32(d.order.Uint32(width.data)))
	if w < 1 || w > maxName || len(names.data)%w != 0 {
		return malformed("field names of %d bytes, %d each", len(names.data), w)
	}
	if d.nodes += len(names.data) / w; d.nodes > maxNodes {
		return tooLarge("the structs of the MAT file have more than %d fields", maxNodes)
	}
	var fields []string
	for i := 0; i < len(names.data); i += w {
		s, _, _ := strings.Cut(string(names.data[i:i+w]), "\x00")
		fields = append(fields, s)
	}
	if len(fields) == 0 {
		return nil
	}
	if count > maxNodes/len(fields) {
		return tooLarge("a struct array with %d elements of %d fields", count, len(fields))
	}
	values, err := d.entries(b, count*len(fields), depth)
	if err != nil {
		return err
	}
	for i := range values {
		values[i].Name = fields[i%len(fields)]
	}
	if count == 1 {
		v.Fields = values
		return nil
	}
	if d.nodes += count; d.nodes > maxNodes { // each of them is an array of its own from here on
		return tooLarge("the struct arrays of the MAT file have more than %d elements", maxNodes)
	}
	one := []int{1, 1}
	v.Cells = make([]Variable, count)
	for i := range v.Cells {
		v.Cells[i] = Variable{Class: Struct, Dims: one, Fields: values[i*len(fields) : (i+1)*len(fields)]}
	}
	return nil
}

// numbers reads the real part. The type of storage may be narrower than the
// class.
func (d *decoder) numbers(v *Variable, b []byte, count int) error {
	e, _, err := d.next(b)
	if err != nil {
		return err
	}
	w := widths[e.kind]
	if w == 0 || e.kind == miUTF8 || e.kind == miUTF16 || e.kind == miUTF32 {
		return malformed("numbers of type %d", e.kind)
	}
	if len(e.data) != count*w {
		return malformed("array %s: %d bytes for %d numbers of %d", strings.ToValidUTF8(v.Name, "?"), len(e.data), count, w)
	}
	if d.elements += count; d.elements > d.most {
		return tooLarge("the MAT file has more than %d numbers", d.most)
	}
	v.Data = make([]float64, count)
	for i := range v.Data {
		v.Data[i] = d.number(e.kind, e.data[i*w:])
	}
	return nil
}

func (d *decoder) number(kind uint32, b []byte) float64 {
	switch kind {
	case miINT8:
		return float64(int8(b[0]))
	case miUINT8:
		return float64(b[0])
	case miINT16:
		return float64(int16(d.order.Uint16(b)))
	case miUINT16:
		return float64(d.order.Uint16(b))
	case miINT32:
		return float64(int32(d.order.Uint32(b)))
	case miUINT32:
		return float64(d.order.Uint32(b))
	case miSINGLE:
		return float64(math.Float32frombits(d.order.Uint32(b)))
	case miINT64:
		return float64(int64(d.order.Uint64(b)))
	case miUINT64:
		return float64(d.order.Uint64(b))
	}
	return math.Float64frombits(d.order.Uint64(b))
}

// text reads a character array as one string, in column-major order: right for
// the row vectors that strings are. Of a long one it takes the first maxText bytes.
func (d *decoder) text(v *Variable, b []byte, count int) error {
	if count == 0 {
		return nil
	}
	e, _, err := d.next(b)
	if err != nil {
		return err
	}
	e.data = e.data[:min(len(e.data), maxText)]
	switch e.kind {
	case miUTF8, miINT8, miUINT8:
		v.Text = strings.ToValidUTF8(string(e.data), "�")
	case miUINT16, miINT16, miUTF16:
		var s strings.Builder
		s.Grow(len(e.data) / 2 * 3)
		for i := 0; i+2 <= len(e.data); i += 2 {
			r := rune(d.order.Uint16(e.data[i:]))
			if utf16.IsSurrogate(r) {
				low := rune(0)
				if i+4 <= len(e.data) {
					low = rune(d.order.Uint16(e.data[i+2:]))
				}
				if r = utf16.DecodeRune(r, low); r != unicode.ReplacementChar {
					i += 2 // the pair was one
				}
			}
			s.WriteRune(r)
		}
		v.Text = s.String()
	case miUTF32, miUINT32, miINT32:
		var s strings.Builder
		for i := 0; i+4 <= len(e.data); i += 4 {
			s.WriteRune(rune(d.order.Uint32(e.data[i:])))
		}
		v.Text = s.String()
	default:
		return malformed("text of type %d", e.kind)
	}
	return nil
}
