package models

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"brinell/bearing"
	"brinell/models/nn"
)

// A model file is a safetensors file: eight bytes of header length (little
// endian), a JSON header, tensor bytes. The manifest is JSON in the header's
// __metadata__ under manifestKey. Tensors are the network's parameters by their
// names and the golden windows with their logits; a weight that is mostly zero is
// stored as its groups (sparse.go).
// Format: docs/artefact.md; https://github.com/huggingface/safetensors.
const (
	formatVersion = 1
	manifestKey   = "brinell"
	checksumKey   = "brinell.sha256" // of the manifest's text, hex
	metadataKey   = "__metadata__"
	goldenWindows = "golden.windows"
	goldenLogits  = "golden.logits"
	calibrated    = "calibration"

	maxHeader  = 4 << 20
	maxFile    = 256 << 20 // four times the weights that a spec may have
	maxGolden  = 64
	maxTensors = 2048
	maxParts   = 1 << 14 // JSON objects in a manifest: layers, stretches seen, scores
	maxProof   = 1 << 32 // multiply-accumulates of all golden windows together
)

// golden windows are samples (Length at the model's rate, before any transform) with
// the logits that the model gave when it was saved.
type golden struct {
	windows, logits []float32
}

func (g golden) count(classes int) int { return len(g.logits) / classes }

// goldenTolerance is how far logits may be off, relative to the largest: other
// processors round differently, a wrong file is off by far more.
const goldenTolerance = 1e-3

// shape is that of a tensor. None of a network has more than three dimensions.
type shape []int

const maxDimensions = 4

func (s *shape) UnmarshalJSON(b []byte) error {
	if n := 1 + bytes.Count(b, []byte{','}); n > maxDimensions {
		return fmt.Errorf("%d dimensions, at most %d are read", n, maxDimensions)
	}
	return json.Unmarshal(b, (*[]int)(s))
}

// metadata is what the header has beside tensors.
type metadata struct {
	Manifest string `json:"brinell"`
	Checksum string `json:"brinell.sha256"`
}

type tensorHeader struct {
	DType   string `json:"dtype"`
	Shape   shape  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// SetGolden stores windows, each of the preprocessing's length at its rate, as
// the model's golden ones: their present logits are saved with it, and Open
// refuses a file that does not reproduce them.
func (m *Model) SetGolden(windows [][]float32) error {
	if len(windows) == 0 || len(windows) > maxGolden {
		return fmt.Errorf("%d golden windows, need 1 to %d", len(windows), maxGolden)
	}
	m.golden = golden{}
	c := m.Classifier()
	for _, w := range windows {
		z, err := c.Logits(w, m.Preprocessing.SampleRate)
		if err != nil {
			return err
		}
		m.golden.windows = append(m.golden.windows, w...)
		m.golden.logits = append(m.golden.logits, z...)
	}
	return nil
}

// Golden returns the golden windows.
func (m *Model) Golden() [][]float32 {
	var w [][]float32
	for s := range slices.Chunk(m.golden.windows, m.Preprocessing.goldenLength()) {
		w = append(w, s)
	}
	return w
}

// Encode returns the model file. It sets Format and Digest.
func (m *Model) Encode() ([]byte, error) {
	m.Format = formatVersion
	m.Spec = m.Net.Spec
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("encode model: %w", err)
	}
	count := m.golden.count(len(m.Labels))
	if count == 0 {
		return nil, fmt.Errorf("encode model: no golden windows are set")
	}
	if err := m.checkProof(); err != nil {
		return nil, fmt.Errorf("encode model: %w", err)
	}
	var data []byte
	header := make(map[string]any)
	add := func(name string, shape []int, v []float32) {
		from := len(data)
		for _, x := range v {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
		header[name] = tensorHeader{"F32", shape, [2]int{from, len(data)}}
	}
	for _, p := range m.Net.Params() {
		if g, ok := m.groups(p); ok {
			starts, columns, values := g.Parts()
			add(p.Name()+valuesSuffix, []int{g.Count(), g.Width()}, values)
			data = addIndices(header, data, p.Name()+columnsSuffix, columns)
			data = addIndices(header, data, p.Name()+startsSuffix, starts)
			continue
		}
		add(p.Name(), p.Shape, p.W)
	}
	add(goldenWindows, []int{count, m.Preprocessing.goldenLength()}, m.golden.windows)
	add(goldenLogits, []int{count, len(m.Labels)}, m.golden.logits)

	if m.fitted() {
		v := m.Calibration.tensor()
		add(calibrated, []int{len(v)}, v)
	}

	m.Digest = checksum(data)
	manifest, err := json.Marshal(m.Manifest)
	if err != nil {
		return nil, fmt.Errorf("encode model: %w", err)
	}
	if n := strings.Count(string(manifest), "{"); n > maxParts {
		return nil, fmt.Errorf("encode model: the manifest has %d parts, at most %d are read: state fewer stretches", n, maxParts)
	}
	header[metadataKey] = map[string]string{"format": "brinell", manifestKey: string(manifest), checksumKey: checksum(manifest)}
	h, err := json.Marshal(header)
	if err != nil {
		return nil, fmt.Errorf("encode model: %w", err)
	}
	// Tensors start on a multiple of eight bytes, as the format asks.
	for len(h)%8 != 0 {
		h = append(h, ' ')
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(h)))
	return append(append(out, h...), data...), nil
}

// Decode reads a model file and proves it: sizes are checked before anything is
// allocated, the digest must match, weights must be finite and the golden
// windows must give their logits. The error has code model_rejected.
func Decode(b []byte) (*Model, error) {
	m, err := decode(b)
	if err != nil {
		return nil, bearing.Errorf(bearing.Invalid, "model_rejected", "the model file is refused: %v", err)
	}
	return m, nil
}

func decode(b []byte) (*Model, error) {
	tensors, meta, data, err := splitFile(b)
	if err != nil {
		return nil, err
	}
	manifest := meta.Manifest
	if n := strings.Count(manifest, "{"); n > maxParts {
		return nil, fmt.Errorf("the manifest has %d parts, at most %d are read", n, maxParts)
	}
	if checksum([]byte(manifest)) != meta.Checksum {
		return nil, fmt.Errorf("the manifest does not match its checksum: the file is damaged or edited")
	}
	m := new(Model)
	d := json.NewDecoder(bytes.NewReader([]byte(manifest)))
	d.DisallowUnknownFields()
	if err := d.Decode(&m.Manifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if checksum(data) != m.Digest {
		return nil, fmt.Errorf("the tensor bytes do not match the digest: the file is damaged or edited")
	}
	// What can be refused is, by what the file holds, before the network takes memory.
	_, total := m.Counts()
	if total.Params*4 > expansion(tensors)*len(data) {
		return nil, fmt.Errorf("the spec has %d parameters, the file holds %d bytes", total.Params, len(data))
	}
	params := m.Spec.Params(len(m.Labels))
	fill, want := make([]func(w []float32), len(params)), 2
	for i, p := range params {
		if _, ok := tensors[p.Name()+startsSuffix]; ok {
			if fill[i], err = m.readGroups(p, tensors, data); err != nil {
				return nil, err
			}
			want += 3
			continue
		}
		want++
		b, err := tensor(tensors, data, p.Name(), p.Shape)
		if err != nil {
			return nil, err
		}
		if p.Role == nn.Variance && b.least() < 0 {
			return nil, fmt.Errorf("tensor %s: negative variance", p.Name())
		}
		fill[i] = b.fill
	}
	if err := m.readGolden(tensors, data); err != nil {
		return nil, err
	}
	if m.fitted() {
		want++
		if err := m.checkCalibration(tensors, data); err != nil {
			return nil, err
		}
	}
	if len(tensors) != want {
		return nil, fmt.Errorf("%d tensors, the spec has %d", len(tensors), want)
	}
	if err := m.checkProof(); err != nil {
		return nil, err
	}
	if m.Net, err = nn.New(m.Spec, len(m.Labels), nil); err != nil {
		return nil, err
	}
	for i, p := range m.Net.Params() {
		fill[i](p.W)
	}
	return m, m.checkGolden()
}

// checksum returns the SHA-256 of text, hex.
func checksum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// splitFile parses the container: header, metadata and tensor bytes.
func splitFile(b []byte) (_ map[string]tensorHeader, meta metadata, _ []byte, _ error) {
	if len(b) < 8 {
		return nil, meta, nil, fmt.Errorf("%d bytes are no safetensors file", len(b))
	}
	n := binary.LittleEndian.Uint64(b)
	if n > maxHeader || n > uint64(len(b)-8) {
		return nil, meta, nil, fmt.Errorf("it is no safetensors file, or cut off: header of %d bytes in a file of %d", n, len(b))
	}
	d := json.NewDecoder(bytes.NewReader(b[8 : 8+n]))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, meta, nil, fmt.Errorf("the header is no JSON object: %v", err)
	}
	data := b[8+n:]
	tensors := make(map[string]tensorHeader)
	covered := 0
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, meta, nil, fmt.Errorf("header: %w", err)
		}
		name, _ := key.(string)
		if name == metadataKey {
			if err := d.Decode(&meta); err != nil {
				return nil, meta, nil, fmt.Errorf("header: %s: %w", metadataKey, err)
			}
			continue
		}
		var t tensorHeader
		if err := d.Decode(&t); err != nil {
			return nil, meta, nil, fmt.Errorf("tensor %q: %w", bearing.Clip(name), err)
		}
		if _, twice := tensors[name]; twice || len(tensors) == maxTensors {
			return nil, meta, nil, fmt.Errorf("tensor %q stands twice, or is one of more than %d", bearing.Clip(name), maxTensors)
		}
		size := 4
		for _, s := range t.Shape {
			if s < 0 || s > maxFile || size*s > maxFile {
				return nil, meta, nil, fmt.Errorf("tensor %q: shape %v", bearing.Clip(name), t.Shape)
			}
			size *= s
		}
		from, to := t.Offsets[0], t.Offsets[1]
		if t.DType != "F32" && t.DType != "I32" || from < 0 || to < from || to > len(data) || to-from != size {
			return nil, meta, nil, fmt.Errorf("tensor %q: %s %v at %v in %d bytes", bearing.Clip(name), bearing.Clip(t.DType), t.Shape, t.Offsets, len(data))
		}
		covered += size
		tensors[name] = t
	}
	if _, err := d.Token(); err != nil {
		return nil, meta, nil, fmt.Errorf("header: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, meta, nil, fmt.Errorf("something stands after the header's JSON object")
	}
	if covered != len(data) {
		return nil, meta, nil, fmt.Errorf("tensors cover %d of %d bytes", covered, len(data))
	}
	return tensors, meta, data, nil
}

// elements are those of a tensor as they stand in its file.
type elements []byte

func (b elements) at(i int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])) }

func (b elements) fill(dst []float32) {
	for i := range dst {
		dst[i] = b.at(i)
	}
}

// least returns the least of them, 0 for none.
func (b elements) least() (v float32) {
	for i := range len(b) / 4 {
		v = min(v, b.at(i))
	}
	return v
}

// values returns them as a slice of its own.
func (b elements) values() []float32 {
	v := make([]float32, len(b)/4)
	b.fill(v)
	return v
}

// tensor returns the elements of a tensor of that shape, which are finite.
func tensor(ts map[string]tensorHeader, data []byte, name string, shape []int) (elements, error) {
	t, ok := ts[name]
	if !ok {
		return nil, fmt.Errorf("tensor %s is missing", name)
	}
	if t.DType != "F32" || !slices.Equal(t.Shape, shape) {
		return nil, fmt.Errorf("tensor %s is %s %v, the spec says F32 %v", name, t.DType, t.Shape, shape)
	}
	b := elements(data[t.Offsets[0]:t.Offsets[1]])
	for i := range len(b) / 4 {
		if d := float64(b.at(i)); d-d != 0 {
			return nil, fmt.Errorf("tensor %s: element %d is %v", name, i, d)
		}
	}
	return b, nil
}

func (m *Model) readGolden(ts map[string]tensorHeader, data []byte) error {
	shape := ts[goldenLogits].Shape
	if len(shape) != 2 || shape[0] < 1 || shape[0] > maxGolden {
		return fmt.Errorf("tensor %s has shape %v, need 1 to %d windows", goldenLogits, shape, maxGolden)
	}
	logits, err := tensor(ts, data, goldenLogits, []int{shape[0], len(m.Labels)})
	if err != nil {
		return err
	}
	windows, err := tensor(ts, data, goldenWindows, []int{shape[0], m.Preprocessing.goldenLength()})
	m.golden = golden{windows.values(), logits.values()}
	return err
}

// fitted reports whether the calibration is one of this file, with its provenance.
func (m *Model) fitted() bool { return m.Calibration != nil && m.Calibration.Fit != nil }

// checkCalibration compares the manifest's calibration with the tensor that the digest
// covers.
func (m *Model) checkCalibration(ts map[string]tensorHeader, data []byte) error {
	want := m.Calibration.tensor()
	b, err := tensor(ts, data, calibrated, []int{len(want)})
	if err == nil && !slices.Equal(b.values(), want) {
		err = fmt.Errorf("tensor %s is not the manifest's calibration", calibrated)
	}
	return err
}

// checkProof bounds what it takes to compute the golden windows.
func (m *Model) checkProof() error {
	_, total := m.Counts()
	if n := m.golden.count(len(m.Labels)); n*total.MACs > maxProof {
		return fmt.Errorf("%d golden windows of %d multiply-accumulates each, all may take %d: keep fewer", n, total.MACs, maxProof)
	}
	return nil
}

func (m *Model) checkGolden() error {
	c := m.Classifier()
	var top float64
	for _, v := range m.golden.logits {
		top = max(top, math.Abs(float64(v)))
	}
	for i, w := range m.Golden() {
		z, err := c.Logits(w, m.Preprocessing.SampleRate)
		if err != nil {
			return err
		}
		for j, v := range z {
			want := m.golden.logits[i*len(m.Labels)+j]
			if !(math.Abs(float64(v-want)) <= goldenTolerance*(1+top)) {
				return fmt.Errorf("golden window %d: logit of %s is %v, the file says %v: its weights, spec and preprocessing do not belong together", i, m.Labels[j].Name, v, want)
			}
		}
	}
	return nil
}

// Size returns the length of the model file in bytes, without the golden windows,
// whose number and length have nothing to do with the network.
func (m *Model) Size() (int, error) {
	b, err := m.Encode()
	return len(b) - 4*(len(m.golden.windows)+len(m.golden.logits)), err
}

// Copy returns a model of its own with the same contents.
func (m *Model) Copy() (*Model, error) {
	b, err := m.Encode()
	if err != nil {
		return nil, err
	}
	return Decode(b)
}

// Open reads the model file at path.
func Open(path string) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, bearing.Errorf(bearing.NotFound, "model_not_found", "%v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read model %q: %w", path, err)
	}
	if info.Size() > maxFile {
		return nil, bearing.Errorf(bearing.TooLarge, "model_rejected", "model file %q is larger than %d bytes", path, maxFile)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("read model %q: %w", path, err)
	}
	return Decode(b)
}

// Save writes the model file to path, whole or not at all: a temporary file in
// the same directory is synced and renamed.
func (m *Model) Save(path string) error {
	b, err := m.Encode()
	if err != nil {
		return err
	}
	return write(path, b, (*os.File).Sync)
}

// write does it with what is to make it last.
func write(path string, b []byte, sync func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".brinell-*")
	if err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(b); err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = sync(f)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	return nil
}
