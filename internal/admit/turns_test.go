package admit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"brinell/bearing"
)

// work keeps so many claims of a tenant waiting, each of which takes so long, until ctx ends.
func work(ctx context.Context, g *Gate, wg *sync.WaitGroup, c Claim, clients int, took time.Duration) {
	for range clients {
		wg.Go(func() {
			for ctx.Err() == nil {
				if g.Room(c) == nil {
					if p, err := g.Enter(ctx, c); err == nil {
						time.Sleep(took)
						p.Leave()
						continue
					}
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
}

// TestTenants: whatever one tenant sends, another that sends a little is refused nothing, and
// waits for not much longer than what is at work.
func TestTenants(t *testing.T) {
	for _, c := range []struct {
		name    string
		workers int
		clients int
		bytes   int
		took    time.Duration
		most    time.Duration // that the other one waits
	}{
		{"a flood of windows", 1, 150, 48_000, time.Millisecond, 5 * time.Millisecond},
		{"a flood of windows, two workers", 2, 150, 48_000, time.Millisecond, 5 * time.Millisecond},
		{"windows just below long ones", 1, 50, LongWindow - 1, 25 * time.Millisecond, 30 * time.Millisecond},
		{"long windows", 1, 16, 8 << 20, time.Second, 2 * time.Millisecond},
		{"long windows, four workers", 4, 16, 8 << 20, time.Second, 2 * time.Millisecond},
		{"windows that cost more than they seem to", 1, 50, 40_000, 50 * time.Millisecond, 55 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := New(Config{Workers: c.workers})
				ctx, stop := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				work(ctx, g, &wg, Claim{Tenant: "hostile", Bytes: c.bytes}, c.clients, c.took)
				time.Sleep(3 * time.Second)
				small := Claim{Tenant: "honest", Bytes: 48_000}
				for i := range 200 {
					time.Sleep(10*time.Millisecond + time.Duration(i)*7*time.Microsecond)
					start := time.Now()
					err := g.Room(small)
					var p *Place
					if err == nil {
						p, err = g.Enter(ctx, small)
					}
					if err != nil {
						t.Fatalf("window %d of the honest one: %v", i, err)
					}
					if d := time.Since(start); d > c.most {
						t.Errorf("window %d of the honest one waited %v, %v at most", i, d, c.most)
					}
					time.Sleep(time.Millisecond)
					p.Leave()
				}
				stop()
				wg.Wait()
				empty(t, g)
			})
		})
	}
}

// TestShares: tenants that all want everything get the same time, however long their windows
// are and however many they send.
func TestShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1)
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var mu sync.Mutex
		had := map[string]time.Duration{}
		for tenant, c := range map[string]struct {
			clients int
			took    time.Duration
		}{"a": {1, 10 * time.Millisecond}, "b": {30, time.Millisecond}, "c": {30, 20 * time.Millisecond}} {
			for range c.clients {
				wg.Go(func() {
					for ctx.Err() == nil {
						n, err := turns.Turn(ctx, tenant)
						if err != nil {
							return
						}
						time.Sleep(c.took)
						mu.Lock()
						had[tenant] += c.took
						mu.Unlock()
						n.Done()
						n.Done()
					}
				})
			}
		}
		time.Sleep(30 * time.Second)
		mu.Lock()
		// One client that asks again only once it is done leaves the place to others meanwhile.
		if b, c := had["b"].Seconds(), had["c"].Seconds(); b < 0.95*c || c < 0.95*b || had["a"].Seconds() < 0.9*b/2 {
			t.Errorf("shares are %v", had)
		}
		mu.Unlock()
		stop()
		wg.Wait()
		if waiting, busy := turns.counts(); waiting != 0 || busy != 0 || turns.load != 0 || len(turns.queue) != 0 {
			t.Errorf("%d wait, %d are served, %v of work, %d in the queue; want none", waiting, busy, turns.load, len(turns.queue))
		}
	})
}

// TestTurnsTogether: places are never exceeded and never lost, whoever gives up when.
func TestTurnsTogether(t *testing.T) {
	turns := NewTurns(3)
	var wg sync.WaitGroup
	var mu sync.Mutex
	now := 0
	for i := range 64 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			for range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rng.IntN(300))*time.Microsecond)
				n, err := turns.Turn(ctx, fmt.Sprint(i%7))
				if err == nil {
					mu.Lock()
					if now++; now > 3 {
						t.Errorf("%d at a time", now)
					}
					mu.Unlock()
					time.Sleep(time.Duration(rng.IntN(50)) * time.Microsecond)
					mu.Lock()
					now--
					mu.Unlock()
					n.Done()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if waiting, busy := turns.counts(); waiting != 0 || busy != 0 || turns.load != 0 || len(turns.queue) != 0 {
		t.Errorf("%d wait, %d are served, %v of work, %d in the queue; want none", waiting, busy, turns.load, len(turns.queue))
	}
	for name, a := range turns.tenants {
		if a.holds != 0 || a.first != nil || a.last != nil {
			t.Errorf("tenant %s holds %d", name, a.holds)
		}
	}
}

// TestWithin: a turn that does not come in time is refused, and one more than a tenant may
// wait for at once.
func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1)
		first, err := turns.Within(t.Context(), "a", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range mostAsked - 1 {
			wg.Go(func() {
				start := time.Now()
				if _, err := turns.Within(t.Context(), "a", time.Second); bearing.CodeOf(err) != "overloaded" || time.Since(start) != time.Second {
					t.Errorf("after %v: %v", time.Since(start), err)
				}
			})
		}
		synctest.Wait()
		if _, err := turns.Within(t.Context(), "a", time.Second); bearing.CodeOf(err) != "too_many_reads" || bearing.KindOf(err) != bearing.TooMany {
			t.Errorf("one more: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := turns.Within(ctx, "b", time.Second); !errors.Is(err, context.Canceled) {
			t.Errorf("a client that left: %v", err)
		}
		wg.Wait()
		first.Done()
		n, err := turns.Within(t.Context(), "a", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		n.Done()
	})
}

// TestManyTenants: those that ask for nothing any more are forgotten.
func TestManyTenants(t *testing.T) {
	turns := NewTurns(2)
	held, err := turns.Turn(t.Context(), "held")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * manyTenants {
		n, err := turns.Turn(t.Context(), fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		if n.Done(); len(turns.tenants) > manyTenants {
			t.Fatalf("%d tenants are remembered", len(turns.tenants))
		}
	}
	if turns.tenants["held"] == nil {
		t.Error("one with a turn is forgotten")
	}
	held.Done()
}

// TestInside: where as many are inside as may be, one with less than its share still comes
// in, and one with more does not.
func TestInside(t *testing.T) {
	g := New(Config{Workers: 1})
	var places []*Place
	fill := func(tenant string) (n int) {
		for g.Room(Claim{Tenant: tenant}) == nil {
			p, err := g.Enter(t.Context(), Claim{Tenant: tenant})
			if err != nil {
				t.Fatal(err)
			}
			p.Computed()
			places = append(places, p)
			n++
		}
		if _, err := g.Enter(t.Context(), Claim{Tenant: tenant}); bearing.CodeOf(err) != "overloaded" {
			t.Errorf("one more of %s: %v", tenant, err)
		}
		return n
	}
	const all = maxInside / 2
	if a, b, c := fill("a"), fill("b"), fill("c"); a != all || b != all/2 || c != all/3 {
		t.Errorf("%d, %d and %d come in, want %d, %d, %d", a, b, c, all, all/2, all/3)
	}
	for _, p := range places {
		p.Leave()
	}
	if empty(t, g); len(g.by) != 0 {
		t.Errorf("%v are inside", g.by)
	}
}

// TestCosts: a window is expected to cost what those of its size did.
func TestCosts(t *testing.T) {
	var c costs
	if got := c.of(1000); got != 1000*guess {
		t.Errorf("%v of nothing", got)
	}
	c.learn(1000, time.Millisecond)
	for size, want := range map[int]time.Duration{1000: time.Millisecond, 600: time.Millisecond, 2000: 2000 * guess, 500: 500 * guess} {
		if got := c.of(size); got != want {
			t.Errorf("%d bytes: %v, want %v", size, got, want)
		}
	}
	for range 200 {
		c.learn(1000, 3*time.Millisecond)
	}
	if got := c.of(1000); got < 2900*time.Microsecond || got > 3*time.Millisecond {
		t.Errorf("after many of 3 ms: %v", got)
	}
	if c.learn(1<<40, 0); c.of(1<<40) <= 0 {
		t.Error("a window of any size has a cost")
	}
}
