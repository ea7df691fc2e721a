package diagnose

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/storetest"
)

// TestControls: a restart forgets from its time on, also if that has passed; a frozen
// baseline learns no more and judges on; and a core that starts anew answers as the one
// before would have.
func TestControls(t *testing.T) {
	store := storetest.NewMemory(storetest.Config{})
	m := model(t, "m", 1)
	at := func(i int) time.Time { return firstYear.Add(time.Duration(i) * time.Minute) }
	send := func(core *Core, i int) bearing.BaselineWitness {
		t.Helper()
		rng := rand.New(rand.NewPCG(uint64(i), 3))
		w, err := bearing.NewWindow(bearing.Window{Sensor: "pump", Start: at(i), SampleRate: 12000, ShaftSpeed: 30, Unit: bearing.G, Samples: samples(rng, 6000)}, bearing.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		d, err := core.Submit(t.Context(), w, admit.Entry{})
		if err != nil {
			t.Fatal(err)
		}
		return d.Witnesses.Baseline
	}
	fresh := func(store Store) *Core {
		core, err := New(m, Config{Store: store})
		if err != nil {
			t.Fatal(err)
		}
		return core
	}
	control := func(core *Core, action string, i int) {
		t.Helper()
		if err := core.ControlBaseline(t.Context(), "pump", bearing.BaselineControl{Action: action, At: at(i)}, bearing.AnyVersion); err != nil {
			t.Fatal(err)
		}
	}
	core := fresh(store)
	if err := core.ControlBaseline(t.Context(), "pump", bearing.BaselineControl{Action: bearing.BaselineFreeze}, bearing.AnyVersion); bearing.CodeOf(err) != "sensor_not_found" {
		t.Errorf("a sensor that nobody knows: %v", err)
	}
	i := 0
	next := func() bearing.BaselineWitness { i++; return send(core, i-1) }
	next()
	if err := core.ControlBaseline(t.Context(), "pump", bearing.BaselineControl{Action: bearing.BaselineFreeze, Axis: "z"}, bearing.AnyVersion); bearing.CodeOf(err) != "sensor_not_found" || !strings.Contains(err.Error(), `axis "z"`) {
		t.Errorf("an axis that nobody knows: %v", err)
	}
	core, i = fresh(store), 0
	check := func(what string, b bearing.BaselineWitness, state bearing.BaselineState, learned int) {
		t.Helper()
		if b.State != state || b.Learned != learned {
			t.Errorf("%s: %s, %d learnt; want %s, %d", what, b.State, b.Learned, state, learned)
		}
		again := fresh(store.Clone())
		i++
		x := send(again, i-1)
		y := send(core, i-1)
		if d := cmp.Diff(x, y, cmpopts.EquateApprox(0, 0)); d != "" {
			t.Errorf("%s: after a restart of the program:\n%s", what, d)
		}
	}
	for range 69 {
		next()
	}
	check("70 windows", next(), bearing.Ready, 70)
	control(core, bearing.BaselineFreeze, i)
	check("frozen", next(), bearing.Frozen, 71)
	control(core, bearing.BaselineResume, i)
	check("resumed", next(), bearing.Ready, 72)
	control(core, bearing.BaselineRestart, i-10)    // work was done ten windows ago
	check("restarted", next(), bearing.Learning, 9) // of eleven, two came while it was frozen
	got, err := core.Baselines(t.Context(), "pump", 100)
	if err != nil || len(got.Baselines) != 1 || got.Baselines[0].Learned != 10 || len(got.Controls) != 3 || got.Controls[0].Action != bearing.BaselineRestart {
		t.Errorf("%+v, %v", got, err)
	}
	for _, c := range []struct {
		match int64
		code  string
	}{{got.Version + 1, "version_mismatch"}, {bearing.NoVersion, "version_mismatch"}, {got.Version, ""}} {
		err := core.ControlBaseline(t.Context(), "pump", bearing.BaselineControl{Action: bearing.BaselineFreeze, At: at(i)}, c.match)
		if now, _ := core.Baselines(t.Context(), "pump", 100); bearing.CodeOf(err) != c.code || (now.Version != got.Version) != (c.code == "") {
			t.Errorf("under version %d of %d: %v, version %d", c.match, got.Version, err, now.Version)
		}
	}
}

// TestTooManyControls: an axis that was controlled as often as may be takes a restart, which
// makes room.
func TestTooManyControls(t *testing.T) {
	store := storetest.NewMemory(storetest.Config{})
	core, err := New(model(t, "m", 1), Config{Store: store, Now: func() time.Time { return firstYear.Add(time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	w, err := bearing.NewWindow(bearing.Window{Sensor: "pump", Start: firstYear, SampleRate: 12000, ShaftSpeed: 30, Unit: bearing.G, Samples: samples(rand.New(rand.NewPCG(1, 3)), 6000)}, bearing.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := core.Submit(t.Context(), w, admit.Entry{}); err != nil {
		t.Fatal(err)
	}
	control := func(action string, at time.Duration) error {
		return core.ControlBaseline(t.Context(), "pump", bearing.BaselineControl{Action: action, At: firstYear.Add(at)}, bearing.AnyVersion)
	}
	for i := range maxControls {
		if err := control([]string{bearing.BaselineFreeze, bearing.BaselineResume}[i%2], time.Duration(i)*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if err := control(bearing.BaselineFreeze, 30*time.Minute); bearing.CodeOf(err) != "too_many_controls" {
		t.Errorf("one too many: %v", err)
	}
	if err := control(bearing.BaselineRestart, time.Hour+skewLimit); bearing.CodeOf(err) != "too_many_controls" {
		t.Errorf("a restart to come makes nothing moot yet: %v", err)
	}
	if err := control(bearing.BaselineRestart, time.Hour+skewLimit+1); bearing.CodeOf(err) != "control_in_future" {
		t.Errorf("a restart of the future: %v", err)
	}
	if err := control(bearing.BaselineRestart, 31*time.Minute); err != nil {
		t.Errorf("a restart: %v", err)
	}
	if err := control(bearing.BaselineFreeze, 32*time.Minute); err != nil {
		t.Errorf("after it: %v", err)
	}
	if list, _, err := readControls(t.Context(), store, "pump", ""); err != nil || len(list) != 2 || list[0].Action != bearing.BaselineRestart {
		t.Errorf("%d controls, %v", len(list), err)
	}
}

// unread is a store whose resources are not to be read.
type unread struct {
	*storetest.Memory
	t    *testing.T
	deny bool
}

func (s *unread) Resource(ctx context.Context, kind, key string) (bearing.Resource, error) {
	if s.deny {
		s.t.Errorf("%s %q is read", kind, key)
	}
	return s.Memory.Resource(ctx, kind, key)
}

// TestNewestControls: of what was done to all axes of a sensor the newest is shown, in its order,
// and nothing is read for it.
func TestNewestControls(t *testing.T) {
	store := &unread{Memory: storetest.NewMemory(storetest.Config{}), t: t}
	core, err := New(model(t, "m", 1), Config{Store: store, Now: func() time.Time { return firstYear.Add(time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	axes := []string{"x", "y", "z"}
	for _, axis := range axes {
		w, err := bearing.NewWindow(bearing.Window{Sensor: "pump", Axis: axis, Start: firstYear, SampleRate: 12000, ShaftSpeed: 30, Unit: bearing.G, Samples: samples(rand.New(rand.NewPCG(1, 3)), 6000)}, bearing.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := core.Submit(t.Context(), w, admit.Entry{}); err != nil {
			t.Fatal(err)
		}
	}
	const all = 30
	for i := range all {
		x := bearing.BaselineControl{Action: bearing.BaselineFreeze, Axis: axes[i*i%3], At: firstYear.Add(time.Duration(i) * time.Second)}
		if err := core.ControlBaseline(t.Context(), "pump", x, bearing.AnyVersion); err != nil {
			t.Fatal(err)
		}
	}
	want, err := core.Baselines(t.Context(), "pump", all)
	if err != nil || len(want.Controls) != all || want.Older != 0 {
		t.Fatalf("%d controls and %d older, %v", len(want.Controls), want.Older, err)
	}
	for i, x := range want.Controls {
		if !x.At.Equal(firstYear.Add(time.Duration(i) * time.Second)) {
			t.Errorf("control %d is at %s", i, x.At)
		}
	}
	store.deny = true
	for _, n := range []int{0, 1, 7, 12, all - 1, all + 1} {
		got, err := core.Baselines(t.Context(), "pump", n)
		if err != nil || got.Older != max(0, all-n) || got.Version != want.Version || !slices.Equal(got.Controls, want.Controls[max(0, all-n):]) {
			t.Errorf("the newest %d: %d, %d older, version %d, %v", n, len(got.Controls), got.Older, got.Version, err)
		}
	}
}
