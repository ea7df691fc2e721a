package diagnose

import (
	"context"
	"slices"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/internal/admit"
	"brinell/internal/storetest"
)

// asked is a store that notes for which sensors it is asked.
type asked struct {
	*storetest.Memory
	axes  func(sensor string) []string
	reads []string
}

func (s *asked) Resource(ctx context.Context, kind, key string) (bearing.Resource, error) {
	s.reads = append(s.reads, key)
	return s.Memory.Resource(ctx, kind, key)
}

func (s *asked) Axes(_ context.Context, sensor string) ([]string, error) {
	s.reads = append(s.reads, sensor)
	return s.axes(sensor), nil
}

// TestRefusedUnread: nothing is read from the store for a window whose rate or length is refused
// whatever its sensor is.
func TestRefusedUnread(t *testing.T) {
	store := &asked{Memory: storetest.NewMemory(storetest.Config{}), axes: func(string) []string { return nil }}
	core, err := New(model(t, "m", 1), Config{Store: store, Now: func() time.Time { return time.Unix(1e9, 0).Add(time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	submit := func(n int, rate float64, unit bearing.Unit, code string) {
		t.Helper()
		w := window(t, "s", n, rate)
		w.Unit = unit
		if _, err := core.Submit(t.Context(), w, admit.Entry{}); bearing.CodeOf(err) != code {
			t.Errorf("%d samples at %g Hz in %s: %v, want %q", n, rate, unit, err, code)
		}
	}
	submit(minSamples-1, 12000, bearing.G, "window_too_short")
	submit(minSamples-1, 12000, bearing.MillimetresSec, "window_too_short")
	submit(6000, minRate-1, bearing.G, "rate_too_low")
	submit(6000, velocityRate-1, bearing.MillimetresSec, "rate_too_low")
	if len(store.reads) > 0 {
		t.Errorf("for windows that are refused the store is asked for %q", store.reads)
	}
	submit(6000, 12000, bearing.G, "")
	if len(store.reads) == 0 {
		t.Error("the store is asked for nothing: this test sees nothing")
	}
}

// TestAxesUnlocked: windows of a sensor whose axes are at hand do not wait while those of another
// are read, and what happens meanwhile is not lost.
func TestAxesUnlocked(t *testing.T) {
	var c crowd
	c.axesMost = 2
	store := &asked{}
	admitted := func(name, axis, code string) {
		t.Helper()
		if err := c.admitAxis(t.Context(), store, name, axis); bearing.CodeOf(err) != code {
			t.Errorf("%s of %s: %v, want %q", axis, name, err, code)
		}
	}
	c.addAxis("fan", "x")
	store.axes = func(name string) []string {
		done := make(chan struct{})
		go func() {
			admitted("fan", "x", "")
			c.addAxis("fan", "y")
			c.addAxis("pump", "z")
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Error("all sensors wait for the axes of one")
		}
		return []string{"x"}
	}
	admitted("pump", "q", "too_many_axes") // with z, which came meanwhile
	store.axes = func(string) []string { return nil }
	admitted("fan", "q", "too_many_axes")
	if got := slices.Sorted(slices.Values(c.axes["pump"])); !slices.Equal(got, []string{"x", "z"}) {
		t.Errorf("axes %q", got)
	}
	store.axes = func(string) []string {
		c.forget("drill")
		return []string{"x", "y"}
	}
	admitted("drill", "q", "too_many_axes") // by what was there when it was asked
	store.axes = func(string) []string { return nil }
	admitted("drill", "q", "")
}
