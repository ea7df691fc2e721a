package assess

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/dataset/excerpts"
	"brinell/internal/diagnose"
	"brinell/models"
	"brinell/models/learn/network"
	"brinell/models/nn"
)

// spectrumNet is a network on spectra as training begins with it.
func spectrumNet(t *testing.T) *models.Model {
	t.Helper()
	s, err := models.SpecNamed("mlp-spectrum")
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 1))
	net, err := nn.New(s, len(bearing.Faults), rng)
	if err != nil {
		t.Fatal(err)
	}
	m := &models.Model{Estimator: network.Of(net), Manifest: models.Manifest{Name: "n", Version: "1", Preprocessing: models.PreprocessingOf(s)}}
	for _, f := range bearing.Faults {
		m.Labels = append(m.Labels, models.Label{Name: string(f), Fault: f})
	}
	if err := m.SetGolden(models.Knocks(m.Preprocessing)); err != nil {
		t.Fatal(err)
	}
	if m, err = m.Copy(); err != nil {
		t.Fatal(err)
	}
	return m
}

// excerptParts are the embedded excerpts, whole.
func excerptParts(t *testing.T) []dataset.Part {
	t.Helper()
	src, err := dataset.OpenManifestFS(excerpts.FS())
	if err != nil {
		t.Fatal(err)
	}
	recs, err := src.Recordings(nil)
	if err != nil {
		t.Fatal(err)
	}
	return whole(recs, nil)
}

// A model of one's own is calibrated on real recordings: its file has the calibration and
// on what it was fitted, under another digest than the same weights without; its answers
// are those of the fit, and only then is anything called calibrated.
func TestCalibrateOn(t *testing.T) {
	m, parts := spectrumNet(t), excerptParts(t)
	bare := m.Digest
	before := told(t, m, parts[2].Rec)
	if strings.Contains(before, "calibrated") {
		t.Errorf("the verdict of a model that is not calibrated: %s", before)
	}
	m.Training.Seen = []models.Seen{{Recording: parts[0].Rec.Name, Specimen: "DE/normal", From: 1 << 30, To: 1<<30 + 1}}
	c, err := CalibrateOn(m, parts)
	if err != nil {
		t.Fatal(err)
	}
	if f := c.Fit; c.Bearings != 5 || len(f.Specimens) != 5 || f.Groups != 6 || f.Seen != 1 || !c.Fitted() {
		t.Errorf("fitted to %d bearings, %+v; the excerpts are of 5, in 6 recordings, and one was seen", c.Bearings, f)
	}
	if c.Envelope <= 0.1 {
		t.Errorf("beside a network that knows nothing the envelope counts %v", c.Envelope)
	}
	m.Calibration = &c
	if m, err = m.Copy(); err != nil {
		t.Fatal(err)
	}
	if m.Digest == bare || m.Calibration == nil || !slices.Equal(m.Calibration.Fit.Specimens, c.Fit.Specimens) {
		t.Errorf("digest %s, %s without calibration; calibration %+v", m.Digest, bare, m.Calibration)
	}
	if after := told(t, m, parts[2].Rec); !strings.Contains(after, "calibrated probability of inner_race") {
		t.Errorf("the verdict of a calibrated model on an inner race: %s", after)
	}
	m.Calibration = nil
	if m, err = m.Copy(); err != nil || m.Digest != bare {
		t.Errorf("without calibration the digest is %s, was %s: %v", m.Digest, bare, err)
	}
}

// told is what a model says of the first second of a recording.
func told(t *testing.T, m *models.Model, rec *bearing.Recording) string {
	t.Helper()
	core, err := diagnose.New(m, diagnose.Config{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := core.Diagnose(&bearing.Window{Sensor: "s", Start: time.Unix(0, 0), SampleRate: rec.SampleRate, ShaftSpeed: rec.ShaftSpeed,
		Bearing: rec.Bearing, Unit: bearing.G, Samples: rec.Samples[:int(rec.SampleRate)]})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What is too little to learn a rate from, or was part of training, is refused.
func TestCalibrateOnRefused(t *testing.T) {
	m, parts := spectrumNet(t), excerptParts(t)
	for _, c := range []struct {
		files []string // in the order of the manifest
		code  string
	}{
		{[]string{"normal_97", "inner_race_105", "outer_race_130"}, ""},
		{[]string{"normal_97", "normal_100", "inner_race_105"}, "calibration_data"}, // two bearings
		{[]string{"inner_race_105", "fan_end_inner_race_278"}, "calibration_data"},
		{nil, "calibration_data"},
	} {
		some := slices.DeleteFunc(slices.Clone(parts), func(p dataset.Part) bool {
			return !slices.ContainsFunc(c.files, func(f string) bool { return strings.HasPrefix(p.Rec.Name, f) })
		})
		if len(some) != len(c.files) {
			t.Fatalf("%d parts of %v", len(some), c.files)
		}
		if _, err := CalibrateOn(m, some); bearing.CodeOf(err) != c.code {
			t.Errorf("%v: %v, want code %q", c.files, err, c.code)
		}
	}
	same := slices.Clone(parts[2:3]) // three bearings in one condition
	for _, s := range []string{"a", "b"} {
		r := *parts[2].Rec
		r.Truth.Specimen = s
		same = append(same, dataset.Part{Rec: &r, To: len(r.Samples)})
	}
	if _, err := CalibrateOn(m, same); bearing.CodeOf(err) != "calibration_data" {
		t.Errorf("three bearings in one condition: %v", err)
	}
	own := slices.Clone(parts) // bearings enough, none of a condition that a verdict names
	for i, p := range own {
		r := *p.Rec
		r.Truth.Fault = []bearing.Fault{"misalignment", "loose_foot"}[i%2]
		own[i].Rec = &r
	}
	if _, err := CalibrateOn(m, own); bearing.CodeOf(err) != "calibration_data" {
		t.Errorf("classes of one's own alone: %v", err)
	}
	if c, err := CalibrateOn(m, append(own, parts[0], parts[2], parts[3])); err != nil || c.Fit.Groups != 3 {
		t.Errorf("beside classes of one's own: %v, %+v", err, c.Fit)
	}
	m.Training.Seen = []models.Seen{{Recording: parts[1].Rec.Name, From: 0, To: 10}}
	if _, err := CalibrateOn(m, parts); bearing.CodeOf(err) != "leaks_training_data" {
		t.Errorf("calibrated on what it was trained on: %v", err)
	}
}
