package api

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"os"
	"testing/synctest"

	"brinell/bearing"
)

// TestBodyThatEndsEarly: what was declared and did not come is missed.
func TestBodyThatEndsEarly(t *testing.T) {
	f := &fake{}
	s, err := newServer(Config{}, backend(f))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/v1/sensors/pump/windows", strings.NewReader(good[:20]))
	r.ContentLength = int64(len(good))
	r.Header.Set("Content-Type", asJSON)
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	checkProblem(t, "cut body", w.Result(), w.Body.Bytes(), 400, "body_incomplete")
}

// rawConn talks to a service without the manners of net/http's client.
func rawConn(t *testing.T, h http.Handler, request string) (net.Conn, *bufio.Reader) {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config = NewServer(h)
	srv.Start()
	t.Cleanup(srv.Close)
	return speak(t, srv.Listener.Addr(), request)
}

// speak sends a request over a new connection.
func speak(t *testing.T, address net.Addr, request string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// TestSlowBody: a body that does not come is given up, whether the handler waits
// for it, has refused it before, or takes none.
func TestSlowBody(t *testing.T) {
	for _, c := range []struct {
		name, request string
		status        int
		code          string
	}{
		{"read", "POST /v1/sensors/p/windows HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", 408, "body_too_slow"},
		{"chunked", "POST /v1/sensors/p/windows HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", 408, "body_too_slow"},
		{"gzip", "POST /v1/sensors/p/windows HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\n\x1f\x8b", 408, "body_too_slow"},
		{"zstd", "POST /v1/sensors/p/windows HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Encoding: zstd\r\nContent-Length: 100\r\n\r\n\x28\xb5", 408, "body_too_slow"},
		{"many, gzip", "POST /v1/windows HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\n\x1f\x8b", 408, "body_too_slow"},
		{"reads only", "GET /v1/diagnoses HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", 400, "body_unexpected"},
		{"reads only, chunked", "GET /v1/diagnoses HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", 400, "body_unexpected"},
		{"refused", "POST /v1/sensors/p/windows HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n{", 415, "media_type_unsupported"},
		{"not there", "POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", 404, "route_not_found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fake{}
			s, err := newServer(Config{MaxBody: 1 << 12}, backend(f))
			if err != nil {
				t.Fatal(err)
			}
			s.bodyGrace = 100 * time.Millisecond
			_, r := rawConn(t, s.router, c.request)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("no answer: %v", err)
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			checkProblem(t, c.name, resp, b, c.status, c.code)
			if _, err := r.ReadByte(); err != io.EOF {
				t.Errorf("the connection stays: %v", err)
			}
			if len(f.windows) != 0 || s.budget.memory.Used() != 0 {
				t.Errorf("%d windows, %d bytes held", len(f.windows), s.budget.memory.Used())
			}
		})
	}
}

// TestUnreadBody: an answer to a request whose body nobody reads does not wait for that body.
func TestUnreadBody(t *testing.T) {
	s, err := newServer(Config{}, backend(&fake{}))
	if err != nil {
		t.Fatal(err)
	}
	s.bodyGrace = 100 * time.Millisecond
	h := s.requestID(s.observe(s.pace(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))))
	for _, framing := range []string{"Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"} {
		_, r := rawConn(t, h, "DELETE /x HTTP/1.1\r\nHost: x\r\n"+framing)
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != http.StatusNoContent {
			t.Fatalf("%q: %v", framing, err)
		}
		_ = resp.Body.Close()
		if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("%q: the connection stays: %v", framing, err)
		}
	}
}

// TestPaced: a body that comes as fast as it must is read however long that takes, one that is
// slower is given up within the grace, also if it began fast; time between two reads is not
// its own.
func TestPaced(t *testing.T) {
	for _, c := range []struct {
		name         string
		first, each  int // bytes, at once and every 100 ms
		pause        time.Duration
		after, until time.Duration // it is given up, 0 for not
	}{
		{"fast", 0, 2 << 10, 0, 0, 0},
		{"as fast as it must be", 0, 1640, 0, 0, 0},
		{"a little too slow", 0, 1600, 0, 5 * time.Second, 5*time.Second + 200*time.Millisecond},
		{"a byte at a time", 0, 1, 0, 5 * time.Second, 5*time.Second + 200*time.Millisecond},
		{"fast at first", 1 << 20, 10, 0, 5 * time.Second, 5*time.Second + 300*time.Millisecond},
		{"read slowly", 0, 2 << 10, time.Second, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out, in := io.Pipe()
				var ended atomic.Bool
				go func() {
					_, err := in.Write(make([]byte, c.first))
					for i := 0; i < 300 && err == nil && !ended.Load(); i++ {
						time.Sleep(100 * time.Millisecond)
						_, err = in.Write(make([]byte, c.each))
					}
					in.Close()
				}()
				p := paced{ReadCloser: out, control: http.NewResponseController(httptest.NewRecorder()), grace: bodyGrace}
				began := time.Now()
				b, err := make([]byte, 4<<10), error(nil)
				for err == nil {
					_, err = p.Read(b)
					time.Sleep(c.pause)
				}
				took := time.Since(began)
				ended.Store(true)
				out.Close()
				if slow := err == os.ErrDeadlineExceeded; slow != (c.after > 0) || slow && (took < c.after || took > c.until) {
					t.Errorf("after %s: %v", took, err)
				}
			})
		})
	}
}

// TestSlowCore: the deadline of a body does not end a request whose body has
// come.
func TestSlowCore(t *testing.T) {
	f := &fake{}
	f.submitCtx = func(ctx context.Context, w *bearing.Window) (bearing.Diagnosis, error) {
		select {
		case <-ctx.Done():
			return bearing.Diagnosis{}, ctx.Err()
		case <-time.After(300 * time.Millisecond):
			return bearing.Diagnosis{ID: w.ID()}, nil
		}
	}
	s, err := newServer(Config{}, backend(f))
	if err != nil {
		t.Fatal(err)
	}
	s.bodyGrace = 50 * time.Millisecond
	_, r := rawConn(t, s.router, fmt.Sprintf("POST /v1/sensors/p/windows HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(good), good))
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusCreated {
		t.Errorf("%s, want 201", resp.Status)
	}
}

// TestSlowReader: a client that does not take its answer loses the connection.
func TestSlowReader(t *testing.T) {
	f := &fake{}
	f.list = func(bearing.Query) (bearing.Page, error) {
		return bearing.Page{Diagnoses: make([]bearing.Diagnosis, 15_000)}, nil // more than sockets buffer
	}
	s, err := newServer(Config{}, backend(f))
	if err != nil {
		t.Fatal(err)
	}
	s.answerTime = 100 * time.Millisecond
	done := make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		s.router.ServeHTTP(w, r)
	})
	rawConn(t, h, "GET /v1/diagnoses HTTP/1.1\r\nHost: x\r\n\r\n")
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("the handler still writes")
	}
}

// TestClientGone: a client that leaves is no failure of the service.
func TestClientGone(t *testing.T) {
	f := &fake{}
	var log bytes.Buffer
	s, err := newServer(Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, backend(f))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f.submitCtx = func(ctx context.Context, _ *bearing.Window) (bearing.Diagnosis, error) {
		cancel()
		return bearing.Diagnosis{}, fmt.Errorf("wait: %w", ctx.Err())
	}
	r := httptest.NewRequestWithContext(ctx, "POST", "/v1/sensors/pump/windows", strings.NewReader(good))
	r.Header.Set("Content-Type", asJSON)
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	checkProblem(t, "gone", w.Result(), w.Body.Bytes(), 503, "request_canceled")
	if log.Len() != 0 {
		t.Errorf("logged: %s", log.String())
	}
}

// TestBudget: windows in memory together are bounded, and a refusal gives
// everything back.
func TestBudget(t *testing.T) {
	f := &fake{}
	in, out := make(chan struct{}), make(chan struct{})
	var waited atomic.Bool // the first window waits in the core
	f.submitCtx = func(context.Context, *bearing.Window) (bearing.Diagnosis, error) {
		if !waited.Swap(true) {
			close(in)
			<-out
		}
		return bearing.Diagnosis{ID: "x"}, nil
	}
	const held = 3999 // by others: there is room for one more body, and for what it becomes
	s, err := newServer(Config{MaxBody: 2000, Memory: receiving(6000)}, backend(f))
	if err != nil {
		t.Fatal(err)
	}
	s.budget.memory.Hold(held)
	post := func(body io.Reader) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/sensors/pump/windows", body)
		r.Header.Set("Content-Type", asJSON)
		w := httptest.NewRecorder()
		s.router.ServeHTTP(w, r)
		return w
	}
	long := good + strings.Repeat(" ", 2000-len(good))
	first := make(chan int)
	go func() { first <- post(strings.NewReader(long)).Code }()
	<-in
	w := post(strings.NewReader(good))
	checkProblem(t, "full", w.Result(), w.Body.Bytes(), 503, "overloaded")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	close(out)
	if code := <-first; code != 201 {
		t.Errorf("the first answers %d", code)
	}
	if n := s.budget.memory.Used(); n != held {
		t.Errorf("%d bytes still held", n-held)
	}
	if w := post(strings.NewReader(long)); w.Code != 201 {
		t.Errorf("after that: %d %s", w.Code, w.Body)
	}
}

// TestBodySizes: bodies around the steps of the buffer arrive whole, of stated
// and of unstated length.
func TestBodySizes(t *testing.T) {
	f := &fake{}
	s, err := newServer(Config{MaxBody: 4*firstRead + 4}, backend(f))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 4, firstRead - 1, firstRead, firstRead + 1, 2 * firstRead, 2*firstRead + 1, 4 * firstRead, 4*firstRead + 1, 4*firstRead + 4} {
		want := bytes.Repeat([]byte("abc"), n/3+1)[:n]
		for _, length := range []int64{int64(n), -1} {
			r := httptest.NewRequest("POST", "/", io.MultiReader(bytes.NewReader(want), http.NoBody))
			r.ContentLength = length
			own := &share{of: &s.budget}
			got, err := s.readBody(httptest.NewRecorder(), r, own)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, stated %d: %d read, %v", n, length, len(got), err)
			}
			if own.size < int64(n) {
				t.Errorf("%d bytes are held as %d", n, own.size)
			}
			own.release()
		}
	}
	r := httptest.NewRequest("POST", "/", io.MultiReader(bytes.NewReader(make([]byte, 4*firstRead+5))))
	r.ContentLength = -1
	if _, err := s.readBody(httptest.NewRecorder(), r, &share{of: &s.budget}); bearing.CodeOf(err) != "body_too_large" {
		t.Errorf("over the cap without a stated length: %v", err)
	}
	r = httptest.NewRequest("POST", "/", strings.NewReader("12345"))
	r.ContentLength = 4
	if _, err := s.readBody(httptest.NewRecorder(), r, &share{of: &s.budget}); bearing.CodeOf(err) != "body_incomplete" {
		t.Errorf("longer than stated: %v", err)
	}
}

func TestConfigValidate(t *testing.T) {
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range []Config{{MaxSamples: -1}, {MaxBody: -1}, {MaxBody: 100, Memory: receiving(100)}} {
		if _, err := New(c, backend(&fake{})); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
