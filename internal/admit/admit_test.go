package admit

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"brinell/bearing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func enter(t *testing.T, g *Gate) *Place {
	t.Helper()
	p, err := g.Enter(t.Context(), Claim{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func busy(t *Turns) int {
	_, n := t.counts()
	return n
}

func empty(t *testing.T, g *Gate) {
	t.Helper()
	if waiting, inside, _ := g.Load(); waiting != 0 || inside != 0 || busy(g.short)+busy(g.long) != 0 {
		t.Errorf("%d wait, %d are inside, %d slots are taken; want none", waiting, inside, busy(g.short)+busy(g.long))
	}
}

func TestNil(t *testing.T) {
	var g *Gate
	if err := g.Room(Claim{}); err != nil {
		t.Error(err)
	}
	p, leave, err := g.From(t.Context(), Entry{}, Claim{})
	if err != nil || p != nil {
		t.Errorf("got %v, %v", p, err)
	}
	p.Computed()
	p.Stored()
	leave()
	p.Leave()
}

// TestWorkers: never more are computed at a time than there are workers.
func TestWorkers(t *testing.T) {
	g := New(Config{Workers: 3, MaxWait: time.Minute})
	var now, most atomic.Int64
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			p := enter(t, g)
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(100 * time.Microsecond)
			now.Add(-1)
			p.Computed()
			p.Computed()
			p.Leave()
			p.Leave()
		})
	}
	wg.Wait()
	if n := most.Load(); n > 3 {
		t.Errorf("%d at a time, want 3 at most", n)
	}
	empty(t, g)
}

// TestRoom: there is none once those that wait would take longer than allowed, and
// always some while none waits, however long one window takes.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Workers: 1})
		slow := func() {
			p := enter(t, g)
			time.Sleep(time.Second)
			p.Leave()
		}
		slow()
		if err := g.Room(Claim{}); err != nil {
			t.Errorf("nobody waits: %v", err)
		}
		for range 100 { // service time falls to 30 ms
			p := enter(t, g)
			time.Sleep(30 * time.Millisecond)
			p.Leave()
		}
		first := enter(t, g)
		for n := range 10 {
			if err, want := g.Room(Claim{}), n < 4; (err == nil) != want {
				t.Errorf("%d wait for 30 ms each: %v, want room: %v", n, err, want)
			}
			go func() {
				if p, err := g.Enter(t.Context(), Claim{}); err == nil {
					p.Leave()
				}
			}()
			synctest.Wait()
		}
		first.Leave()
		synctest.Wait()
		empty(t, g)
	})
}

// TestAge: a window that has waited for twice as long as it may gives up, unless it is
// of a patient sender.
func TestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Workers: 1})
		first := enter(t, g)
		start := time.Now()
		if _, err := g.Enter(t.Context(), Claim{}); bearing.CodeOf(err) != "overloaded" || time.Since(start) != 2*DefaultMaxWait {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.Enter(ctx, Claim{Patient: true}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a patient one: %v", err)
		}
		first.Leave()
		empty(t, g)
	})
}

// TestLimit: the number inside falls while the store is slow, not below what fills a
// transaction, and rises again when it is fast.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Workers: 1})
		fill := func(took time.Duration) (n int) {
			var wg sync.WaitGroup
			for g.Room(Claim{}) == nil {
				p, err := g.Enter(t.Context(), Claim{})
				if err != nil {
					break
				}
				p.Computed()
				n++
				wg.Go(func() {
					defer p.Leave()
					time.Sleep(took)
					p.Stored()
				})
			}
			wg.Wait()
			return n
		}
		if n := fill(time.Second); n != maxInside/2 {
			t.Errorf("%d are let in at first, want %d", n, maxInside/2)
		}
		for range 20 {
			fill(time.Second)
		}
		if n := fill(time.Second); n != minInside {
			t.Errorf("%d are let in to a slow store, want %d", n, minInside)
		}
		for range 1000 {
			fill(20 * time.Millisecond)
		}
		if n := fill(20 * time.Millisecond); n != maxInside {
			t.Errorf("%d are let in to a fast store, want %d", n, maxInside)
		}
		empty(t, g)
	})
}

// TestFrom: the entry of a place that was left, or has given its slot back, takes a
// new one.
func TestFrom(t *testing.T) {
	g := New(Config{Workers: 1, MaxWait: time.Minute})
	p := enter(t, g)
	e := Entry{Place: p}
	same, leave, err := g.From(t.Context(), e, Claim{})
	if err != nil || same != p {
		t.Fatalf("got %v, %v", same, err)
	}
	leave()
	if _, inside, _ := g.Load(); inside != 1 {
		t.Errorf("%d inside, want the one that entered before", inside)
	}
	p.Computed()
	other, leave, err := g.From(t.Context(), e, Claim{})
	if err != nil || other == p {
		t.Fatalf("a slot given back is used: %v", err)
	}
	leave()
	p.Leave()
	empty(t, g)
}

// TestWarmUp: at first nobody is refused for a long wait, afterwards as ever.
func TestWarmUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Workers: 1, WarmUp: 5 * time.Second})
		load := func() (refused int64) {
			var n atomic.Int64
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					if g.Room(Claim{}) != nil {
						n.Add(1)
						return
					}
					p, err := g.Enter(t.Context(), Claim{})
					if err != nil {
						n.Add(1)
						return
					}
					time.Sleep(300 * time.Millisecond)
					p.Leave()
				})
			}
			wg.Wait()
			return n.Load()
		}
		if n := load(); n != 0 {
			t.Errorf("%d of 10 refused while warming up", n)
		}
		time.Sleep(5 * time.Second)
		if n := load(); n == 0 {
			t.Error("none of 10 that wait for seconds is refused")
		}
	})
}
