package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// answer notes the status of an answer and gives its client a time to take it.
type answer struct {
	http.ResponseWriter
	status int           // 0 until the header is written
	time   time.Duration // for the client, from the header on
	body   paced         // of the request, if it has one
	holder holder        // as which it is under way
}

// WriteHeader starts the time. A handler that streams sets its own deadlines
// afterwards.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
		// Test recorders have no deadline to set.
		_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(time.Now().Add(a.time))
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// whole holds an answer back until it is complete. It then has its length, and a
// failure on the way to it becomes a problem instead of half an answer.
func (s *server) whole(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := &held{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(h, r)
		if h.status != http.StatusOK {
			send(w, h.status, w.Header().Get("Content-Type"), h.body.Bytes())
		} else if err := s.sendLong(w, r, w.Header().Get("Content-Type"), h.body.Bytes()); err != nil {
			s.fail(w, r, err)
		}
	})
}

type held struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (h *held) WriteHeader(status int)      { h.status = status }
func (h *held) Write(b []byte) (int, error) { return h.body.Write(b) }

// send writes a complete answer.
func send(w http.ResponseWriter, status int, media string, b []byte) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // the client is gone, or it is not
}

func sendJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	send(w, status, "application/json", b)
	return nil
}
