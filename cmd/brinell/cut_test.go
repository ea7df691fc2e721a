package main

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"brinell/bearing"
	"brinell/dataset"
	"brinell/dataset/excerpts"
	"brinell/internal/diagnose"
	"brinell/internal/store"
	"brinell/internal/watch"
	"brinell/models"
	"brinell/models/learn/network"
	"brinell/models/nn"
	"brinell/models/pretrained"
)

// untrained returns a network of the zoo as training begins with it, whole in every other
// respect.
func untrained(t *testing.T, spec string) *models.Model {
	t.Helper()
	s, err := models.SpecNamed(spec)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 1))
	net, err := nn.New(s, len(bearing.Faults), rng)
	if err != nil {
		t.Fatal(err)
	}
	m := &models.Model{Estimator: network.Of(net), Manifest: models.Manifest{Name: spec, Version: "1", Preprocessing: models.PreprocessingOf(s)}}
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

// A recording is diagnosed alike on the command line and in the service, whatever the
// network reads: evidence, the waveform or its spectrum. None of them keeps the physics from
// seeing a second.
func TestBothWays(t *testing.T) {
	embedded, err := pretrained.Default()
	if err != nil {
		t.Fatal(err)
	}
	src, err := dataset.OpenManifestFS(excerpts.FS())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*models.Model{embedded, untrained(t, "wdcnn"), untrained(t, "mlp-spectrum")} {
		for _, e := range src.Entries() {
			t.Run(m.Name+"/"+e.File, func(t *testing.T) {
				rec, err := src.Read(e)
				if err != nil {
					t.Fatal(err)
				}
				rec.Name = e.File
				compareWays(t, m, rec)
			})
		}
	}
}

// compareWays diagnoses an excerpt as the command does and by dropping its file.
func compareWays(t *testing.T, m *models.Model, rec bearing.Recording) {
	file, err := fs.ReadFile(excerpts.FS(), rec.Name)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	core, err := diagnose.New(m, diagnose.Config{})
	if err != nil {
		t.Fatal(err)
	}
	told, err := diagnoseRecording(core, rec, rec.Name, start)
	if err != nil {
		t.Fatal(err)
	}

	db, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := bearing.Sensor{Name: bearing.SensorName(rec.Name), SampleRate: rec.SampleRate, Unit: bearing.G, SpeedRPM: rec.ShaftSpeed * 60, Bearing: rec.Bearing}
	if core, err = diagnose.New(m, diagnose.Config{Store: db}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	at := time.Now()
	w := folder(t, dir, func(name string) (bearing.Sensor, bool) { return s, name == s.Name }, func() time.Time { return at })
	name := s.Name + "_20260131T120000Z.npy"
	if err := os.WriteFile(filepath.Join(dir, name), file, 0o600); err != nil {
		t.Fatal(err)
	}
	for end := at.Add(2 * watch.Settle); at.Before(end); at = at.Add(watch.Every) {
		if err := w.Look(t.Context(), core); err != nil {
			t.Fatal(err)
		}
	}
	var stored []bearing.Diagnosis
	if err := db.History(t.Context(), s.Name, func(d bearing.Diagnosis) error { stored = append(stored, d); return nil }); err != nil {
		t.Fatal(err)
	}
	// When a window came, and the IDs of alarms that it makes with that, are of each run.
	if diff := cmp.Diff(told.Windows, stored, cmpopts.IgnoreFields(bearing.Diagnosis{}, "ReceivedAt"),
		cmpopts.IgnoreFields(bearing.AlarmRef{}, "ID")); diff != "" {
		t.Errorf("the command's answers (-), the service's (+):\n%s", diff)
	}
	for _, d := range stored {
		if n := &d.Witnesses; !n.Envelope.Available || !n.Network.Available || n.Envelope.Turns < 25 {
			t.Errorf("a window of %d samples leaves a witness without its answer: %q, %q", d.SampleCount, n.Envelope.Reason, n.Network.Reason)
		}
	}
}
