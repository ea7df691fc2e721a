package admit

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestQueue: windows of a queue take their turn in order, whichever is computed first,
// whatever becomes of those before, with one worker, with several and without a gate; and
// those of another queue do not wait for them.
func TestQueue(t *testing.T) {
	for name, g := range map[string]*Gate{"one worker": New(Config{Workers: 1}), "many": New(Config{Workers: 8}), "no gate": nil} {
		q := g.Queue()
		rng := rand.New(rand.NewPCG(1, 1))
		var mu sync.Mutex
		var got, want []int
		var wg sync.WaitGroup
		for i := range 200 {
			ticket, fate, pause := q.Next(), rng.IntN(4), time.Duration(rng.IntN(200))*time.Microsecond
			if fate > 1 {
				want = append(want, i)
			}
			wg.Go(func() {
				defer ticket.Close()
				if fate == 0 {
					return // it never comes so far
				}
				p, err := ticket.Enter(t.Context(), Claim{})
				if err != nil {
					t.Error(err)
					return
				}
				defer p.Leave()
				time.Sleep(pause)
				if fate == 1 {
					return // refused
				}
				own, leave, err := g.From(t.Context(), Entry{Place: p}, Claim{})
				defer leave()
				if err != nil || own != p {
					t.Errorf("%s: another place: %v", name, err)
				}
				p.Turn()
				mu.Lock()
				got = append(got, i)
				mu.Unlock()
				p.Computed()
			})
		}
		wg.Wait()
		if !slices.Equal(got, want) {
			t.Errorf("%s: turns %v, want %v", name, got, want)
		}
		if g != nil {
			empty(t, g)
		}
	}
}

// TestPatient: those that wait for their turn take no room from others.
func TestPatient(t *testing.T) {
	g := New(Config{Workers: 1, MaxWait: time.Hour})
	held := enter(t, g)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 * maxInside {
		wg.Go(func() {
			if p, err := g.Enter(ctx, Claim{Patient: true}); err == nil {
				p.Leave()
			}
		})
	}
	for waiting := int64(0); waiting < 2*maxInside; waiting, _, _ = g.Load() {
		time.Sleep(time.Millisecond)
	}
	if _, inside, _ := g.Load(); inside != 1 {
		t.Errorf("%d are inside, want 1", inside)
	}
	if err := g.Room(Claim{}); err != nil {
		t.Error(err)
	}
	stop()
	wg.Wait()
	held.Leave()
	empty(t, g)
}
