package api

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"brinell/internal/bearing"
)

// Time that a body may take: a grace, and the slowest rate.
const (
	bodyGrace = 5 * time.Second
	bodyRate  = 16 << 10 // bytes per second
)

// bodyDeadline gives each body a time to arrive. It goes around all handlers:
// the server drains a body that none reads before it answers, so a refusal alone
// does not get rid of a slow client. At the end of a body the server lifts the
// deadline, so that it does not cut the work that follows.
func (s *server) bodyDeadline(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if size := r.ContentLength; size != 0 {
			if size < 0 || size > s.cfg.MaxBody {
				size = s.cfg.MaxBody
			}
			// Test recorders have no deadline to set.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.bodyGrace + time.Duration(size/bodyRate)*time.Second))
		}
		next.ServeHTTP(w, r)
	})
}

// firstRead is the buffer with which a body begins.
const firstRead = 64 << 10

// readBody reads the whole body under the cap. Its buffer doubles as bytes
// arrive, so that a declared length costs memory only once it is sent. The buffer
// is the share's: it ends when the caller releases that.
func (s *server) readBody(w http.ResponseWriter, r *http.Request, own *share) ([]byte, error) {
	size := r.ContentLength
	if size > s.cfg.MaxBody {
		return nil, s.bodyTooLarge(size)
	}
	body, done, err := s.expanded(w, r, own, s.cfg.MaxBody)
	if err != nil {
		return nil, s.bodyFailed(err)
	}
	defer done()
	if r.Header.Get("Content-Encoding") != "" {
		size = -1 // of the wire
	}
	most := s.cfg.MaxBody + 1 // the last byte's room finds the end
	if size >= 0 {
		most = size + 1
	}
	room := min(firstRead, most)
	var b []byte
	for {
		if len(b) == cap(b) {
			if int64(len(b)) == most {
				return nil, bodyIncomplete() // longer than stated: net/http lets none through
			}
			if b = own.extend(b, room); b == nil {
				return nil, fullBudget()
			}
			b = b[:len(b):min(int64(cap(b)), most)]
			room = min(2*int64(cap(b)), most)
		}
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			// The deadline stays: past it, the server drains nothing more.
			return nil, s.bodyFailed(err)
		}
	}
	if size >= 0 && int64(len(b)) < size {
		return nil, bodyIncomplete()
	}
	if len(b) == 0 {
		return nil, bearing.Errorf(bearing.Malformed, "body_empty", "the body is empty: send what this address takes, see /docs")
	}
	// It would otherwise end the request while the core works.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	return b, nil
}

// bodyTooLarge refuses a body of so many bytes, 0 if that is not known.
func (s *server) bodyTooLarge(size int64) error {
	return bearing.Errorf(bearing.TooLarge, "body_too_large", "the body is over the limit of %d bytes: send shorter windows", s.cfg.MaxBody).Over(float64(s.cfg.MaxBody), float64(size))
}

// bodyFailed says why a body could not be read.
func (s *server) bodyFailed(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return s.bodyTooLarge(0)
	}
	if e, ok := errors.AsType[*bearing.Error](err); ok {
		return e
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return bearing.Errorf(bearing.Malformed, "body_too_slow", "the body came slower than %d bytes per second: the rest is not waited for", bodyRate).Over(bodyRate, 0)
	}
	return bodyIncomplete()
}

func bodyIncomplete() error {
	return bearing.Errorf(bearing.Malformed, "body_incomplete", "the body has not its declared length")
}
