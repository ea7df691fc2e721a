package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"brinell/bearing"
	"brinell/internal/admit"
)

// longWindows are Signals with windows of a million samples.
type (
	noSignals   = Signals
	longWindows struct{ noSignals }
)

func (longWindows) Window(context.Context, string) (*bearing.Window, error) {
	return &bearing.Window{Sensor: "p", SampleRate: 12000, Unit: bearing.G, Samples: make([]float32, 1<<20)}, nil
}

func (longWindows) Picture(_ string, _ *bearing.Window, was bearing.Diagnosis, q bearing.PictureQuery) ([]byte, error) {
	return fmt.Appendf(nil, "%s %s %dx%d", was.ID, q.Format, q.Width, q.Height), nil
}

func (longWindows) PictureBytes(bearing.Diagnosis, bearing.PictureQuery) int64 { return pictureOf }

// pictureOf is what a picture of longWindows is said to take.
const pictureOf = 100 << 20

func (longWindows) Trend(ctx context.Context, _ bearing.TrendQuery, turn func(func() error) error) (bearing.Trend, error) {
	return bearing.Trend{}, turn(func() error {
		<-ctx.Done()
		return ctx.Err()
	})
}

func lookingServer(t *testing.T) *server {
	t.Helper()
	f := &fake{get: func(id string) (bearing.Diagnosis, error) { return bearing.Diagnosis{ID: id, Sensor: id}, nil }}
	b := backend(f)
	b.Signals = longWindows{}
	s, err := newServer(Config{}, b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSlowReaders: clients that ask for windows and take nothing keep nobody else from
// looking at one, and hold no more memory than they may.
func TestSlowReaders(t *testing.T) {
	s := lookingServer(t)
	srv := httptest.NewUnstartedServer(s.router)
	srv.Config = NewServer(s.router)
	srv.Start()
	defer srv.Close()
	for range 2 * mostLooks {
		c, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := fmt.Fprintf(c, "GET /v1/windows/x?format=npy HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReaderSize(c, 16).Peek(8); err != nil { // it has begun
			t.Fatal(err)
		}
	}
	resp, err := srv.Client().Get(srv.URL + "/v1/windows/x?format=npy")
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != 200 || n < 4<<20 {
		t.Errorf("beside slow readers: %s, %d bytes, %v", resp.Status, n, err)
	}
	s.sending.mu.Lock()
	s.sending.all += maxSending
	s.sending.mu.Unlock()
	if w := ask(s, "GET", "/v1/windows/x?format=npy", "", ""); w.Code != 503 || !strings.Contains(w.Body.String(), `"overloaded"`) || w.Header().Get("Content-Disposition") != "" {
		t.Errorf("with too much on its way: %d %.200s", w.Code, w.Body)
	}
}

// TestSending: a tenant that does not take what it asked for leaves others half of the room, which
// has place for the longest answer; what is alone may be of any length.
func TestSending(t *testing.T) {
	const longest = 4_194_304*csvBytes - 1<<20
	var c sending
	take := func(who string, n int64, want bool) (give func()) {
		t.Helper()
		give, ok := c.add(who, n)
		if ok != want {
			t.Errorf("%d of %s beside %d of all: %t", n, who, c.all, ok)
		}
		return give
	}
	first := take("a", longest, true)
	take("a", sendingEach-longest+1, false)
	second := take("a", sendingEach-longest, true)
	other := take("b", longest, true)
	take("c", maxSending-sendingEach-longest+1, false)
	third := take("c", maxSending-sendingEach-longest, true)
	for _, give := range []func(){first, second, other, third} {
		give()
	}
	take("a", 10*maxSending, true)()
	if c.all != 0 || len(c.by) != 0 {
		t.Errorf("%d bytes are left, %v", c.all, c.by)
	}
}

// TestListsAreBounded: so many pages are read at a time, a tenant waits for those of its own, and
// long ones count among what is being sent.
func TestListsAreBounded(t *testing.T) {
	var now, most atomic.Int64
	release := make(chan struct{})
	f := &fake{list: func(bearing.Query) (bearing.Page, error) {
		most.Store(max(most.Load(), now.Add(1)))
		<-release
		now.Add(-1)
		return bearing.Page{Diagnoses: make([]bearing.Diagnosis, 500)}, nil
	}}
	s, err := newServer(Config{}, backend(f))
	if err != nil {
		t.Fatal(err)
	}
	s.lookWait = 50 * time.Millisecond
	var all sync.WaitGroup
	for range mostLists {
		all.Go(func() { ask(s, "GET", "/v1/diagnoses", "", "") })
	}
	for now.Load() < mostLists {
		time.Sleep(time.Millisecond)
	}
	if w := ask(s, "GET", "/v1/diagnoses", "", ""); w.Code != 503 || !strings.Contains(w.Body.String(), `"overloaded"`) {
		t.Errorf("without a turn: %d %.200s", w.Code, w.Body)
	}
	close(release)
	all.Wait()
	if most.Load() != mostLists {
		t.Errorf("%d pages are read at a time, want %d", most.Load(), mostLists)
	}
	if w := ask(s, "GET", "/v1/diagnoses", "", ""); w.Code != 200 || w.Body.Len() <= longAnswer {
		t.Fatalf("a page: %d, %d bytes", w.Code, w.Body.Len())
	}
	if _, ok := s.sending.add("another", maxSending); !ok {
		t.Fatal("there was no room")
	}
	if w := ask(s, "GET", "/v1/diagnoses", "", ""); w.Code != 503 {
		t.Errorf("a long page with too much on its way: %d %.200s", w.Code, w.Body)
	}
}

// TestListsInTurn: what has many rows at hand is given in the same turns as pages of the store.
func TestListsInTurn(t *testing.T) {
	b := backend(&fake{})
	b.Baselines = manyControls{}
	s, err := newServer(Config{}, b)
	if err != nil {
		t.Fatal(err)
	}
	s.lookWait = 20 * time.Millisecond
	occupy(t, s.lists, mostLists)
	for _, path := range []string{"/v1/bearings?limit=1", "/v1/sensors/p/baselines"} {
		if w := ask(s, "GET", path, "", ""); w.Code != 503 || !strings.Contains(w.Body.String(), `"overloaded"`) {
			t.Errorf("%s without a turn: %d %.200s", path, w.Code, w.Body)
		}
	}
}

// occupy takes so many turns until the test ends.
func occupy(t *testing.T, turns *admit.Turns, places int) {
	t.Helper()
	for range places {
		turn, err := turns.Within(t.Context(), "another", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(turn.Done)
	}
}

// TestLooksAreBounded: who finds no place is told so after a time.
func TestLooksAreBounded(t *testing.T) {
	s := lookingServer(t)
	s.lookWait = 50 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	for range mostLooks {
		go func() {
			defer func() { done <- struct{}{} }()
			s.router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/sensors/p/trends?feature=rms", nil))
		}()
	}
	for s.looks.Busy() < mostLooks {
		time.Sleep(time.Millisecond)
	}
	if w := ask(s, "GET", "/v1/windows/x", "", ""); w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"overloaded"`) {
		t.Errorf("without a place: %d %.200s", w.Code, w.Body)
	}
	cancel()
	for range mostLooks {
		<-done
	}
}

// TestPictures: a picture has its type, size and name, an SVG a policy under which browsers
// show its styles; one that expired is told from one that never was; and each counts against
// the budget of bytes.
func TestPictures(t *testing.T) {
	s := lookingServer(t)
	for target, want := range map[string]string{"plot.png": "x png 1200x1000", "plot.svg?width=480&height=2400": "x svg 480x2400"} {
		w := ask(s, "GET", "/v1/windows/x/"+target, "", "")
		name, _, _ := strings.Cut(target, "?")
		format := strings.TrimPrefix(name, "plot.")
		h := w.Header()
		if w.Code != 200 || w.Body.String() != want || h.Get("Content-Type") != pictureMedia[format] || h.Get("Content-Disposition") != `inline; filename="x.`+format+`"` {
			t.Errorf("%s: %d %s %v", target, w.Code, w.Body, h)
		}
		if got := strings.Contains(h.Get("Content-Security-Policy"), "style-src 'unsafe-inline'"); got != (format == "svg") {
			t.Errorf("%s: policy %s", target, h.Get("Content-Security-Policy"))
		}
	}
	for target, code := range map[string]string{"plot.png?width=0": "parameter_invalid", "plot.png?width=2401": "parameter_invalid", "plot.png?width=2400&height=1201": "parameter_invalid", "plot.svg?height=479": "parameter_invalid", "plot.svg?lines=4": "unknown_parameter"} {
		if w := ask(s, "GET", "/v1/windows/x/"+target, "", ""); w.Code != 422 || !strings.Contains(w.Body.String(), code) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	s.signals = expired{}
	if w := ask(s, "GET", "/v1/windows/x/plot.png", "", ""); w.Code != 404 || !strings.Contains(w.Body.String(), "samples_expired") || w.Header().Get("Content-Disposition") != "" {
		t.Errorf("expired: %d %s", w.Code, w.Body)
	}
	s.signals = longWindows{}
	s.lookWait = 20 * time.Millisecond
	room := s.cfg.Memory.Most(admit.Show)
	s.cfg.Memory.Hold(room - pictureOf + 1)
	if w := ask(s, "GET", "/v1/windows/x/plot.png", "", ""); w.Code != 503 {
		t.Errorf("without room: %d %s", w.Code, w.Body)
	}
	s.cfg.Memory.Give(1)
	if w := ask(s, "GET", "/v1/windows/x/plot.png", "", ""); w.Code != 200 {
		t.Errorf("with just enough room: %d %s", w.Code, w.Body)
	}
}

// TestHeads: a HEAD of what is drawn, encoded or computed has the status and the head of its GET,
// and nothing is drawn, encoded or computed for it.
func TestHeads(t *testing.T) {
	s := lookingServer(t)
	idle := &idleSignals{}
	for _, target := range []string{"/v1/windows/x/plot.png", "/v1/windows/x/plot.svg?width=600", "/v1/windows/x/spectrum", "/v1/windows/x/envelope",
		"/v1/windows/x?format=csv", "/v1/windows/x", "/v1/sensors/p/trends?feature=rms"} {
		s.signals = idle
		head := ask(s, "HEAD", target, "", "")
		if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") != "" || idle.worked {
			t.Errorf("%s: %d, %d bytes, length %q, worked %t", target, head.Code, head.Body.Len(), head.Header().Get("Content-Length"), idle.worked)
		}
		get := ask(s, "GET", target, "", "")
		for _, name := range []string{"Content-Type", "Content-Disposition", "Content-Security-Policy", "Cache-Control"} {
			if got, want := head.Header().Get(name), get.Header().Get(name); got != want {
				t.Errorf("%s: %s %q, of GET %q", target, name, got, want)
			}
		}
		idle.worked = false
		if strings.Contains(target, "trends") {
			continue
		}
		s.signals = expired{}
		if w := ask(s, "HEAD", target, "", ""); w.Code != 404 {
			t.Errorf("%s, expired: %d", target, w.Code)
		}
	}
	if w := ask(s, "HEAD", "/v1/windows/x/plot.png?width=1", "", ""); w.Code != 422 {
		t.Errorf("a size that is refused: %d", w.Code)
	}
}

// idleSignals are Signals that note whether they had to work.
type idleSignals struct {
	longWindows
	worked bool
}

func (i *idleSignals) Picture(string, *bearing.Window, bearing.Diagnosis, bearing.PictureQuery) ([]byte, error) {
	i.worked = true
	return []byte("drawn"), nil
}

func (i *idleSignals) Spectrum(*bearing.Window, bearing.Diagnosis, bearing.SpectrumQuery) (bearing.Spectrum, error) {
	i.worked = true
	return bearing.Spectrum{}, nil
}

func (i *idleSignals) SpectrumBytes(int) int64 { return 0 }

func (i *idleSignals) Trend(_ context.Context, q bearing.TrendQuery, _ func(func() error) error) (bearing.Trend, error) {
	i.worked = q.To.IsZero() || q.To.Sub(q.From) > 1 // else there is nothing to read
	return bearing.Trend{}, nil
}

// TestTrendTurns: each part of a trend takes a place of its own, and gives it back.
func TestTrendTurns(t *testing.T) {
	s := lookingServer(t)
	s.signals = partial{s: s, t: t}
	if w := ask(s, "GET", "/v1/sensors/p/trends?feature=rms", "", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"parts"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// partial are Signals with trends of three parts.
type partial struct {
	longWindows
	s *server
	t *testing.T
}

func (p partial) Trend(_ context.Context, _ bearing.TrendQuery, turn func(func() error) error) (bearing.Trend, error) {
	for range 3 {
		if n := p.s.looks.Busy(); n != 0 {
			p.t.Errorf("%d places are taken between two parts", n)
		}
		err := turn(func() error {
			if n := p.s.looks.Busy(); n != 1 {
				p.t.Errorf("%d places are taken in a part", n)
			}
			return nil
		})
		if err != nil {
			return bearing.Trend{}, err
		}
	}
	return bearing.Trend{Feature: "parts"}, nil
}

// expired are Signals whose samples are gone.
type expired struct{ longWindows }

func (expired) SpectrumBytes(int) int64 { return 0 }

func (expired) Window(_ context.Context, id string) (*bearing.Window, error) {
	return nil, bearing.Errorf(bearing.NotFound, "samples_expired", "the raw samples of %s were removed", id)
}
