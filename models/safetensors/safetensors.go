// Package safetensors reads and writes files of named tensors.
//
// A file is eight bytes of header length (little endian), a JSON header that maps the
// name of a tensor to its dtype, shape and offsets, and the tensors' bytes back to back.
// Here tensors are F32 or I32. Parse believes nothing: what a header states is held
// against the bytes at hand before anything is allocated.
//
// Format: https://github.com/huggingface/safetensors.
package safetensors

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"brinell/bearing"
)

// The bounds of a file that Parse reads.
const (
	MaxHeader  = 4 << 20   // bytes
	MaxFile    = 256 << 20 // bytes
	MaxTensors = 2048

	maxDimensions = 4
	metadataKey   = "__metadata__"
)

// Tensor is a named array in row-major order: of float32, or of int32 where F32 is nil.
type Tensor struct {
	Name  string
	Shape []int
	F32   []float32
	I32   []int32
}

// shape is that of a tensor.
type shape []int

func (s *shape) UnmarshalJSON(b []byte) error {
	if n := 1 + bytes.Count(b, []byte{','}); n > maxDimensions {
		return fmt.Errorf("%d dimensions, at most %d are read", n, maxDimensions)
	}
	return json.Unmarshal(b, (*[]int)(s))
}

type entry struct {
	DType   string `json:"dtype"`
	Shape   shape  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// Writer collects the tensors of a file.
type Writer struct {
	data   []byte
	header map[string]any
}

// Add appends a tensor. It panics if the name stands already, or if the shape does not
// say how many elements there are.
func (w *Writer) Add(t Tensor) {
	if w.header == nil {
		w.header = make(map[string]any)
	}
	if _, twice := w.header[t.Name]; twice || t.Name == metadataKey {
		panic("safetensors: tensor " + t.Name + " stands twice")
	}
	size, from, dtype := 1, len(w.data), "F32"
	for _, n := range t.Shape {
		size *= n
	}
	if t.F32 == nil && t.I32 != nil {
		dtype = "I32"
	}
	for _, v := range t.F32 {
		w.data = binary.LittleEndian.AppendUint32(w.data, math.Float32bits(v))
	}
	for _, v := range t.I32 {
		w.data = binary.LittleEndian.AppendUint32(w.data, uint32(v)) //nolint:gosec // the bits
	}
	if size != len(t.F32)+len(t.I32) {
		panic(fmt.Sprintf("safetensors: tensor %s has %d elements for shape %v", t.Name, len(t.F32)+len(t.I32), t.Shape))
	}
	w.header[t.Name] = entry{dtype, t.Shape, [2]int{from, len(w.data)}}
}

// Digest returns the SHA-256 of all tensor bytes, hex.
func (w *Writer) Digest() string { return Checksum(w.data) }

// File returns the file with that metadata.
func (w *Writer) File(metadata map[string]string) ([]byte, error) {
	if w.header == nil {
		w.header = make(map[string]any)
	}
	w.header[metadataKey] = metadata
	h, err := json.Marshal(w.header)
	delete(w.header, metadataKey)
	if err != nil {
		return nil, err
	}
	// Tensors start on a multiple of eight bytes, as the format asks.
	for len(h)%8 != 0 {
		h = append(h, ' ')
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(h)))
	return append(append(out, h...), w.data...), nil
}

// Checksum returns the SHA-256 of b, hex.
func Checksum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// File is a parsed file. It shares the bytes that it was parsed from.
type File struct {
	tensors map[string]entry
	data    []byte
	read    map[string]bool
}

// Parse reads the header of a file, and its metadata into meta, which is a pointer to
// what JSON can be read into. The error says what contradicts the bytes at hand.
func Parse(b []byte, meta any) (*File, error) {
	if len(b) < 8 {
		return nil, fmt.Errorf("%d bytes are no safetensors file", len(b))
	}
	n := binary.LittleEndian.Uint64(b)
	if n > MaxHeader || n > uint64(len(b)-8) {
		return nil, fmt.Errorf("it is no safetensors file, or cut off: header of %d bytes in a file of %d", n, len(b))
	}
	f := &File{tensors: make(map[string]entry), data: b[8+n:], read: make(map[string]bool)}
	d := json.NewDecoder(bytes.NewReader(b[8 : 8+n]))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("the header is no JSON object: %v", err)
	}
	covered := 0
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("header: %w", err)
		}
		name, _ := key.(string)
		if name == metadataKey {
			if err := d.Decode(meta); err != nil {
				return nil, fmt.Errorf("header: %s: %w", metadataKey, err)
			}
			continue
		}
		size, err := f.entry(d, name)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", bearing.Clip(name), err)
		}
		covered += size
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("something stands after the header's JSON object")
	}
	if covered != len(f.data) {
		return nil, fmt.Errorf("tensors cover %d of %d bytes", covered, len(f.data))
	}
	return f, nil
}

// entry reads what the header says of a tensor, and returns how many bytes it has.
func (f *File) entry(d *json.Decoder, name string) (size int, err error) {
	var t entry
	if err := d.Decode(&t); err != nil {
		return 0, err
	}
	if _, twice := f.tensors[name]; twice || len(f.tensors) == MaxTensors {
		return 0, fmt.Errorf("it stands twice, or is one of more than %d", MaxTensors)
	}
	size = 4
	for _, s := range t.Shape {
		if s < 0 || s > MaxFile || size*s > MaxFile {
			return 0, fmt.Errorf("shape %v", t.Shape)
		}
		size *= s
	}
	from, to := t.Offsets[0], t.Offsets[1]
	if t.DType != "F32" && t.DType != "I32" || from < 0 || to < from || to > len(f.data) || to-from != size {
		return 0, fmt.Errorf("%s %v at %v in %d bytes", bearing.Clip(t.DType), t.Shape, t.Offsets, len(f.data))
	}
	f.tensors[name] = t
	return size, nil
}

// Digest returns the SHA-256 of all tensor bytes, hex.
func (f *File) Digest() string { return Checksum(f.data) }

// Bytes returns how many bytes the tensors have in all.
func (f *File) Bytes() int { return len(f.data) }

// Has reports whether the file holds a tensor of that name.
func (f *File) Has(name string) bool {
	_, ok := f.tensors[name]
	return ok
}

// Shape returns the shape of a tensor, nil for none.
func (f *File) Shape(name string) []int { return slices.Clone(f.tensors[name].Shape) }

// Names returns the names of all tensors, sorted.
func (f *File) Names() []string {
	names := make([]string, 0, len(f.tensors))
	for n := range f.tensors {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Unread returns the names of the tensors that nobody has asked for, sorted.
func (f *File) Unread() []string {
	return slices.DeleteFunc(f.Names(), func(n string) bool { return f.read[n] })
}

// Float32 returns the elements of a tensor of that shape, which are finite.
func (f *File) Float32(name string, shape ...int) (Elements, error) {
	t, ok := f.tensors[name]
	if !ok {
		return nil, fmt.Errorf("tensor %s is missing", name)
	}
	if t.DType != "F32" || !slices.Equal(t.Shape, shape) {
		return nil, fmt.Errorf("tensor %s is %s %v, need F32 %v", name, t.DType, t.Shape, shape)
	}
	f.read[name] = true
	b := Elements(f.data[t.Offsets[0]:t.Offsets[1]])
	for i := range b.Len() {
		if v := float64(b.At(i)); v-v != 0 {
			return nil, fmt.Errorf("tensor %s: element %d is %v", name, i, v)
		}
	}
	return b, nil
}

// Int32 returns the elements of a tensor of one dimension.
func (f *File) Int32(name string) ([]int32, error) {
	t, ok := f.tensors[name]
	if !ok || t.DType != "I32" || len(t.Shape) != 1 {
		return nil, fmt.Errorf("tensor %s is missing or no row of I32", name)
	}
	f.read[name] = true
	b := f.data[t.Offsets[0]:t.Offsets[1]]
	v := make([]int32, len(b)/4)
	for i := range v {
		v[i] = int32(binary.LittleEndian.Uint32(b[4*i:])) //nolint:gosec // the bits
	}
	return v, nil
}

// Elements are the float32 of a tensor as they stand in its file.
type Elements []byte

// Len returns how many there are.
func (b Elements) Len() int { return len(b) / 4 }

// At returns one of them.
func (b Elements) At(i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
}

// Fill copies them to dst, which has Len elements.
func (b Elements) Fill(dst []float32) {
	for i := range dst {
		dst[i] = b.At(i)
	}
}

// Least returns the least of them and 0.
func (b Elements) Least() (v float32) {
	for i := range b.Len() {
		v = min(v, b.At(i))
	}
	return v
}

// Values returns them as a slice of its own.
func (b Elements) Values() []float32 {
	v := make([]float32, b.Len())
	b.Fill(v)
	return v
}
