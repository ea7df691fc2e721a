package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"brinell/internal/admit"
)

// TestShed: a window for which there is no room is refused without its body: at once to
// a client that asks before it sends, soon to one that sends slowly, and on a
// connection that goes on where the body was there.
func TestShed(t *testing.T) {
	f := &fake{}
	gate := admit.New(admit.Config{Workers: 1, MaxWait: time.Nanosecond})
	s, err := newServer(Config{Gate: gate}, backend(f))
	if err != nil {
		t.Fatal(err)
	}
	s.shedGrace = 100 * time.Millisecond
	// One has been computed and gives the gate a service time; one is, and one waits.
	p, err := gate.Enter(t.Context(), admit.Claim{})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Millisecond)
	p.Leave()
	if p, err = gate.Enter(t.Context(), admit.Claim{}); err != nil {
		t.Fatal(err)
	}
	waits, stop := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if p, err := gate.Enter(waits, admit.Claim{Patient: true}); err == nil {
			p.Leave()
		}
	}()
	for gate.Room(admit.Claim{}) == nil {
		time.Sleep(time.Millisecond)
	}

	const head = "POST /v1/sensors/p/windows HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n"
	whole := fmt.Sprintf(head, "", len(good)) + good
	refused := func(name string, r *bufio.Reader) http.Header {
		t.Helper()
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("%s: no answer: %v", name, err)
		}
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		checkProblem(t, name, resp, b, 503, "overloaded")
		if after := resp.Header.Get("Retry-After"); !slices.Contains([]string{"1", "2", "3"}, after) {
			t.Errorf("%s: Retry-After %q", name, after)
		}
		return resp.Header
	}
	_, asks := rawConn(t, s.router, fmt.Sprintf(head, "Expect: 100-continue\r\n", len(good)))
	refused("asks before", asks) // 100 Continue would come first
	_, slow := rawConn(t, s.router, whole[:len(whole)-10])
	refused("slow", slow)
	if _, err := slow.ReadByte(); err != io.EOF {
		t.Errorf("the connection with half a body goes on: %v", err)
	}
	c, r := rawConn(t, s.router, whole)
	there := refused("there", r)
	// The turnstile refuses alike, again and again on one connection, and without net/http.
	got, turn := turnstileConn(t, s, whole)
	for range 3 {
		h := refused("turnstile", turn)
		for _, name := range []string{"Date", "Retry-After", "X-Request-Id"} {
			if h.Get(name) == "" {
				t.Errorf("the turnstile gives no %s", name)
			}
			h[name] = there[name]
		}
		if diff := cmp.Diff(there, h); diff != "" {
			t.Errorf("the turnstile differs (-handler +turnstile):\n%s", diff)
		}
		if _, err := io.WriteString(got, whole); err != nil {
			t.Fatal(err)
		}
	}
	refused("turnstile", turn)
	_, slow = turnstileConn(t, s, whole[:len(whole)-10])
	refused("slow at the turnstile", slow)
	if _, err := slow.ReadByte(); err != io.EOF {
		t.Errorf("the connection with half a body goes on at the turnstile: %v", err)
	}

	stop()
	<-gone
	p.Leave()
	if _, err := io.WriteString(c, whole); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusCreated || len(f.windows) != 1 {
		t.Errorf("after that: %s, %d windows", resp.Status, len(f.windows))
	}
	if _, err := io.WriteString(got, whole); err != nil {
		t.Fatal(err)
	}
	if resp, err = http.ReadResponse(turn, nil); err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusCreated || len(f.windows) != 2 {
		t.Errorf("after that at the turnstile: %s, %d windows", resp.Status, len(f.windows))
	}
	if _, inside, _ := gate.Load(); inside != 0 {
		t.Errorf("%d are still inside", inside)
	}
}

// TestNoRoomForBytes: a body that would not fit is refused before it is read.
func TestNoRoomForBytes(t *testing.T) {
	f := &fake{}
	s, err := newServer(Config{MaxBody: 1000, Memory: receiving(2000)}, backend(f))
	if err != nil {
		t.Fatal(err)
	}
	s.budget.memory.Take(admit.Receive, 1500)
	body := &countingReader{Reader: strings.NewReader(good)}
	r, err := http.NewRequestWithContext(t.Context(), "POST", "/v1/sensors/pump/windows", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", asJSON)
	r.ContentLength = 501
	r.Header.Set("Expect", "100-continue")
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	checkProblem(t, "no room", w.Result(), w.Body.Bytes(), 503, "overloaded")
	if body.reads != 0 || s.budget.memory.Used() != 1500 {
		t.Errorf("the body was read %d times, %d bytes are held", body.reads, s.budget.memory.Used())
	}
	for code, want := range map[string]float64{"overloaded": 1, "other": 0} {
		if n := testutil.ToFloat64(s.metrics.rejected.WithLabelValues(code)); n != want {
			t.Errorf("%s was counted %v times, want %v", code, n, want)
		}
	}
}

type countingReader struct {
	io.Reader
	reads int
}

func (c *countingReader) Read(b []byte) (int, error) {
	c.reads++
	return c.Reader.Read(b)
}
