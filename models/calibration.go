package models

import (
	"fmt"
	"math"

	"brinell/bearing"
)

// Calibration turns what the witnesses say into the probability of each condition. It
// is one multinomial logistic model of the joint verdict,
//
//	p_f = softmax_f(Network n_f + Envelope e_f + Bias_f)
//
// with n_f the network's mean log-probability and e_f the mean score of f's comb above
// what noise reaches, both times √N over N windows. It is fitted to answers about bearings that the network had
// not seen, each bearing with the same weight. A product of the witnesses would count
// the same evidence twice: they read the same spectrum.
type Calibration struct {
	Network  float64         `json:"network"`
	Envelope float64         `json:"envelope"`
	Bias     bearing.ByFault `json:"bias"` // of bearing.Faults

	// Conformal is the threshold of prediction sets: a condition belongs to the set
	// if 1 - p is at most this. With n bearings no rate below 1/(n+1) can be promised.
	Conformal float64 `json:"conformal"`
	Alpha     float64 `json:"alpha"`
	Bearings  int     `json:"bearings"`

	Correlation float64 `json:"error_correlation"` // of network and envelope
	ECE         float64 `json:"ece"`               // after fitting, on the same answers

	Fit *Fit `json:"fit,omitempty"` // of a model that was calibrated by itself
}

// Fit is the provenance of a calibration: on what it was fitted.
type Fit struct {
	Corpus    string   `json:"corpus"`
	Split     string   `json:"split"`
	Fold      string   `json:"fold,omitempty"` // "" for all
	Groups    int      `json:"groups"`         // of windows that were judged
	Specimens []string `json:"specimens"`      // the physical bearings
	Seen      int      `json:"seen"`           // bearings of them that training saw at another time
}

// Uncalibrated stands for the calibration of a model that has none: the network's own
// word, which rules nothing out.
var Uncalibrated = Calibration{Network: 1, Conformal: 1, Alpha: 1}

// Fitted reports whether c was fitted to answers about bearings.
func (c *Calibration) Fitted() bool { return c.Bearings > 0 }

// Calibrated reports whether the model's probabilities were fitted to bearings.
func (m *Model) Calibrated() bool { return m.Calibration != nil && m.Calibration.Fitted() }

// tensor is what of a fit stands among the tensors of a file, so that its digest tells
// it from the same weights without.
func (c *Calibration) tensor() []float32 {
	var v []float32
	for _, x := range append([]float64{c.Network, c.Envelope, c.Conformal, c.Alpha}, c.Bias[:]...) {
		v = append(v, float32(x))
	}
	return v
}

// Probabilities returns p_f for bearing.Faults. n holds log-probabilities and e comb
// scores, 0 for normal.
func (c *Calibration) Probabilities(n, e bearing.ByFault) (p bearing.ByFault) {
	top := math.Inf(-1)
	for i := range p {
		p[i] = c.Network*n[i] + c.Envelope*e[i] + c.Bias[i]
		top = max(top, p[i])
	}
	sum := 0.0
	for i := range p {
		p[i] = math.Exp(p[i] - top)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// Set returns the conditions that cannot be ruled out at p.
func (c *Calibration) Set(p bearing.ByFault) []bearing.Fault {
	set := []bearing.Fault{}
	for i, f := range bearing.Faults {
		if 1-p[i] <= c.Conformal {
			set = append(set, f)
		}
	}
	return set
}

func (c *Calibration) validate() error {
	values := append([]float64{c.Network, c.Envelope, c.Conformal, c.Alpha, c.Correlation, c.ECE}, c.Bias[:]...)
	for _, v := range values {
		if math.IsNaN(v) || math.Abs(v) > 1e3 {
			return fmt.Errorf("calibration: %v is out of range", v)
		}
	}
	if f := c.Fit; f != nil && (c.Bearings != len(f.Specimens) || f.Groups < c.Bearings || f.Seen < 0 || f.Seen > c.Bearings) {
		return fmt.Errorf("calibration: %d bearings, %d listed in %d groups, %d of them seen, contradict each other", c.Bearings, len(f.Specimens), f.Groups, f.Seen)
	}
	return nil
}
