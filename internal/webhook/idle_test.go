package webhook

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"brinell/bearing"
)

// TestIdle: for webhooks that have nothing to tell, or are paused, the log is not read; what is
// waited for is not missed by that.
func TestIdle(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	got := map[string]int{}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got[r.URL.Path]++
	}))
	defer receiver.Close()
	store := &shelf{docs: map[string][]byte{}, now: func() time.Time { return now }}
	s, err := New(store, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	s.now = store.now
	put := func(name string, paused bool) {
		doc, _ := json.Marshal(bearing.Webhook{Name: name, URL: receiver.URL + "/" + name, Secret: "0123456789abcdef", Paused: paused})
		_, _, _ = store.PutResource(t.Context(), bearing.KindWebhook, name, doc, 0)
	}
	rounds := func(what string, n, asks int) {
		t.Helper()
		store.asks = 0
		for range n {
			if err := round(s); err != nil {
				t.Fatal(err)
			}
		}
		if store.asks != asks {
			t.Errorf("%s: the log is asked for %d times in %d rounds, want %d", what, store.asks, n, asks)
		}
	}
	const hooks = 20
	for i := range hooks {
		put(fmt.Sprint("h", i), false)
		put(fmt.Sprint("p", i), true)
	}
	if err := round(s); err != nil {
		t.Fatal(err)
	}
	rounds("idle", 5, 5)
	store.raise("alarm")
	rounds("one alarm", 1, 1+2*hooks)
	rounds("after it", 5, 5)
	for i := range hooks {
		if n, m := got[fmt.Sprint("/h", i)], got[fmt.Sprint("/p", i)]; n != 1 || m != 0 {
			t.Errorf("%d: %d messages, %d while paused", i, n, m)
		}
	}
	put("p0", false) // goes on
	if err := round(s); err != nil || got["/p0"] != 1 {
		t.Errorf("%d messages after a pause, want 1: %v", got["/p0"], err)
	}
	put("new", false)
	if err := round(s); err != nil {
		t.Fatal(err)
	}
	store.raise("alarm")
	now = now.Add(giveUp - 1) // of the first, which is just not given up
	if err := round(s); err != nil || got["/new"] != 1 || got["/h0"] != 2 {
		t.Errorf("%d and %d messages, want 1 and 2: %v", got["/new"], got["/h0"], err)
	}
	dropped := func(want int64) {
		t.Helper()
		if d, err := s.Delivery(t.Context(), "p1"); err != nil || d.Dropped != want {
			t.Errorf("%d are given up, want %d: %v", d.Dropped, want, err)
		}
	}
	dropped(0)
	now = now.Add(1)
	if err := round(s); err != nil {
		t.Fatal(err)
	}
	dropped(2)
	rounds("after all is told or given up", 3, 3)
}
