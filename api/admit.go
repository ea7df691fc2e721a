package api

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"brinell/bearing"
	"brinell/internal/admit"
)

// shedGrace is what a refused body has to arrive. It is read past before the answer, or
// the next request of the connection would begin in its middle (EnableFullDuplex would
// answer first, and then panics in the next request: Go 1.26).
const shedGrace = time.Second

// windowsRoute takes one window.
const windowsRoute = "/v1/sensors/{sensor}/windows"

// shed refuses a window for which there is no room before anything else is done for it
// and before its body is taken. It stands before all other handlers and writes an answer
// that is ready. A client that asks first (Expect: 100-continue) need not send the body.
// Most refusals do not come so far: see turnstile.
func (s *server) shed(next http.Handler) http.Handler {
	media := []string{problemType}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !postsOne(r) || s.room(s.claimant(r.Header["Authorization"], r.RemoteAddr), r.ContentLength) {
			next.ServeHTTP(w, r)
			return
		}
		start := time.Now()
		s.metrics.received.Inc()
		s.denial.rejected.Inc()
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(start.Add(s.shedGrace)) // test recorders have none
		}
		if r.ContentLength > 0 && r.Header.Get("Expect") == "" {
			// The server by itself does not read past a long body: it resets the connection,
			// and the client never sees the answer.
			_, _ = io.Copy(io.Discard, r.Body)
		}
		id := newRequestID()
		h := w.Header()
		setHeaders(h)
		h["X-Request-Id"] = []string{id}
		h["Content-Type"], h["Content-Length"] = media, s.denial.length
		after := retryAfter()
		h.Set("Retry-After", after)
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write(s.denial.document(nil, id, after))
		s.denial.timed.Observe(time.Since(start).Seconds())
	})
}

// postsOne reports whether a request posts one window.
func postsOne(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v1/sensors/") && strings.HasSuffix(r.URL.Path, "/windows")
}

// denial is the answer to a window for which there is no room, ready but for what differs
// from one to the next, with the metrics that it counts in.
type denial struct {
	head     string    // of the answer as it goes over the wire, but for those lines
	parts    [3]string // of the problem document, around the request ID and when to try again
	length   []string
	rejected prometheus.Counter
	timed    prometheus.Observer
}

func newDenial(m *metrics) denial {
	b, err := json.Marshal(problem{Type: "about:blank", Title: http.StatusText(http.StatusServiceUnavailable), Status: http.StatusServiceUnavailable, Detail: errNoRoom.Message, Code: errNoRoom.Code, RequestID: shedMark, RetryAfter: shedAfter})
	if err != nil {
		panic("api: " + err.Error())
	}
	d := denial{rejected: m.rejected.WithLabelValues(errNoRoom.Code), timed: m.requests.WithLabelValues(windowsRoute, http.MethodPost, "5xx")}
	before, rest, _ := strings.Cut(string(b), shedMark)
	between, after, _ := strings.Cut(rest, strconv.Itoa(shedAfter))
	d.parts = [3]string{before, between, after}
	d.length = []string{strconv.Itoa(len(d.document(nil, newRequestID(), retryAfter())))}
	h := http.Header{"Content-Type": {problemType}, "Content-Length": d.length}
	setHeaders(h)
	var head strings.Builder
	head.WriteString("HTTP/1.1 503 Service Unavailable\r\n")
	if err := h.Write(&head); err != nil {
		panic("api: " + err.Error())
	}
	d.head = head.String()
	return d
}

// document appends the problem document to dst.
func (d *denial) document(dst []byte, id, after string) []byte {
	for _, part := range [...]string{d.parts[0], id, d.parts[1], after, d.parts[2]} {
		dst = append(dst, part...)
	}
	return dst
}

// In the answer that is ready these stand for what is put into it. When to try again is one
// digit: all answers are of one length.
const (
	shedMark  = "REQUEST-ID"
	shedAfter = 9
)

var errNoRoom = bearing.Errorf(bearing.Overloaded, "overloaded", "more windows arrive than the service can take: send this one again later")

// room says whether a window of a tenant with a body of so many bytes would be taken. One
// that is too long by itself is refused for that, elsewhere.
func (s *server) room(tenant string, length int64) bool {
	if length > s.cfg.MaxBody {
		return true
	}
	length = max(length, 0)
	return s.cfg.Gate.Room(admit.Claim{Tenant: tenant, Bytes: int(length)}) == nil && s.budget.memory.FitsFor(tenant, length)
}

func fullBudget() error {
	return bearing.Errorf(bearing.Overloaded, "overloaded", "the service holds as many windows as it may: try again")
}

// admissionMetrics shows what the gate and the budget of bytes hold.
func admissionMetrics(r prometheus.Registerer, g *admit.Gate, m *admit.Memory) error {
	if g == nil {
		return nil
	}
	for _, m := range []struct {
		name, help string
		value      func() int64
	}{
		{"brinell_memory_held_bytes", "Bytes that windows hold while they are received, judged, stored and shown.", m.Used},
		{"brinell_memory_budget_bytes", "Bytes that windows may hold together; see --memory.", m.Max},
		{"brinell_windows_waiting", "Windows that wait to be computed.", func() int64 { n, _, _ := g.Load(); return n }},
		{"brinell_windows_inside", "Windows between their body and the disk.", func() int64 { _, n, _ := g.Load(); return n }},
		{"brinell_windows_inside_limit", "Windows inside past which others are refused, by what the disk carries at present.", func() int64 { _, _, n := g.Load(); return n }},
	} {
		if err := r.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: m.name, Help: m.help}, func() float64 { return float64(m.value()) })); err != nil {
			return err
		}
	}
	return nil
}
