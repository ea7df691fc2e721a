package assess

import (
	"context"
	"fmt"
	"math"
	"time"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/internal/diagnose"
	"brinell/models"
)

// Snapshot is the answer to one snapshot of a run to failure.
type Snapshot struct {
	Number   int                   `json:"number"` // from 1
	Start    time.Time             `json:"start"`
	RMS      float64               `json:"rms"`
	Distance float64               `json:"distance"`
	Limit    float64               `json:"limit"`
	Changed  bool                  `json:"changed"`
	State    bearing.BaselineState `json:"state"`
	Fault    bearing.Fault         `json:"fault"`
	Top      bearing.Fault         `json:"top_fault"`
	Envelope bearing.Fault         `json:"envelope_says"`
	Quality  bearing.QualityLevel  `json:"quality"`
}

// RunReport is a run to failure, judged in the order of time as the service would.
type RunReport struct {
	Method     diagnose.Method `json:"method"` // of the baseline
	Specimen   string          `json:"specimen"`
	Channel    string          `json:"channel"`
	Snapshots  []Snapshot      `json:"snapshots"`
	Onset      int             `json:"onset"`  // number of the first snapshot of the first lasting alarm, 0 for none
	Raised     int             `json:"raised"` // of the one that made it last
	OnsetAt    time.Time       `json:"onset_at"`
	Named      bearing.Fault   `json:"named"` // most frequent fault named from the onset on
	NamedShare float64         `json:"named_share"`
}

// RunToFailure judges a run with a model and a method of the baseline. channel "" is the
// primary one.
func RunToFailure(ctx context.Context, m *models.Model, method diagnose.Method, src *dataset.Source, run dataset.Run, channel string, progress func(done, of int)) (*RunReport, error) {
	core, err := diagnose.New(m, diagnose.Config{Baseline: method})
	if err != nil {
		return nil, err
	}
	s := core.Session()
	out := &RunReport{Method: method, Specimen: run.Specimen, Channel: channel}
	for i, e := range run.Entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if channel != "" && channel != e.Channel {
			o, ok := e.Other(channel)
			if !ok {
				return nil, fmt.Errorf("%s has no channel %s", e.File, channel)
			}
			e = o
		}
		rec, err := src.Read(e)
		if err != nil {
			return nil, err
		}
		w, err := bearing.NewWindow(bearing.Window{Sensor: "run", Start: e.Start, SampleRate: rec.SampleRate, ShaftSpeed: rec.ShaftSpeed, Bearing: rec.Bearing,
			Unit: bearing.G, Samples: rec.Samples}, bearing.Limits{})
		if err != nil {
			return nil, err
		}
		d, err := s.Diagnose(w)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.File, err)
		}
		b := d.Witnesses.Baseline
		rms, _ := d.Features.Get("std")
		out.Snapshots = append(out.Snapshots, Snapshot{Number: i + 1, Start: e.Start, RMS: rms, Distance: b.Distance, Limit: b.Limit, Changed: b.Changed, State: b.State,
			Fault: d.Fault, Top: d.Verdict.TopFault, Envelope: d.Witnesses.Envelope.Fault, Quality: d.Quality.Level})
		if b.Alarm != nil && b.Alarm.Raised != nil && out.Onset == 0 {
			out.Onset, out.Raised, out.OnsetAt = i+2-b.Alarm.Count, i+1, b.Alarm.Onset
		}
		progress(i+1, len(run.Entries))
	}
	out.name()
	return out, nil
}

// name counts what is named from the onset on.
func (r *RunReport) name() {
	if r.Onset == 0 {
		return
	}
	count, n := map[bearing.Fault]int{}, 0
	for _, s := range r.Snapshots[r.Onset-1:] {
		n++
		if count[s.Fault]++; count[s.Fault] > count[r.Named] || r.Named == "" {
			r.Named = s.Fault
		}
	}
	r.NamedShare = float64(count[r.Named]) / float64(n)
}

// Health is how healthy groups of a run were answered.
type Health struct {
	Groups int `json:"groups"`
	Named  int `json:"named"`  // groups in which a fault is named
	Ready  int `json:"ready"`  // groups after the baseline was ready
	Normal int `json:"normal"` // of those
}

// Healthy counts the answers after each group of per snapshots, of those from the
// first to the last number given.
func (r *RunReport) Healthy(first, last, per int) (h Health) {
	for i := first - 1; i+per <= last; i += per {
		s := r.Snapshots[i+per-1]
		h.Groups++
		switch s.Fault {
		case bearing.InnerRace, bearing.OuterRace, bearing.Ball:
			h.Named++
		}
		if s.Limit > 0 {
			h.Ready++
			if s.Fault == bearing.Normal {
				h.Normal++
			}
		}
	}
	return h
}

// Add adds another run's counts.
func (h Health) Add(o Health) Health {
	return Health{h.Groups + o.Groups, h.Named + o.Named, h.Ready + o.Ready, h.Normal + o.Normal}
}

// Share returns a/b, and NaN for 0/0.
func Share(a, b int) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}
