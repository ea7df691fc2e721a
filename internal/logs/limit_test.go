package logs

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"brinell/bearing"
)

// page is what was written to a log.
type page struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *page) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Len()
}

func limitedLog() (*slog.Logger, *page) {
	var b page
	return slog.New(Limit(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))), &b
}

// lines returns what was written since the last call.
func lines(p *page) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.b.Reset()
	return strings.Split(strings.TrimSpace(p.b.String()), "\n")
}

// TestAsked: what an operator asked for is answered each time.
func TestAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, b := limitedLog()
		for range 3 {
			log.ErrorContext(Asked(t.Context()), "not swapped")
		}
		if got := lines(b); len(got) != 3 {
			t.Errorf("written: %q, want three lines", got)
		}
	})
}

// TestMany: of what is one of many the first is written, and a line a minute says how many there
// were and has the last; what is not marked, and another message, is written beside them.
func TestMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, b := limitedLog()
		for i := range 2000 {
			name := fmt.Sprintf("%c%c%d.json", 'a'+i%26, 'a'+i/26%26, i)
			log.InfoContext(Many(t.Context()), "a file was taken", "file", name, "fault", bearing.Faults[i%len(bearing.Faults)])
			if i%1000 == 0 {
				log.InfoContext(Many(t.Context()), "another thing", "file", name)
				log.Info("a file was taken", "file", "unmarked")
			}
			time.Sleep(time.Second / 20) // 100 s
		}
		synctest.Wait()
		got := lines(b)
		if all := strings.Join(got, "\n"); len(got) != 6 || !strings.Contains(got[0], "file=aa0.json") || !strings.Contains(all, "repeated=1200") && !strings.Contains(all, "repeated=1199") {
			t.Errorf("%d lines in 100 s: %q", len(got), got)
		}
		time.Sleep(20*time.Second + 1)
		synctest.Wait()
		if got := lines(b); len(got) != 1 || !strings.Contains(got[0], "1999.json") || !strings.Contains(got[0], "repeated=") {
			t.Errorf("after two minutes: %q", got)
		}
		time.Sleep(3 * period)
	})
}

// TestLimit: the first of a kind is written, those that follow become a line a minute that
// counts them, and after a minute without one the next is written again.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, b := limitedLog()
		for i := range 1000 {
			log.Error("request failed", "request_id", i, "err", fmt.Errorf("open %q: descriptor %d is closed", fmt.Sprint("x", i), i))
			time.Sleep(time.Second / 10) // 100 s
		}
		synctest.Wait()
		got := lines(b)
		if len(got) != 2 || strings.Contains(got[0], "repeated") || !strings.Contains(got[1], "repeated=599") && !strings.Contains(got[1], "repeated=600") {
			t.Errorf("after 100 s: %q", got)
		}
		time.Sleep(20*time.Second + 1)
		synctest.Wait()
		if got := lines(b); len(got) != 1 || !strings.Contains(got[0], "repeated=") || !strings.Contains(got[0], "request_id=999") {
			t.Errorf("after two minutes: %q", got)
		}
		time.Sleep(period)
		synctest.Wait()
		if b.Len() != 0 {
			t.Errorf("nothing happened, and %q", lines(b))
		}
		log.Error("request failed", "request_id", 1, "err", errors.New("open \"y\": descriptor 5 is closed"))
		if got := lines(b); len(got) != 1 || strings.Contains(got[0], "repeated") {
			t.Errorf("long after: %q", got)
		}
		time.Sleep(3 * period) // no timer is left
	})
}

// TestKinds: what is another thing is written, however alike; what is below a warning is
// always.
func TestKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, b := limitedLog()
		for range 2 {
			log.Error("request failed", "err", bearing.Errorf(bearing.Internal, "one", "text"))
			log.Error("request failed", "err", bearing.Errorf(bearing.Internal, "two", "text"))
			log.Error("request failed", "err", errors.New("text"))
			log.Error("another", "err", errors.New("text"))
			log.Warn("a file was refused", "file", "a.csv")
			log.Warn("a file was refused", "file", "b.csv")
			log.With("part", "store").Error("another", "err", errors.New("text"))
			log.Info("ready")
		}
		if got := lines(b); len(got) != 9 {
			t.Errorf("%d lines: %q", len(got), got)
		}
		// However many kinds there are, so many lines and so much memory at most.
		for i := range 10_000 {
			log.Error("request failed", "err", errors.New(strings.Repeat("x", i%5000)+string(rune('a'+i%26))))
		}
		if got := lines(b); len(got) > maxKinds+1 {
			t.Errorf("%d lines of as many kinds", len(got))
		}
		time.Sleep(3 * period)
	})
}

// TestAddresses: what differs by the address of a client or of memory alone repeats, and messages
// that all differ are a line for each of as many kinds as are told apart, and one for the rest.
func TestAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, b := limitedLog()
		for i := range 1000 {
			log.Warn(fmt.Sprintf("TLS handshake with 127.0.0.1:%d: EOF", 30000+i))
			log.Warn(fmt.Sprintf("http: TLS handshake error from [2001:db8::%x]:%d: EOF", i, 30000+i))
			log.Warn(fmt.Sprintf("http: panic serving [fe80::%x%%eth%d]:4430: no\ngoroutine %d [running]:\nnet/http.f(%#x, {0x1, %#x})\n\t/x/server.go:%d +0xbd", i, i, i, 1<<40+i, i, i))
			log.Error("request failed", "err", fmt.Errorf("read tcp 10.0.0.1:8080->[::%x]:%d: reset", i, i))
		}
		log.Warn("TLS handshake with 127.0.0.1:1: bad certificate") // is another thing
		if got := lines(b); len(got) != 5 {
			t.Errorf("%d lines: %q", len(got), got)
		}
		for i := range 10_000 {
			log.Warn(strings.Repeat("x", i%300) + string(rune('a'+i%26)))
		}
		if got := lines(b); len(got) > maxKinds+1 {
			t.Errorf("%d lines of as many messages", len(got))
		}
		time.Sleep(3 * period)
	})
}

// TestPanics: the stack is written once for each site.
func TestPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, b := limitedLog()
		try := func(f func()) {
			defer func() { log.Error("request failed", "err", fmt.Errorf("judging: %w", Recovered(recover()))) }()
			f()
		}
		one := func() { var x []int; _ = x[len(x)] }
		two := func() { panic(strings.Repeat("z", 100_000)) }
		size := 0
		for range 50 {
			try(one)
			try(two)
			time.Sleep(time.Minute + time.Second)
			synctest.Wait()
			size += b.Len()
			for _, l := range lines(b) {
				if !strings.Contains(l, "logs.TestPanics") || len(l) > 8000 {
					t.Fatalf("no site, or %d bytes: %.300s", len(l), l)
				}
			}
		}
		if size > 2*8000+50*2*1000 {
			t.Errorf("50 panics of each of two sites took %d bytes of log", size)
		}
		time.Sleep(3 * period)
	})
}
