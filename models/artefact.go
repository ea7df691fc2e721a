package models

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"brinell/bearing"
	"brinell/internal/files"
	"brinell/models/safetensors"
)

// A model file is a safetensors file. The manifest is JSON in the header's __metadata__
// under manifestKey. Tensors are the estimator's parameters by its names and the golden
// windows with their logits. Format: docs/artefact.md.
const (
	formatVersion = 2 // 1 is read too: its golden windows of models on lines were evidence
	manifestKey   = "brinell"
	checksumKey   = "brinell.sha256" // of the manifest's text, hex
	calibrated    = "calibration"

	maxFile  = safetensors.MaxFile // four times the weights that a spec may have
	maxParts = 1 << 14             // JSON objects in a manifest: layers, stretches seen, scores
	maxCells = 1 << 17             // and what stands between commas: null is an object too
)

// metadata is what the header has beside tensors.
type metadata struct {
	Manifest string `json:"brinell"`
	Checksum string `json:"brinell.sha256"`
}

// Encode returns the model file. It sets Format, Digest and what follows from the
// estimator and the program.
func (m *Model) Encode() ([]byte, error) {
	b, err := m.encode()
	if err != nil {
		return nil, fmt.Errorf("encode model: %w", err)
	}
	return b, nil
}

func (m *Model) encode() ([]byte, error) {
	m.Format = formatVersion
	if net := m.Network(); net != nil {
		m.Spec = net.Spec
	}
	if err := m.validate(); err != nil {
		return nil, err
	}
	m.Preprocessing = m.Preprocessing.Stamped()
	if len(m.golden.windows) == 0 {
		return nil, fmt.Errorf("no golden windows are set")
	}
	if err := m.checkProof(); err != nil {
		return nil, err
	}
	var w safetensors.Writer
	for _, t := range m.Estimator.Tensors() {
		w.Add(t)
	}
	m.writeGolden(&w)
	if m.fitted() {
		v := m.Calibration.tensor()
		w.Add(safetensors.Tensor{Name: calibrated, Shape: []int{len(v)}, F32: v})
	}
	m.Digest = w.Digest()
	manifest, err := json.Marshal(m.Manifest)
	if err != nil {
		return nil, err
	}
	if err := checkParts(string(manifest)); err != nil {
		return nil, fmt.Errorf("%w: state fewer stretches", err)
	}
	return w.File(map[string]string{"format": "brinell", manifestKey: string(manifest), checksumKey: safetensors.Checksum(manifest)})
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
	var meta metadata
	f, err := safetensors.Parse(b, &meta)
	if err != nil {
		return nil, err
	}
	m, err := decodeManifest(meta)
	if err != nil {
		return nil, err
	}
	if f.Digest() != m.Digest {
		return nil, fmt.Errorf("the tensor bytes do not match the digest: the file is damaged or edited")
	}
	if err := m.readGolden(f); err != nil {
		return nil, err
	}
	if m.fitted() {
		if err := m.checkCalibration(f); err != nil {
			return nil, err
		}
	}
	s, err := m.settings()
	if err != nil {
		return nil, err
	}
	if m.Estimator, err = s.Restore(m.problem(), f); err != nil {
		return nil, err
	}
	if left := f.Unread(); len(left) > 0 {
		return nil, fmt.Errorf("tensor %q belongs to nothing that the manifest names", bearing.Clip(left[0]))
	}
	if err := m.checkProof(); err != nil {
		return nil, err
	}
	if err := m.checkWork(); err != nil {
		return nil, err
	}
	return m, m.checkGolden()
}

// decodeManifest reads the manifest and checks it.
func decodeManifest(meta metadata) (*Model, error) {
	if err := checkParts(meta.Manifest); err != nil {
		return nil, err
	}
	if safetensors.Checksum([]byte(meta.Manifest)) != meta.Checksum {
		return nil, fmt.Errorf("the manifest does not match its checksum: the file is damaged or edited")
	}
	m := new(Model)
	d := json.NewDecoder(bytes.NewReader([]byte(meta.Manifest)))
	d.DisallowUnknownFields()
	if err := d.Decode(&m.Manifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return m, nil
}

// checkParts bounds what reading a manifest allocates.
func checkParts(manifest string) error {
	if n := strings.Count(manifest, "{"); n > maxParts {
		return fmt.Errorf("the manifest has %d parts, at most %d are read", n, maxParts)
	}
	if n := strings.Count(manifest, ","); n > maxCells {
		return fmt.Errorf("the manifest has %d cells, at most %d are read", n, maxCells)
	}
	return nil
}

// fitted reports whether the calibration is one of this file, with its provenance.
func (m *Model) fitted() bool { return m.Calibration != nil && m.Calibration.Fit != nil }

// checkCalibration compares the manifest's calibration with the tensor that the digest
// covers.
func (m *Model) checkCalibration(f *safetensors.File) error {
	want := m.Calibration.tensor()
	b, err := f.Float32(calibrated, len(want))
	if err == nil && !slices.Equal(b.Values(), want) {
		err = fmt.Errorf("tensor %s is not the manifest's calibration", calibrated)
	}
	return err
}

// Size returns the length of the model file in bytes, without the golden windows,
// whose number and length have nothing to do with the estimator.
func (m *Model) Size() (int, error) {
	b, err := m.Encode()
	if err != nil {
		return 0, err
	}
	return len(b) - m.golden.bytes(m.Golden), nil
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

// Save writes the model file to path, whole or not at all.
func (m *Model) Save(path string) error {
	b, err := m.Encode()
	if err == nil {
		err = files.Replace(path, b, nil)
	}
	if err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	return nil
}
