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
// restarts too: this only finds the client whose key goes with two windows, also at the
// same time. It lies in memory, by age and number.
type intents struct {
	mu    sync.Mutex
	by    map[string]intent
	order []use // oldest first
}

type intent struct {
	window string // its ID
	at     time.Time
	busy   int  // requests under way with this key and window
	stored bool // the window is on disk
}

// use is a key that was noted at a time. It says nothing any more of a key that was noted
// again later.
type use struct {
	key string
	at  time.Time
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

// begin reserves a key for a window until end. A key goes with one window: Invalid
// idempotency_key_reused if it was used for another, Conflict idempotency_key_in_use while
// another is being judged with it.
func (x *intents) begin(key, window string, now time.Time) error {
	if key == "" {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	i := x.by[key]
	if i.window != window {
		if i.stored && now.Sub(i.at) < intentAge {
			return bearing.Errorf(bearing.Invalid, "idempotency_key_reused", "this Idempotency-Key was used for window %s: a key is for one window", i.window)
		}
		if i.busy > 0 {
			return bearing.Errorf(bearing.Conflict, "idempotency_key_in_use", "another window is being judged with this Idempotency-Key: a key is for one window")
		}
		i = intent{window: window}
	}
	i.busy++
	if x.by == nil {
		x.by = make(map[string]intent)
	}
	x.by[key] = i
	return nil
}

// end gives up what begin reserved. If the window is on disk, its key is remembered.
func (x *intents) end(key string, stored bool, now time.Time) {
	if key == "" {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	i := x.by[key]
	i.busy--
	if stored {
		i.stored, i.at = true, now
		x.order = append(x.order, use{key, now})
	}
	if x.by[key] = i; i.busy == 0 && !i.stored {
		delete(x.by, key)
	}
	for len(x.order) > 0 && (len(x.order) > mostIntents || now.Sub(x.order[0].at) >= intentAge) {
		if u := x.order[0]; x.by[u.key].at.Equal(u.at) { // else it was used again
			x.forget(u.key)
		}
		x.order = x.order[1:]
	}
}

// forget drops what was stored under a key, but no request that is under way.
func (x *intents) forget(key string) {
	if i := x.by[key]; i.busy > 0 {
		i.stored = false
		x.by[key] = i
		return
	}
	delete(x.by, key)
}
