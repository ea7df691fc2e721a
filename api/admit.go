package api

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"brinell/internal/admit"
	"brinell/internal/bearing"
)

// shedGrace is what a refused body has to arrive. The server reads past it before it
// answers, or the next request of the connection would begin in its middle
// (EnableFullDuplex would answer first, and then panics in the next request: Go 1.26).
const shedGrace = time.Second

// room refuses a window for which there is no room before its body is read. A client
// that asks first (Expect: 100-continue) need not send it.
func (s *server) room(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength > s.cfg.MaxBody {
		return nil // which is said with another status
	}
	err := s.cfg.Gate.Room()
	if err == nil && s.budget.used.Load()+max(r.ContentLength, 0) > s.budget.max {
		err = fullBudget()
	}
	if err != nil {
		// Test recorders have no deadline to set.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.shedGrace))
	}
	return err
}

func fullBudget() error {
	return bearing.Errorf(bearing.Overloaded, "overloaded", "the service holds as many windows as it may: try again")
}

// admissionMetrics shows what the gate holds.
func admissionMetrics(r prometheus.Registerer, g *admit.Gate) error {
	if g == nil {
		return nil
	}
	for _, m := range []struct {
		name, help string
		value      func() int64
	}{
		{"brinell_windows_waiting", "Windows that wait to be computed.", func() int64 { n, _, _ := g.Load(); return n }},
		{"brinell_windows_inside", "Windows between their body and the disk.", func() int64 { _, n, _ := g.Load(); return n }},
		{"brinell_windows_inside_limit", "Windows inside past which others are refused, by what the disk carries at present.", func() int64 { _, _, n := g.Load(); return n }},
	} {
		if err := r.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: m.name, Help: m.help}, func() float64 { return float64(m.value()) })); err != nil {
			return err
		}
	}
	return nil
}
