package api

import (
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"brinell/bearing"
)

// Bounds of what is remembered of Idempotency-Keys.
const (
	intentAge     = 24 * time.Hour
	mostIntents   = 100_000
	longestIntent = 255
	mostLedgers   = 4096 // clients; those beyond are as one
)

// intents remembers for which window an Idempotency-Key was used. Sensor, axis and start
// name a window by themselves, so that sending one again is safe without any key, over
// restarts too: this only finds the client whose key goes with two windows, also at the
// same time. It lies in memory, by age and number: an entry has some 200 bytes, however long the
// key, and a client that uses many keys forgets its own first.
type intents struct {
	mu    sync.Mutex
	of    map[string]*ledger // by client
	count int                // in all orders
}

// ledger is what is remembered of one client.
type ledger struct {
	by    map[digest]intent
	order []use // oldest first
}

// digest stands for an Idempotency-Key: the first half of its SHA-256.
type digest [16]byte

// intentKey is an Idempotency-Key of a client.
type intentKey struct {
	client string
	digest digest
	stated bool
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
	key digest
	at  time.Time
}

// intentOf returns the Idempotency-Key of a request, if it has one.
func intentOf(r *http.Request) (intentKey, error) {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return intentKey{}, nil
	}
	k := keys[0]
	ok := len(keys) == 1 && len(k) > 0 && len(k) <= longestIntent
	for i := range len(k) {
		ok = ok && k[i] >= ' ' && k[i] <= '~'
	}
	if !ok {
		return intentKey{}, bearing.Errorf(bearing.Malformed, "idempotency_key_invalid", "an Idempotency-Key is one header of 1 to %d printable ASCII characters", longestIntent)
	}
	sum := sha256.Sum256([]byte(k))
	out := intentKey{digest: digest(sum[:16]), stated: true}
	out.client = tenantOf(r) // a key of one client is not that of another
	return out, nil
}

// begin reserves a key for a window until end. A key goes with one window: Invalid
// idempotency_key_reused if it was used for another, Conflict idempotency_key_in_use while
// another is being judged with it. It notes in k among whose keys it is.
func (x *intents) begin(k *intentKey, window string, now time.Time) error {
	if !k.stated {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	l, key := x.ledger(k, now), k.digest
	i := l.by[key]
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
	l.by[key] = i
	return nil
}

// ledger returns what is remembered of a client, of one that comes when there are many of all
// such.
func (x *intents) ledger(k *intentKey, now time.Time) *ledger {
	if x.of[k.client] == nil && len(x.of) >= mostLedgers {
		for client, l := range x.of {
			for len(l.order) > 0 && now.Sub(l.order[0].at) >= intentAge {
				x.drop(l)
			}
			x.forget(client, l)
		}
		if len(x.of) >= mostLedgers {
			k.client = ""
		}
	}
	l := x.of[k.client]
	if l == nil {
		l = &ledger{by: make(map[digest]intent)}
		if x.of == nil {
			x.of = make(map[string]*ledger)
		}
		x.of[k.client] = l
	}
	return l
}

// forget drops a client of which nothing is left.
func (x *intents) forget(client string, l *ledger) {
	if len(l.by) == 0 && len(l.order) == 0 {
		delete(x.of, client)
	}
}

// end gives up what begin reserved. If the window is on disk, its key is remembered.
func (x *intents) end(k intentKey, stored bool, now time.Time) {
	if !k.stated {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	l, key := x.of[k.client], k.digest
	i := l.by[key]
	i.busy--
	if stored {
		i.stored, i.at = true, now
		l.order = append(l.order, use{key, now})
		x.count++
	}
	if l.by[key] = i; i.busy == 0 && !i.stored {
		delete(l.by, key)
	}
	for len(l.order) > 0 && now.Sub(l.order[0].at) >= intentAge {
		x.drop(l)
	}
	for x.count > mostIntents {
		most := l
		for _, other := range x.of {
			if len(other.order) > len(most.order) {
				most = other
			}
		}
		x.drop(most)
	}
	x.forget(k.client, l)
}

// drop forgets the oldest use of a client's keys, but no request that is under way.
func (x *intents) drop(l *ledger) {
	u := l.order[0]
	l.order = l.order[1:]
	x.count--
	i := l.by[u.key]
	switch {
	case !i.at.Equal(u.at): // it was used again
	case i.busy > 0:
		i.stored = false
		l.by[u.key] = i
	default:
		delete(l.by, u.key)
	}
}
