package matfile

import (
	"bytes"
	"encoding/binary"

	"brinell/bearing"
)

// Class is the MATLAB class of a variable.
type Class string

// The classes that are read. Logical arrays are numeric arrays of 0 and 1.
const (
	Double Class = "double"
	Single Class = "single"
	Int8   Class = "int8"
	Uint8  Class = "uint8"
	Int16  Class = "int16"
	Uint16 Class = "uint16"
	Int32  Class = "int32"
	Uint32 Class = "uint32"
	Int64  Class = "int64"
	Uint64 Class = "uint64"
	Char   Class = "char"
	Struct Class = "struct"
	Cell   Class = "cell"
)

// File is a decoded MAT file.
type File struct {
	Header    string     // descriptive text
	Variables []Variable // in file order
	Skipped   []string   // variables that were passed over, each with its reason
}

// Variable is a named array, in column-major order.
type Variable struct {
	Name   string
	Class  Class
	Dims   []int
	Data   []float64  // numeric: one element per entry
	Text   string     // char
	Fields []Variable // struct of one element: its fields in file order
	Cells  []Variable // cell: its entries; struct of several elements: each as a struct of one
}

// Lookup returns the variable of that name.
func (f *File) Lookup(name string) (*Variable, bool) { return lookup(f.Variables, name) }

// Field returns the field of that name of a struct of one element.
func (v *Variable) Field(name string) (*Variable, bool) { return lookup(v.Fields, name) }

func lookup(vs []Variable, name string) (*Variable, bool) {
	for i := range vs {
		if vs[i].Name == name {
			return &vs[i], true
		}
	}
	return nil, false
}

// Scalar returns the value of a numeric array of one element.
func (v *Variable) Scalar() (float64, bool) {
	if len(v.Data) != 1 {
		return 0, false
	}
	return v.Data[0], true
}

// Vector returns the values of a numeric array of which at most one dimension is
// longer than 1.
func (v *Variable) Vector() ([]float64, bool) {
	long := 0
	for _, d := range v.Dims {
		if d > 1 {
			long++
		}
	}
	return v.Data, long <= 1 && len(v.Data) > 0
}

// Bounds on what one file may decode to.
const (
	headerSize   = 128
	maxVariables = 256
	maxDepth     = 5       // cells and structs inside each other
	maxNodes     = 1 << 16 // arrays and names of fields in all
	maxName      = 4096    // bytes of a name; MATLAB takes 63
	maxText      = 1 << 16 // bytes of a character array
	maxElements  = 1 << 26 // numbers in all: 512 MiB of float64
	maxInflated  = 1 << 29 // bytes inflated in all
	inflateRatio = 200     // of one element beyond inflateFree
	inflateFree  = 1 << 24 // vibration compresses by 1.1, constant arrays by 1000
)

// Decode reads a MAT file. Errors are *bearing.Error: mat_version for level 4 and
// 7.3, mat_too_large for a file beyond the bounds, mat_malformed for anything
// that contradicts itself.
func Decode(b []byte) (*File, error) { return DecodeAtMost(b, maxElements, maxInflated) }

// DecodeAtMost is Decode of a file of at most so many numbers, of which compressed
// ones take at most so many bytes.
func DecodeAtMost(b []byte, numbers, inflated int) (*File, error) {
	if err := refuseOthers(b); err != nil {
		return nil, err
	}
	d := &decoder{most: min(numbers, maxElements), mostInflated: min(inflated, maxInflated)}
	switch string(b[126:128]) {
	case "IM":
		d.order = binary.LittleEndian
	case "MI":
		d.order = binary.BigEndian
	default:
		return nil, malformed("no byte order mark")
	}
	if v := d.order.Uint16(b[124:]); v != 0x0100 {
		return nil, bearing.Errorf(bearing.Unsupported, "mat_version", "MAT version 0x%04x is not level 5: save the file again with -v7 or -v6", v)
	}
	f := &File{Header: string(bytes.TrimRight(b[:116], "\x00 "))}
	if err := d.variables(f, b[headerSize:]); err != nil {
		return nil, err
	}
	return f, nil
}

// refuseOthers tells by the first bytes what is no level-5 file.
func refuseOthers(b []byte) error {
	if bytes.HasPrefix(b, []byte("\x89HDF\r\n\x1a\n")) || bytes.HasPrefix(b, []byte("MATLAB 7.3")) {
		return bearing.Errorf(bearing.Unsupported, "mat_version", "MAT version 7.3 (HDF5) is not read: save the file again with -v7 or -v6")
	}
	if len(b) < headerSize {
		return malformed("%d bytes are too short for a MAT file", len(b))
	}
	// Level 5 forbids a zero among the first four bytes; level 4 has one there,
	// because its type number is below 5000.
	if bytes.IndexByte(b[:4], 0) >= 0 {
		return bearing.Errorf(bearing.Unsupported, "mat_version", "MAT level 4 is not read: save the file again with -v7 or -v6")
	}
	return nil
}

func malformed(format string, args ...any) error {
	e := bearing.Errorf(bearing.Malformed, "mat_malformed", format, args...)
	e.Message = "the MAT file is damaged: " + e.Message
	return e
}

func tooLarge(format string, args ...any) error {
	return bearing.Errorf(bearing.TooLarge, "mat_too_large", format, args...)
}
