package api

import (
	"context"
	"sync"
	"time"

	"brinell/bearing"
	"brinell/internal/keys"
)

// mostMade is how many of a kind there may be of the sensors of a limited key for it to make
// another one: a quarter of all that there may be. Its pattern may cover any number of sensors.
const mostMade = 25_000

// madeAge is how long a count holds.
const madeAge = 10 * time.Second

// namesMade are counts of what there is of the sensors of limited keys, by key and kind.
type namesMade struct {
	mu sync.Mutex
	of map[[2]string]*madeCount
}

type madeCount struct {
	n  int
	at time.Time
}

// room refuses a new one of a kind where there are as many of the key's sensors as may be.
func (m *namesMade) room(ctx context.Context, key *keys.Key, kind string, r Resources) error {
	name := [2]string{key.ID, kind}
	m.mu.Lock()
	defer m.mu.Unlock() // one counts at a time
	c := m.of[name]
	if c == nil || time.Since(c.at).Abs() > madeAge {
		n, err := r.CountOf(ctx, kind, key, mostMade)
		if err != nil {
			return err
		}
		if m.of == nil || len(m.of) > 1000 { // keys that are no more
			m.of = make(map[[2]string]*madeCount)
		}
		c = &madeCount{n, time.Now()}
		m.of[name] = c
	}
	if c.n >= mostMade {
		return bearing.Errorf(bearing.Conflict, "too_many_resources",
			"there are %d of this kind already of the sensors of this key: delete some", c.n).Over(mostMade, float64(c.n))
	}
	return nil
}

// add counts one that a key has made.
func (m *namesMade) add(key *keys.Key, kind string) {
	if key == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.of[[2]string{key.ID, kind}]; c != nil {
		c.n++
	}
}
