package api

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// checkHolders is how often the keys of long requests are checked again.
const checkHolders = time.Second

// holders are the requests under way that may last, with the keys that they were let in by: a
// stream, a bulk upload, a list that is taken slowly. One whose key is revoked or expires is
// cut off.
type holders struct {
	check func(token string) bool

	mu  sync.Mutex
	all map[*holder]struct{}
}

type holder struct {
	token string
	cut   func()
}

// enter notes a request until the function that it returns is called. cut ends it, at most
// once, and never after that.
func (h *holders) enter(token string, cut func()) (leave func()) {
	x := &holder{token, cut}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = make(map[*holder]struct{})
	}
	if h.all[x] = struct{}{}; len(h.all) == 1 {
		time.AfterFunc(checkHolders, h.look)
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.all, x)
	}
}

// look cuts off whose keys hold no more, and looks again as long as anybody is there.
func (h *holders) look() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for x := range h.all {
		if !h.check(x.token) {
			delete(h.all, x)
			x.cut()
		}
	}
	if len(h.all) > 0 {
		time.AfterFunc(checkHolders, h.look)
	}
}

// held answers a request that was let in by a token, for as long as that holds.
func (s *server) held(w http.ResponseWriter, r *http.Request, token string, next http.Handler) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	c := http.NewResponseController(w)
	defer s.holders.enter(token, func() {
		cancel()
		past := time.Unix(1, 0) // what waits for the client waits no longer
		_ = c.SetReadDeadline(past)
		_ = c.SetWriteDeadline(past)
	})()
	next.ServeHTTP(w, r.WithContext(ctx))
}
