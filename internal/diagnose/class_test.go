package diagnose

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"brinell/bearing"
	"brinell/features/lines"
	"brinell/models"
)

// TestOwnClass lets a network name a class that the physics does not know, on windows in
// which no line stands out, one does, and the machine has changed: it is never normal and
// never another fault by the network's word, and the reason names the class.
func TestOwnClass(t *testing.T) {
	c := models.Calibration{Network: 1, Envelope: 1}
	var outer lines.ByFault
	outer[slices.Index(lines.Faults[:], bearing.OuterRace)] = 12
	for _, x := range []struct {
		name string
		z    lines.ByFault
		j    judgement
		want bearing.Fault
	}{
		{"nothing else", lines.ByFault{}, judgement{}, bearing.Inconclusive},
		{"as when healthy", lines.ByFault{}, judgement{limit: 5, distance: 1}, bearing.Inconclusive},
		{"machine changed", lines.ByFault{}, judgement{limit: 5, distance: 50, changed: true, drift: "machine"}, bearing.UnknownFault},
		{"a line of its own", outer, judgement{}, bearing.OuterRace},
	} {
		o := healthy(rand.New(rand.NewPCG(1, 2)), 0)
		o.class, o.labels, o.byFault, o.z, o.shaft = "misalignment", []float64{0.05, 0.95}, bearing.ByFault{0.05}, x.z, 50
		o.unknown = [len(bearing.Faults)]bool{false, true, true, true}
		o.logp = o.logs()
		var m memory
		m.accumulate(o)
		v, _ := judge(o, &m, x.j, &c, KnownZones[0])
		if v.Fault != x.want {
			t.Errorf("%s: %s, want %s; %+v", x.name, v.Fault, x.want, v.Why)
		}
		r, ok := reason(&v, "class_unproven")
		if !ok || !strings.Contains(r.Text, "misalignment") || r.Value != 0.95 {
			t.Errorf("%s: reason %+v", x.name, r)
		}
		if v.Fault == bearing.Inconclusive && !strings.Contains(v.Summary, "misalignment") {
			t.Errorf("%s: summary %q", x.name, v.Summary)
		}
	}
}

// TestOwnClassEvidence: a class of its own is no evidence on the four faults, and a fault
// that was never taught is no less likely than the likeliest that was.
func TestOwnClassEvidence(t *testing.T) {
	o := observation{class: "cage", byFault: bearing.ByFault{0.1, 0.05, 0, 0}}
	if p := o.logs(); p[0] != p[1] || p[1] != p[2] || p[2] != p[3] {
		t.Errorf("a class of its own moves the faults: %v", p)
	}
	o = observation{class: bearing.Normal, byFault: bearing.ByFault{0.9, 0.1, 0, 0}, unknown: [len(bearing.Faults)]bool{false, false, true, true}}
	if p := o.logs(); p[0] != math.Log(0.9) || p[1] != math.Log(0.1) || p[2] != p[0] || p[3] != p[0] {
		t.Errorf("faults that were never taught are excluded: %v", p)
	}
}

// TestOwnClassRecalled makes the observation again from what is stored.
func TestOwnClassRecalled(t *testing.T) {
	o := healthy(rand.New(rand.NewPCG(1, 2)), 0)
	o.class, o.labels, o.byFault, o.unknown = "cage", []float64{0.2, 0.8}, bearing.ByFault{0.2}, [len(bearing.Faults)]bool{false, true, true, true}
	o.logp = o.logs()
	model := &models.Model{Manifest: models.Manifest{Labels: []models.Label{{Name: "normal", Fault: "normal"}, {Name: "cage", Fault: "cage"}}}}
	w := witnesses(model, o, &memory{}, judgement{})
	if v, ok := w.Network.Probabilities.Get("cage"); !ok || v != 0.8 || w.Network.Fault != "cage" || len(w.Network.ByFault) != 1 {
		t.Errorf("witness %+v", w.Network)
	}
	got := recall(bearing.Diagnosis{Witnesses: w, SampleRate: 12000, SampleCount: 12000})
	if got.class != o.class || got.unknown != o.unknown || got.logp != o.logp {
		t.Errorf("recalled as %q %v %v", got.class, got.unknown, got.logp)
	}
}
