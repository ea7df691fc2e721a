package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"brinell/internal/bearing"
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
	case bearing.Overloaded:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// problemOf turns any error into its answer. What is not for users is logged,
// and its text is not sent.
func (s *server) problemOf(r *http.Request, err error) *problem {
	id := requestIDOf(r)
	e, ok := errors.AsType[*bearing.Error](err)
	if !ok || e.Kind == bearing.Internal {
		s.cfg.Log.Error("request failed", "request_id", id, "method", r.Method, "err", err)
		e = bearing.Errorf(bearing.Internal, "internal", "the service failed: its log has the reason under this request_id")
	}
	status := statusOf(e)
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: e.Message, Code: e.Code, Pointer: e.Pointer, RequestID: id}
}

// fail is the only writer of error answers, beside huma with the same problem.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := s.problemOf(r, err)
	w.Header().Set("Content-Type", problemType)
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	b, merr := json.Marshal(p)
	if merr != nil {
		panic("api: " + merr.Error())
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(b) // the client is gone, or it is not
}

// handle adapts a handler that returns its error.
func (s *server) handle(f func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b)
	return nil
}
