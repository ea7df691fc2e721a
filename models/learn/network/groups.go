package network

import (
	"fmt"
	"strings"

	"brinell/internal/kernel"
	"brinell/models/nn"
	"brinell/models/safetensors"
)

// A weight that is mostly zero is stored as the groups of inputs that are not, of the
// width that its layer declares or else of one: three tensors in place of one.
const (
	valuesSuffix  = ".values"  // F32 [groups, width]
	columnsSuffix = ".columns" // I32 [groups], the first input of each
	startsSuffix  = ".starts"  // I32 [outputs+1], the first group of each output
)

// groups returns the groups of a weight, and whether they are shorter than all of it.
func groups(spec nn.Spec, p *nn.Param) (kernel.Groups, bool) {
	if p.Role != nn.Weight {
		return kernel.Groups{}, false
	}
	n := p.Shape[len(p.Shape)-1]
	g := kernel.NewGroups(p.W, len(p.W)/n, n, groupOf(spec, p))
	return g, g.Count()*(g.Width()+1)+n+1 < len(p.W)
}

// groupOf returns the width of the groups in which the layer of p is stored.
func groupOf(spec nn.Spec, p *nn.Param) int {
	l, _ := spec.Layer(p.Path)
	return max(1, l.Group)
}

func groupTensors(name string, g kernel.Groups) []safetensors.Tensor {
	starts, columns, values := g.Parts()
	if columns == nil { // of a weight that is all zero: no F32 either
		columns = []int32{}
	}
	return []safetensors.Tensor{
		{Name: name + valuesSuffix, Shape: []int{g.Count(), g.Width()}, F32: values},
		{Name: name + columnsSuffix, Shape: []int{len(columns)}, I32: columns},
		{Name: name + startsSuffix, Shape: []int{len(starts)}, I32: starts},
	}
}

// readGroups reads the groups of p from its tensors, and returns what fills its weights
// with them.
func readGroups(spec nn.Spec, p *nn.Param, f *safetensors.File) (fill func(w []float32), err error) {
	if p.Role != nn.Weight {
		return nil, fmt.Errorf("tensor %s has no groups", p.Name())
	}
	width, n, outputs := groupOf(spec, p), p.Shape[len(p.Shape)-1], 1
	for _, s := range p.Shape[:len(p.Shape)-1] {
		outputs *= s
	}
	columns, err := f.Int32(p.Name() + columnsSuffix)
	if err != nil {
		return nil, err
	}
	starts, err := f.Int32(p.Name() + startsSuffix)
	if err != nil {
		return nil, err
	}
	values, err := f.Float32(p.Name()+valuesSuffix, len(columns), width)
	if err != nil {
		return nil, err
	}
	g, err := kernel.GroupsOf(outputs, n, width, starts, columns, values.Values())
	if err != nil {
		return nil, fmt.Errorf("tensor %s: %w", p.Name(), err)
	}
	return g.Dense, nil
}

// expansion returns how many times the bytes of a file its weights may take: once, or
// if some are stored as groups, what no useful sparsity goes beyond.
func expansion(f *safetensors.File) int {
	for _, name := range f.Names() {
		if strings.HasSuffix(name, startsSuffix) {
			return 64
		}
	}
	return 1
}
