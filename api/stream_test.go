package api

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"brinell/bearing"
)

// noEvents are Events of a service in which nothing happens.
type noEvents struct{}

func (noEvents) After(bearing.Position) ([]bearing.Event, <-chan struct{}, bool) {
	return nil, nil, true
}

func (noEvents) Events(context.Context, bearing.Position, bearing.EventQuery, int) ([]bearing.Event, error) {
	return nil, nil
}

func (noEvents) Position(context.Context) (bearing.Position, error) { return bearing.Position{}, nil }

// TestStreamsAreShared: one that follows as many streams as it may takes none from others.
func TestStreamsAreShared(t *testing.T) {
	b := backend(&fake{})
	b.Events = noEvents{}
	s, err := newServer(Config{}, b)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	follow := func(addr string) {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/stream", nil)
		r.RemoteAddr = addr
		s.router.ServeHTTP(httptest.NewRecorder(), r)
		ended <- struct{}{}
	}
	open := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			s.streams.mu.Lock()
			now := s.streams.open
			s.streams.mu.Unlock()
			if now == n {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d streams are open, want %d", now, n)
			}
		}
	}
	for i := range streamsEach {
		go follow(fmt.Sprintf("10.0.0.1:%d", i))
	}
	open(streamsEach)
	w := ask(s, "GET", "/v1/stream", "", "10.0.0.1:99")
	checkProblem(t, "one too many", w.Result(), w.Body.Bytes(), 503, "too_many_streams")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	go follow("10.0.0.2:1")
	open(streamsEach + 1)
	cancel()
	for range streamsEach + 1 {
		<-ended
	}
	if s.streams.open != 0 || len(s.streams.by) != 0 {
		t.Errorf("%d streams of %d are left", s.streams.open, len(s.streams.by))
	}
	for i := range maxStreams {
		if _, err := s.streams.enter(fmt.Sprint("key ", i/streamsEach)); err != nil {
			t.Fatalf("stream %d: %v", i, err)
		}
	}
	if _, err := s.streams.enter("key other"); bearing.CodeOf(err) != "too_many_streams" {
		t.Errorf("over all: %v", err)
	}
}
