package admit

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"brinell/bearing"
)

// TestMemory: each use ends where it should, and what is given back is there again.
func TestMemory(t *testing.T) {
	m := NewMemory(800)
	for _, c := range []struct {
		use        Use
		most, ends int64
	}{{Receive, 200, 300}, {Show, 600, 600}, {Judge, 500, 750}} {
		if m.Most(c.use) != c.most {
			t.Errorf("use %d may have %d at once, want %d", c.use, m.Most(c.use), c.most)
		}
		held := m.Used()
		n := c.ends - held
		if m.Take(c.use, n+1) || m.Fits(c.use, n+1) {
			t.Errorf("use %d takes more than %d", c.use, c.ends)
		}
		if !m.Fits(c.use, n) || !m.Take(c.use, n) {
			t.Errorf("use %d does not take up to %d", c.use, c.ends)
		}
	}
	if m.Used() != 750 || m.Max() != 800 || m.Peak() != 750 {
		t.Errorf("%d of %d used, peak %d", m.Used(), m.Max(), m.Peak())
	}
	m.Give(750)
	if m.Peak() != 750 || m.Peak() != 0 || m.Used() != 0 {
		t.Errorf("%d are used", m.Used())
	}
	var none *Memory
	if !none.Take(Judge, 1<<62) || none.Used() != 0 || none.Max() != 0 || none.Peak() != 0 || none.Window(t.Context(), Entry{}, 1<<62) != nil {
		t.Error("no budget refuses something")
	}
	none.Give(1)
}

// TestMemoryWait: what never fits is refused for ever, what does not fit now is refused for
// now, and one of a patient sender waits.
func TestMemoryWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(800)
		code := func(err error) (string, bearing.Kind) { return bearing.CodeOf(err), bearing.KindOf(err) }
		if c, k := code(m.Window(t.Context(), Entry{}, 501)); c != "memory_exceeded" || k != bearing.TooLarge {
			t.Errorf("too large: %v %v", c, k)
		}
		if err := m.Window(t.Context(), Entry{}, 500); err != nil {
			t.Fatal(err)
		}
		if c, k := code(m.Window(t.Context(), Entry{}, 301)); c != "overloaded" || k != bearing.Overloaded {
			t.Errorf("not now: %v %v", c, k)
		}
		start := time.Now()
		if c, _ := code(m.Window(t.Context(), Entry{Patient: true}, 301)); c != "overloaded" || time.Since(start) != patience {
			t.Errorf("a patient one after %v: %v", time.Since(start), c)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.Window(ctx, Entry{Patient: true}, 301); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a client that left: %v", err)
		}
		go func() {
			time.Sleep(time.Second)
			m.Give(500)
		}()
		if err := m.Window(t.Context(), Entry{Patient: true}, 301); err != nil {
			t.Errorf("there is room by now: %v", err)
		}
		if m.Give(301); m.Used() != 0 {
			t.Errorf("%d are used", m.Used())
		}
	})
}

// TestMemoryTogether: however many ask at a time, the budget holds.
func TestMemoryTogether(t *testing.T) {
	m := NewMemory(8000)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 2000 {
				if size := int64(n*7919%3000 + i); m.Take(Use(n%3), size) {
					m.Give(size)
				}
			}
		})
	}
	wg.Wait()
	if m.Used() != 0 || m.Peak() > 8000 {
		t.Errorf("%d are used, peak %d", m.Used(), m.Peak())
	}
}
