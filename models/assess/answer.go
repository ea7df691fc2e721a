package assess

import (
	"fmt"
	"time"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/features/lines"
	"brinell/internal/clamp"
	"brinell/internal/diagnose"
	"brinell/models"
)

// GroupSeconds is how much signal one answer rests on, and windowSeconds how long each
// of its windows is.
const (
	GroupSeconds  = 2.0
	windowSeconds = 1.0
)

// Answer is the verdict on one group of consecutive windows.
type Answer struct {
	Recording string          `json:"recording"`
	Specimen  string          `json:"specimen"`
	Truth     bearing.Fault   `json:"truth"`
	Position  string          `json:"position,omitempty"`
	Group     int             `json:"group"`
	Top       bearing.Fault   `json:"top_fault"`
	Fault     bearing.Fault   `json:"fault"`
	P         bearing.ByFault `json:"p"` // of bearing.Faults
	Set       []bearing.Fault `json:"set"`
	Network   bearing.ByFault `json:"network"` // what calibration takes
	Envelope  bearing.ByFault `json:"envelope"`
	NetworkTo bearing.Fault   `json:"network_says"`
	EnvTo     bearing.Fault   `json:"envelope_says"`
	Unknown   float64         `json:"unknown"`
	Quality   string          `json:"quality"`
	Scores    lines.ByFault   `json:"scores"` // of lines.Faults
	Free      float64         `json:"free"`
}

// Judge answers the groups of a part with a model, as the service would answer a
// sensor of which it knows nothing: each group is a sensor of its own.
func Judge(m *models.Model, p dataset.Part) ([]Answer, error) {
	core, err := diagnose.New(m, diagnose.Config{})
	if err != nil {
		return nil, err
	}
	return judge(core, p)
}

func judge(core *diagnose.Core, p dataset.Part) ([]Answer, error) {
	rec := p.Rec
	n := clamp.Count(windowSeconds * rec.SampleRate)
	per := int(GroupSeconds / windowSeconds)
	var out []Answer
	x := p.Samples()
	for g := 0; (g+1)*per*n <= len(x); g++ {
		s := core.Session()
		var d bearing.Diagnosis
		for k := range per {
			from := (g*per + k) * n
			w, err := bearing.NewWindow(bearing.Window{
				Sensor: "assess", Start: time.Unix(0, 0).Add(clamp.Seconds(float64(from) / rec.SampleRate)), SampleRate: rec.SampleRate,
				ShaftSpeed: rec.ShaftSpeed, Bearing: rec.Bearing, Unit: bearing.G, Samples: append([]float32(nil), x[from:from+n]...),
			}, bearing.Limits{})
			if err != nil {
				return nil, fmt.Errorf("%s, group %d: %w", rec.Name, g, err)
			}
			if d, err = s.Diagnose(w); err != nil {
				return nil, fmt.Errorf("%s, group %d: %w", rec.Name, g, err)
			}
		}
		a := Answer{Recording: rec.Name, Specimen: rec.Truth.Specimen, Truth: rec.Truth.Fault, Position: rec.Truth.Position, Group: g,
			Top: d.Verdict.TopFault, Fault: d.Fault, Set: d.Verdict.PredictionSet, NetworkTo: d.Witnesses.Network.Fault, EnvTo: d.Witnesses.Envelope.Fault,
			Unknown: d.Verdict.UnknownScore, Quality: string(d.Quality.Level)}
		for i, f := range bearing.Faults {
			a.P[i], _ = d.Probabilities.Get(string(f))
		}
		a.Network, a.Envelope = s.Evidence()
		a.Scores, a.Free = s.Scores()
		out = append(out, a)
	}
	return out, nil
}

// JudgeAll answers the groups of all parts.
func JudgeAll(m *models.Model, parts []dataset.Part) ([]Answer, error) {
	core, err := diagnose.New(m, diagnose.Config{})
	if err != nil {
		return nil, err
	}
	var out []Answer
	for _, p := range parts {
		a, err := judge(core, p)
		if err != nil {
			return nil, err
		}
		out = append(out, a...)
	}
	return out, nil
}
