package api

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"brinell/bearing"
)

// problem is the one form of an error answer, RFC 9457 with our fields: code is
// stable, pointer names the place in the input, request_id finds the log line.
type problem struct {
	Type      string `json:"type" doc:"about:blank: the code says what happened"`
	Title     string `json:"title" doc:"the HTTP status in words"`
	Status    int    `json:"status"`
	Detail    string `json:"detail" doc:"what is wrong and what to do"`
	Code      string `json:"code" doc:"stable name of the case"`
	Pointer   string `json:"pointer,omitempty" doc:"place in the input: JSON pointer, parameter or byte offset"`
	RequestID string `json:"request_id"`

	Limit      float64 `json:"limit,omitempty" doc:"that was passed"`
	Actual     float64 `json:"actual,omitempty" doc:"what passed it"`
	RetryAfter int     `json:"retry_after_s,omitempty" doc:"as the header Retry-After"`
}

const problemType = "application/problem+json"

// Error, GetStatus and ContentType let huma write a problem as it stands.
func (p *problem) Error() string             { return p.Code + ": " + p.Detail }
func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) ContentType(string) string { return problemType }

// statusOf is the only map from the kinds of errors to HTTP statuses.
func statusOf(e *bearing.Error) int {
	switch e.Kind {
	case bearing.Malformed:
		if e.Code == "body_too_slow" {
			return http.StatusRequestTimeout
		}
		return http.StatusBadRequest
	case bearing.Invalid:
		return http.StatusUnprocessableEntity
	case bearing.TooLarge:
		return http.StatusRequestEntityTooLarge
	case bearing.Unsupported:
		return http.StatusUnsupportedMediaType
	case bearing.NotFound:
		if e.Code == "method_not_allowed" {
			return http.StatusMethodNotAllowed
		}
		return http.StatusNotFound
	case bearing.Conflict:
		return http.StatusConflict
	case bearing.Changed:
		return http.StatusPreconditionFailed
	case bearing.Overloaded:
		return http.StatusServiceUnavailable
	case bearing.TooMany:
		return http.StatusTooManyRequests
	case bearing.Unauthorized:
		return http.StatusUnauthorized
	case bearing.Forbidden:
		return http.StatusForbidden
	}
	return http.StatusInternalServerError
}

// public is the error that a client may see. What is not for users keeps its
// text.
func public(ctx context.Context, err error) *bearing.Error {
	e, ok := errors.AsType[*bearing.Error](err)
	if gone, cut := errors.AsType[*bearing.Error](context.Cause(ctx)); cut { // it was ended for that
		return gone
	}
	switch {
	case ok && e.Kind != bearing.Internal:
		return e
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return bearing.Errorf(bearing.Overloaded, "request_canceled", "the client went away before the answer")
	}
	return bearing.Errorf(bearing.Internal, "internal", "the service failed: its log has the reason, of what repeats that of the first")
}

// problemOf turns any error into its answer, and logs what the answer hides.
func (s *server) problemOf(ctx context.Context, err error) *problem {
	e := public(ctx, err)
	if e.Kind == bearing.Internal {
		s.logInternal(ctx, err)
	}
	status := statusOf(e)
	p := &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: e.Message, Code: e.Code, Pointer: e.Pointer, RequestID: requestIDOf(ctx), Limit: e.Limit, Actual: e.Actual}
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		switch {
		case e.Retry > 0:
			p.RetryAfter = seconds(e.Retry)
		case e.Retry == 0: // not known
			p.RetryAfter = retrySeconds()
		}
	}
	return p
}

func (s *server) logInternal(ctx context.Context, err error) {
	s.cfg.Log.Error("request failed", "request_id", requestIDOf(ctx), "err", err)
}

// retryAfter is when to try again, in seconds. Clients that were refused together
// should not come back together.
func retryAfter() string { return strconv.Itoa(retrySeconds()) }

// seconds rounds up: who comes after them does not come too early.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func retrySeconds() int { return 1 + rand.IntN(3) }

// fail is the only writer of error answers, beside huma with the same problem.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := s.problemOf(r.Context(), err)
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	s.unread(w, r)
	if a, ok := w.(*answer); p.Status == http.StatusRequestTimeout || ok && a.holder.gone.Load() {
		w.Header().Set("Connection", "close")
	}
	b, merr := json.Marshal(p)
	if merr != nil {
		panic("api: " + merr.Error())
	}
	send(w, p.Status, problemType, b)
}

// handle adapts a handler that returns its error.
func (s *server) handle(f func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}
