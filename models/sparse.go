package models

import (
	"encoding/binary"
	"fmt"
	"strings"

	"brinell/internal/kernel"
	"brinell/models/nn"
)

// A weight that is mostly zero is stored as the groups of inputs that are not, of the
// width that its layer declares or else of one: three tensors in place of one.
const (
	valuesSuffix  = ".values"  // F32 [groups, width]
	columnsSuffix = ".columns" // I32 [groups], the first input of each
	startsSuffix  = ".starts"  // I32 [outputs+1], the first group of each output
)

// groups returns the groups of a weight, and whether they are shorter than all of it.
func (m *Model) groups(p *nn.Param) (kernel.Groups, bool) {
	if p.Role != nn.Weight {
		return kernel.Groups{}, false
	}
	n := p.Shape[len(p.Shape)-1]
	g := kernel.NewGroups(p.W, len(p.W)/n, n, m.groupOf(p))
	return g, g.Count()*(g.Width()+1)+n+1 < len(p.W)
}

// groupOf returns the width of the groups in which the layer of p is stored.
func (m *Model) groupOf(p *nn.Param) int {
	l, _ := m.Spec.Layer(p.Path)
	return max(1, l.Group)
}

func addIndices(header map[string]any, data []byte, name string, v []int32) []byte {
	from := len(data)
	for _, x := range v {
		data = binary.LittleEndian.AppendUint32(data, uint32(x))
	}
	header[name] = tensorHeader{"I32", shape{len(v)}, [2]int{from, len(data)}}
	return data
}

// readGroups reads the groups of p from its tensors, and returns what fills its weights
// with them.
func (m *Model) readGroups(p *nn.Param, ts map[string]tensorHeader, data []byte) (fill func(w []float32), err error) {
	if p.Role != nn.Weight {
		return nil, fmt.Errorf("tensor %s has no groups", p.Name())
	}
	width, n, outputs := m.groupOf(p), p.Shape[len(p.Shape)-1], 1
	for _, s := range p.Shape[:len(p.Shape)-1] {
		outputs *= s
	}
	columns, err := indices(ts, data, p.Name()+columnsSuffix)
	if err != nil {
		return nil, err
	}
	starts, err := indices(ts, data, p.Name()+startsSuffix)
	if err != nil {
		return nil, err
	}
	values, err := tensor(ts, data, p.Name()+valuesSuffix, []int{len(columns), width})
	if err != nil {
		return nil, err
	}
	g, err := kernel.GroupsOf(outputs, n, width, starts, columns, values.values())
	if err != nil {
		return nil, fmt.Errorf("tensor %s: %w", p.Name(), err)
	}
	return g.Dense, nil
}

func indices(ts map[string]tensorHeader, data []byte, name string) ([]int32, error) {
	t, ok := ts[name]
	if !ok || t.DType != "I32" || len(t.Shape) != 1 {
		return nil, fmt.Errorf("tensor %s is missing or no row of I32", name)
	}
	b := data[t.Offsets[0]:t.Offsets[1]]
	v := make([]int32, len(b)/4)
	for i := range v {
		v[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v, nil
}

// expansion returns how many times the bytes of a file its weights may take: once, or
// if some are stored as groups, what no useful sparsity goes beyond.
func expansion(ts map[string]tensorHeader) int {
	for name := range ts {
		if strings.HasSuffix(name, startsSuffix) {
			return 64
		}
	}
	return 1
}
