package nn

import (
	"errors"
	"math/rand/v2"
)

// errState is what a state that belongs to another network gives.
var errState = errors.New("the state is not of this network and optimizer")

// OptimizerState is what an optimizer knows beside the parameters: the steps done and its
// moments, one slice for each moment and parameter, empty for those that it never moved.
type OptimizerState struct {
	Steps   int
	Moments [][]float32
}

// State implements Optimizer.
func (o *SGD) State(params []*Param) OptimizerState {
	return OptimizerState{0, moments(nil, params, o.v)}
}

// Restore implements Optimizer.
func (o *SGD) Restore(params []*Param, s OptimizerState) (err error) {
	if len(s.Moments) != len(params) {
		return errState
	}
	o.v, err = restored(params, s.Moments)
	return err
}

// State implements Optimizer.
func (o *Adam) State(params []*Param) OptimizerState {
	return OptimizerState{o.t, moments(moments(nil, params, o.m), params, o.v)}
}

// Restore implements Optimizer.
func (o *Adam) Restore(params []*Param, s OptimizerState) error {
	n := len(params)
	if len(s.Moments) != 2*n || s.Steps < 0 {
		return errState
	}
	m, err := restored(params, s.Moments[:n])
	if err != nil {
		return err
	}
	v, err := restored(params, s.Moments[n:])
	if err != nil {
		return err
	}
	for _, p := range params { // both or neither
		if len(m[p]) != len(v[p]) {
			return errState
		}
	}
	o.t, o.m, o.v = s.Steps, m, v
	return nil
}

func moments(to [][]float32, params []*Param, of map[*Param][]float32) [][]float32 {
	for _, p := range params {
		to = append(to, append([]float32(nil), of[p]...))
	}
	return to
}

func restored(params []*Param, from [][]float32) (map[*Param][]float32, error) {
	of := make(map[*Param][]float32)
	for i, p := range params {
		switch len(from[i]) {
		case 0:
		case len(p.W):
			of[p] = append([]float32(nil), from[i]...)
		default:
			return nil, errState
		}
	}
	return of, nil
}

// RandomState returns the state of the random source of every dropout.
func (n *Network) RandomState() (states [][]byte, err error) {
	for _, d := range n.chain.dropouts() {
		var b []byte
		if d.src != nil {
			if b, err = d.src.MarshalBinary(); err != nil {
				return nil, err
			}
		}
		states = append(states, b)
	}
	return states, nil
}

// RestoreRandom sets the random sources to what RandomState gave.
func (n *Network) RestoreRandom(states [][]byte) error {
	all := n.chain.dropouts()
	if len(all) != len(states) {
		return errState
	}
	for i, d := range all {
		src := new(rand.PCG)
		if err := src.UnmarshalBinary(states[i]); err != nil {
			return err
		}
		d.src, d.rng = src, rand.New(src)
	}
	return nil
}
