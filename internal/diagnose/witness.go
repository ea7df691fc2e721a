package diagnose

import (
	"brinell/bearing"
	"brinell/features/lines"
	"brinell/models"
)

// witnesses writes down what each of the witnesses says.
func witnesses(model *models.Model, o *observation, m *memory, j judgement) bearing.Witnesses {
	var w bearing.Witnesses
	w.Network = bearing.NetworkWitness{Available: o.network, Reason: o.noNetwork, Fault: "", Probabilities: bearing.Values{}, ByFault: bearing.Values{}, LogOdds: bearing.Values{}}
	if o.network {
		w.Network.Distance, w.Network.Limit = round(o.distance, 4), round(o.domain, 4)
		w.Network.Fault = models.FaultOf(model.Labels, o.labels)
		for i, l := range model.Labels {
			w.Network.Probabilities = append(w.Network.Probabilities, bearing.Value{Name: l.Name, Value: o.labels[i]})
		}
		for i, f := range bearing.Faults {
			if !o.unknown[i] {
				w.Network.ByFault = append(w.Network.ByFault, bearing.Value{Name: string(f), Value: o.byFault[i]})
			}
			w.Network.LogOdds = append(w.Network.LogOdds, bearing.Value{Name: string(f), Value: round(m.logp[i]-m.logp[0], 4)})
		}
	}
	w.Envelope = bearing.EnvelopeWitness{Available: o.lines, Reason: o.noLines, Scores: bearing.Values{}, Window: bearing.Values{},
		Limit: scoreLimit, Lines: []bearing.Line{}, Bearing: o.bearing}
	if o.lines {
		e := &w.Envelope
		e.Fault = envelopeFault(m)
		for i, f := range lines.Faults {
			e.Scores = append(e.Scores, bearing.Value{Name: string(f), Value: round(m.mean(m.z[i]), 4)})
			e.Window = append(e.Window, bearing.Value{Name: string(f), Value: o.z[i]})
		}
		e.Window = append(e.Window, bearing.Value{Name: "cage", Value: o.cage}, bearing.Value{Name: "unexplained", Value: o.free.Z},
			bearing.Value{Name: "unexplained_order", Value: o.free.Order}, bearing.Value{Name: "tones", Value: o.tones}, bearing.Value{Name: "shaft", Value: o.shaft},
			bearing.Value{Name: "half_orders", Value: o.half})
		e.Lines, e.BandLow, e.BandHigh, e.Turns = o.found, o.band[0], o.band[1], o.turns
		e.SpeedSource, e.SpeedHz, e.Impulsive = o.source, o.speed, o.impulsive
	}
	w.Baseline = bearing.BaselineWitness{State: j.state, Reason: j.reason, Needed: readyAfter, Distance: round(j.distance, 4), Limit: round(j.limit, 4),
		Changed: j.changed, Drift: j.drift}
	if o.outside() && !j.changed {
		w.Baseline.Drift = "out_of_domain"
	}
	if b := m.baselines[m.running]; b != nil && o.quality.Level != bearing.Unusable {
		w.Baseline.Running = m.running
		w.Baseline.Learned = len(b.learnt)
		if b.fit != nil {
			w.Baseline.Method, w.Baseline.Version = string(b.method), b.fit.version
		}
		if b.run > 0 {
			w.Baseline.Alarm = b.lasting()
		}
	}
	return w
}

// recall makes the observation of a stored diagnosis again, as far as a memory needs
// it.
func recall(d bearing.Diagnosis) *observation {
	o := &observation{id: d.ID, start: d.Start, seconds: float64(d.SampleCount) / d.SampleRate, rate: d.SampleRate, quality: d.Quality,
		bearing: d.Witnesses.Envelope.Bearing, speed: d.ShaftSpeedRPM / 60, running: atRate(d.Witnesses.Baseline.Running, d.SampleRate)}
	o.epoch, o.start, o.began = d.State.Epoch, d.At(), d.Start
	if o.bearing == "" && d.Quality.Level != bearing.Unusable { // of an older program
		o.bearing = d.Bearing
	}
	if d.Witnesses.Network.Available {
		o.network = true
		o.distance, o.domain = d.Witnesses.Network.Distance, d.Witnesses.Network.Limit
		for i, f := range bearing.Faults {
			v, ok := d.Witnesses.Network.ByFault.Get(string(f))
			o.byFault[i], o.unknown[i] = v, !ok
		}
		o.class = d.Witnesses.Network.Fault
		o.logp = o.logs()
	}
	if e := d.Witnesses.Envelope; e.Available {
		o.lines, o.impulsive = true, e.Impulsive
		for i, f := range lines.Faults {
			o.z[i], _ = e.Window.Get(string(f))
		}
		o.cage, _ = e.Window.Get("cage")
		o.free.Z, _ = e.Window.Get("unexplained")
		o.free.Order, _ = e.Window.Get("unexplained_order")
		o.tones, _ = e.Window.Get("tones")
		o.shaft, _ = e.Window.Get("shaft")
		o.half, _ = e.Window.Get("half_orders")
	}
	o.vector, o.level = vectorOf(func(name string) (float64, bool) { return d.Features.Get(name) })
	return o
}
