package api

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"brinell/internal/logs"
)

type requestKey struct{}

// requestID gives each request a random name, in the answer and in the log.
func (s *server) requestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := newRequestID()
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, id)))
	})
}

const requestIDLength = 16

func newRequestID() string { return rand.Text()[:requestIDLength] }

func requestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// observe counts and times requests by the pattern of their route, never by
// their address, which clients choose.
func (s *server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.metrics.inFlight.Inc()
		start := time.Now()
		a := &answer{ResponseWriter: w, time: s.answerTime}
		defer func() { // also when the connection is cut
			s.metrics.inFlight.Dec()
			took := time.Since(start)
			route := chi.RouteContext(r.Context()).RoutePattern()
			if route == "" || route == "/*" {
				route = "none"
			}
			s.metrics.requests.WithLabelValues(route, methodLabel(r.Method), statusClass(a.status)).Observe(took.Seconds())
			if !s.cfg.Log.Enabled(r.Context(), slog.LevelDebug) {
				return // its arguments would be allocated
			}
			s.cfg.Log.Debug("request", "request_id", requestIDOf(r.Context()), "method", methodLabel(r.Method), "route", route, "status", a.status, "duration", took)
		}()
		next.ServeHTTP(a, r)
	})
}

// statusClass is the first digit of a status. A handler that writes nothing
// answers 200.
func statusClass(status int) string {
	return [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}[max(status, 200)/100-1]
}

// methodLabel keeps invented methods out of the label.
func methodLabel(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return m
	}
	return "other"
}

// recover turns a panic, which is our bug, into a log entry and a 500, or where
// the answer has begun into a connection that ends: half an answer must not pass
// for a whole one.
func (s *server) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			err := logs.Recovered(v)
			if a, ok := w.(*answer); ok && a.status != 0 {
				s.logInternal(r.Context(), err)
				panic(http.ErrAbortHandler)
			}
			s.fail(w, r, err)
		}()
		next.ServeHTTP(w, r)
	})
}

// headers keep browsers from guessing types and from loading anything foreign.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header())
		next.ServeHTTP(w, r)
	})
}

func setHeaders(h http.Header) {
	h["X-Content-Type-Options"] = noSniff
	h["Content-Security-Policy"] = ownOnly
}

var (
	noSniff = []string{"nosniff"}
	ownOnly = []string{"default-src 'self'; frame-ancestors 'none'"}
)
