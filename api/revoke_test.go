package api

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"brinell/internal/keys"
)

// TestHolders: a request whose key holds no more is cut off within two seconds, once, and one
// that is done is let alone; nothing goes on when nobody is there.
func TestHolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := map[string]bool{"a": true, "b": true}
		var cuts atomic.Int64
		h := holders{check: func(token string) bool { return good[token] }}
		leave := h.enter("a", func() { cuts.Add(1) })
		h.enter("b", func() { cuts.Add(100) })()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if cuts.Load() != 0 {
			t.Errorf("%d are cut off", cuts.Load())
		}
		good["a"], good["b"] = false, false
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if cuts.Load() != 1 {
			t.Errorf("%d cuts, want 1", cuts.Load())
		}
		leave()
	})
}

// revocable is Keys whose one key may be revoked.
type revocable struct {
	ring
	gone atomic.Bool
}

func (r *revocable) Check(token string) (keys.Key, error) {
	if r.gone.Load() {
		return keys.Key{}, keys.ErrInvalid
	}
	return r.ring.Check(token)
}

// TestRevokedStream: a stream that is open when its key is revoked ends within two seconds, and
// so does the upload of many windows.
func TestRevokedStream(t *testing.T) {
	file := t.TempDir() + "/keys.json"
	_, token, err := keys.Create(file, keys.Key{Name: "k", Scopes: []keys.Scope{keys.Admin}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	set, err := keys.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path string }{{"GET", "/v1/stream"}, {"POST", "/v1/windows"}} {
		t.Run(c.path, func(t *testing.T) {
			k := &revocable{ring: ring{set, true}}
			h, err := New(Config{Keys: k}, backend(&fake{}))
			if err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewServer(h)
			defer srv.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			body, end := (*stuck)(nil), make(chan struct{})
			defer close(end)
			r, err := http.NewRequestWithContext(ctx, c.method, srv.URL+c.path, nil)
			if c.method == "POST" {
				body = &stuck{end}
				r, err = http.NewRequestWithContext(ctx, c.method, srv.URL+c.path, body)
				r.Header.Set("Content-Type", "application/x-ndjson")
			}
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+token)
			time.AfterFunc(300*time.Millisecond, func() { k.gone.Store(true) })
			began := time.Now()
			resp, err := http.DefaultClient.Do(r)
			if err == nil {
				defer resp.Body.Close()
				for s := bufio.NewScanner(resp.Body); s.Scan(); {
				}
			}
			if took := time.Since(began); ctx.Err() != nil || took > 5*time.Second {
				t.Errorf("it ended after %s, %v", took, ctx.Err())
			}
		})
	}
}

// stuck is a body that does not come.
type stuck struct{ end chan struct{} }

func (s *stuck) Read([]byte) (int, error) {
	<-s.end
	return 0, context.Canceled
}
