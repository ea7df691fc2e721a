package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"brinell/bearing"
)

// Refusal is an answer that is none of success. It wraps a *bearing.Error, with the time
// after which to try again as Retry: bearing.Never where no waiting mends it.
type Refusal struct {
	Status    int            // of HTTP
	Err       *bearing.Error // nil if the answer is no problem document of the service, but of a proxy
	RequestID string         // by which the service's log has it

	after time.Duration // that the answer asks to wait, 0 for none
}

func (r *Refusal) Error() string {
	if r.Err == nil {
		return fmt.Sprintf("the service answers %d %s", r.Status, http.StatusText(r.Status))
	}
	return r.Err.Error()
}

// Unwrap returns the *bearing.Error, nil if there is none.
func (r *Refusal) Unwrap() error {
	if r.Err == nil {
		return nil
	}
	return r.Err
}

// Temporary reports whether the same request may be taken later: the service has no room
// for it now, and nothing was stored.
func (r *Refusal) Temporary() bool {
	if r.Status != http.StatusServiceUnavailable && r.Status != http.StatusTooManyRequests {
		return false
	}
	return r.Err == nil || r.Err.Retry != bearing.Never
}

// problem is the form of the service's refusals (RFC 9457).
type problem struct {
	Detail     string  `json:"detail"`
	Code       string  `json:"code"`
	Status     int     `json:"status"`
	Pointer    string  `json:"pointer"`
	RequestID  string  `json:"request_id"`
	Limit      float64 `json:"limit"`
	Actual     float64 `json:"actual"`
	RetryAfter int     `json:"retry_after_s"`
}

// maxProblem bounds what is read of a refusal.
const maxProblem = 64 << 10

// refusalOf reads a refusal.
func refusalOf(resp *http.Response) *Refusal {
	r := &Refusal{Status: resp.StatusCode, after: retryAfter(resp.Header.Get("Retry-After"))}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	var p problem
	if err != nil || json.Unmarshal(b, &p) != nil || p.Code == "" {
		return r
	}
	if p.RetryAfter == 0 {
		p.RetryAfter = int((r.after + time.Second - 1) / time.Second)
	}
	r.RequestID, r.Err = p.RequestID, p.err(resp.StatusCode)
	r.after = max(r.after, r.Err.Retry)
	return r
}

// err is the error that the service made a problem of.
func (p *problem) err(status int) *bearing.Error {
	e := &bearing.Error{
		Kind:    kindOf(status),
		Code:    p.Code,
		Message: p.Detail,
		Pointer: p.Pointer,
		Limit:   p.Limit,
		Actual:  p.Actual,
	}
	switch {
	case p.RetryAfter > 0:
		e.Retry = time.Duration(p.RetryAfter) * time.Second
	case status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests:
		e.Retry = bearing.Never // the service says so by leaving the time out
	}
	return e
}

// kindOf is the inverse of the service's map from kinds to statuses.
func kindOf(status int) bearing.Kind {
	switch status {
	case http.StatusBadRequest, http.StatusRequestTimeout:
		return bearing.Malformed
	case http.StatusUnprocessableEntity:
		return bearing.Invalid
	case http.StatusRequestEntityTooLarge:
		return bearing.TooLarge
	case http.StatusUnsupportedMediaType:
		return bearing.Unsupported
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return bearing.NotFound
	case http.StatusConflict:
		return bearing.Conflict
	case http.StatusPreconditionFailed:
		return bearing.Changed
	case http.StatusServiceUnavailable:
		return bearing.Overloaded
	case http.StatusTooManyRequests:
		return bearing.TooMany
	case http.StatusUnauthorized:
		return bearing.Unauthorized
	case http.StatusForbidden:
		return bearing.Forbidden
	}
	return bearing.Internal
}

// retryAfter reads the header Retry-After, seconds or a date; 0 if there is none.
func retryAfter(header string) time.Duration {
	if n, err := strconv.Atoi(header); err == nil && n > 0 && n < 1<<30 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
