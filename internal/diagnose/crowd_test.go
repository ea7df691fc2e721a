package diagnose

import (
	"fmt"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/internal/admit"
)

// TestAxes: a sensor has so many axes, also after a start, and those that it has go on.
func TestAxes(t *testing.T) {
	p := newPlant(t)
	send := func(axis, code string) {
		t.Helper()
		p.now = p.now.Add(time.Minute)
		if _, err := p.core.Submit(t.Context(), p.brief(axis, p.now), admit.Entry{}); bearing.CodeOf(err) != code {
			t.Errorf("axis %q: %v, want %q", axis, err, code)
		}
	}
	for i := range DefaultMaxAxes {
		send(fmt.Sprint("axis", i), "")
	}
	for range 2 {
		send("one-more", "too_many_axes")
		send("axis0", "")
		if n := len(p.core.sensors); n > DefaultMaxAxes {
			t.Errorf("%d axes are remembered", n)
		}
		p.restart()
	}
	if DefaultMaxAxes != 8 {
		t.Errorf("%d axes are documented as 8", DefaultMaxAxes)
	}
}

// TestForget: a name that windows brought in gives its place back, over a start too, and
// begins anew if it comes again.
func TestForget(t *testing.T) {
	p := newPlant(t)
	p.core.crowd.most = 1
	p.send("typo", p.now)
	if _, err := p.core.Submit(t.Context(), p.window("pump", p.now), admit.Entry{}); bearing.CodeOf(err) != "too_many_sensors" {
		t.Fatal(err)
	}
	if err := p.registry.Forget(t.Context(), "typo", bearing.AnyVersion); err != nil {
		t.Fatal(err)
	}
	if err := p.registry.Forget(t.Context(), "typo", bearing.AnyVersion); bearing.CodeOf(err) != "sensor_not_found" {
		t.Errorf("again: %v", err)
	}
	for range 2 {
		p.send("pump", p.now)
		p.restart()
		p.core.crowd.most = 1
	}
	if err := p.put("pump", bearing.Sensor{}); err != nil {
		t.Fatal(err)
	}
	if err := p.registry.Forget(t.Context(), "pump", bearing.AnyVersion); err != nil {
		t.Fatal(err)
	}
	if _, ok := p.registry.Sensor("pump"); ok {
		t.Error("it is registered still")
	}
	if d := p.send("pump", p.now); d.Duplicate || d.Verdict.Windows != 1 {
		t.Errorf("begins anew with %d windows, duplicate %v", d.Verdict.Windows, d.Duplicate)
	}
}
