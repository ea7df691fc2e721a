package api

import (
	"strings"
	"sync"
	"time"

	"brinell/bearing"
)

// Limits of wrong keys, of one network and with one ID.
const (
	maxFailures   = 20
	failureWindow = time.Minute
	maxTallies    = 20_000
)

// failures counts wrong keys by the network that they come from and by the ID that they
// state. They refuse wrong keys only: to check one costs next to nothing, and right keys may
// come from the same proxy.
type failures struct {
	mu sync.Mutex
	by map[string]tally
}

type tally struct {
	count int
	since time.Time
}

// add counts a wrong key, and says how long no answer but too_many_failures is given; 0 while
// there are few.
func (f *failures) add(host, token string, now time.Time) (wait time.Duration) {
	id, _, _ := strings.Cut(strings.TrimPrefix(token, "brk_"), "_")
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range [2]string{"from " + NetworkOf(host), "with " + id[:min(len(id), 32)]} {
		t, ok := f.by[key]
		if !ok || now.Sub(t.since).Abs() >= failureWindow {
			if f.by == nil || len(f.by) >= maxTallies { // a flood: begin again
				f.by = make(map[string]tally)
			}
			t = tally{since: now}
		}
		if t.count >= maxFailures {
			wait = max(wait, t.since.Add(failureWindow).Sub(now))
		} else {
			t.count++
		}
		f.by[key] = t
	}
	return wait
}

func tooManyFailures(wait time.Duration) error {
	return bearing.Errorf(bearing.TooMany, "too_many_failures", "this key is wrong, as many have been from this address or with this ID: wait for %d s, and send a right one", seconds(wait)).After(wait)
}
