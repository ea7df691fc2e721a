package models

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"brinell/bearing"
	"brinell/models/input"
	"brinell/models/nn"
)

// SpecFile is an architecture as a file holds it: the spec, and what stands between
// samples and its input.
type SpecFile struct {
	nn.Spec
	Transform string `json:"transform,omitempty"` // "", "spectrum" or "lines"
}

// The bounds of a spec file. A spec of maxLayers layers takes about 20 KiB.
const (
	MaxSpecFile  = 1 << 20 // bytes
	maxSpecParts = 2048    // JSON objects in it
)

// SpecFileOf returns the file of an architecture with its preprocessing.
func SpecFileOf(s nn.Spec) SpecFile { return SpecFile{s, PreprocessingOf(s).Transform} }

// ParseSpec reads a spec file and returns the architecture and its preprocessing: that
// of the zoo with a window as long as the input says. Invalid spec_invalid says what
// does not fit, with the path of the layer.
func ParseSpec(b []byte) (nn.Spec, input.Preprocessing, error) {
	f, pre, err := parseSpec(b)
	if err != nil {
		return nn.Spec{}, pre, bearing.Errorf(bearing.Invalid, "spec_invalid", "%v; brinell specs show wdcnn prints one that fits", err)
	}
	return f.Spec, pre, nil
}

func parseSpec(b []byte) (f SpecFile, pre input.Preprocessing, err error) {
	if n := bytes.Count(b, []byte{'{'}); len(b) > MaxSpecFile || n > maxSpecParts {
		return f, pre, fmt.Errorf("the spec has %d bytes and %d objects, at most %d and %d are read", len(b), n, MaxSpecFile, maxSpecParts)
	}
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return f, pre, fmt.Errorf("the spec is not read: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return f, pre, errors.New("something stands after the spec")
	}
	if !bearing.IsName(f.Name) {
		return f, pre, fmt.Errorf("name %q is not a name", bearing.Clip(f.Name))
	}
	if pre, err = f.preprocessing(); err != nil {
		return f, pre, err
	}
	return f, pre, CheckSpec(f.Spec, pre, 2)
}

// preprocessing returns that of the zoo for the file's transform and input.
func (f SpecFile) preprocessing() (input.Preprocessing, error) {
	p := input.Default
	p.Transform, p.Length = f.Transform, f.Input.H
	switch {
	case f.Transform == input.Lines || f.Transform == "" && f.Input == input.OfLines.Shape():
		p = input.OfLines
	case f.Transform == input.Spectrum && f.Input.H <= input.MaxLength/2:
		p.Length = 2 * f.Input.H
	}
	if err := p.Validate(); err != nil {
		return p, err
	}
	if s := p.Shape(); f.Input != s {
		return p, fmt.Errorf("input %v: with transform %q a network reads %v", f.Input, f.Transform, s)
	}
	return p, nil
}

// CheckSpec says what keeps a network of the spec with so many classes from being saved
// and served: layers that do not fit each other, or work that is out of proportion.
func CheckSpec(s nn.Spec, p input.Preprocessing, classes int) error {
	if _, err := s.Shapes(classes); err != nil {
		return err
	}
	if p.Representation().Whole {
		return nil // one input for a window, however long it is
	}
	_, total := s.Counts(classes)
	return checkWork(p, total.MACs+layerWork*s.Depth()+elementWork*s.Elements(classes))
}

// checkWork bounds what one stretch may take.
func checkWork(p input.Preprocessing, work int) error {
	if work > maxWork*p.Length {
		return fmt.Errorf("an input of %d samples takes %d multiply-accumulates, layers included: it may take %d for each sample, or a long window takes minutes", p.Length, work, maxWork)
	}
	return nil
}

// checkWork bounds the work of models that are no networks, whose spec says it before.
func (m *Model) checkWork() error {
	if m.Learner == "" || m.Preprocessing.Representation().Whole {
		return nil
	}
	_, macs := m.Estimator.Count()
	return checkWork(m.Preprocessing, macs)
}

// Of the work that a window of four million samples may take: for each sample, three times
// what the largest of the zoo takes, and what a layer costs beside its products.
const (
	maxWork   = 1 << 15
	layerWork = 1000

	// What an element of a buffer counts for: choosing winners among elements takes most, some
	// 20 ns for each, in which kernels do two hundred products.
	elementWork = 64
)
