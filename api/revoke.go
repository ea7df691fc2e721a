package api

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"brinell/bearing"
	"brinell/internal/keys"
)

// checkHolders is how often the keys of requests under way are checked again. A key that is
// revoked is noticed at the second look at the latest (the file of keys is looked at as
// often), and at the next one what still waits for its client waits no longer.
const checkHolders = 500 * time.Millisecond

// holders are the requests under way, with the keys that they were let in by. One may last: a
// stream, the upload of many windows or of one that comes slowly, an answer that is taken
// slowly. It is cut off when its key is revoked, expires, or may not do the same any more, and
// one without a key when keys are demanded.
type holders struct {
	check func(token string, k *keys.Key) bool // k is nil without a token

	mu    sync.Mutex
	all   holder // the list that begins and ends here
	looks bool   // a look is to come
}

// holder is a request in the list.
type holder struct {
	token  string
	key    *keys.Key
	w      http.ResponseWriter
	cancel context.CancelCauseFunc // nil where nothing waits but for the client

	gone       atomic.Bool // it is cut off
	next, prev *holder
}

// enter notes a request until leave.
func (h *holders) enter(x *holder) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all.next == nil {
		h.all.next, h.all.prev = &h.all, &h.all
	}
	x.next, x.prev = &h.all, h.all.prev
	x.prev.next, x.next.prev = x, x
	if !h.looks {
		h.looks = true
		time.AfterFunc(checkHolders, h.look)
	}
}

// leave forgets a request. It is not cut off any more when leave returns.
func (h *holders) leave(x *holder) {
	h.mu.Lock()
	defer h.mu.Unlock()
	x.next.prev, x.prev.next = x.prev, x.next
}

// look cuts off whose keys hold no more, and looks again as long as anybody is there.
func (h *holders) look() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looks = h.all.next != &h.all
	if !h.looks {
		return
	}
	for x := h.all.next; x != &h.all; x = x.next {
		if x.gone.Load() || !h.check(x.token, x.key) {
			x.cut()
		}
	}
	time.AfterFunc(checkHolders, h.look)
}

// cut ends a request. At first it may say why; what waits at the next look for its client to
// take the answer, or has set itself another deadline meanwhile, is ended then.
func (x *holder) cut() {
	past := time.Unix(1, 0)
	c := http.NewResponseController(x.w) // test recorders have no deadlines
	if x.gone.Swap(true) {
		_ = c.SetWriteDeadline(past)
	}
	if x.cancel != nil {
		x.cancel(keyGone())
	}
	_ = c.SetReadDeadline(past)
}

func keyGone() *bearing.Error {
	return bearing.Errorf(bearing.Unauthorized, "key_invalid", "the API key was revoked, has expired or may do less than when this began: begin again with one that holds")
}

// holds reports whether a request that was let in so would be let in now.
func (s *server) holds(token string, k *keys.Key) bool {
	if k == nil {
		return !s.cfg.Keys.Required()
	}
	now, err := s.cfg.Keys.Check(token)
	return err == nil && now.Same(k)
}

// hold answers a request that was let in by a key, nil for none, for as long as that holds.
func (s *server) hold(w http.ResponseWriter, r *http.Request, token string, k *keys.Key, next http.Handler) {
	a, ok := w.(*answer)
	if !ok {
		next.ServeHTTP(w, r)
		return
	}
	x := &a.holder
	x.token, x.key, x.w = token, k, a.ResponseWriter
	if !postsOne(r) { // one window waits for its client alone, and is judged within its max-wait
		ctx, cancel := context.WithCancelCause(r.Context())
		defer cancel(nil)
		x.cancel, r = cancel, r.WithContext(ctx)
	}
	s.holders.enter(x)
	defer s.holders.leave(x)
	next.ServeHTTP(w, r)
	if x.gone.Load() && a.status != 0 && a.Header().Get("Content-Length") == "" {
		panic(http.ErrAbortHandler) // a stream: its connection ends with it
	}
}
