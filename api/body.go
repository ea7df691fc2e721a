package api

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"brinell/bearing"
)

// How fast a body must come: in so much time that the service waits for it, so many bytes a
// second on average. Time in which it does not read is not the client's.
const (
	bodyGrace = 5 * time.Second
	bodyRate  = 16 << 10
)

// refusedGrace is what is left for the body of a request that was refused: its client may
// still be sending, and reads the answer then.
const refusedGrace = time.Second

// paced is a body that ends with os.ErrDeadlineExceeded where it comes too slowly.
type paced struct {
	io.ReadCloser
	control *http.ResponseController
	grace   time.Duration
	gone    *atomic.Bool // the key of the request holds no more; nil for never

	waited time.Duration // for the bytes of got
	got    int64
	until  time.Time // the deadline that is set
	done   bool      // read to its end
}

func (p *paced) cut() bool { return p.gone != nil && p.gone.Load() }

func (p *paced) Read(b []byte) (int, error) {
	if p.cut() {
		return 0, keyGone()
	}
	start := time.Now()
	if until := start.Add(p.grace - p.waited); until.Sub(p.until).Abs() > p.grace/16 {
		p.until = until
		_ = p.control.SetReadDeadline(until) // test recorders have none
	}
	n, err := p.ReadCloser.Read(b)
	p.got, p.waited = p.got+int64(n), p.waited+time.Since(start)
	if err != nil {
		if p.done = err == io.EOF; !p.done && p.cut() {
			err = keyGone()
		}
		return n, err
	}
	if p.got >= int64(p.grace/time.Millisecond)*bodyRate/1000 {
		p.got, p.waited = 0, 0 // as much as had to come
	} else if p.waited >= p.grace {
		return n, os.ErrDeadlineExceeded
	}
	return n, nil
}

// again begins anew with another grace: each line of many has its own.
func (p *paced) again(grace time.Duration) {
	if p != nil {
		p.grace, p.got, p.waited = grace, 0, 0
	}
}

// pace gives each body its time. It goes around all handlers: the server drains a body that
// none reads before it answers, so a refusal alone does not get rid of a slow client, nor does
// an answer. At the end of a body the server lifts the deadline, so that it does not cut the
// work that follows. A request that only reads has none: the server would wait for it while
// the answer is held in memory.
func (s *server) pace(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := w.(*answer)
		if !ok || patient() || r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		body := r.Body
		a.body = paced{ReadCloser: body, control: http.NewResponseController(w), grace: s.bodyGrace, gone: &a.holder.gone}
		r.Body = &a.body
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			s.fail(w, r, bearing.Errorf(bearing.Malformed, "body_unexpected", "%s takes no body: send what is asked for in the address, see /docs", r.Method))
		} else {
			next.ServeHTTP(w, r)
		}
		if r.Body = body; !a.body.done {
			_ = a.body.control.SetReadDeadline(time.Now().Add(min(refusedGrace, s.bodyGrace)))
		}
	})
}

// unread ends the wait for a body that a refusal leaves unread, and the connection with it
// where much of it may come.
func (s *server) unread(w http.ResponseWriter, r *http.Request) {
	p, ok := r.Body.(*paced)
	if !ok || p.done {
		return
	}
	_ = p.control.SetReadDeadline(time.Now().Add(min(refusedGrace, s.bodyGrace)))
	if r.ContentLength < 0 || r.ContentLength > firstRead {
		w.Header().Set("Connection", "close")
	}
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
