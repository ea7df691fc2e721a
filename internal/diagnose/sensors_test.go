package diagnose

import (
	"context"
	"math/rand/v2"
	"testing"

	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/storetest"
	"brinell/models"
)

// TestRegistered: a sensor's windows are judged with the speed and by the model that it is
// registered with.
func TestRegistered(t *testing.T) {
	active, own := model(t, "active", 1), model(t, "own", 2)
	found := func(_ context.Context, digest string) (*models.Model, error) {
		if digest == own.Digest {
			return own, nil
		}
		return nil, bearing.Errorf(bearing.NotFound, "model_not_found", "there is none")
	}
	for _, c := range []struct {
		name          string
		sensor        bearing.Sensor
		stated        float64 // Hz
		code, running string
		model         *models.Model
	}{
		{"nothing", bearing.Sensor{}, 30, "", runningState(30, 12000), active},
		{"a speed, where none is stated", bearing.Sensor{SpeedRPM: 3000}, 0, "", runningState(50, 12000), active},
		{"a speed, where one is stated", bearing.Sensor{SpeedRPM: 3000}, 30, "", runningState(30, 12000), active},
		{"the registered speed", bearing.Sensor{SpeedRPM: 3000, SpeedFrom: bearing.SpeedRegistered}, 30, "", runningState(50, 12000), active},
		{"an estimated speed", bearing.Sensor{SpeedRPM: 3000, SpeedFrom: bearing.SpeedEstimated}, 30, "", runningState(0, 12000), active},
		{"a stated speed", bearing.Sensor{SpeedRPM: 3000, SpeedFrom: bearing.SpeedStated}, 30, "", runningState(30, 12000), active},
		{"a stated speed, where none is", bearing.Sensor{SpeedRPM: 3000, SpeedFrom: bearing.SpeedStated}, 0, "speed_missing", "", nil},
		{"a model", bearing.Sensor{Model: own.Digest}, 30, "", runningState(30, 12000), own},
		{"the active model", bearing.Sensor{Model: active.Digest}, 30, "", runningState(30, 12000), active},
		{"a model that was deleted", bearing.Sensor{Model: "gone"}, 30, "", runningState(30, 12000), active},
	} {
		core, err := New(active, Config{Store: storetest.NewMemory(storetest.Config{}), Models: found, Sensors: func(string) (bearing.Sensor, bool) { return c.sensor, true }})
		if err != nil {
			t.Fatal(err)
		}
		w, err := bearing.NewWindow(bearing.Window{Sensor: "pump", Start: firstYear, SampleRate: 12000, ShaftSpeed: c.stated, Unit: bearing.G, Samples: samples(rand.New(rand.NewPCG(1, 1)), 6000)}, bearing.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // made ready once, and used again
			d, err := core.Submit(t.Context(), w, admit.Entry{})
			if bearing.CodeOf(err) != c.code {
				t.Errorf("%s: %v, want %q", c.name, err, c.code)
			}
			if err == nil && (d.Model != c.model.Ref() || d.Witnesses.Baseline.Running != c.running) {
				t.Errorf("%s: model %v, running at %s; want %v, %s", c.name, d.Model, d.Witnesses.Baseline.Running, c.model.Ref(), c.running)
			}
		}
	}
	for code, s := range map[string]bearing.Sensor{"": {SpeedFrom: bearing.SpeedStated}, "field_invalid": {SpeedFrom: bearing.SpeedRegistered}} {
		if err := s.Validate(); bearing.CodeOf(err) != code {
			t.Errorf("%+v: %v, want %q", s, err, code)
		}
	}
	if err := (bearing.Sensor{SpeedFrom: "guessed"}).Validate(); bearing.CodeOf(err) != "field_invalid" {
		t.Errorf("%v", err)
	}
}

// TestDrop: a sensor whose model is deleted is judged by the active one at once.
func TestDrop(t *testing.T) {
	active, own := model(t, "active", 1), model(t, "own", 2)
	own.Digest = "own"
	there := true
	core, err := New(active, Config{Store: storetest.NewMemory(storetest.Config{}), Sensors: func(string) (bearing.Sensor, bool) { return bearing.Sensor{Model: "own"}, true },
		Models: func(context.Context, string) (*models.Model, error) {
			if !there {
				return nil, bearing.Errorf(bearing.NotFound, "model_not_found", "gone")
			}
			return own, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []*models.Model{own, active} {
		d, err := core.Submit(t.Context(), window(t, want.Name, 6000, 12000), admit.Entry{})
		if err != nil || d.Model != want.Ref() {
			t.Errorf("%v, %v; want %v", d.Model, err, want.Ref())
		}
		there = false
		core.Drop("own")
	}
}
