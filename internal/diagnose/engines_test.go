package diagnose

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/storetest"
	"brinell/models"
	"brinell/models/input"
	"brinell/models/learn/network"
	"brinell/models/nn"
)

// ownModels are sensors that have a model each, by their names, and how often each was read.
type ownModels struct {
	models map[string]*models.Model
	reads  map[string]int
	gone   map[string]bool
}

func (o *ownModels) core(t *testing.T, memory *admit.Memory) *Core {
	t.Helper()
	core, err := New(model(t, "active", 1), Config{Store: storetest.NewMemory(storetest.Config{}), Memory: memory,
		Sensors: func(name string) (bearing.Sensor, bool) { return bearing.Sensor{Model: name}, true },
		Models: func(_ context.Context, digest string) (*models.Model, error) {
			if o.gone[digest] {
				return nil, bearing.Errorf(bearing.NotFound, "model_not_found", "gone")
			}
			o.reads[digest]++
			return o.models[digest], nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	return core
}

// TestOwnEngines: engines of models that sensors name count in the budget; those that no window
// uses fill a part of it at most, and give way to whatever needs the memory; those that one uses
// stay; and each is made again when it is needed.
func TestOwnEngines(t *testing.T) {
	o := &ownModels{map[string]*models.Model{}, map[string]int{}, map[string]bool{}}
	for i := range 6 {
		m := wide(t, 4000)
		m.Name, m.Digest = fmt.Sprint("m", i), fmt.Sprint("m", i)
		o.models[m.Name] = m
	}
	each := engineBytes(o.models["m0"])
	memory := admit.NewMemory(4 * (3*each + each/2)) // of which a quarter
	core := o.core(t, memory)
	send := func(name string, want bearing.ModelRef, reads int) {
		t.Helper()
		d, err := core.Submit(t.Context(), window(t, name, 6000, 12000), admit.Entry{})
		if err != nil || d.Model != want || o.reads[name] != reads {
			t.Errorf("%s: model %v, read %d times, %v; want %v, %d", name, d.Model, o.reads[name], err, want, reads)
		}
	}
	held := func(engines int64, beside int64) {
		t.Helper()
		if got := memory.Used(); got != engines*each+beside {
			t.Errorf("%d bytes are held, want %d engines and %d", got, engines, beside)
		}
	}
	for i := range 6 {
		name := fmt.Sprint("m", i)
		send(name, o.models[name].Ref(), 1)
		held(min(int64(i+1), 3), 0)
	}
	for _, name := range []string{"m5", "m3", "m4"} {
		send(name, o.models[name].Ref(), 1) // kept
	}
	send("m0", o.models["m0"].Ref(), 2) // made again, for m5
	send("m4", o.models["m4"].Ref(), 1)
	send("m5", o.models["m5"].Ref(), 2)
	held(3, 0)

	_, done, err := core.engineOf(t.Context(), "m5")
	if err != nil {
		t.Fatal(err)
	}
	most := memory.Most(admit.Show)
	if !memory.Fits(admit.Judge, memory.Max()-memory.Max()/16-each) {
		t.Error("nothing gave way to a window")
	}
	held(1, 0)
	if memory.Take(admit.Show, most) {
		t.Error("there was room for what is shown beside an engine in use")
	}
	core.Drop("m5") // while it is used
	held(1, 0)
	o.gone["m5"] = true
	e, _, err := core.engineOf(t.Context(), "m5")
	if err != nil || e.model != core.Model() {
		t.Errorf("a model that is gone: %v, %v", e.model.Ref(), err)
	}
	done()
	done()
	held(0, 0)
	send("m1", o.models["m1"].Ref(), 2)
	if !memory.TakeFor("tenant", memory.Most(admit.Receive)) || memory.Fits(admit.Receive, memory.Max()) {
		t.Error("nothing gave way to a body")
	}
	send("m2", o.models["m2"].Ref(), 2)
	core.Drop("m2")
	core.Drop("m1")
	held(0, memory.Most(admit.Receive))
}

// TestEngineTooLarge: an engine for which there is no memory is refused, and asked for again.
func TestEngineTooLarge(t *testing.T) {
	o := &ownModels{map[string]*models.Model{"m": model(t, "m", 2)}, map[string]int{}, map[string]bool{}}
	memory := admit.NewMemory(64 << 20)
	core := o.core(t, memory)
	if !memory.Take(admit.Judge, 60<<20) {
		t.Fatal("there was no room")
	}
	memory.Hold(4 << 20)
	w := window(t, "m", 6000, 12000)
	if _, err := core.Submit(t.Context(), w, admit.Entry{}); bearing.CodeOf(err) != "overloaded" {
		t.Errorf("without room: %v", err)
	}
	memory.Give(64 << 20)
	if d, err := core.Submit(t.Context(), w, admit.Entry{}); err != nil || d.Model != o.models["m"].Ref() || o.reads["m"] != 2 {
		t.Errorf("%v, %v, read %d times", d.Model, err, o.reads["m"])
	}
}

// wide is a model with a layer of so many units, which has most of its weights.
func wide(t *testing.T, units int) *models.Model {
	t.Helper()
	labels := model(t, "m", 1).Labels
	spec := nn.Spec{Name: "wide", Input: nn.Signal(64, 1), Layers: []nn.Layer{nn.Conv(4, 8, 4, nn.Same), nn.ReLU(), nn.Dense(units), nn.ReLU(), nn.Logits()}}
	net, err := nn.New(spec, len(labels), rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	return &models.Model{Estimator: network.Of(net), Manifest: models.Manifest{Name: "wide", Version: "1", Labels: labels,
		Preprocessing: input.Preprocessing{SampleRate: 12000, Length: 64, BandLimit: 5000, Normalise: input.ZScore}}}
}

// TestEngineBytes: what is counted for an engine is not less than it takes, nor twice that.
func TestEngineBytes(t *testing.T) {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	core, err := New(model(t, "active", 1), Config{Store: storetest.NewMemory(storetest.Config{})})
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	var all []any
	const n = 4
	var want int64
	for range n {
		m := wide(t, 20000)
		e, err := core.engine(m)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
		want += engineBytes(m)
	}
	took := heap() - before
	if took > want || 2*took < want {
		t.Errorf("%d engines take %d bytes, %d are counted", n, took, want)
	}
	runtime.KeepAlive(all)
}

// TestUselessModel: windows of a sensor whose model cannot be used are judged by the active one, and
// the model is looked at once, until it is taken away.
func TestUselessModel(t *testing.T) {
	looks := 0
	core, err := New(model(t, "active", 1), Config{Store: storetest.NewMemory(storetest.Config{}),
		Sensors: func(string) (bearing.Sensor, bool) { return bearing.Sensor{Model: "old"}, true },
		Models: func(context.Context, string) (*models.Model, error) {
			looks++
			return nil, bearing.Errorf(bearing.Invalid, "model_rejected", "of another version")
		}})
	if err != nil {
		t.Fatal(err)
	}
	send := func(want int) {
		t.Helper()
		d, err := core.Submit(t.Context(), window(t, "s", 6000, 12000), admit.Entry{})
		if err != nil || d.Model.Name != "active" || looks != want {
			t.Errorf("model %v, looked at %d times, %v; want %d", d.Model, looks, err, want)
		}
	}
	send(1)
	send(1)
	core.Drop("old")
	send(2)
	send(2)
}
