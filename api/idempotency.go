package api

import (
	"net/http"
	"sync"
	"time"

	"brinell/internal/bearing"
)

// Bounds of what is remembered of Idempotency-Keys.
const (
	intentAge     = 24 * time.Hour
	mostIntents   = 100_000
	longestIntent = 255
)

// intents remembers for which window an Idempotency-Key was used. Sensor, axis and start
// name a window by themselves, so that sending one again is safe without any key, over
// restarts too: this only finds the client whose key goes with two windows. It lies in
// memory, by age and number.
type intents struct {
	mu    sync.Mutex
	by    map[string]intent
	order []string // oldest first
}

type intent struct {
	window string // its ID
	at     time.Time
}

// intentOf returns the Idempotency-Key of a request, "" for none.
func intentOf(r *http.Request) (string, error) {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return "", nil
	}
	k := keys[0]
	ok := len(keys) == 1 && len(k) > 0 && len(k) <= longestIntent
	for i := range len(k) {
		ok = ok && k[i] >= ' ' && k[i] <= '~'
	}
	if !ok {
		return "", bearing.Errorf(bearing.Malformed, "idempotency_key_invalid", "an Idempotency-Key is one header of 1 to %d printable ASCII characters", longestIntent)
	}
	if a := keyOf(r.Context()); a != nil {
		return a.ID + " " + k, nil // a key of one client is not that of another
	}
	return " " + k, nil
}

// check says whether a key was used for another window.
func (x *intents) check(key, window string, now time.Time) error {
	if key == "" {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if i, ok := x.by[key]; ok && i.window != window && now.Sub(i.at) < intentAge {
		return bearing.Errorf(bearing.Invalid, "idempotency_key_reused", "this Idempotency-Key was used for window %s: a key is for one window", i.window)
	}
	return nil
}

// note remembers a key whose window is on disk.
func (x *intents) note(key, window string, now time.Time) {
	if key == "" {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.by == nil {
		x.by = make(map[string]intent)
	}
	if _, ok := x.by[key]; !ok {
		x.order = append(x.order, key)
	}
	x.by[key] = intent{window, now}
	for len(x.order) > 0 && (len(x.order) > mostIntents || now.Sub(x.by[x.order[0]].at) >= intentAge) {
		delete(x.by, x.order[0])
		x.order = x.order[1:]
	}
}
