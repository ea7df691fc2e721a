package diagnose

import (
	"context"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/internal/admit"
)

// stopping is a store whose history of one sensor does not come.
type stopping struct {
	*counting
	began, release chan struct{}
}

func (s *stopping) History(ctx context.Context, sensor string, each func(bearing.Diagnosis) error) error {
	if sensor == "pump" {
		s.began <- struct{}{}
		<-s.release
	}
	return s.counting.History(ctx, sensor, each)
}

// TestControlsOfOthers: while the history of a sensor is folded for a control in its past, others
// are controlled; what took long is not done again at once, and what costs nothing is.
func TestControlsOfOthers(t *testing.T) {
	p := newPlant(t)
	disk := &stopping{&counting{DB: p.db}, make(chan struct{}), make(chan struct{})}
	p.core.store = disk
	begin := p.now
	submit := func(name string) {
		t.Helper()
		p.now = p.now.Add(time.Minute)
		w := p.brief("", p.now)
		w.Sensor = name
		if _, err := p.core.Submit(t.Context(), w, admit.Entry{}); err != nil {
			t.Fatal(err)
		}
	}
	control := func(name string, at time.Time) error {
		return p.core.ControlBaseline(t.Context(), name, bearing.BaselineControl{Action: bearing.BaselineFreeze, At: at}, bearing.AnyVersion)
	}
	for range 520 { // a state is stored in which more is folded than is kept beside it
		submit("pump")
	}
	submit("fan")
	past := begin.Add(2 * time.Minute)
	if err := control("pump", past); err != nil {
		t.Fatal(err)
	}
	second := make(chan error)
	go func() { second <- control("pump", p.now) }() // wants what is folded under the first
	<-disk.began
	done := make(chan error)
	go func() { done <- control("fan", p.now) }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("a control waits for the history of another sensor")
	}
	disk.release <- struct{}{}
	if err := <-second; err != nil {
		t.Error(err)
	}

	clear(p.core.rests)            // the fold waited
	p.core.rested("fan", foldFree) // another sensor's
	p.core.rested("pump", foldFree-1)
	if err := control("pump", past); err != nil {
		t.Errorf("after a short one: %v", err)
	}
	submitted := make(chan struct{})
	go func() { submit("pump"); close(submitted) }()
	<-disk.began
	disk.release <- struct{}{}
	<-submitted
	delete(p.core.rests, "pump")
	p.core.rested("pump", foldFree)
	if rest := p.core.resting("pump"); rest > foldRest*foldFree || rest < foldRest*foldFree-time.Second {
		t.Errorf("rests for %s", rest)
	}
	if err := control("pump", past); bearing.CodeOf(err) != "overloaded" {
		t.Errorf("again at once: %v", err)
	}
	if err := control("pump", p.now.Add(time.Second)); err != nil {
		t.Errorf("for now: %v", err)
	}
	p.core.rests["pump"] = time.Now()
	if err := control("pump", past); err != nil {
		t.Errorf("after the rest: %v", err)
	}
	p.core.rests["fan"] = time.Now().Add(time.Hour) // its own is over where the machine is slow
	if p.core.rested("pump", 0); len(p.core.rests) != 1 {
		t.Errorf("%d rests are kept", len(p.core.rests))
	}
}
